"""``manage.py lr SET FOLDER``: the LR images of a set, for a method that is run elsewhere."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings

from benchmarks.datasets import manifest
from benchmarks.lr import write_lr
from study.management.plain import PlainCommand


class Command(PlainCommand):
    help = "Write the LR images of a set, which every method is given, as PNG files into a folder."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("set", metavar="SET")
        parser.add_argument("folder", type=Path, metavar="FOLDER")

    def handle(self, *args: Any, **options: Any) -> None:
        folder: Path = options["folder"].expanduser()
        count = write_lr(
            settings.BENCHMARKS_DIR, options["set"], folder, progress=options["verbosity"] > 0
        )
        scale = manifest(options["set"], settings.BENCHMARKS_DIR).scale
        self.stdout.write(
            f"{count} LR images in {folder}: enlarge them by {scale}, keep their names, and bring "
            f"the outputs in: manage.py add_method NAME --outputs FOLDER --set {options['set']}"
        )
