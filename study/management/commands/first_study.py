"""``manage.py first_study``: a first study for a new site, without serving it."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from study.desk import first
from study.management.plain import PlainCommand


class Command(PlainCommand):
    help = "Bring in images, make the outputs, open a first study and print who goes where."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--sets", nargs="+", default=[], metavar="SET",
            help="shipped or your own; by default Set5, or what is at hand",
        )  # fmt: skip
        parser.add_argument("--methods", nargs="+", default=[], metavar="METHOD")

    def handle(self, *args: Any, **options: Any) -> None:
        first.check_folders()
        with first.alone(self.say):
            found = first.prepare(
                say=self.say,
                progress=options["verbosity"] > 0,
                sets=options["sets"],
                methods=options["methods"],
            )
        self.say("\n" + "\n".join(f"  {line}" for line in found.lines))
        self.remark(found.remarks)
