"""``manage.py delete_rater SLUG R003``: delete all that one rater did."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from study.desk import raters, studies
from study.management.plain import PlainCommand


class Command(PlainCommand):
    help = "Delete all that one rater did, at once and for good; that it was deleted is noted."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("rater", metavar="R003")

    def handle(self, *args: Any, **options: Any) -> None:
        rater = raters.get(studies.get(options["slug"]), options["rater"])
        answers = raters.delete(rater)
        self.stdout.write(
            f"All that {rater.label} of {rater.study.slug} did is deleted, {answers} answers "
            "in all; earlier exports, archives and backups still hold it"
        )
