"""Bring in the outputs of a method of one's own."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from benchmarks.own_methods import add
from study.management.plain import PlainCommand


class Command(PlainCommand):
    help = "Take what a method of your own made of image sets into METHODS_DIR, checked."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", metavar="NAME", help="letters, digits, hyphens, underscores")
        parser.add_argument(
            "--outputs",
            required=True,
            type=Path,
            metavar="FOLDER-or-ARCHIVE",
            help="what it made, under the names of the images, in folders of sets or not",
        )
        parser.add_argument(
            "--set",
            dest="sets",
            action="extend",
            nargs="+",
            metavar="SET",
            help="what the outputs are of; otherwise folders and names tell it",
        )
        parser.add_argument(
            "--pattern",
            metavar="PATTERN",
            help="how the files are named where {} is the image's name, such as '{}x4_NAME'; "
            "others are passed over",
        )
        parser.add_argument("--title", help="what tables call it; NAME by default")
        parser.add_argument("--license", help="under which its outputs may be passed on")
        parser.add_argument("--source", help="where it comes from: a paper, a repository")
        parser.add_argument(
            "--as-they-are",
            action="store_true",
            help="also take what looks wrong: colours or images mixed up, or the originals",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        kept = ("sets", "pattern", "title", "license", "source", "as_they_are")
        added = add(
            options["name"],
            outputs=options["outputs"].expanduser(),
            folder=settings.METHODS_DIR,
            benchmarks_dir=settings.BENCHMARKS_DIR,
            progress=options["verbosity"] > 0,
            **{name: options[name] for name in kept},
        )
        self.stdout.write(added.sentence)
