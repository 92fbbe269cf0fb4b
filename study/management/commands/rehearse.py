"""``manage.py rehearse SLUG``: simulated raters, through the same code as people."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from tqdm import tqdm

from study.desk import rehearsal, studies
from study.management.plain import PlainCommand


def _told(text: str) -> tuple[str, float]:
    method, _, value = text.partition("=")
    try:
        return method, float(value)
    except ValueError:
        raise ValueError(f"--mos {text}: write METHOD=MOS, such as ours=3.4") from None


class Command(PlainCommand):
    help = "Play simulated raters whose qualities follow the paper's MOS; never mixed with people."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("--raters", type=int, default=26, metavar="N")
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument(
            "--replace", action="store_true", help="remove earlier simulated raters first"
        )

        parser.add_argument(
            "--mos", nargs="+", default=[], metavar="METHOD=MOS",
            help=f"what they think of methods; {rehearsal.UNKNOWN:g} of those that the paper's "
            "raters did not see",
        )  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        study = studies.get(options["slug"])
        played = rehearsal.rehearse(
            study,
            raters=options["raters"],
            seed=options["seed"],
            replace=options["replace"],
            mos=dict(_told(text) for text in options["mos"]),
        )
        count = sum(1 for _ in tqdm(played, total=options["raters"], unit="rater", disable=None))
        self.stdout.write(
            f"{count} simulated raters have rated {study.slug}. "
            f"See: manage.py results {study.slug} --raters simulated"
        )
