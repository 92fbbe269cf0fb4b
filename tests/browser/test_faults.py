"""Whatever the network, the browser or the rater does: each vote arrives once, in order."""

import json

import pytest
from playwright.sync_api import expect

from study.desk import links, studies
from study.models import Rater, Trial
from tests.browser.conftest import emptied, finished, stored, votable, vote

VOTE = "**/rate/vote"


def test_votes_given_offline_arrive_once_and_in_order(rating, context, invitation):
    context.set_offline(True)
    vote(rating, 1, [5, 1, 4, 2, 3])  # the images that were fetched ahead
    expect(rating.locator("#network")).to_have_text("5 answers waiting for the network")
    expect(rating.get_by_text("The next image is on its way.")).to_be_visible()
    assert stored(invitation) == []
    context.set_offline(False)
    vote(rating, 6, [5])
    finished(rating)
    assert stored(invitation) == list(enumerate([5, 1, 4, 2, 3, 5]))


def test_reloading_keeps_what_waits_and_goes_on_behind_it(rating, context, invitation):
    context.route(VOTE, lambda route: route.abort())
    vote(rating, 1, [2, 3])
    votable(rating, 3)
    rating.reload()
    votable(rating, 3)
    expect(rating.locator("#network")).to_have_text("2 answers waiting for the network")
    assert stored(invitation) == []
    context.unroute(VOTE)
    vote(rating, 3, [4])
    emptied(rating)
    assert stored(invitation) == [(0, 2), (1, 3), (2, 4)]


def test_a_closed_tab_loses_nothing(rating, context, begin, invitation):
    context.route(VOTE, lambda route: route.abort())
    vote(rating, 1, [5])
    votable(rating, 2)
    rating.close()
    context.unroute(VOTE)
    assert stored(invitation) == []
    page = begin(context)
    votable(page, 2)
    emptied(page)
    assert stored(invitation) == [(0, 5)]


def test_an_answer_lost_after_the_vote_was_stored_is_asked_for_again(rating, context, invitation):
    sent = []

    def lose_the_first_answer(route):
        sent.append(json.loads(route.request.post_data))
        if len(sent) == 1:
            route.fetch()  # the server stores the vote ...
            assert stored(invitation) == [(0, 3)]
            route.abort()  # ... and the browser never hears of it
        else:
            route.continue_()

    context.route(VOTE, lose_the_first_answer)
    vote(rating, 1, [3, 4])
    votable(rating, 3)
    emptied(rating)
    assert sent[0] == sent[1]
    assert stored(invitation) == [(0, 3), (1, 4)]


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 503, "body": "Service unavailable"},
        {"status": 200, "content_type": "text/html", "body": "<h1>Hotel network: sign in</h1>"},
    ],
    ids=["unavailable", "someone-else-answers"],
)
def test_an_answer_that_is_none_is_no_answer(rating, context, invitation, answer):
    context.route(VOTE, lambda route: route.fulfill(**answer), times=1)
    vote(rating, 1, [1, 5])
    votable(rating, 3)
    emptied(rating)
    assert stored(invitation) == [(0, 1), (1, 5)]


def test_an_image_that_fails_once_is_fetched_again(begin, context):
    context.route("**/rate/image/*", lambda route: route.abort(), times=1)
    votable(begin(context), 1)


def test_an_image_that_the_server_forgot_to_have_sent_is_fetched_from_it_again(rating, invitation):
    """As when it was restored to a moment ago; the browser has the image in its cache."""
    Trial.objects.update(delivered_at=None)
    vote(rating, 1, [3])  # the server cannot know that it was seen
    expect(rating.locator("#position")).to_have_text("Image 1 of 6")
    expect(rating.locator("#network")).to_have_text("")
    emptied(rating)
    assert stored(invitation) == []
    vote(rating, 1, [4])
    votable(rating, 2)
    emptied(rating)
    assert stored(invitation) == [(0, 4)]


