"""``manage.py verify``: whether files, rows, outputs and image sets are as they were left."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from study.desk import studies, verify
from study.management.plain import PlainCommand


class Command(PlainCommand):
    help = "Compare files, rows, outputs and image sets, and say what is wrong and what to do."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--study", metavar="SLUG", help="only what this study shows and holds")
        parser.add_argument(
            "--mend", action="store_true", help="copy images of studies back from OUTPUTS_DIR"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        study = studies.get(options["study"]) if options["study"] else None
        report = verify.verify(study, mend=options["mend"], progress=options["verbosity"] > 0)
        for line in (*report.mended, *report.harmless):
            self.stdout.write(line)
        for line in report.wrong:
            self.stderr.write(line)
        if report.wrong:
            raise CommandError(f"{len(report.wrong)} things are wrong; {report.sentence}")
        self.stdout.write(f"All is well: {report.sentence}.")
