"""``manage.py compare A B``: two studies held against each other, as the page does."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from study.desk import compared, studies
from study.desk.compared import Side
from study.management.plain import PlainCommand

KINDS = ["people", "simulated"]


class Command(PlainCommand):
    help = (
        "Compare two studies on the images that both show: MOS of each method in both, their "
        "difference, and whether methods come in the same order. The look is noted in both."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("a", metavar="A")
        parser.add_argument("b", metavar="B")
        parser.add_argument("--raters", choices=KINDS, default="people", help="those of A")
        parser.add_argument("--with-raters", choices=KINDS, default="people", help="those of B")
        parser.add_argument("--json", action="store_true", help="everything, as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        a = Side(studies.get(options["a"]), options["raters"])
        b = Side(studies.get(options["b"]), options["with_raters"])
        if a == b:
            raise ValueError(f"{a.study.slug} is compared with another study, not with itself")
        for side in (a, b):
            if side.kind == "people" and studies.tells(side.study):
                studies.look(side.study)
                self.stderr.write(
                    f"{side.study.slug} is {side.study.state}: this look at its results is noted"
                )
        if options["json"]:
            self.stdout.write(compared.to_json(a, b), ending="")
            return
        self.stdout.write(compared.to_text(a, b), ending="")
