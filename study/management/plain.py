"""The base of this project's commands: what is wrong is said in one line, never as a traceback."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from benchmarks.files import write_whole


class PlainCommand(BaseCommand):
    """A command whose ``ValueError`` and ``OSError`` end it with their sentence and status 1."""

    def execute(self, *args: Any, **options: Any) -> str | None:
        try:
            return super().execute(*args, **options)
        except (ValueError, OSError) as error:
            raise CommandError(str(error)) from error


def write_files(folder: Path, files: Mapping[str, bytes]) -> list[Path]:
    """Write files into a folder, made if it is absent; each is whole or absent. Returns paths."""
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} is a file; --out names a folder")
    for name, content in files.items():
        write_whole(folder / name, content)
    return [folder / name for name in files]
