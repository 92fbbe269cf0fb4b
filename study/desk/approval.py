"""Accepting raters' work: whoever finished waits until somebody says that it is good."""

from __future__ import annotations

from collections.abc import Collection

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from study.desk import links
from study.models import Deed, Rater, Study
from study.models.deeds import By, note


def switch(study: Study, on: bool, *, by: By) -> bool:
    """Have raters wait to be approved, or not any more; whether it was otherwise before.

    It changes nothing that raters see, so it is open to change in whatever state the study is.
    Approvals that were given are kept.
    """
    with transaction.atomic():
        if not Study.objects.filter(pk=study.pk, approves=not on).update(approves=on):
            return False
        study.approves = on
        note(Deed.Kind.CHANGED, by=by, study=study, approves=[not on, on])
    return True


def approve(study: Study, numbers: Collection[int], *, by: By) -> list[int]:
    """Accept the work of the raters of these links; those who were not approved before.

    Raises ``ValueError`` if the study does not approve raters, or one of them has not finished or
    had the answers deleted: nobody is approved then.
    """
    _refuse_unless_it_approves(study)
    with transaction.atomic():
        finished = _people(study, numbers).filter(stage=Rater.Stage.FINISHED, erased=False)
        if missing := sorted(set(numbers) - set(finished.values_list("number", flat=True))):
            raise ValueError(
                f"Nobody was approved: {links.said(missing)} {_have(missing)} not finished, or the "
                "answers were deleted."
            )
        return _set(study, finished.filter(approved_at=None), by=by, approved=True)


def take_back(study: Study, numbers: Collection[int], *, by: By) -> list[int]:
    """Take approvals back; of those who had one."""
    _refuse_unless_it_approves(study)
    with transaction.atomic():
        had = _people(study, numbers).filter(approved_at__isnull=False)
        return _set(study, had, by=by, approved=False)


def _set(study: Study, raters: QuerySet[Rater], *, by: By, approved: bool) -> list[int]:
    numbers = sorted(raters.values_list("number", flat=True))
    if numbers:
        raters.update(approved_at=timezone.now() if approved else None)
        told = {} if approved else {"taken_back": True}
        note(Deed.Kind.APPROVED, by=by, study=study, numbers=links.said(numbers), **told)
    return numbers


def _people(study: Study, numbers: Collection[int]) -> QuerySet[Rater]:
    return Rater.objects.filter(study=study, simulated=False, number__in=numbers)


def _refuse_unless_it_approves(study: Study) -> None:
    if not study.approves:
        raise ValueError("This study does not approve raters; switch it on below the table.")


def _have(numbers: Collection[int]) -> str:
    return "has" if len(numbers) == 1 else "have"
