"""``manage.py export_rater SLUG R003``: everything that is stored about one rater."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from benchmarks.files import write_whole
from study.desk import raters, studies
from study.management.plain import PlainCommand


class Command(PlainCommand):
    help = "Tell everything that is stored about one rater, as JSON; that it was told is noted."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("rater", metavar="R003")
        parser.add_argument("--out", type=Path, metavar="FILE", help="write a file instead")

    def handle(self, *args: Any, **options: Any) -> None:
        out: Path | None = options["out"]
        if out is not None and (out.is_dir() or not out.parent.is_dir()):
            raise ValueError(f"--out {out} cannot be written; name a file in a folder that exists")
        rater = raters.get(studies.get(options["slug"]), options["rater"])
        told = raters.told(rater)
        if out is None:
            self.stdout.write(told.decode())
            return
        write_whole(out, told)
        self.stdout.write(f"All that is stored about {rater.label} is in {out}")
