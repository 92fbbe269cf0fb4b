"""The SQL of a vote says what Django's own queries say, and writes nothing that is out of date."""

from __future__ import annotations

import threading
import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from study.desk import links, studies
from study.models import Rater, Rating, Session, Trial, steps
from study.models.turns import turn
from study.rating import sessions
from tests.rating.way import cast


def test_a_place_is_the_trial_with_its_session_rater_and_study(rater, trials):
    cast(rater, token=trials[0].token, score=3, client_id=uuid.uuid4())
    for number, trial in enumerate(trials):
        place = steps.place(rater, trial.token)
        fresh = Trial.objects.select_related("session", "rater__study").get(pk=trial.pk)
        session, study = fresh.session, fresh.rater.study
        following = trials[number + 1].session_id if number + 1 < len(trials) else None
        assert place == (
            fresh.pk, fresh.position, fresh.kind, fresh.anchor,
            Rating.objects.get().pk if number == 0 else None, following, fresh.delivered_at,
            session.pk, session.calibration, session.active_ms,
            session.started_at, session.seen_at, session.ended_at, session.shown_until,
            fresh.rater.position, fresh.rater.stage, fresh.rater.simulated,
            study.state, study.shortest_view_ms, study.session_minutes,
        )  # fmt: skip


def test_a_place_is_nobody_elses(rater, open_study):
    other = sessions.enrol(links.invite(open_study, 1)[0])
    theirs = Trial.objects.filter(rater=other).first()
    assert steps.place(rater, theirs.token) is None


def test_what_comes_next_is_told_in_order_from_where_the_rater_stands(rater, trials):
    cast(rater, token=trials[0].token, score=3, client_id=uuid.uuid4())
    told = steps.upcoming(rater, 3)
    assert [row.token for row in told] == [trial.token for trial in trials[1:4]]
    session = Session.objects.get(pk=trials[1].session_id)
    stimulus = trials[1].stimulus
    assert told[0][1:] == (
        trials[1].token, trials[1].kind, None, stimulus.width, stimulus.height,
        session.pk, False, session.active_ms, session.started_at, None,
        rater.study.state, rater.study.session_minutes,
    )  # fmt: skip


def test_a_visitor_is_known_before_and_after_enrolling(invitation):
    assert steps.visitor(invitation.pk) == (invitation.pk, False, "", None)
    rater = sessions.enrol(invitation)
    visitor = steps.visitor(invitation.pk)
    assert visitor
    assert visitor.rater
    assert (visitor.rater, visitor.rater.stage, visitor.rater.position) == (rater, rater.stage, 0)
    assert visitor.rater.study == invitation.study, (
        "what was not read is there when it is asked for"
    )
    assert steps.visitor(-1) is None


@pytest.mark.parametrize("change", ["position", "stage", "study"])
def test_nothing_is_written_where_the_rater_or_the_study_has_moved_on(rater, trials, change):
    place = steps.place(rater, trials[0].token)
    assert place
    if change == "position":
        Rater.objects.update(position=1)
    elif change == "stage":
        Rater.objects.update(stage=Rater.Stage.WITHDRAWN)
    else:
        studies.close(rater.study)
    before = (Rater.objects.values().get(), Session.objects.values().get())
    now = timezone.now()
    assert not steps.advance(rater, place, active_ms=9, now=now, shown_until=now, ends=True)
    assert (Rater.objects.values().get(), Session.objects.values().get()) == before


def test_a_session_keeps_the_time_at_which_it_ended_first(rater, trials):
    ended = timezone.now() - timedelta(hours=1)
    Session.objects.update(ended_at=ended)
    place = steps.place(rater, trials[0].token)
    assert place
    now = timezone.now()
    assert steps.advance(rater, place, active_ms=9, now=now, shown_until=now, ends=True)
    assert (Session.objects.get().ended_at, Session.objects.get().shown_until) == (ended, now)


def test_a_stored_rating_is_the_one_that_saving_it_would_store(trials):
    told = {
        "score": 4, "response_ms": 812, "since_delivery_ms": 1900, "device_pixel_ratio": 1.5,
        "viewport_width": 1280, "shown_width": 321.3, "zoom": 1.25, "browser": "Firefox",
    }  # fmt: skip
    ours = Rating(trial=trials[0], client_id=uuid.uuid4(), **told)
    steps.insert(ours)
    saved = Rating.objects.create(trial=trials[1], client_id=uuid.uuid4(), **told)
    rows = Rating.objects.filter(pk__in=[ours.pk, saved.pk]).order_by("pk")
    first, second = ({**row} for row in rows.values(*told, "viewport_height", "zoom"))
    assert first == second
    read = Rating.objects.get(pk=ours.pk)
    assert (read.client_id, read.received_at) == (ours.client_id, ours.received_at)


def test_writers_take_turns(transactional_db):
    inside: list[int] = []
    most: list[int] = []

    def write():
        for _ in range(50):
            with turn():
                inside.append(1)
                most.append(len(inside))
                threading.Event().wait(0.0001)
                inside.pop()

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 1
    assert len(most) == 200
