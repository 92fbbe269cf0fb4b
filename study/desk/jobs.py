"""Long work beside the web server: asking for it, carrying it out, cancelling it."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from study.models import Deed, Job, Study
from study.models.deeds import By, note


def ask(kind: Job.Kind, *, by: By, study: Study | None = None, **what: Any) -> Job:
    """A job of ``kind``, or the one that is due for the very same already.

    ``what`` is what is to be there in the end, as JSON can hold it. Written into the log.
    """
    with transaction.atomic():
        there = Job.objects.due().filter(kind=kind, study=study, what=what).first()
        if there is not None:
            return there
        note(Deed.Kind.ASKED, by=by, study=study, work=kind.label, **what)
        return Job.objects.create(
            kind=kind,
            study=study,
            what=what,
            asked_by=by.user,
            account=by.account[:150],
            address=by.address[:45],
        )
