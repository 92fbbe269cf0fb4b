"""The way through a study: every page in its order, held by the server, and the screening."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from study.models import Rater, Screening, Trial
from study.rating import screening
from tests.rating.way import SCREENS, WINDOW, answers, due, go_on, vote_all


def test_the_whole_way_from_the_link_to_the_completion_code(come):
    client = come(**SCREENS, calibrate=True, first_stabilising=1, sessions=2, break_minutes=0)
    assert due(client) == "welcome"
    client.post(reverse("start"))
    assert due(client) == "screening"
    client.post(reverse("screening"), answers())
    assert due(client) == "instructions"
    go_on(client)
    rater = Rater.objects.get()
    assert due(client) == "rate"
    assert vote_all(rater) == 2 * 2 + 6
    assert due(client) == "break"
    go_on(client)
    assert due(client) == "rate"
    first = vote_all(rater)
    assert due(client) == "break"
    go_on(client)
    second = vote_all(rater)
    assert due(client) == "done"
    stabilising = Trial.objects.filter(kind=Trial.Kind.STABILISING).count()
    assert first + second == 6 + stabilising
    assert stabilising >= 1
    rater.refresh_from_db()
    assert (rater.stage, rater.completion_code[:2]) == (Rater.Stage.FINISHED, "F-")
    assert rater.completion_code.encode() in client.get(reverse("rate")).content


def test_any_address_leads_to_the_page_that_is_due(come):
    client = come(**SCREENS)
    for name in ("start", "screening", "begin"):
        assert client.get(reverse(name))["Location"] == reverse("rate")
    for name in ("screening", "begin"):  # before anybody has agreed to anything
        assert client.post(reverse(name), WINDOW)["Location"] == reverse("rate")
    assert not Rater.objects.exists()
    client.post(reverse("start"))
    go_on(client)  # the instructions are not due yet: nothing is skipped
    assert due(client) == "screening"
    assert not Trial.objects.exists()


def test_a_short_study_has_one_page_before_the_images(come):
    client = come()
    assert b"What to do" in client.get(reverse("rate")).content
    client.post(reverse("start"))
    assert due(client) == "rate"


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"viewport_width": "300"}, "window"),
        ({"viewport_height": "300"}, "window"),
        ({"touch": "on"}, "device"),
    ],
)
def test_what_can_be_mended_is_said_and_can_be_tried_again(come, changed, reason):
    client = come(**SCREENS)
    client.post(reverse("start"))
    response = client.post(reverse("screening"), answers(**changed))
    assert response.status_code == 422
    assert str(screening.REASONS[reason])[:40] in response.content.decode()
    assert due(client) == "screening"
    client.post(reverse("screening"), answers())
    assert due(client) == "rate" or due(client) == "instructions"
    assert [row.refusal for row in Screening.objects.all()] == [reason, ""]
    assert Screening.objects.last().answers["viewport_width"] == 1600


def test_a_telephone_is_known_by_its_name_too(come):
    client = come(**SCREENS)
    client.post(reverse("start"))
    headers = {"User-Agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Mobile/15E148"}
    assert client.post(reverse("screening"), answers(), headers=headers).status_code == 422


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"vision": "not"}, "vision"),
        ({"vision": ""}, "vision"),
        ({"plate1": "", "plate2": "9"}, "plates"),
    ],
)
def test_whoever_cannot_take_part_is_told_why_and_gets_a_code_that_says_so(come, changed, reason):
    client = come(**SCREENS)
    client.post(reverse("start"))
    client.post(reverse("screening"), answers(**changed))
    rater = Rater.objects.get()
    assert (rater.stage, rater.refusal) == (Rater.Stage.SCREENED_OUT, reason)
    assert rater.completion_code.startswith("S-")
    html = client.get(reverse("rate")).content.decode()
    assert str(screening.REASONS[reason])[:40] in html
    assert rater.completion_code in html
    client.post(reverse("screening"), answers())
    assert due(client) == "screened_out"


def test_a_plate_may_be_misread_as_often_as_the_study_allows(come):
    client = come(**SCREENS)
    client.post(reverse("start"))
    client.post(reverse("screening"), answers(plate1="8"))
    assert Rater.objects.get().stage == Rater.Stage.INSTRUCTIONS


def test_a_screening_without_the_browsers_figures_is_refused(come):
    client = come(**SCREENS)
    client.post(reverse("start"))
    response = client.post(reverse("screening"), {"vision": "plain"})
    assert response.status_code == 400
    assert b"JavaScript" in response.content
    assert not Screening.objects.exists()


def test_plates_are_shown_to_their_rater_alone_and_their_files_hold_dots_alone(come):
    client = come(**SCREENS)
    client.post(reverse("start"))
    content = client.get(reverse("plate", args=[0])).content
    assert content[:4] == b"\x89PNG"
    assert content == client.get(reverse("plate", args=[0])).content
    assert client.get(reverse("plate", args=[4])).status_code == 404
    assert Client().get(reverse("plate", args=[0])).status_code == 401
