"""What is due once a day on a site that people use: all of it may run while they do."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from benchmarks.files import sweep
from study.desk import claims, jobs, uploads
from study.models import Job
from study.models.deeds import Deed
from study.models.turns import turn

FAILURES_KEPT = timedelta(days=90)
"""For which the log tells of failed sign-ins: long enough to look into them."""
JOBS_KEPT = timedelta(days=90)
"""The same of jobs that are over; that they were asked for stays in the log."""
AT_ONCE = 500
"""Rows that are deleted in one transaction, so that no vote waits for more."""
PATIENCE_MS = 100
"""For which emptying the log file of SQLite may keep writers waiting."""
ATTEMPTS = 10
PAUSE = 0.3
"""Seconds between two of them, which are the writers'."""


def do_all() -> Iterator[str]:
    """Do the chores; yields a sentence about each."""
    now = timezone.now()
    gone = _delete(Session.objects.filter(expire_date__lt=now))
    yield f"{gone} expired sessions are gone"
    old = Deed.objects.filter(kind=Deed.Kind.REFUSED, at__lt=now - FAILURES_KEPT).order_by("at")
    yield f"{_delete(old)} failed sign-ins of more than {FAILURES_KEPT.days} days ago are forgotten"
    over = Job.objects.filter(state__in=Job.OVER, ended_at__lt=now - JOBS_KEPT).order_by("pk")
    yield f"{_delete(over)} jobs that were over for more than {JOBS_KEPT.days} days are forgotten"
    for folder in _folders():
        sweep(folder)
    yield "half-written files of killed programs are gone"
    _forget_bells()
    _forget_locks()
    yield f"{uploads.forget_old(_needed())} uploads that nobody went on with for a day are gone"
    yield _empty_the_log()


def _delete(rows: QuerySet[Any]) -> int:
    gone = 0
    while keys := list(rows.values_list("pk", flat=True)[:AT_ONCE]):
        with turn():
            gone += rows.model._default_manager.filter(pk__in=keys).delete()[0]
    return gone


def _needed() -> set[str]:
    """The uploads that jobs wait for."""
    return {name for job in Job.objects.due() for name in jobs.uploaded(job)}


def _forget_bells() -> None:
    """What became of bells that were rung; also of those that nobody has heard."""
    day = timedelta(days=1)
    _delete(DBTaskResult.objects.filter(enqueued_at__lt=timezone.now() - day).order_by("pk"))


def _forget_locks() -> None:
    """The files by which it was known who was at a job that is over."""
    due = {str(pk) for pk in Job.objects.due().values_list("pk", flat=True)}
    for path in claims.folder().iterdir():
        if path.name.isdigit() and path.name not in due:
            path.unlink(missing_ok=True)


def _folders() -> list[Path]:
    """Every folder that the product writes to, none of them inside another."""
    named = [
        settings.VAR_DIR, settings.BENCHMARKS_DIR, settings.METHODS_DIR, settings.OUTPUTS_DIR,
        settings.STIMULI_DIR,
    ]  # fmt: skip
    there = {Path(folder) for folder in named if Path(folder).is_dir()}
    return [folder for folder in there if not any(other in folder.parents for other in there)]


def _empty_the_log() -> str:
    """Move what SQLite's log file holds into the database and cut the file to nothing.

    Until then the file still holds rows that were deleted. Cutting needs a moment at which nobody
    reads; it is tried again rather than waited for, since writers would have to wait too.
    """
    if connection.vendor != "sqlite":
        return "the database looks after its own log"
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(PASSIVE)")  # nearly all of it, and nobody waits
        (patience,) = cursor.execute("PRAGMA busy_timeout").fetchone()
        cursor.execute(f"PRAGMA busy_timeout = {PATIENCE_MS}")
        try:
            for _ in range(ATTEMPTS):
                (busy, _, _) = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                if not busy:
                    return "the database's log file is empty"
                time.sleep(PAUSE)
        finally:
            cursor.execute(f"PRAGMA busy_timeout = {patience}")
    return "the database's log file is in use and could not be emptied; the next time will do"
