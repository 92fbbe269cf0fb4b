"""What cannot be made again, copied away and brought back.

That is the database, the images of studies, and one's own image sets and methods. A backup is
a folder with ``study.sqlite3``, ``stimuli/``, ``sets/`` and ``methods/``. It can be made while
people vote, and made again into the same folder: what is there already is not copied twice.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import IO

from django.conf import settings
from django.db import connection, connections

from benchmarks import datasets, methods
from benchmarks.files import copy_whole, folder_aside

try:
    from fcntl import LOCK_EX, LOCK_NB, LOCK_SH, flock
except ImportError:  # Windows: whoever restores there has to stop the server without being told
    flock = None  # type: ignore[assignment]

DATABASE = "study.sqlite3"
STIMULI = "stimuli"
SIDES = ("-wal", "-shm")
"""What SQLite keeps beside a database; it belongs to that one and to no other."""
PATIENCE = 5.0
"""Seconds that a restore waits for the database to be left alone."""


def _own() -> dict[str, tuple[Path, str]]:
    """By folder of a backup, where one's own material lies here, and the file that tells of it."""
    return {
        "sets": (Path(settings.BENCHMARKS_DIR), datasets.OWN),
        "methods": (Path(settings.METHODS_DIR), methods.OWN),
    }


def serving() -> IO[bytes] | None:
    """Tell `restore` that a server runs, until the file and every copy of it is closed."""
    if flock is None:
        return None
    file = _server_lock().open("ab")
    flock(file, LOCK_SH)
    return file


def _server_lock() -> Path:
    return Path(f"{connection.settings_dict['NAME']}-serving")


def _place() -> Path:
    if connection.vendor != "sqlite":
        raise ValueError("the database is no file; back it up with its own tools")
    return Path(connection.settings_dict["NAME"])


def backup(folder: Path) -> int:
    """Copy the database, as of one moment, the images that it names, whose number is returned,
    and one's own sets and methods.

    Raises ``ValueError`` for a folder that holds something else, or naming an image that is
    missing or altered, after all others were copied.
    """
    database = _place()
    if folder.exists() and not (folder.is_dir() and (_is_backup(folder) or _is_empty(folder))):
        raise ValueError(f"{folder} is there and is no backup; name a new folder")
    if not database.is_file():
        raise ValueError(f"there is no database {database} to back up")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = folder / f".{DATABASE}.{os.getpid()}.part"
    part.touch(mode=0o600)
    try:
        with closing(sqlite3.connect(database)) as here, closing(sqlite3.connect(part)) as there:
            here.backup(there)
            # One file, with nothing beside it that could be left behind.
            there.execute("PRAGMA journal_mode=DELETE")
        _check_database(part)
        _persist(part)
        part.replace(folder / DATABASE)
    finally:
        part.unlink(missing_ok=True)
    for kind, (place, told) in _own().items():
        for path in sorted(place.glob(f"[!.]*/{told}")):
            _put(path.parent, folder / kind / path.parent.name, told)
    wrong = [
        name
        for name in _named(folder / DATABASE)
        if not _copied(Path(settings.STIMULI_DIR) / name, folder / STIMULI / name)
    ]
    if wrong:
        raise ValueError(
            f"{len(wrong)} images are missing or altered and were not backed up "
            f"({settings.STIMULI_DIR}/{wrong[0]} first), all else was; manage.py verify says more"
        )
    return len(_named(folder / DATABASE))


def restore(folder: Path) -> Path | None:
    """Put a backup in the place of the database and the images; returns where the old one is.

    Everything is checked and copied before anything is replaced. Raises ``ValueError`` for
    a folder that is no whole backup, or while a server or a command uses the database.
    """
    database = _place()
    if not _is_backup(folder):
        raise ValueError(f"{folder} is no backup: it holds no {DATABASE}")
    beside = [side for side in SIDES if (folder / f"{DATABASE}{side}").exists()]
    if beside:
        raise ValueError(
            f"{folder} holds {DATABASE}{beside[0]}: it is a copy of files in use, no backup; open "
            f"it once with sqlite3, which folds it in, or take another"
        )
    _check_database(folder / DATABASE)
    with _nobody_else():
        for name in _named(folder / DATABASE):
            if not _copied(folder / STIMULI / name, Path(settings.STIMULI_DIR) / name):
                raise ValueError(
                    f"{folder / STIMULI / name} is missing or altered, and {settings.STIMULI_DIR} "
                    "has it neither; nothing was restored but images"
                )
        for kind, (here, told) in _own().items():
            for path in sorted((folder / kind).glob(f"[!.]*/{told}")):
                _put(path.parent, here / path.parent.name, told)
        database.parent.mkdir(parents=True, exist_ok=True)
        part = database.with_name(f"{database.name}.restoring")
        _copy(folder / DATABASE, part)
        part.chmod(0o600)
        kept = _set_aside(database) if database.exists() else None
        part.replace(database)
    return kept


