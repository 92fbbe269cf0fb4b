"""``manage.py invite SLUG N``: personal links for N raters."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from benchmarks.files import write_whole
from study.desk import links, studies
from study.management.plain import PlainCommand


class Command(PlainCommand):
    help = "Make N personal links to a study; each is for one rater, on any device."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("count", type=int, metavar="N")
        parser.add_argument("--out", type=Path, metavar="FILE.csv", help="write a table instead")

    def handle(self, *args: Any, **options: Any) -> None:
        out: Path | None = options["out"]
        if out is not None and not out.parent.is_dir():
            raise ValueError(f"{out.parent} is not a folder; --out {out} cannot be written there")
        study = studies.get(options["slug"])
        made = links.invite(study, options["count"])
        if out is None:
            self.stdout.writelines(f"{links.link(invitation)}\n" for invitation in made)
            return
        write_whole(out, links.links_csv(made).encode())
        self.stdout.write(f"{len(made)} links are in {out}")
