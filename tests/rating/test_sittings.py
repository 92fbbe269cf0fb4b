"""Sessions: timed by the server, ended at a trial border, gone on with, and left for good."""

from __future__ import annotations

import datetime
import uuid

import pytest
from django.urls import reverse
from django.utils import timezone

from study.models import Rater, Rating, Session, Study, Trial
from study.rating import sessions, sittings
from study.rating.votes import Refused
from tests.rating.way import cast, due, go_on, vote, vote_all


def later(session: Session, **ago) -> None:
    """As if the latest sign of life of ``session`` lay so long ago."""
    then = timezone.now() - datetime.timedelta(**ago)
    Session.objects.filter(pk=session.pk).update(seen_at=then)


@pytest.fixture
def timed(come):
    """A rater in a session of one minute with six trials, and their browser."""
    client = come(session_minutes=1, break_minutes=5, later_stabilising=1, sessions=1)
    client.post(reverse("start"))
    return Rater.objects.get(), client


def test_time_is_counted_by_the_server_and_an_absence_is_cut_short(timed):
    rater, _ = timed
    session = Session.objects.get()
    vote(rater)
    for ago, counted in (({"seconds": 7}, 7_000), ({"hours": 5}, 37_000)):
        later(session, **ago)
        vote(rater)
        session.refresh_from_db()
        assert session.active_ms == pytest.approx(counted, abs=1500)
    assert session.ended_at is None


def test_a_session_ends_at_a_trial_border_when_its_time_is_up(timed):
    rater, client = timed
    session = Session.objects.get()
    vote(rater)
    for ahead in (5, 4, 1):  # all that are left, until the time is nearly up
        rater.refresh_from_db()
        assert len(sessions.standing(rater)["trials"]) == ahead
        if ahead > 1:
            later(session, seconds=25)
            vote(rater)
    later(session, seconds=25)
    vote(rater)
    assert due(client) == "break"
    assert client.get(reverse("upcoming")).json()["trials"] == []
    trial = Trial.objects.get(position=rater.position + 1)
    assert client.get(reverse("image", args=[trial.token])).status_code == 200


def test_answers_that_were_waiting_in_the_browser_are_taken_after_the_time_is_up(timed):
    rater, client = timed
    session = Session.objects.get()
    Session.objects.update(active_ms=59_000, seen_at=timezone.now() - datetime.timedelta(seconds=9))
    vote(rater, waiting=True)
    session.refresh_from_db()
    assert session.ended_at is None, "the browser said that another answer waits"
    vote(rater)
    session.refresh_from_db()
    assert session.ended_at is not None
    vote(rater)  # was on its way when the server said that the time is up
    assert Rating.objects.count() == 3
    assert due(client) == "break"


def test_a_browser_cannot_prolong_a_session_by_answers_that_never_come(timed):
    rater, client = timed
    session = Session.objects.get()
    for late, ended in ((0, False), (sessions.GRACE, True)):
        Session.objects.update(active_ms=60_000 + late, seen_at=timezone.now())
        vote(rater, waiting=True)
        session.refresh_from_db()
        assert (session.ended_at is not None) == ended
    assert due(client) == "break"


def test_after_the_break_what_is_left_goes_on_behind_stabilising_trials(timed):
    rater, client = timed
    before = list(Trial.objects.order_by("position").values_list("stimulus", flat=True))
    Session.objects.update(active_ms=59_000, seen_at=timezone.now() - datetime.timedelta(seconds=9))
    vote(rater)
    go_on(client)
    assert due(client) == "break", "five minutes are not over"
    assert b"You can go on in <strong>5 minutes</strong>" in client.get(reverse("rate")).content
    Session.objects.update(ended_at=timezone.now() - datetime.timedelta(minutes=5))
    go_on(client)
    assert due(client) == "rate"
    trials = list(Trial.objects.order_by("position"))
    assert [t.position for t in trials] == list(range(7))
    assert trials[1].kind == Trial.Kind.STABILISING
    assert [t.stimulus_id for t in trials if t.kind == Trial.Kind.MAIN] == before
    assert [t.session.number for t in trials] == [1] + [2] * 6
    assert vote_all(rater) == 6
    assert due(client) == "done"


