"""``manage.py rehearse SLUG``: simulated raters, through the same code as people."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from tqdm import tqdm

from study.desk import rehearsal, studies
from study.management.plain import PlainCommand


class Command(PlainCommand):
    help = "Play simulated raters whose qualities follow the paper's MOS; never mixed with people."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("--raters", type=int, default=26, metavar="N")
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument(
            "--replace", action="store_true", help="remove earlier simulated raters first"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        study = studies.get(options["slug"])
        played = rehearsal.rehearse(
            study, raters=options["raters"], seed=options["seed"], replace=options["replace"]
        )
        count = sum(1 for _ in tqdm(played, total=options["raters"], unit="rater", disable=None))
        self.stdout.write(
            f"{count} simulated raters have rated {study.slug}. "
            f"See: manage.py results {study.slug} --raters simulated"
        )
