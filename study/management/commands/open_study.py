"""``manage.py open_study SLUG``: a draft or a closed study takes raters and votes."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from study.desk import studies
from study.management.plain import PlainCommand


class Command(PlainCommand):
    help = "Open a study; its images are frozen from then on."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug")

    def handle(self, *args: Any, **options: Any) -> None:
        study = studies.get(options["slug"])
        studies.open_(study)
        self.stdout.write(f"Study {study.slug} is open.")