def test_a_clock_that_was_set_back_a_day_makes_no_break_of_a_day(timed):
    rater, client = timed
    Session.objects.update(active_ms=59_000, seen_at=timezone.now() - datetime.timedelta(seconds=9))
    vote(rater)
    assert due(client) == "break"
    Session.objects.update(ended_at=timezone.now() + datetime.timedelta(days=1))
    rater.refresh_from_db()
    until = sessions.break_ends(rater)
    assert until <= timezone.now() + datetime.timedelta(minutes=5)
    assert sessions.break_ends(rater) == until, "it is not begun anew at every look"
    page = client.get(reverse("rate")).content
    assert b"You can go on in <strong>5 minutes</strong>" in page
    Session.objects.update(ended_at=until - datetime.timedelta(minutes=10))
    go_on(client)
    assert due(client) == "rate"


@pytest.mark.parametrize("field", ["seen_at", "started_at"])
def test_a_clock_that_was_set_back_or_forth_counts_no_more_than_an_absence(timed, field):
    rater, _ = timed
    for days in (1, -400):
        Session.objects.update(**{field: timezone.now() + datetime.timedelta(days=days)})
        before = Session.objects.get().active_ms
        vote(rater)
        assert 0 <= Session.objects.get().active_ms - before <= 30_000
    assert Session.objects.get().seen_at <= timezone.now()


def test_sittings_that_follow_a_split_one_are_numbered_on(come):
    client = come(session_minutes=1, break_minutes=0, later_stabilising=1, sessions=2)
    client.post(reverse("start"))
    rater = Rater.objects.get()
    vote(rater)
    rater.refresh_from_db()
    sittings.split(rater, Session.objects.get(number=1))
    rows = Trial.objects.order_by("position").values_list("session__number", flat=True)
    assert list(rows) == sorted(rows)
    assert set(rows) == {1, 2, 3}


def test_images_of_a_session_that_has_not_begun_are_not_given_away(come):
    client = come(sessions=2, break_minutes=5)
    client.post(reverse("start"))
    later_one = Trial.objects.filter(session__number=2).order_by("position").first()
    Rater.objects.update(position=later_one.position - 1)
    assert client.get(reverse("image", args=[later_one.token])).status_code == 404
    told = client.get(reverse("upcoming")).json()["trials"]
    assert later_one.token not in [trial["token"] for trial in told]


def test_stabilising_trials_are_stored_and_never_counted(come, django_user_model):
    client = come(first_stabilising=2)
    owner = django_user_model.objects.create_user("owner")
    Study.objects.get().researchers.add(owner)
    client.post(reverse("start"))
    rater = Rater.objects.get()
    assert vote_all(rater) == 8
    assert Rating.objects.count() == 8
    assert len(Rating.objects.cells(rater.study, simulated=False)) == 6
    client.force_login(owner)
    client.post(reverse("look", args=["small"]))
    lines = client.get("/studies/small/ratings.csv").content.decode().splitlines()
    assert len([line for line in lines if not line.startswith("#")]) == 1 + 6


# ---- Leaving ----


@pytest.mark.parametrize("answer", ["keep", "delete"])
def test_a_rater_can_stop_at_any_time_and_have_everything_deleted(come, answer):
    client = come()
    client.post(reverse("start"))
    rater = Rater.objects.get()
    vote(rater)
    assert client.get(reverse("leave")).status_code == 200
    assert Rating.objects.count() == 1, "asking deletes nothing"
    client.post(reverse("leave"), {"answers": answer})
    rater.refresh_from_db()
    assert (rater.stage, rater.completion_code[:2]) == (Rater.Stage.WITHDRAWN, "W-")
    assert due(client) == "left"
    kept = answer == "keep"
    assert (Rating.objects.exists(), Trial.objects.exists(), Session.objects.exists()) == (
        kept,
    ) * 3
    if kept:
        trial = Trial.objects.get(position=1)
        with pytest.raises(Refused):
            cast(rater, token=trial.token, score=3, client_id=uuid.uuid4())
        client.post(reverse("leave"), {"answers": "delete"})
        assert not Rating.objects.exists()


def test_who_has_finished_can_have_the_answers_deleted_and_keeps_the_code(come):
    client = come()
    client.post(reverse("start"))
    rater = Rater.objects.get()
    vote_all(rater)
    rater.refresh_from_db()
    code = rater.completion_code
    client.post(reverse("leave"), {"answers": "delete"})
    rater.refresh_from_db()
    assert (rater.stage, rater.completion_code) == (Rater.Stage.WITHDRAWN, code)
    assert code.startswith("F-")
    assert not Rating.objects.exists()
