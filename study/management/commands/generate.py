"""Make and measure the output of every method for every image."""

from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from benchmarks.datasets import chosen
from study.desk import stimuli
from study.management.plain import PlainCommand


class Command(PlainCommand):
    help = "Write OUTPUTS_DIR/SET/METHOD/IMAGE.png and measure each; repeats nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--sets", nargs="+", metavar="SET", help="all in BENCHMARKS_DIR by default"
        )
        parser.add_argument(
            "--methods", nargs="+", metavar="METHOD", help="all that there are by default"
        )
        parser.add_argument(
            "--device", default="auto", help="where networks run: auto (default), cpu or cuda"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        report = stimuli.make_outputs(
            chosen(settings.BENCHMARKS_DIR, options["sets"]),
            options["methods"],
            device=options["device"],
            progress=options["verbosity"] > 0,
            say=self.stderr.write,
        )
        self.stdout.write(report.sentence)
        for line in report.failed:
            self.stderr.write(line)
        self.remark(report.remarks)
        if report.failed:
            count = f"{len(report.failed)} image{'s' if len(report.failed) > 1 else ''}"
            raise CommandError(f"{count} could not be used; the rest is done")
