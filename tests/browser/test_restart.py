"""The server is killed between votes and during one: the rater goes on, and every vote arrives."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import emptied, stored, votable, vote
from tests.serving import our_site, served


@pytest.fixture
def server(transactional_db, open_study):
    """The product as it is run, with this test's database."""
    with served("study.wsgi", our_site()) as running:
        yield running


def test_a_killed_and_restarted_server_loses_no_vote(server, page, invitation):
    page.goto(f"http://127.0.0.1:{server.port}{invitation.get_absolute_url()}")
    page.get_by_role("button", name="Begin").click()
    votable(page, 1)
    page.wait_for_load_state("networkidle")
    vote(page, 1, [5])
    emptied(page)
    server.kill()  # between two votes
    vote(page, 2, [4, 3])
    expect(page.locator("#network")).to_have_text("2 answers waiting for the network")
    server.start()
    emptied(page)
    page.wait_for_load_state("networkidle")
    votable(page, 4)
    page.keyboard.press("2")
    server.kill()  # during a vote: sent or not, answered or not
    vote(page, 5, [1])
    server.start()
    vote(page, 6, [5])
    # The last answer comes only after some retries; then there is nothing left to be taken back.
    expect(page.get_by_role("heading", name="Thank you!")).to_be_visible(timeout=30_000)
    assert stored(invitation) == list(enumerate([5, 4, 3, 2, 1, 5]))
