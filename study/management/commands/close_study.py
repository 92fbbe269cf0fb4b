"""``manage.py close_study SLUG``: no more raters, no more votes."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from study.desk import studies
from study.management.plain import PlainCommand


class Command(PlainCommand):
    help = "Close a study; votes that come later are refused. It can be opened again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug")

    def handle(self, *args: Any, **options: Any) -> None:
        study = studies.get(options["slug"])
        studies.close(study)
        self.stdout.write(f"Study {study.slug} is closed.")