@contextmanager
def _nobody_else() -> Iterator[None]:
    """Raises ``ValueError`` if a server runs; none can start for the length of the block."""
    connections.close_all()
    if flock is None:
        yield
        return
    _server_lock().parent.mkdir(parents=True, exist_ok=True)
    with _server_lock().open("ab") as file:
        try:
            flock(file, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            raise ValueError("the server runs; stop it, then restore") from None
        yield


def _set_aside(database: Path) -> Path:
    """Keep the old database under another name, with what lies beside it. Raises ``ValueError``."""
    kept = database.with_name(f"{database.name}.before-{datetime.now():%Y%m%d-%H%M%S}")
    try:
        with closing(sqlite3.connect(database, timeout=PATIENCE)) as old:
            # Only who is alone can do this; it folds in what a killed server left beside it.
            old.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            raise ValueError(
                f"{database} is in use by a server or a command; stop it, then restore"
            ) from None
    except sqlite3.DatabaseError:
        pass  # it is damaged, which is why it is replaced; it is kept as it is
    for side in SIDES:
        with suppress(FileNotFoundError):
            database.with_name(f"{database.name}{side}").rename(f"{kept}{side}")
    os.link(database, kept)
    return kept


def _is_backup(folder: Path) -> bool:
    return (folder / DATABASE).is_file()


def _is_empty(folder: Path) -> bool:
    return not any(folder.iterdir())


def _check_database(path: Path) -> None:
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as copy:
            ((said,),) = copy.execute("PRAGMA integrity_check(1)").fetchall()
            copy.execute("SELECT 1 FROM study_stimulus LIMIT 1")
    except sqlite3.DatabaseError as error:
        said = str(error)
    if said != "ok":
        raise ValueError(f"{path} is no whole database of this program ({said}); take another")


def _named(path: Path) -> list[str]:
    """The files of the images that a database names, below the folder of stimuli."""
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as copy:
        rows = copy.execute("SELECT DISTINCT sha256 FROM study_stimulus ORDER BY sha256").fetchall()
    return [f"{sha256[:2]}/{sha256}.png" for (sha256,) in rows]


def _copied(source: Path, copy: Path) -> bool:
    """Whether ``copy`` holds what its name says, by now. A checksum is the name of both."""
    for path in (copy, source):
        try:
            with path.open("rb") as file:
                known = hashlib.file_digest(file, "sha256").hexdigest() == copy.stem
        except FileNotFoundError:
            continue
        if known:
            if path is source:
                _copy(source, copy)
            return True
    return False


def _copy(source: Path, path: Path) -> None:
    """As a whole, in pieces: a model or a database may be larger than memory."""
    with source.open("rb") as file:
        copy_whole(file, path)


def _put(source: Path, target: Path, told: str) -> None:
    """Make the folder ``target`` what ``source`` is; ``told`` is the file that says what it is.

    Where both say the same, files that are missing are copied and those that are there stay.
    Otherwise the whole folder is made beside and takes the place of the other, which is kept.
    """
    files = sorted(path.relative_to(source) for path in source.rglob("[!.]*") if path.is_file())
    if target.is_dir() and _content(target / told) == _content(source / told):
        for name in files:
            if not (target / name).is_file():
                _copy(source / name, target / name)
        return
    with folder_aside(target) as made:
        for name in files:
            _copy(source / name, made / name)
        if target.exists():
            before = f".{target.name}.before-{datetime.now():%Y%m%d-%H%M%S}"
            target.rename(target.with_name(before))
        made.rename(target)


def _content(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


def _persist(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
