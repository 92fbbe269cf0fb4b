"""``manage.py results SLUG``: the analysis of a study, as the researcher's page shows it."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from study.analysis import render
from study.desk import exports, studies
from study.management.plain import PlainCommand, write_files


class Command(PlainCommand):
    help = (
        "Print what the ratings of a study say: Mean Opinion Scores beside PSNR, SSIM and other "
        "measures, tests, ranks, raters, agreement. `analyse` does the same for any file of "
        "ratings."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("--set", nargs="+", default=[], metavar="SET", help="only these sets")
        parser.add_argument("--format", choices=render.FORMATS, default="table")
        parser.add_argument("--out", type=Path, metavar="DIR", help="write files there")
        parser.add_argument(
            "--raters",
            choices=["people", "simulated"],
            default="people",
            help="simulated raters come from `rehearse` and are never mixed with people",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        study, form, sets = studies.get(options["slug"]), options["format"], options["set"]
        kind, others = options["raters"], exports.kinds(study)
        if kind not in others and others:
            self.stderr.write(f"{study.slug} has no ratings of {kind}; it has --raters {others[0]}")
        if options["out"] is None and form in render.BINARY:
            raise ValueError(f"{form} is written to files; say where with --out FOLDER")
        if kind == "people" and studies.tells(study):
            studies.look(study)
            self.stderr.write(
                f"{study.slug} is {study.state}: this look at its results is noted in it"
            )
        if options["out"] is None:
            self.stdout.write(exports.table(study, kind=kind, form=form, sets=sets), ending="")
            return
        files = exports.files(study, kind=kind, form=form, sets=sets)
        for path in write_files(options["out"], files):
            self.stdout.write(str(path))
