"""Long work beside the web server: asking for it, cancelling it, and what becomes of it.

What there is to do is found in rows of :class:`study.models.Job`. The bell that is rung for a new
one carries nothing: whoever carries jobs out (`study/desk/worker.py`) also looks by itself now and
then, so that a bell which is lost costs seconds and nothing else.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django_tasks import task

from study.desk import claims, uploads
from study.models import Deed, Job, Right, Study
from study.models.deeds import By, note
from study.models.turns import turn
from study.site.access import rights

LATE = timedelta(days=1)
"""For which what is over stays on the start page."""
MOST_NEWS = 5
"""Jobs that are told there, or by a page that is open when they end."""
KEPT_FREE = 64 << 20
"""Bytes of the disk of votes that no job takes: what is made ends before, with a reason."""
UPLOADS = ("upload", "lr_upload")
"""What of a job names something that was uploaded for it."""
UNITS = {Job.Kind.REHEARSE: "raters", Job.Kind.MAIL: "letters", Job.Kind.ARCHIVE: "steps"}
"""What is counted, where that is not images."""
BRINGING = (Job.Kind.FETCH, Job.Kind.ADD_SET, Job.Kind.ADD_OUTPUTS, Job.Kind.ADD_MODEL)
"""Those that take in what was uploaded."""


@task()
def bell() -> None:
    """Rung when there is something to do; whoever hears it looks what."""


def ask(kind: Job.Kind, *, by: By, study: Study | None = None, **what: Any) -> Job:
    """A job of ``kind``, or the one that is due for the very same already.

    ``what`` is what is to be there in the end, as JSON can hold it. Written into the log. Raises
    ``ValueError`` for an upload that is none.
    """
    job = Job(
        kind=kind,
        study=study,
        what=what,
        asked_by=by.user,
        account=by.account[:150],
        address=by.address[:45],
        unit=UNITS.get(kind, "images"),
    )
    uploaded(job)
    with transaction.atomic():
        due = Job.objects.due().filter(kind=kind, study=study, cancel_asked=False)
        there = next((job for job in due if job.what == what), None)
        if there is not None:
            return there
        job.save()
        note(Deed.Kind.ASKED, by=by, study=study, work=job.wish, job=job.pk)
        transaction.on_commit(_ring, robust=True)
    return job


def in_header(request: HttpRequest) -> dict[str, Callable[[], int]]:
    """How many jobs of whoever looks are not over, for the bar of the site."""
    return {"jobs_due": lambda: Job.objects.visible_to(request.user).due().count()}


def has_no_room() -> bool:
    """Whether so little of the disk is free that votes need all of it: no job is begun then.

    Of another disk, where outputs may lie, a job takes all that there is: nobody votes on that.
    """
    homes = (claims.folder(), Path(settings.DATABASE).parent)
    return min(shutil.disk_usage(home).free for home in homes) < KEPT_FREE


def ended_since(user: User | AnonymousUser, since: datetime) -> list[Job]:
    """The latest of those that somebody asked for which were done, or failed, since then."""
    mine = Job.objects.visible_to(user).filter(asked_by=user.pk, ended_at__gt=since)
    told = mine.filter(state__in=[Job.State.DONE, Job.State.FAILED])
    return list(told.select_related("study").order_by("-ended_at")[:MOST_NEWS])


def of_late(user: User | AnonymousUser) -> list[Job]:
    """For the start page: what somebody asked for lately, the latest first.

    Not what failed: that is among what needs attention.
    """
    since = Q(ended_at=None) | Q(ended_at__gt=timezone.now() - LATE)
    mine = Job.objects.visible_to(user).filter(since, asked_by=user.pk)
    mine = mine.exclude(state=Job.State.FAILED)
    return list(mine.select_related("study")[:MOST_NEWS])


def _ring() -> None:
    bell.enqueue()


def again(job: Job, *, by: By) -> Job:
    """A new job for what ``job`` did not bring about.

    Raises ``ValueError`` if that cannot be begun again.
    """
    if reason := cannot_again(job):
        raise ValueError(reason)
    return ask(Job.Kind(job.kind), by=by, study=job.study, **job.what)


def cannot_again(job: Job) -> str:
    """Why a job cannot be tried again; empty if it can."""
    if job.state not in (Job.State.FAILED, Job.State.CANCELLED):
        return "Only what failed or was cancelled can be tried again."
    if not all((uploads.folder() / name).is_dir() for name in uploaded(job)):
        return "What was uploaded for it is gone; upload it once more."
    return ""


def may_end(job: Job, user: User | AnonymousUser) -> bool:
    """Whether somebody may cancel a job, or begin it again: those who may have such work done for
    its study; of one without a study who asked for it, and superusers.
    """
    if job.study is None:
        return user.is_superuser or (user.is_authenticated and job.asked_by_id == user.pk)
    return right_to(job) in rights(user, job.study)


def right_to(job: Job) -> Right:
    """What it takes to have a job of a study done."""
    return {Job.Kind.ARCHIVE: Right.READ, Job.Kind.MAIL: Right.INVITE}.get(
        Job.Kind(job.kind), Right.WORK
    )


def cancel(job: Job, *, by: By) -> None:
    """End a job: at once if nobody is at it, otherwise within seconds. Written into the log.

    What it has made so far stays. Raises ``ValueError`` if it is over already.
    """
    with transaction.atomic():
        nobodys = Q(state=Job.State.WAITING)
        if claims.is_free(job):  # also of a worker that is gone: none may come for long
            nobodys |= Q(state=Job.State.RUNNING, holder=job.holder)
        rows = Job.objects.filter(pk=job.pk)
        running = rows.filter(state=Job.State.RUNNING)
        if not end(rows.filter(nobodys), Job.State.CANCELLED) and not running.update(
            cancel_asked=True
        ):
            raise ValueError("It was over already; nothing was cancelled.")
        note(Deed.Kind.CANCELLED, by=by, study=job.study, work=job.wish, job=job.pk)


def end(rows: QuerySet[Job], state: Job.State, told: str = "") -> bool:
    """Write down how jobs ended, those of ``rows`` that are still as it says. Whether any were.

    An import leaves nothing of what was uploaded for it, but for one that failed: its reason often
    names what to tell beside the same files. They wait a day for that, see `uploads.forget_old`.
    """
    with turn(), transaction.atomic():
        ended = list(rows.select_for_update())
        rows.filter(pk__in=[job.pk for job in ended]).update(
            state=state, told=told, ended_at=timezone.now(), at_work_on=""
        )
        over = ended if state != Job.State.FAILED else []
        for name in [name for job in over for name in uploaded(job)]:
            transaction.on_commit(partial(uploads.forget, name))
    return bool(ended)


def with_uploads() -> set[str]:
    """The uploads that any job was asked for, whatever became of it."""
    asked = Job.objects.filter(kind__in=BRINGING).values_list("what", flat=True)
    return {str(what[each]) for what in asked for each in UPLOADS if what.get(each)}


def uploaded(job: Job) -> list[str]:
    """The uploads that a job takes in. Raises ``ValueError`` for what names none."""
    named = [str(job.what[each]) for each in UPLOADS if job.what.get(each)]
    for name in named:
        if not uploads.NAMES.fullmatch(name):
            raise ValueError(f"{name!r} names no upload")
    return named
