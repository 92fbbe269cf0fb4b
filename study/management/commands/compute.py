"""``manage.py compute SLUG``: make what the pages and downloads of a study consist of."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from study.desk import computed, studies
from study.management.plain import PlainCommand


class Command(PlainCommand):
    help = (
        "Compute the figures and files of a study for the present votes, so that nobody has to "
        "wait for them. The site does it by itself when somebody asks."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("--raters", choices=["people", "simulated"], default="people")
        parser.add_argument(
            "--only", nargs="+", default=[], metavar="FILE", choices=computed.names(),
            help=f"of {', '.join(computed.names())}; all by default",
        )  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        study = studies.get(options["slug"])
        names = options["only"] or computed.names()
        computed.make(study, kind=options["raters"], names=names)
        of = " of simulated raters" * (options["raters"] == "simulated")
        self.stdout.write(f"{study.slug}: {len(names)} files are there for the present votes{of}")
