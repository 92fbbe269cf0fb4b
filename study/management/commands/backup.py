"""``manage.py backup FOLDER``: the database and the images of studies, while people vote."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from study.desk import backup
from study.management.plain import PlainCommand


class Command(PlainCommand):
    help = "Copy the database, as of one moment, and the images of studies into a folder."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="a new one, or that of an earlier backup")

    def handle(self, *args: Any, folder: Path, **options: Any) -> None:
        count = backup.backup(folder)
        self.stdout.write(f"The database and its {count} images are in {folder}.")
