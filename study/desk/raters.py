"""One rater's data, on their request: told whole, or deleted. Both are written down."""

from __future__ import annotations

import json
import re
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Model, Q

from study.desk import links
from study.models import Deed, Invitation, Letter, Rater, Rating, Revision, Study, Trial
from study.models.deeds import By, by_command, note
from study.rating import sessions

OF_LINKS = (Deed.Kind.REVOKED, Deed.Kind.REPLACED, Deed.Kind.NAMED, Deed.Kind.APPROVED)
"""Deeds that name links by their numbers."""


def get(study: Study, label: str) -> Rater:
    """The rater that tables call ``label``: R003 a person, S003 a simulated one.

    Raises ``ValueError`` for what is no such name, or nobody's.
    """
    named = re.fullmatch(r"([RS])0*([1-9][0-9]{0,8})", label.strip().upper())
    if named is None:
        raise ValueError(f"{label!r} is no rater; they are called R001, and S001 if simulated")
    found = Rater.objects.select_related("study", "invitation", "consent", "instructions")
    rater = found.filter(study=study, simulated=named[1] == "S", number=int(named[2])).first()
    if rater is None:
        raise ValueError(f"study {study.slug} has no rater {label.strip().upper()}")
    return rater


def told(rater: Rater, *, by: By | None = None) -> bytes:
    """Everything that is stored about ``rater``, as JSON; that it was told is noted.

    A person's scores stand beside the methods that they gave them to: this is a look at the study
    by the ratings of one (`Deed.objects.looks`), and the entry says how many it showed. Only what
    opens doors is left out: the tokens of the link and of the images.
    """
    shown = Rating.objects.counted().filter(trial__rater=rater).count()
    told = {"rater": rater.label, "state": rater.study.state, "ratings": shown}
    told |= {"simulated": True} if rater.simulated else {}
    note(Deed.Kind.TOLD, by=by or by_command(), study=rater.study, **told)
    text = json.dumps(_everything(rater), cls=DjangoJSONEncoder, ensure_ascii=False, indent=1)
    return f"{text}\n".encode()


def delete(rater: Rater, *, by: By | None = None) -> int:
    """Delete all that ``rater`` did; returns how many answers that were. The row stays, empty.

    Raises ``ValueError`` if it was deleted before.
    """
    if rater.erased:
        raise ValueError(f"the data of {rater.label} in {rater.study.slug} was deleted before")
    answers = Rating.objects.filter(trial__rater=rater).count()
    sessions.withdraw(rater, erase=True, by=by or by_command())
    return answers


def _everything(rater: Rater) -> dict[str, Any]:
    """All rows about ``rater``, by kind."""
    invitation = rater.invitation
    return {
        "study": rater.study.slug,
        "rater": {"label": rater.label, **_row(rater, "study", "invitation", "consent",
                                               "instructions")},
        "link": _row(invitation, "study", "token") if invitation else None,
        "letters": [
            _row(letter, "invitation", "asked_by")
            for letter in _letters(invitation)
        ],
        "agreed to": _text(rater, "consent"),
        "read": _text(rater, "instructions"),
        "screening": [_row(attempt, "rater") for attempt in rater.screening_set.all()],
        "sessions": [_row(session, "rater") for session in rater.session_set.all()],
        "trials": [_trial(trial) for trial in _trials(rater)],
        "log": [_row(deed, "study", "user") for deed in _deeds(rater)],
    }  # fmt: skip


def _letters(invitation: Invitation | None) -> Any:
    """What the person was written, also to links before this one and in its place."""
    chain = invitation.chain() if invitation else []
    return Letter.objects.filter(invitation__in=[each.pk for each in chain])


def _text(rater: Rater, name: str) -> dict[str, Any] | None:
    text = getattr(rater, name)
    return _row(text) if text else None


def _trials(rater: Rater) -> Any:
    rows = Trial.objects.filter(rater=rater).order_by("position")
    return rows.select_related(
        "stimulus__source__dataset", "stimulus__method", "session", "rating__revision"
    )


def _trial(trial: Trial) -> dict[str, Any]:
    stimulus = trial.stimulus
    rating: Rating | None = getattr(trial, "rating", None)
    revision: Revision | None = getattr(rating, "revision", None)
    return {
        **_row(trial, "rater", "stimulus", "token"),
        "set": stimulus.source.dataset.name,
        "image": stimulus.source.name,
        "method": stimulus.method.name,
        "stimulus_sha256": stimulus.sha256,
        "rating": _row(rating, "trial") if rating else None,
        "revision": _row(revision, "rating") if revision else None,
    }


def _deeds(rater: Rater) -> Any:
    return deeds(rater.study, rater=rater, invitation=rater.invitation)


def deeds(
    study: Study, *, rater: Rater | None = None, invitation: Invitation | None = None
) -> list[Deed]:
    """What the log says of one rater: by the label, or by the number of the link."""
    own = Q(pk__in=[])
    if rater is not None:
        own |= Q(account=rater.label) | Q(details__rater=rater.label)
    if invitation is not None:
        own |= Q(kind__in=OF_LINKS)
    found = Deed.objects.filter(own, study=study)
    return [deed for deed in found if deed.kind not in OF_LINKS or _names(deed, invitation)]


def _names(deed: Deed, invitation: Invitation | None) -> bool:
    """Whether a deed about links is about this one."""
    told = deed.details
    numbers = [told.get("number"), told.get("new"), *links.numbers_in(told.get("numbers"))]
    return invitation is not None and invitation.number in numbers


def _row(row: Model, *without: str) -> dict[str, Any]:
    """The fields of a row as they are stored."""
    fields = [field for field in row._meta.concrete_fields if field.name not in without]
    return {field.attname: getattr(row, field.attname) for field in fields}
