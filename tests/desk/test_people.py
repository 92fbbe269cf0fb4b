"""Accounts made in the browser: by superusers alone, with a password that is shown once."""

from __future__ import annotations

import html
import re

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from study.models import Deed


@pytest.fixture
def admin(client, db) -> Client:
    client.force_login(User.objects.create_superuser("head", password="x"))
    return client


def password_in(response) -> str:
    return html.unescape(re.findall(r"<code>(.+?)</code>", response.content.decode())[0])


def test_a_new_researcher_signs_in_with_the_password_that_was_shown_once(admin):
    shown = admin.post(reverse("people"), {"username": "anna"})
    password = password_in(shown)
    assert Client().login(username="anna", password=password)
    assert password not in admin.get(reverse("people")).content.decode()
    made = Deed.objects.get(kind=Deed.Kind.ACCOUNT)
    assert made.account == "head"
    assert password not in str(made.details)


def test_the_right_to_the_catalogue_is_given_and_taken(admin):
    admin.post(reverse("people"), {"username": "anna", "catalogue": "on"})
    anna = User.objects.get(username="anna")
    assert anna.has_perm("study.add_to_catalogue")
    admin.post(reverse("change_person", args=[anna.pk]), {"active": "on"})
    assert not User.objects.get(pk=anna.pk).has_perm("study.add_to_catalogue")
    assert Deed.objects.get(kind=Deed.Kind.RIGHTS).details == {
        "of": "anna", "may add to the catalogue": [True, False]
    }  # fmt: skip


def test_an_account_that_is_switched_off_is_nobody_at_its_next_request(admin):
    anna = User.objects.create_user("anna", password="x")
    browser = Client()
    browser.force_login(anna)
    admin.post(reverse("change_person", args=[anna.pk]), {})
    assert browser.get(reverse("studies")).status_code == 302


def test_a_new_password_ends_the_sessions_of_the_old_one(admin):
    anna = User.objects.create_user("anna", password="old")
    browser = Client()
    browser.force_login(anna)
    password = password_in(admin.post(reverse("new_password", args=[anna.pk])))
    assert browser.get(reverse("studies")).status_code == 302
    assert Client().login(username="anna", password=password)


@pytest.mark.parametrize("name", ["anna", "Anna"])
def test_two_accounts_of_one_name_are_refused_whatever_their_case(admin, name):
    User.objects.create_user("anna")
    refused = admin.post(reverse("people"), {"username": name})
    assert refused.status_code == 400
    assert User.objects.filter(username__iexact="anna").count() == 1


def test_superusers_and_oneself_are_not_changed_here(admin):
    head, other = User.objects.get(username="head"), User.objects.create_superuser("other")
    for user in (head, other):
        admin.post(reverse("change_person", args=[user.pk]), {})
        admin.post(reverse("new_password", args=[user.pk]))
        user.refresh_from_db()
        assert user.is_active
    assert head.check_password("x")


def test_nobody_else_makes_accounts(client, outsider):
    client.force_login(outsider)
    assert client.get(reverse("people")).status_code == 403
    assert client.post(reverse("people"), {"username": "b"}).status_code == 403
    assert client.post(reverse("new_password", args=[outsider.pk])).status_code == 403
    assert not User.objects.filter(username="b").exists()
