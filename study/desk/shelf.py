"""Studies that are done with: put away out of the list, brought back, or deleted for good."""

from __future__ import annotations

import shutil
import time
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from study.desk import rehearsal
from study.models import Deed, Job, Letter, Rater, Rating, Study, Trial
from study.models.deeds import By, by_command, note
from study.models.turns import turn
from study.site import computed

ROWS_AT_A_TIME = 200
"""In one transaction: the lock that people's votes need is held for hundredths of a second."""
PAUSE = 0.01
"""Seconds between two of them, in which whoever waits for that lock gets it."""


def put_away(study: Study, *, by: By | None = None) -> None:
    """Take a study out of the list; nothing else about it changes.

    Raises ``ValueError`` for one that is open.
    """
    with transaction.atomic():
        study.refresh_from_db()
        if study.state == Study.State.OPEN:
            raise ValueError(f"{study.title} is open; close it before it is put away")
        if study.put_away_at is None:
            study.put_away_at = timezone.now()
            study.save(update_fields=["put_away_at"])
            note(Deed.Kind.PUT_AWAY, by=by or by_command(), study=study)


def bring_back(study: Study, *, by: By | None = None) -> None:
    """Put a study that was put away back into the list."""
    with transaction.atomic():
        study.refresh_from_db()
        if study.put_away_at is not None:
            study.put_away_at = None
            study.save(update_fields=["put_away_at"])
            note(Deed.Kind.BROUGHT_BACK, by=by or by_command(), study=study)


def why_kept(study: Study) -> str:
    """Why a study cannot be deleted, in one sentence; empty if it can."""
    people = Rater.objects.filter(study=study, simulated=False)
    if study.state == Study.State.OPEN:
        return f"{study.title} is open; close it before it is deleted"
    if people.filter(erased=True).exists() or _rated(study):
        return f"people have rated in {study.title}: it is kept, and can be put away"
    if study.jobs.filter(state=Job.State.RUNNING).exists():
        return f"work on {study.title} is going on; cancel it, or wait until it is done"
    return ""


def _rated(study: Study) -> bool:
    return Rating.objects.filter(trial__rater__study=study, trial__rater__simulated=False).exists()


def goes_along(study: Study) -> dict[str, int]:
    """How much of what people know of goes with a study that is deleted."""
    raters = Rater.objects.filter(study=study)
    sent = Letter.objects.filter(invitation__study=study, sent_at__isnull=False)
    return {
        "simulated": raters.filter(simulated=True).count(),
        "begun": raters.filter(simulated=False).count(),
        "links": study.invitations.count(),
        "letters": sent.count(),
    }


def delete(study: Study, *, by: By | None = None) -> None:
    """Delete a study in which no person has rated, with its simulated raters and computed files.

    In pieces, between which others can write: of one that is killed there is less, and it can be
    deleted again. Image files stay, which other studies may show, and so does the log. Raises
    ``ValueError`` with the sentence of :func:`why_kept`.
    """
    study.refresh_from_db()
    _refuse(study)
    rehearsal.remove(study)
    raters = Rater.objects.filter(study=study)
    _piecewise(study, Trial.objects.filter(rater__study=study))
    _piecewise(study, raters)
    _piecewise(study, study.invitations.all())
    with turn(), transaction.atomic():
        study.refresh_from_db()
        _refuse(study)
        folder = computed.folder(study.pk)
        note(Deed.Kind.DELETED, by=by or by_command(), study=study, title=study.title)
        study.delete()
    shutil.rmtree(folder, ignore_errors=True)


def _piecewise(study: Study, rows: QuerySet[Any]) -> None:
    """Delete ``rows``, unless somebody has opened the study again meanwhile."""
    ordered = rows.order_by("pk")
    while some := list(ordered.values_list("pk", flat=True)[:ROWS_AT_A_TIME]):
        with turn(), transaction.atomic():
            study.refresh_from_db()
            _refuse(study)
            rows.model._default_manager.filter(pk__in=some).delete()
        time.sleep(PAUSE)


def _refuse(study: Study) -> None:
    if why := why_kept(study):
        raise ValueError(why)
