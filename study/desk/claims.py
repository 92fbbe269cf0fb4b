"""Whose a job is: two workers never carry out the same one, and one whose worker is gone is found.

Whoever carries a job out holds a lock of the operating system for as long as they live, on a file
below ``VAR_DIR/jobs``, and their name stands in its row. A lock that is free tells at once that
nobody of this host is at it any more; another host is gone once it was silent for a minute.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import sys
import time
from pathlib import Path
from typing import IO

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from study.models import Job
from study.models.jobs import SILENT
from study.models.turns import turn

try:
    from fcntl import LOCK_EX, LOCK_NB, flock
except ImportError:  # Windows: whoever is at a job is known by having been seen
    flock = None  # type: ignore[assignment]

MAKING = (Job.Kind.GENERATE, Job.Kind.ADD_OUTPUTS)
"""Kinds that make outputs in ``OUTPUTS_DIR``."""
LATELY = 30.0
"""Seconds after which a worker that has not shown itself is not there."""


def folder() -> Path:
    """Where the locks lie; made if it is absent."""
    path = Path(settings.VAR_DIR, "jobs")
    path.mkdir(parents=True, exist_ok=True)
    return path


def holder(process: int) -> str:
    """How a process of this host is called in the row of a job."""
    return f"{socket.gethostname()} {process}"


def lock(job: int) -> IO[bytes] | None:
    """The lock of a job, until the file is closed; ``None`` if somebody else has it."""
    file = (folder() / str(job)).open("wb")
    try:
        if flock is not None:
            flock(file, LOCK_EX | LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def is_free(job: Job) -> bool:
    """Whether nobody is at a job that is due."""
    if not Job.objects.filter(_free(), pk=job.pk).exists():
        return False
    file = lock(job.pk)
    if file is None:
        return False
    file.close()
    return True


def stands_back(job: Job) -> bool:
    """Whether somebody is at another job that makes some of the same outputs: two at once would
    make each of them twice. Once that one is over, this one finds them there.
    """
    others = Job.objects.filter(state=Job.State.RUNNING).exclude(pk=job.pk)
    return job.kind in MAKING and any(_meet(job, other) for other in others)


def _meet(job: Job, other: Job) -> bool:
    return other.kind in MAKING and all(
        one is None or two is None or not set(one).isdisjoint(two)
        for one, two in zip(_makes(job), _makes(other), strict=True)
    )


def _makes(job: Job) -> tuple[list[str] | None, list[str] | None]:
    """Of which sets, by which methods; ``None`` for what can be any."""
    what = job.what
    methods = [what["name"]] if job.kind == Job.Kind.ADD_OUTPUTS else what.get("methods")
    return what.get("sets") or None, methods


def claim(job: int) -> bool:
    """Make a job this process' own; call it with the job's lock. Whether it could be had."""
    now = timezone.now()
    with turn(), transaction.atomic():
        rows = Job.objects.filter(_free(), pk=job, cancel_asked=False)
        before = rows.select_for_update().first()
        return before is not None and not stands_back(before) and bool(
            rows.update(
                state=Job.State.RUNNING, holder=holder(os.getpid()), started_at=now, seen_at=now,
                done=0, total=None, at_work_on="", rate=None, seconds_left=None, **_vain(before),
            )
        )  # fmt: skip


def _vain(job: Job) -> dict[str, int | None]:
    """What is kept of holders that are gone without a word, as if killed with their worker.

    One that was killed while it got on is nothing: laptops run down. A job at which each of them
    stops at the same place may be what kills them.
    """
    if job.state != Job.State.RUNNING:
        return {"vain": None, "least_left": None}
    left = None if job.total is None else max(0, job.total - job.done)
    further = left is not None and (job.least_left is None or left < job.least_left)
    return {
        "vain": 0 if further else (job.vain or 0) + 1,
        "least_left": left if further else job.least_left,
    }


def _free() -> Q:
    """Jobs that wait, or whose holder is gone, provided that their lock is free."""
    now = timezone.now()
    # Seen in times to come: a clock was put back since.
    gone = Q(seen_at=None) | Q(seen_at__lt=now - SILENT) | Q(seen_at__gt=now + SILENT)
    if flock is not None:
        gone |= Q(holder__startswith=f"{socket.gethostname()} ")
    return Q(state=Job.State.WAITING) | Q(state=Job.State.RUNNING) & gone


def show_worker() -> None:
    """Show that a worker lives."""
    (folder() / "worker").touch()


def worker_is_there() -> bool:
    """Whether a worker has shown itself lately."""
    try:
        return abs(time.time() - (folder() / "worker").stat().st_mtime) < LATELY
    except OSError:
        return False


def end_with(parent: int) -> None:
    """See to it that this process ends when ``parent`` does, which has started it.

    Linux does it at once; elsewhere :func:`is_orphan` has to be asked.
    """
    if sys.platform == "linux":
        set_signal_at_parents_death = 1
        ctypes.CDLL(None).prctl(set_signal_at_parents_death, signal.SIGTERM)
    if is_orphan(parent):  # it ended before
        sys.exit(1)


def is_orphan(parent: int) -> bool:
    """Whether the process that has started this one is gone."""
    return bool(parent) and os.getppid() != parent
