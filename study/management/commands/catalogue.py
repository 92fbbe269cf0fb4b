"""``manage.py catalogue``: sets, methods, outputs and measures at one look."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from study.desk import catalogue
from study.management.plain import PlainCommand


class Command(PlainCommand):
    help = "List image sets, methods, the outputs made and missing, and measures."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--format", default="table", choices=["table", "json"])

    def handle(self, *args: Any, **options: Any) -> None:
        found = catalogue.everything()
        if options["format"] == "json":
            self.stdout.write(json.dumps(found, indent=1, ensure_ascii=False))
        else:
            self.stdout.write(catalogue.as_text(found))
