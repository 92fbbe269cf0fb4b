"""Bring benchmark images to where the project reads them."""

from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from benchmarks.datasets import SET_NAMES, SHIPPED, manifest
from benchmarks.fetch import fetch
from study.management.plain import PlainCommand

OTHERS = [name for name in SHIPPED if name not in SET_NAMES]


class Command(PlainCommand):
    help = "Bring benchmark images into BENCHMARKS_DIR and check every pixel of them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "sets",
            nargs="*",
            metavar="SET",
            help=f"{', '.join(SET_NAMES)} (these by default) or {', '.join(OTHERS)}",
        )
        parser.add_argument(
            "--source",
            metavar="DIR-or-URL",
            help="a folder that holds copies of the images, an archive or the address of one; "
            "otherwise the public addresses in the manifests are tried",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        brought = fetch(
            options["sets"] or SET_NAMES,
            source=options["source"],
            destination=settings.BENCHMARKS_DIR,
            progress=options["verbosity"] > 0,
            say=self.stderr.write,
        )
        for name, (new, crops) in brought.items():
            total = len(manifest(name, settings.BENCHMARKS_DIR).images)
            said = f", {crops} of them cropped to a multiple of four" if crops else ""
            self.stdout.write(
                f"{name}: {total} images{said}, every pixel as its manifest says ({new} new)"
            )
