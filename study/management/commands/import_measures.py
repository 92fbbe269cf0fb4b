"""``manage.py import_measures FILE.csv``: figures of measures that other programs computed."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from study.desk import imports, studies
from study.management.plain import PlainCommand


class Command(PlainCommand):
    help = (
        "Bring in figures of measures that other programs computed: a CSV file with set, image, "
        "method, measure and value, where an empty image means a figure of the whole set (FID). "
        "They stand beside MOS in tables, figures and correlations."
    )

    def create_parser(self, *args: Any, **options: Any) -> Any:
        """With a --version of our own, the measure's, in the place of Django's."""
        return super().create_parser(*args, conflict_handler="resolve", **options)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--study", metavar="SLUG", help="the figures are about the files that it shows"
        )
        parser.add_argument(
            "--version", default=imports.VERSION, metavar="TEXT",
            help="of the program that computed them, such as 'pyiqa 0.1.10'",
        )  # fmt: skip
        parser.add_argument(
            "--lower", nargs="+", default=[], metavar="MEASURE", help="where lower is better"
        )
        parser.add_argument(
            "--higher", nargs="+", default=[], metavar="MEASURE", help="where higher is better"
        )
        parser.add_argument(
            "--replace", action="store_true", help="take other figures than those that are there"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        taken = imports.take(
            options["file"],
            study=studies.get(options["study"]) if options["study"] else None,
            version=options["version"],
            lower=options["lower"],
            higher=options["higher"],
            replace=options["replace"],
        )
        for sentence in taken.partial[: imports.MOST_SAID]:
            self.stdout.write(sentence)
        if (more := len(taken.partial) - imports.MOST_SAID) > 0:
            self.stdout.write(f"and {more} more are known in part")
        there = f", {taken.replaced} in the place of others" * bool(taken.replaced)
        there += f"; {taken.unchanged} were there already" * bool(taken.unchanged)
        seen = f"seen in {', '.join(taken.studies)}" if taken.studies else "in no study's tables"
        self.stdout.write(
            f"{taken.figures} figures of {', '.join(taken.titles)} taken from "
            f"{options['file'].name}{there}" + f"; {seen}" * bool(taken.figures)
        )
