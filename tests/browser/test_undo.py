"""Taking a vote back, whatever the network does: timed by the server, nothing lost or doubled."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.db.models import F
from playwright.sync_api import expect

from study.models import Rating, Revision
from tests.browser.conftest import emptied, stored, votable, vote

VOTE = "**/rate/vote"
LATE = "That was too late to take the answer back: the first one counts."


def taken_back(page) -> None:
    page.keyboard.press("Backspace")
    expect(page.locator("#position")).to_contain_text("again: please answer anew")


def ten_seconds_pass() -> None:
    """For every vote that has arrived."""
    Rating.objects.update(received_at=F("received_at") - timedelta(seconds=10))


def goes_on(page, invitation, first: int, scores: list[int]) -> None:
    """From the second image on; in the end nothing waits and each vote is stored once."""
    vote(page, 2, scores)
    votable(page, 2 + len(scores))
    emptied(page)
    assert stored(invitation) == list(enumerate([first, *scores]))


@pytest.mark.parametrize(
    "fates",
    [
        ["answer lost"] * 3,
        ["never sent"] * 3,
        ["answer lost", "never sent", "unavailable"],
        ["unavailable", "answer lost", "never sent"],
        ["never sent", "unavailable", "answer lost"],
        ["delivered", "answer lost", "answer lost"],
    ],
    ids="-".join,
)
def test_a_vote_its_undo_and_its_revision_each_arrive_once(rating, context, invitation, fates):
    """The first time that each is sent something goes wrong with it."""
    coming, met = list(fates), set()

    def fate(route):
        sent = json.loads(route.request.post_data)
        kind = "undo" if "undo" in sent else "again" if "again" in sent else "vote"
        what = coming.pop(0) if coming and kind not in met else "delivered"
        met.add(kind)
        if what == "never sent":
            route.abort()
        elif what == "unavailable":
            route.fulfill(status=503, body="Service unavailable")
        elif what == "answer lost":
            route.fetch()
            route.abort()
        else:
            route.continue_()

    context.route(VOTE, fate)
    vote(rating, 1, [2])
    votable(rating, 2)
    taken_back(rating)
    vote(rating, 1, [4])
    goes_on(rating, invitation, 4, [1, 5])
    assert met == {"vote", "undo", "again"}
    revision = Revision.objects.get()
    assert (revision.original_score, revision.score) == (2, 4)
    assert revision.rating.taken_back_at is not None
    assert 0 <= revision.after_ms <= 6000


def test_all_three_wait_in_a_closed_tab_and_arrive_together(rating, context, begin, invitation):
    context.route(VOTE, lambda route: route.abort())
    vote(rating, 1, [2])
    votable(rating, 2)
    taken_back(rating)
    vote(rating, 1, [4])
    votable(rating, 2)
    expect(rating.locator("#network")).to_have_text("2 answers waiting for the network")
    rating.close()
    context.unroute(VOTE)
    page = begin(context)
    votable(page, 2)
    emptied(page)
    goes_on(page, invitation, 4, [3])
    assert Revision.objects.get().original_score == 2


@pytest.mark.parametrize("answered", [False, True], ids=["still looking", "answered anew"])
def test_an_undo_that_the_network_held_up_is_too_late_and_the_page_says_so(
    rating, context, invitation, answered
):
    vote(rating, 1, [2])
    votable(rating, 2)
    emptied(rating)
    context.set_offline(True)
    taken_back(rating)
    if answered:
        vote(rating, 1, [4])
        votable(rating, 2)
    ten_seconds_pass()
    context.set_offline(False)
    expect(rating.locator("#question")).to_contain_text(LATE)
    expect(rating.locator("#position")).to_have_text("Image 2 of 6")
    emptied(rating)
    assert stored(invitation) == [(0, 2)]
    assert not Revision.objects.exists()
    vote(rating, 2, [5])
    expect(rating.locator("#question")).not_to_contain_text(LATE)
    votable(rating, 3)
    emptied(rating)
    assert stored(invitation) == [(0, 2), (1, 5)]


def test_after_the_last_image_a_late_undo_is_said_before_the_page_goes(rating, context, invitation):
    vote(rating, 1, [3] * 6)
    expect(rating.get_by_text("That was the last image for now.")).to_be_visible()
    emptied(rating)
    context.set_offline(True)
    taken_back(rating)
    ten_seconds_pass()
    context.set_offline(False)
    expect(rating.get_by_text(LATE)).to_be_visible()
    rating.locator("#continue").click()
    expect(rating.get_by_role("heading", name="Thank you!")).to_be_visible()
    assert stored(invitation) == list(enumerate([3] * 6))


def test_a_reload_amid_taking_back_leaves_the_first_answer(rating, invitation):
    vote(rating, 1, [2])
    votable(rating, 2)
    taken_back(rating)
    emptied(rating)
    rating.reload()
    votable(rating, 2)
    goes_on(rating, invitation, 2, [4])


def test_what_a_page_of_the_version_before_kept_is_answered_and_forgotten(rating, invitation):
    """It timed itself how soon a vote was taken back."""
    vote(rating, 1, [2])
    votable(rating, 2)
    emptied(rating)
    token = Rating.objects.get().trial.token
    old = {"trial": token, "score": 5, "id": "b7f5a5a2-3c4e-4f0e-9d8e-0d8c5c2b7a11",
           "response_ms": 900, "after_ms": 0}  # fmt: skip
    entry = json.dumps({"position": 0, "vote": old})
    keep = "([key, entry]) => localStorage.setItem(key, entry)"
    rating.evaluate(keep, [f"revision:{token}", entry])
    rating.reload()
    goes_on(rating, invitation, 2, [4])
