"""``manage.py remove_method NAME``: take an own method out of the catalogue."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from study.desk import catalogue
from study.management.plain import PlainCommand


class Command(PlainCommand):
    help = "Remove an own method and its outputs; refused while a study shows it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", metavar="NAME")

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(catalogue.remove_method(options["name"]))
