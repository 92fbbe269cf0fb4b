"""Enrolling: who may, and the order that is written down for them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from study.desk import links, studies
from study.models import Rater, Rating, Session, Study, Trial
from study.rating import sessions
from tests.rating.way import vote_all


def test_nobody_enrols_in_a_draft_or_a_closed_study(draft_study):
    invitation = links.invite(draft_study, 1)[0]
    with pytest.raises(ValueError, match="is draft"):
        sessions.enrol(invitation)
    studies.open_(draft_study)
    studies.close(draft_study)
    with pytest.raises(ValueError, match="is closed"):
        sessions.enrol(invitation)
    assert not Rater.objects.exists()
    studies.open_(draft_study)
    assert sessions.enrol(invitation).number == 1


def test_enrolling_writes_a_whole_plan_without_a_source_twice_in_a_row(rater, trials):
    stimuli = list(rater.study.stimuli.all())
    assert sorted(t.stimulus_id for t in trials) == sorted(s.pk for s in stimuli)
    assert [t.position for t in trials] == list(range(len(stimuli)))
    sources = [t.stimulus.source_id for t in trials]
    assert all(a != b for a, b in zip(sources, sources[1:], strict=False))
    # Two sources can alternate, no more: the gap that was really kept is on record.
    assert Session.objects.get(rater=rater).gap == 1


def test_the_database_refuses_a_stimulus_twice_for_a_rater_unless_it_is_a_declared_repeat(
    rater, trials
):
    twice = {"rater": rater, "session": trials[0].session, "stimulus": trials[0].stimulus}
    with pytest.raises(IntegrityError), transaction.atomic():
        Trial.objects.create(**twice, position=6)
    Trial.objects.create(**twice, position=6, repeat=True)
    with pytest.raises(IntegrityError), transaction.atomic():
        Trial.objects.create(**twice, position=6, repeat=True)


def test_a_share_is_dealt_out_evenly_over_raters_who_are_still_there(come):
    come(share=3)
    study = Study.objects.get()
    gone = sessions.enrol(links.invite(study, 1)[0])
    sessions.withdraw(gone, erase=False)
    raters = [sessions.enrol(invitation) for invitation in links.invite(study, 4)]
    for rater in raters:
        vote_all(rater)
    # Three more who are gone: for weeks, never to come, and seen by a clock that was years ahead.
    for days, who in zip((-30, -30, 900), links.invite(study, 3), strict=True):
        then = timezone.now() + timedelta(days=days)
        stays_away = sessions.enrol(who)
        seen = None if who.number == 7 else then
        Rater.objects.filter(pk=stays_away.pk).update(enrolled_at=then, seen_at=seen)
    owed = sessions._owed(raters[0])
    assert set(owed.values()) == {2}, "what they were dealt is dealt out again"
    counts = [
        Rating.objects.filter(trial__stimulus=stimulus).count() for stimulus in study.stimuli.all()
    ]
    assert counts == [2] * 6
