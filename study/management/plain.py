"""The base of this project's commands: what is wrong is said in one line, never as a traceback."""

import errno
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection

from benchmarks.files import write_whole

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}

DATABASE = {
    "database or disk is full": "no space left on its disk; free some of it and try again",
    "disk I/O error": "its disk is full or does not answer; nothing was changed",
    "unable to open database file": "it cannot be opened; look whether its folder is there and "
    "may be written to",
    "readonly database": "it may not be written to; give the right to whoever runs this",
    "database is locked": "something else has been writing to it for too long; try again",
    "no such table": "it is empty or older than this program: run manage.py migrate",
    "no such column": "it is older than this program: run manage.py migrate",
    "file is not a database": "it is no database; restore a backup",
    "database disk image is malformed": "it is damaged; restore a backup",
}
"""What SQLite says, and what that means."""


class PlainCommand(BaseCommand):
    """A command that ends with a sentence and status 1 for what is wrong with input, disk or
    database: ``ValueError``, ``OSError``, ``DatabaseError``."""

    def execute(self, *args: Any, **options: Any) -> str | None:
        try:
            return super().execute(*args, **options)
        except (ValueError, OSError, DatabaseError) as error:
            raise CommandError(sentence(error)) from error

    def say(self, line: str) -> None:
        """Print a line at once, also where the output is no terminal."""
        self.stdout.write(line)
        self.stdout.flush()

    def remark(self, lines: Iterable[str]) -> None:
        """Say beside the output what whoever runs this can do better the next time."""
        for line in lines:
            self.stderr.write(line, self.style.WARNING)


def sentence(error: Exception) -> str:
    """What is wrong and what to do about it, in one line. Raises an error that is a mistake here.

    >>> sentence(OSError(errno.ENOSPC, "No space left on device", "out/a.png"))
    'out/a.png cannot be written: no space left on device; free some of its disk and try again'
    """
    if isinstance(error, OSError) and error.errno is not None:
        where = error.filename2 or error.filename or "a file"
        said = (error.strerror or str(error)).lower()
        if error.errno in FULL:
            return f"{where} cannot be written: {said}; free some of its disk and try again"
        if error.errno in FORBIDDEN:
            return f"{where} cannot be used: {said}; give the right to whoever runs this"
        return f"{where} cannot be used: {said}"
    if isinstance(error, DatabaseError):
        for said, meant in DATABASE.items():
            if said in str(error):
                return f"the database {connection.settings_dict['NAME']}: {meant} ({error})"
        raise error
    return str(error)


def write_files(folder: Path, files: Mapping[str, bytes]) -> list[Path]:
    """Write files into a folder, made if it is absent; each is whole or absent. Returns paths."""
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} is a file; --out names a folder")
    for name, content in files.items():
        write_whole(folder / name, content)
    return [folder / name for name in files]
