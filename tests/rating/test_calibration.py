"""Calibration: examples of a 1 and a 5, a check on unseen images, and what comes of it."""

from __future__ import annotations

import uuid

import pytest
from django.urls import reverse

from study.desk import results
from study.models import Anchor, Rater, Rating, Session, Study, Trial
from study.rating.votes import Refused
from tests.rating.way import cast, due, go_on, vote


def test_the_examples_are_the_worst_and_the_original_and_the_check_is_on_others(come):
    client = come(calibrate=True)
    client.post(reverse("start"))
    go_on(client)
    rows = list(Trial.objects.order_by("position").select_related("stimulus__method"))
    assert [row.kind for row in rows] == ["example"] * 4 + ["check"] * 6
    assert {(row.anchor, row.stimulus.method.name) for row in rows} == {(1, "nearest"), (5, "hr")}
    assert [row.anchor for row in rows[:4]] == [1, 5, 1, 5]
    shown, asked = ({row.stimulus.source_id for row in part} for part in (rows[:4], rows[4:]))
    assert (len(shown), len(asked)) == (2, 6)
    assert shown.isdisjoint(asked)
    rated = set(rows[0].rater.study.stimuli.values_list("source", flat=True))
    assert rated.isdisjoint(shown | asked)


def test_calibration_cannot_be_skipped(come):
    client = come(calibrate=True)
    client.post(reverse("start"))
    go_on(client)
    go_on(client)
    rater = Rater.objects.get()
    assert (rater.stage, rater.position) == (Rater.Stage.CALIBRATION, 0)
    example = Trial.objects.get(position=0)
    with pytest.raises(Refused, match="another category"):
        cast(rater, token=example.token, score=5, client_id=uuid.uuid4())
    assert not Trial.objects.filter(anchor=None).exists(), "there is nothing else to vote on"


def test_a_check_is_passed_within_a_point_and_its_result_stored(come):
    client = come(calibrate=True, calibration_errors=0)
    client.post(reverse("start"))
    go_on(client)
    rater = Rater.objects.get()
    for _ in range(4):
        vote(rater)
    for _ in range(6):
        rater.refresh_from_db()
        anchor = Trial.objects.get(rater=rater, position=rater.position).anchor
        vote(rater, 2 if anchor == 1 else 4)
    session = Session.objects.get(calibration=True)
    assert (session.mistakes, session.passed) == (0, True)
    assert due(client) == "break"
    assert Rating.objects.counted().count() == 0
    told = results.calibration(rater.study)
    assert told == {
        "calibrates": True, "passed": [(1, 1)], "mistakes": 0, "checks": 6, "refused": [],
    }  # fmt: skip


def test_a_failed_check_is_repeated_on_other_images_then_ends(come):
    client = come(
        calibrate=True, calibration_attempts=2, calibration_examples=1, calibration_checks=2
    )
    client.post(reverse("start"))
    go_on(client)
    rater = Rater.objects.get()

    def fail():
        vote(rater)
        vote(rater)
        vote(rater, 3)
        vote(rater, 3)

    fail()
    assert due(client) == "break"
    assert b"Once more" in client.get(reverse("rate")).content
    go_on(client)
    first, second = (
        set(Trial.objects.filter(session__number=n).values_list("stimulus__source", flat=True))
        for n in (1, 2)
    )
    assert first.isdisjoint(second)
    fail()
    assert due(client) == "screened_out"
    assert Rater.objects.get().refusal == "calibration"
    assert [s.mistakes for s in Session.objects.order_by("number")] == [2, 2]
    told = results.calibration(Study.objects.get())
    assert (told["passed"], told["refused"]) == ([], [{"reason": "calibration", "raters": 1}])


@pytest.mark.parametrize(
    ("sources", "trials"), [(7, 2 * 2 + 5), (4, 2 * 2 + 2), (2, 2 + 1), (1, 1)]
)
def test_a_study_that_was_opened_with_too_few_pairs_still_calibrates(come, sources, trials):
    """As before images were told apart by their path; a source may even lack one of its two."""
    client = come(calibrate=True)
    whole = list(Anchor.objects.filter(score=5).order_by("pk"))
    Anchor.objects.filter(stimulus__source__in=[a.stimulus.source_id for a in whole[sources:]],
                          score=1).delete()  # fmt: skip
    client.post(reverse("start"))
    go_on(client)
    written = Trial.objects.filter(anchor__isnull=False)
    assert written.count() == trials
    assert set(written.values_list("stimulus__source", flat=True)) <= {
        anchor.stimulus.source_id for anchor in whole[:sources]
    }
    rater = Rater.objects.get()
    for _ in range(trials):
        rater.refresh_from_db()
        vote(rater, Trial.objects.get(rater=rater, position=rater.position).anchor)
    assert Session.objects.get(calibration=True).passed
    assert due(client) == "break"