def test_an_image_whose_file_is_gone_is_said_to_be_and_comes_when_it_is_back(
    begin, context, invitation
):
    page = begin(context)
    votable(page, 1)
    page.wait_for_load_state("networkidle")
    due = Trial.objects.get(rater__invitation=invitation, position=5).stimulus
    content = due.path.read_bytes()
    due.path.write_bytes(content[: len(content) // 2])
    vote(page, 1, [3, 3, 3, 3, 3])
    expect(page.get_by_text("Something is wrong with the next image")).to_be_visible(timeout=30_000)
    expect(page.locator("#stage img")).to_have_count(0)
    page.keyboard.press("3")
    emptied(page)
    assert len(stored(invitation)) == 5
    due.path.write_bytes(content)
    page.locator("#rating[data-open='6']").wait_for(state="attached", timeout=30_000)
    expect(page.get_by_text("Something is wrong")).to_be_hidden()
    vote(page, 6, [2])
    finished(page)
    assert stored(invitation) == list(enumerate([3] * 5 + [2]))


def test_a_second_tab_adds_nothing_and_moves_on_with_the_first(rating, begin, context, invitation):
    second = begin(context)
    vote(second, 1, [5, 4])
    votable(second, 3)
    emptied(second)
    vote(rating, 1, [1])  # the first tab still shows the first image
    votable(rating, 3)
    emptied(rating)
    assert stored(invitation) == [(0, 5), (1, 4)]


def test_a_page_that_is_ahead_of_the_server_is_led_back(rating, context, invitation):
    # As when the server was restored to an hour ago: it acknowledged a vote that it has no more.
    told = json.loads(rating.locator("#state").text_content())
    forgotten = {**told, "position": 1, "trials": told["trials"][1:]}
    context.route(VOTE, lambda route: route.fulfill(json=forgotten), times=1)
    vote(rating, 1, [2, 4])  # the second vote is not due
    vote(rating, 1, [3])
    votable(rating, 2)
    emptied(rating)
    assert stored(invitation) == [(0, 3)]


def test_two_raters_at_one_computer_do_not_lose_each_others_votes(
    rating, context, invitation, open_study, site
):
    context.route(VOTE, lambda route: route.abort())
    vote(rating, 1, [5])
    votable(rating, 2)
    rating.close()
    context.unroute(VOTE)
    other = links.invite(open_study, 1)[0]
    page = context.new_page()
    page.goto(f"{site}{other.get_absolute_url()}")
    page.get_by_role("button", name="Begin").click()
    vote(page, 1, [2])
    votable(page, 2)
    page.locator("#rating[data-waiting='0']").wait_for(state="attached")
    assert page.evaluate("localStorage.length") == 1
    assert stored(other) == [(0, 2)]
    assert stored(invitation) == []
    page.goto(f"{site}{invitation.get_absolute_url()}")
    votable(page, 2)
    emptied(page)
    assert stored(invitation) == [(0, 5)]
    assert stored(other) == [(0, 2)]


def test_a_withdrawn_rater_is_told_and_stopped(rating, invitation):
    links.revoke(invitation)
    rating.keyboard.press("3")
    expect(rating.get_by_role("alert")).to_contain_text("This invitation was withdrawn.")
    assert stored(invitation) == []
    rating.get_by_role("button", name="Reload the page").click()
    expect(rating.get_by_role("heading", name="This invitation was withdrawn")).to_be_visible()


def test_a_closed_study_stops_its_raters(rating, invitation, open_study):
    studies.close(open_study)
    rating.keyboard.press("3")
    expect(rating.get_by_role("alert")).to_contain_text("closed")
    assert stored(invitation) == []


def test_a_browser_that_forgot_its_rater_is_told_and_keeps_the_vote(
    rating, context, begin, invitation
):
    context.clear_cookies()
    rating.keyboard.press("3")
    expect(rating.get_by_role("alert")).to_be_visible()
    page = begin(context)
    votable(page, 2)
    emptied(page)
    assert stored(invitation) == [(0, 3)]


def test_a_vote_that_the_server_cannot_read_stops_the_page_once(rating, context, invitation):
    refusal = {"status": 400, "json": {"error": "score: one of the whole numbers 1, 2, 3, 4, 5."}}
    context.route(VOTE, lambda route: route.fulfill(**refusal), times=1)
    rating.keyboard.press("3")
    expect(rating.get_by_role("alert")).to_contain_text("whole numbers")
    rating.get_by_role("button", name="Reload the page").click()
    vote(rating, 1, [4])
    votable(rating, 2)
    emptied(rating)
    assert stored(invitation) == [(0, 4)]


def test_a_returning_rater_goes_on_where_the_votes_ended(rating, browser, begin, invitation):
    vote(rating, 1, [4, 4])
    votable(rating, 3)
    emptied(rating)
    elsewhere = browser.new_context()
    page = begin(elsewhere)
    expect(page.locator("#position")).to_have_text("Image 3 of 6")
    votable(page, 3)
    assert Rater.objects.filter(invitation=invitation).count() == 1
    elsewhere.close()
