"""Who signed in is signed out when they have gone; who rates is not."""

from __future__ import annotations

import re
import uuid

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from study.models import Deed
from study.site import idle

HOUR = 3600


def inside(client) -> bool:
    return client.get(reverse("studies")).status_code == 200


def back(client, seconds, *entries) -> None:
    """As if what the session says of the time had been written so long ago."""
    session = client.session
    for entry in entries or (idle.SINCE, idle.SEEN):
        session[entry] -= seconds
    session.save()


@pytest.fixture
def researcher(owner) -> Client:
    client = Client()
    client.force_login(owner)
    assert inside(client)
    return client


def test_twelve_hours_without_a_request_end_a_sign_in_and_it_is_written_down(researcher, owner):
    back(researcher, 11.9 * HOUR)
    assert inside(researcher)
    back(researcher, 12.1 * HOUR)
    assert not inside(researcher)
    deed = Deed.objects.get(kind=Deed.Kind.SIGNED_OUT)
    assert (deed.user, deed.details) == (owner, {"why": "12 hours without a request"})
    assert not Session.objects.exists()


def test_the_hours_are_a_setting(researcher, settings):
    settings.STAFF_IDLE_HOURS = 1
    back(researcher, 1.1 * HOUR)
    assert not inside(researcher)


def test_a_month_after_signing_in_nobody_is_in_however_busy(researcher):
    back(researcher, 29.9 * 24 * HOUR, idle.SINCE)
    assert inside(researcher)
    back(researcher, 0.2 * 24 * HOUR, idle.SINCE)
    assert not inside(researcher)


def test_signing_in_again_begins_anew(researcher, owner):
    owner.set_password("owner-password")
    back(researcher, 29 * 24 * HOUR)
    given = {"username": "owner", "password": "owner-password"}
    client = Client()
    client.cookies = researcher.cookies
    client.post(reverse("login"), given)
    assert inside(client)
    back(client, 2 * 24 * HOUR, idle.SINCE)
    assert inside(client)


def test_activity_is_not_written_down_at_each_request(researcher):
    with CaptureQueriesContext(connection) as asked:
        for _ in range(3):
            assert inside(researcher)
    assert not [q for q in asked if not q["sql"].startswith("SELECT")]
    back(researcher, idle.NOTED_EVERY, idle.SEEN)
    with CaptureQueriesContext(connection) as asked:
        assert inside(researcher)
    assert [q for q in asked if q["sql"].startswith("UPDATE")]


def test_a_rater_in_the_same_browser_stays_with_the_page_they_are_on(rater, trials, owner):
    browser = Client(enforce_csrf_checks=True)
    browser.get(rater.invitation.get_absolute_url())
    browser.force_login(owner)
    browser.get(reverse("studies"))
    page = browser.get(reverse("rate")).content.decode()
    token = re.search(r'data-csrf="([^"]+)"', page)
    assert token
    back(browser, 13 * HOUR)
    assert not inside(browser)
    vote = {
        "trial": trials[0].token, "score": 3, "id": str(uuid.uuid4()),
        "response_ms": 1000, "visible_ms": 1000,
    }  # fmt: skip
    answer = browser.post(
        reverse("vote"), vote, "application/json", headers={"X-CSRFToken": token[1]}
    )
    assert answer.status_code not in {401, 403}, answer.content


def test_raters_are_known_for_ninety_days(rater_client):
    (row,) = Session.objects.all()
    assert (row.expire_date - row.expire_date.now(row.expire_date.tzinfo)).days >= 89
    assert idle.SEEN not in row.get_decoded()


def test_a_page_that_renews_itself_keeps_nobody_in_and_leads_to_the_door(researcher, open_study):
    page, by_itself = reverse("raters", args=[open_study.slug]), {"HX-Request": "true"}
    back(researcher, 11.9 * HOUR)
    assert researcher.get(page, headers=by_itself).status_code == 200
    back(researcher, 0.2 * HOUR)
    answer = researcher.get(page, headers=by_itself)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer["HX-Refresh"] == "true", "the whole page is loaded, and leads to the door"
    assert researcher.get(page).status_code == 302


def test_a_form_that_is_looked_at_while_it_is_filled_in_is_not_led_away(researcher, draft_study):
    form, by_script = reverse("edit", args=["small", "analysis"]), {"HX-Request": "true"}
    back(researcher, 12.1 * HOUR)
    answer = researcher.post(f"{form}?check", headers=by_script)
    assert (answer.status_code, answer.content) == (401, b"")
