"""Those who store votes take turns, and so do those at the door.

A writer that finds SQLite's lock taken looks again after 1, 2, 5, 10 ms and more; the lock is free
for most of that time. A lock of the operating system wakes the next in line at once. Writers that
do not use it are kept apart by SQLite, as ever: this is speed, not safety.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import connection

try:
    from fcntl import LOCK_EX, LOCK_NB, flock
except ImportError:  # Windows: SQLite's own waiting has to do
    flock = None  # type: ignore[assignment]


@contextmanager
def turn() -> Iterator[None]:
    """Alone among the processes and threads that ask for it, for the length of a block."""
    if flock is None or connection.vendor != "sqlite" or connection.in_atomic_block:
        yield
        return
    # Closed when the block is left or the process dies, which gives the lock back.
    with Path(f"{connection.settings_dict['NAME']}-turn").open("wb") as file:
        flock(file, LOCK_EX)
        yield


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
