"""Bring in an image set of one's own."""

from argparse import ArgumentTypeError
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from benchmarks import own_sets
from benchmarks.datasets import SCALES
from sr_models import SCALE
from study.management.plain import PlainCommand


class Command(PlainCommand):
    help = "Make a folder or an archive of images a set in BENCHMARKS_DIR, whole or not at all."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", metavar="NAME", help="letters, digits, hyphens, underscores")
        parser.add_argument(
            "source", metavar="FOLDER-or-ARCHIVE", type=_path, help="an archive is a zip or tar"
        )
        parser.add_argument("--title", default="", help="as tables have it; NAME by default")
        parser.add_argument("--license", default="", help="under which the images may be shown")
        parser.add_argument(
            "--pattern",
            default="",
            metavar="'{}_GT'",
            help="which files are meant, and what of their names, without suffix, is the image's; "
            "with slashes the end of the path, as 'HR/{}'",
        )
        parser.add_argument(
            "--scale",
            type=int,
            choices=SCALES,
            default=SCALE,
            help="by how much methods enlarge; %(default)s by default",
        )
        parser.add_argument(
            "--lr",
            type=_path,
            metavar="FOLDER-or-ARCHIVE",
            help="the LR images that came with them; made by MATLAB's bicubic by default",
        )
        parser.add_argument(
            "--lr-pattern",
            default="",
            metavar="'{}x2'",
            help="how the files of --lr are named where {} is the image's name; others are passed "
            "over",
        )
        parser.add_argument(
            "--no-reference",
            action="store_true",
            help="the images are what methods enlarge; there are no originals",
        )
        parser.add_argument(
            "--as-they-are",
            action="store_true",
            help="take images that seem to show the same scene, as frames of a video do, and LR "
            "images that seem to be no reductions",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        own_sets.add(
            options["name"],
            options["source"],
            folder=Path(settings.BENCHMARKS_DIR),
            title=options["title"],
            license=options["license"],
            pattern=options["pattern"],
            scale=options["scale"],
            references=not options["no_reference"],
            lr=options["lr"],
            lr_pattern=options["lr_pattern"],
            as_they_are=options["as_they_are"],
            progress=options["verbosity"] > 0,
            say=self.stdout.write,
        )


def _path(text: str) -> Path:
    if not text:  # of a variable that is not set; as a path it would be the folder we are in
        raise ArgumentTypeError("is empty; name a folder of images, or a zip or tar archive of it")
    return Path(text)
