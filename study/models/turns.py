"""Those who store votes take turns.

A writer that finds SQLite's lock taken looks again after 1, 2, 5, 10 ms and more; the lock is free
for most of that time. A lock of the operating system wakes the next in line at once. Writers that
do not use it are kept apart by SQLite, as ever: this is speed, not safety.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import connection

try:
    from fcntl import LOCK_EX, flock
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
