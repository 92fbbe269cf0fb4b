"""``manage.py remove_set NAME``: take an own image set out of the catalogue."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from study.desk import catalogue
from study.management.plain import PlainCommand


class Command(PlainCommand):
    help = "Remove an own image set and the outputs over it; refused while a study shows it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", metavar="NAME")

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(catalogue.remove_set(options["name"]))
