"""``manage.py measure SLUG``: what was measured since, for a study that was made before."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from study.desk import stimuli, studies
from study.management.plain import PlainCommand


class Command(PlainCommand):
    help = (
        "Give a study the figures that generate has measured of its very images since it was made, "
        "such as LPIPS once AlexNet is there. What was known stays."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug")

    def handle(self, *args: Any, **options: Any) -> None:
        study = studies.get(options["slug"])
        self.stdout.write(f"{study.slug}: {stimuli.measure(study)} new figures of its images")
