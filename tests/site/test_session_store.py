"""Sessions are rows of those who are somebody: whoever only looks in leaves nothing behind."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore as Djangos
from django.contrib.sessions.models import Session
from django.middleware.csrf import CSRF_SESSION_KEY
from django.test import Client
from django.urls import reverse

from study.desk import links
from study.site.access import KEY

RIGHT = "five plain words are long"


def token_of(page) -> str:
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.content.decode())
    assert found
    return found[1]


@pytest.mark.parametrize("name", ["home", "login", "rate", "studies", "password", "admin:index"])
def test_visitors_leave_no_row(db, name):
    for _ in range(3):
        Client().get(reverse(name), follow=True)
    assert not Session.objects.exists()


def test_the_sign_in_form_is_guarded_and_works_without_a_row(db):
    User.objects.create_user("anna", password=RIGHT)
    client = Client(enforce_csrf_checks=True)
    given = {"username": "anna", "password": RIGHT}
    assert client.post(reverse("login"), given).status_code == 403
    page = client.get(reverse("login"))
    assert list(client.cookies) == ["sessionid"]
    given["csrfmiddlewaretoken"] = token_of(page)
    assert Client(enforce_csrf_checks=True).post(reverse("login"), given).status_code == 403
    another = Client(enforce_csrf_checks=True)
    another.get(reverse("login"))
    assert another.post(reverse("login"), given).status_code == 403
    assert client.post(reverse("login"), given).status_code == 302
    (row,) = Session.objects.all()
    assert client.cookies["sessionid"].value == row.session_key
    assert row.get_decoded()["_auth_user_id"]
    # The token of before the sign-in is worth nothing after it.
    assert client.post(reverse("logout"), given).status_code == 403
    given = {"csrfmiddlewaretoken": token_of(client.get(reverse("studies")))}
    assert client.post(reverse("logout"), given).status_code == 302
    assert not Session.objects.exists()


@pytest.mark.parametrize("key", ["csrf-short", "csrf-" + "é" * 32, "csrf-" + "a" * 33, "csrf-"])
def test_a_key_that_was_made_up_is_nobodys(db, key):
    client = Client()
    client.cookies["sessionid"] = key
    assert client.get(reverse("login")).status_code == 200
    assert re.fullmatch(r"csrf-\w{32}", client.cookies["sessionid"].value)
    assert not Session.objects.exists()


def test_a_key_is_never_taken_over_by_somebody(db):
    """Nobody can plant a session that somebody else then signs in with."""
    User.objects.create_user("anna", password=RIGHT)
    client = Client()
    client.cookies["sessionid"] = planted = "csrf-" + "a" * 32
    client.post(reverse("login"), {"username": "anna", "password": RIGHT})
    assert client.cookies["sessionid"].value != planted
    assert not Session.objects.filter(session_key=planted).exists()


def test_a_link_makes_one_row_for_a_browser_and_none_for_who_asks_for_headers(invitation):
    link = invitation.get_absolute_url()
    assert Client().head(link).status_code == 302
    assert not Session.objects.exists()
    client = Client()
    for _ in range(3):
        assert client.get(link).status_code == 302
        client.get(reverse("rate"))
    assert Session.objects.count() == 1
    invitation.refresh_from_db()
    assert invitation.opened_at


def test_another_link_in_the_same_browser_gets_another_key(invitation):
    client = Client()
    client.get(invitation.get_absolute_url())
    before = client.cookies["sessionid"].value
    (other,) = links.invite(invitation.study, 1)
    client.get(other.get_absolute_url())
    assert client.cookies["sessionid"].value != before
    assert Session.objects.count() == 1


def test_a_page_that_was_open_while_the_site_was_brought_up_to_date_can_still_vote(rater):
    """Sessions of earlier versions hold the secret of the pages that they showed."""
    earlier = Djangos()
    secret = "s" * 32
    earlier.update({KEY: rater.invitation.pk, CSRF_SESSION_KEY: secret})
    earlier.save()
    client = Client(enforce_csrf_checks=True)
    client.cookies["sessionid"] = earlier.session_key
    headers = {"X-CSRFToken": secret}
    assert client.post(reverse("vote"), {}, "application/json", headers=headers).status_code == 400
    headers = {"X-CSRFToken": "t" * 32}
    assert client.post(reverse("vote"), {}, "application/json", headers=headers).status_code == 403
