"""Verbs of a rater's way through a study: enrolling, and what is due."""

from __future__ import annotations

import secrets
from collections.abc import Iterable

from django.db import transaction
from django.db.models import Max

from study.models import Invitation, Rater, Session, Stimulus, Study, Trial
from study.plan import Item, Rules, plan

AHEAD = 4
"""Trials that a browser is told of at a time: the one due now and those to fetch ahead."""


def enrol(invitation: Invitation) -> Rater:
    """The rater of ``invitation``, with a plan written to the database; once, however often asked.

    Raises ``ValueError`` if the study is not open or the invitation was revoked.
    """
    with transaction.atomic():
        invitation = Invitation.objects.select_related("study").get(pk=invitation.pk)
        existing = Rater.objects.filter(invitation=invitation).first()
        if existing is not None:
            return existing
        if invitation.revoked_at is not None:
            raise ValueError(f"invitation {invitation} was revoked")
        return _add_rater(invitation.study, invitation, seed=secrets.randbits(62))


def enrol_simulated(study: Study, *, seed: int) -> Rater:
    """One more simulated rater, planned from ``seed``. Raises as :func:`enrol` does."""
    with transaction.atomic():
        return _add_rater(study, None, seed=seed)


def _add_rater(study: Study, invitation: Invitation | None, *, seed: int) -> Rater:
    if study.state != Study.State.OPEN:
        raise ValueError(f"study {study.slug} is {study.state}; raters can enrol while it is open")
    simulated = invitation is None
    taken = Rater.objects.filter(study=study, simulated=simulated).aggregate(Max("number"))
    number = invitation.number if invitation else (taken["number__max"] or 0) + 1
    rater = Rater.objects.create(
        study=study, invitation=invitation, number=number, simulated=simulated
    )
    _write_plan(rater, study.stimuli.select_related("source").order_by("pk"), seed=seed)
    return rater


def _write_plan(rater: Rater, stimuli: Iterable[Stimulus], *, seed: int) -> None:
    stimuli = list(stimuli)
    planned = plan(
        [Item(stimulus.source_id, stimulus.method_id) for stimulus in stimuli],
        seed=seed,
        rules=Rules(source_gap=rater.study.source_gap, first_stabilising=0),
    )
    session = Session.objects.create(rater=rater, seed=seed, gap=planned.proof.source_gap)
    Trial.objects.bulk_create(
        Trial(rater=rater, session=session, position=position, stimulus=stimuli[trial.item])
        for position, trial in enumerate(planned.trials)
    )
