"""Files that hold secrets or votes are their owner's alone, whatever the umask and the past."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

BESIDE = ("", "-wal", "-shm", "-journal", "-turn")
"""What may lie beside an SQLite file and hold a part of it, or belongs to it."""


def from_now_on() -> None:
    """Whatever this process makes, only its own user can read: files 0600, folders 0700."""
    os.umask(0o077)


def home(path: Path) -> None:
    """Make the folder that everything is written to. Raises ``ImproperlyConfigured``."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ImproperlyConfigured(
            f"VAR_DIR={path} cannot be made: {error.strerror}; name a folder that can"
        ) from error
    if not os.access(path, os.W_OK):
        raise ImproperlyConfigured(
            f"VAR_DIR={path} cannot be written by this user; change its owner, or name another"
        )


def mend(folder: Path, database: Path) -> None:
    """Close to others what an earlier version, or another umask, left open to them.

    Only what this user owns, and no folder that is the system's: one right below the root, or one
    that all may write to, such as /tmp.
    """
    status = folder.stat()
    if len(folder.parts) > 2 and not status.st_mode & stat.S_ISVTX:
        _close([folder], 0o700)
    files = [database.with_name(database.name + end) for end in BESIDE]
    _close([*files, folder / "secret_key"], 0o600)


def _close(paths: Iterable[Path], mode: int) -> None:
    for path in paths:
        # Gone meanwhile, or on a file system without modes: nothing there to be closed.
        with suppress(OSError):
            status = path.stat()
            ours = not hasattr(os, "geteuid") or status.st_uid == os.geteuid()
            if ours and status.st_mode & 0o077:
                path.chmod(mode)


def secret_key(path: Path) -> str:
    """The key in ``path``; made on the first run, by whichever process comes first.

    It comes into being whole, by a link to a file that is: there is no moment at which another
    process could read half of it, and none at which a kill could leave it empty. Raises
    ``ImproperlyConfigured`` if it cannot be read or made, or is empty.
    """
    try:
        if not path.exists():
            _make(path, secrets.token_urlsafe(64))
        key = path.read_text().strip()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise ImproperlyConfigured(
            f"{path} cannot be read or made: {reason}; it holds the key that signs sessions and "
            "must be this user's"
        ) from error
    if not key:
        raise ImproperlyConfigured(
            f"{path} is empty; remove it, and the next start makes a new key (everyone signs in "
            "again, raters come back by their links)"
        )
    return key


def _make(path: Path, key: str) -> None:
    part = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
    try:
        with open(part, "x", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(key)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            path.hardlink_to(part)
    finally:
        part.unlink(missing_ok=True)
