"""Bring benchmark images to where the project reads them."""

from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from benchmarks.datasets import SAMPLES, SET_NAMES, manifest
from benchmarks.fetch import fetch
from study.management.plain import PlainCommand


class Command(PlainCommand):
    help = "Bring benchmark images into BENCHMARKS_DIR and check every pixel of them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "sets",
            nargs="*",
            metavar="SET",
            help=f"{', '.join(SET_NAMES)} (these three by default) or {SAMPLES}",
        )
        parser.add_argument(
            "--source",
            metavar="DIR-or-URL",
            help="a folder that holds copies of the images, an archive or the address of one; "
            "otherwise the public addresses in the manifests are tried",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        written = fetch(
            options["sets"] or SET_NAMES,
            source=options["source"],
            destination=settings.BENCHMARKS_DIR,
            progress=options["verbosity"] > 0,
            say=self.stderr.write,
        )
        for name, count in written.items():
            total = len(manifest(name).images)
            self.stdout.write(f"{name}: {total} images, every pixel as published ({count} new)")
