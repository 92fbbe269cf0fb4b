"""``manage.py restore FOLDER``: a backup in the place of what is there."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from study.desk import backup
from study.management.plain import PlainCommand


class Command(PlainCommand):
    help = "Put a backup in place; the server has to be stopped. What was there is kept."
    requires_system_checks: list[str] = []  # the database may be damaged

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="what `backup` wrote")

    def handle(self, *args: Any, folder: Path, **options: Any) -> None:
        kept = backup.restore(folder)
        self.stdout.write(f"{folder} is restored.")
        if kept is not None:
            self.stdout.write(f"The database that was there is {kept}.")
