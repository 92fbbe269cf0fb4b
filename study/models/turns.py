"""Those who store votes take turns, and so do those at the door.

A writer that finds SQLite's lock taken looks again after 1, 2, 5, 10 ms and more; the lock is free
for most of that time. A lock of the operating system wakes the next in line at once. Writers that
do not use it are kept apart by SQLite, as ever: this is speed, not safety.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from django.db import connection

try:
    from fcntl import LOCK_EX, LOCK_NB, LOCK_UN, flock
except ImportError:  # Windows: SQLite's own waiting has to do
    flock = None  # type: ignore[assignment]


@contextmanager
def turn() -> Iterator[None]:
    """Alone among the processes and threads that ask for it, for the length of a block."""
    if flock is None or connection.vendor != "sqlite" or connection.in_atomic_block:
        yield
        return
    file = _file(f"{connection.settings_dict['NAME']}-turn")
    flock(file, LOCK_EX)  # given back by a process that dies
    try:
        yield
    finally:
        flock(file, LOCK_UN)


_kept = threading.local()


def _file(name: str) -> IO[bytes]:
    """The file of that name, opened once by each thread: a lock is one of an opened file.

    A process that was made of this one would share the opened file, and with it the lock.
    """
    if getattr(_kept, "key", None) != (os.getpid(), name):
        _kept.key, _kept.file = (os.getpid(), name), Path(name).open("wb")  # noqa: SIM115 (kept)
    file: IO[bytes] = _kept.file
    return file


@contextmanager
def alone(path: Path, *, patience: float) -> Iterator[None]:
    """Alone among the processes and threads that name this lock, for the length of a block.

    Raises ``TimeoutError`` if the others take longer than ``patience`` seconds.
    """
    if flock is None:
        yield
        return
    until = time.monotonic() + patience
    with path.open("wb") as file:
        while True:
            try:
                flock(file, LOCK_EX | LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise TimeoutError(f"{path} is taken") from None
                time.sleep(0.02)
        yield
