"""The process that has long work done beside the web server: one job after the other.

Each job is carried out by a process of its own (`study/desk/work.py`), at the lowest priority: what
networks need of memory is given back with it, and a job that is killed takes nobody along.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from django.conf import settings
from django.db import OperationalError, close_old_connections, connection
from django.utils import timezone
from django_tasks_db.management.commands.db_worker import Worker
from django_tasks_db.models import DBTaskResult

from study.desk import claims, jobs
from study.models import Job
from study.models.turns import turn

TICK = 0.5
"""Seconds between two looks at the bell, and at whether a job was cancelled."""
LOOK = 10.0
"""Seconds after which it is looked what there is to do although no bell was rung."""
SEEN = 10.0
"""Seconds after which it is written down again that somebody is at a job."""
GRACE = 5.0
"""Seconds for which a job that is to end may tidy up."""

logger = logging.getLogger(__name__)


def work(stopping: Callable[[], bool]) -> None:
    """Do what there is to do until told to stop; the job at hand is begun again later then."""
    looked = -LOOK
    while not stopping():
        try:
            close_old_connections()
            claims.show_worker()
            if _rung() or time.monotonic() - looked >= LOOK:
                looked = time.monotonic()
                do_what_is_due(stopping)
        except (OperationalError, OSError) as error:  # as a disk that is full for a while
            logger.warning("a worker cannot look what there is to do: %s", error)
            connection.close()
        time.sleep(TICK)


def do_what_is_due(stopping: Callable[[], bool]) -> None:
    """Do one job after the other, as long as there is one that nobody is at."""
    tried: set[int] = set()
    while not stopping():
        due = Job.objects.due().exclude(pk__in=tried)
        job = next((job for job in due if _can_be_done(job)), None)
        if job is None:
            return
        tried.add(job.pk)
        if job.cancel_asked:  # of somebody who is gone
            as_it_is = {"pk": job.pk, "state": job.state, "holder": job.holder}
            jobs.end(Job.objects.filter(**as_it_is), Job.State.CANCELLED)
        else:
            _have_done(job.pk, stopping)


def _can_be_done(job: Job) -> bool:
    may = job.cancel_asked or not (claims.stands_back(job) or jobs.has_no_room())
    return may and claims.is_free(job)


def _rung() -> bool:
    """Whether the bell was rung; it is silent from here on."""
    if not DBTaskResult.objects.ready().exists():
        return False
    Worker(
        queue_names=["*"], interval=0, batch=True, backend_name="default", startup_delay=False,
        max_tasks=None, worker_id=claims.holder(os.getpid())[:64], excluded_queue_names=[],
    ).run()  # fmt: skip
    return True


def _have_done(job: int, stopping: Callable[[], bool]) -> None:
    child = subprocess.Popen(
        [sys.executable, str(Path(settings.BASE_DIR) / "manage.py"), "job", str(job),
         "--of", str(os.getpid()), "--verbosity", "0"],
        stdin=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    rows = Job.objects.filter(pk=job, state=Job.State.RUNNING, holder=claims.holder(child.pid))
    cancelled, seen = False, time.monotonic()
    try:
        while not (cancelled or stopping() or _has_ended(child)):
            try:
                claims.show_worker()
                cancelled = rows.filter(cancel_asked=True).exists()
                if time.monotonic() - seen > SEEN:
                    seen = time.monotonic()
                    with turn():
                        rows.update(seen_at=timezone.now())
            except (OperationalError, OSError) as error:
                logger.warning("a job cannot be watched: %s", error)
                connection.close()
    finally:
        status = _end(child)
    if cancelled:
        jobs.end(rows, Job.State.CANCELLED)
    elif stopping():
        rows.update(state=Job.State.WAITING, holder="", at_work_on="")
    else:
        jobs.end(rows, Job.State.FAILED, _ended(status))


def _has_ended(child: subprocess.Popen[bytes]) -> bool:
    try:
        child.wait(TICK)
    except subprocess.TimeoutExpired:
        return False
    return True


def _end(child: subprocess.Popen[bytes]) -> int:
    """End a process and what it has started; how it ended."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if child.poll() is not None:
            break
        with suppress(ProcessLookupError, PermissionError):  # it has just ended
            os.killpg(child.pid, number)
        try:
            child.wait(GRACE)
        except subprocess.TimeoutExpired:
            continue
    return child.wait()


def _ended(status: int) -> str:
    """Why a job is not done whose process has not said it."""
    if status >= 0:
        return f"It ended with status {status} before it was done; the server's log may say why."
    why = ": perhaps memory ran out" if -status == signal.SIGKILL else ""
    return f"It was killed by signal {-status}{why}. What it had made by then is kept."
