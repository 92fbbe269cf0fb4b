"""``manage.py results SLUG``: the MOS table, as the researcher's page shows it."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from study import exports, studies
from study.management.plain import PlainCommand


class Command(PlainCommand):
    help = "Print the Mean Opinion Scores of a study beside PSNR, SSIM and LPIPS."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug")
        forms = list(exports.TABLE_FORMATS.values())
        parser.add_argument("--format", choices=forms, default="table")
        parser.add_argument(
            "--raters",
            choices=["people", "simulated"],
            default="people",
            help="simulated raters come from `rehearse` and are never mixed with people",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        study = studies.get(options["slug"])
        kind, others = options["raters"], exports.kinds(study)
        if kind not in others and others:
            self.stderr.write(f"{study.slug} has no ratings of {kind}; it has --raters {others[0]}")
        self.stdout.write(exports.table(study, kind=kind, form=options["format"]), ending="")
