"""``manage.py analyse FILE.csv``: the statistics of anybody's ratings, without a database."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from study.analysis import measures, reading, render, report
from study.management.plain import PlainCommand, write_files

ROLES = {
    "stimulus": "what was rated",
    "rater": "who rated",
    "score": "the score",
    "method": "which method made the stimulus",
    "content": "which source it was made from",
    "repetition": "number of a declared repetition; all of them count",
    "set": "which set of sources it belongs to",
}


class Command(PlainCommand):
    help = (
        "Analyse a CSV file of opinion scores: one row a rating, or with --matrix one row a "
        "stimulus and one column a rater, blanks missing. Column names are guessed unless given."
    )
    requires_system_checks: list[str] = []  # no database is read

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        for role, meaning in ROLES.items():
            parser.add_argument(f"--{role}", metavar="COL", help=f"the column that says {meaning}")
        parser.add_argument(
            "--measures", nargs="+", metavar="COL", help="columns of image quality measures"
        )
        parser.add_argument(
            "--set-measures", type=Path, metavar="FILE",
            help="measures of whole sets: a CSV file with set, method, measure, value",
        )  # fmt: skip
        parser.add_argument("--reference", metavar="METHOD", help="the hidden reference, for DMOS")
        parser.add_argument(
            "--scale",
            nargs=2,
            type=float,
            metavar=("LOW", "HIGH"),
            help="default: after the scores",
        )
        parser.add_argument(
            "--raters",
            choices=["people", "simulated"],
            help="in a file of both, which says so in a column simulated or raters_kind, whose",
        )
        parser.add_argument("--matrix", action="store_true", help="stimuli by raters")
        parser.add_argument(
            "--pairs",
            choices=["auto", "complete", "pairwise"],
            default="auto",
            help="cells that paired tests use: those with every method, or all of each pair",
        )
        parser.add_argument("--zero-method", choices=["wilcox", "pratt"], default="wilcox")
        parser.add_argument("--format", choices=render.FORMATS, default="table")
        parser.add_argument("--out", type=Path, metavar="DIR", help="write files there")

    def handle(self, *args: Any, **options: Any) -> None:
        given = {role: options[role] for role in ROLES if options[role] is not None}
        if options["matrix"] and given:
            raise ValueError(
                f"a matrix has no column names to give; leave out --{next(iter(given))}"
            )
        of_sets = measures.read_of_sets(options["set_measures"]) if options["set_measures"] else {}
        scores = reading.read(
            options["file"],
            columns=given,
            matrix=options["matrix"],
            scale=tuple(options["scale"]) if options["scale"] else None,
            measures=options["measures"],
            of_sets=of_sets,
            reference=options["reference"],
            raters=options["raters"],
        )
        found = report.analyse(scores, blocks=options["pairs"], zero_method=options["zero_method"])
        if options["out"] is None:
            self.stdout.write(render.text(found, options["format"]), ending="")
            return
        for path in write_files(options["out"], render.files(found, options["format"])):
            self.stdout.write(str(path))
