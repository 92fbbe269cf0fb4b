"""Links name the site as its owner did, whatever name a request came by."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from study.desk import links, rehearsal
from study.models import Deed, Rater
from study.rating import sessions

OTHER = "other.example:6666"


@pytest.fixture(autouse=True)
def _answers_to_another_name(settings):
    settings.SITE_URL = "https://study.example.org"
    settings.ALLOWED_HOSTS = ["other.example", "study.example.org"]


def names_the_other(response) -> bool:
    """Whether anything that was answered, in its text or its headers, holds the request's host."""
    told = b"".join(response) if response.streaming else response.content
    headers = " ".join(f"{name}: {value}" for name, value in response.headers.items())
    return b"other.example" in told or "other.example" in headers


def get(client, address):
    response = client.get(address, HTTP_HOST=OTHER)
    assert response.status_code in {200, 302}, address
    return response


def test_no_page_of_researchers_holds_the_host_of_the_request(open_study, db):
    client = Client()
    assert not names_the_other(get(client, reverse("home")))
    assert not names_the_other(get(client, reverse("login")))
    assert not names_the_other(get(client, reverse("studies")))
    client.force_login(User.objects.create_superuser("root", password="x"))
    list(rehearsal.rehearse(open_study, raters=2, seed=0))
    links.invite(open_study, 2)
    pages = [reverse(name) for name in ("home", "login", "studies", "password", "admin:index")]
    pages += [open_study.get_absolute_url(), f"{open_study.get_absolute_url()}?raters=simulated"]
    pages += [reverse(name, args=["small"]) for name in ("raters", "raters_csv")]
    pages += [reverse(name, args=["small", 1]) for name in ("rater", "revoke", "replace")]
    for model in apps.get_app_config("study").get_models():
        if model in admin.site._registry:
            name = f"admin:study_{model._meta.model_name}"
            pages.append(reverse(f"{name}_changelist"))
            for row in model._default_manager.all()[:1]:
                pages.append(reverse(f"{name}_change", args=[row.pk]))
    for extension in ("csv", "json", "tex", "md"):
        pages.append(reverse("results", args=["small", extension]) + "?raters=simulated")
    pages.append(reverse("archive", args=["small"]) + "?raters=simulated")
    assert len(pages) > 30
    assert [page for page in pages if names_the_other(get(client, page))] == []
    sure = {"sure": "yes"}
    verbs = [("invite", {"count": 1}), ("close_study", sure), ("open_study", sure), ("look", {})]
    for name, given in verbs:
        answer = client.post(reverse(name, args=["small"]), given, HTTP_HOST=OTHER)
        assert answer.status_code == 302
        assert not names_the_other(answer)
    assert not names_the_other(client.post(reverse("logout"), HTTP_HOST=OTHER))
    assert Deed.objects.count() > len(verbs)


def test_the_links_of_a_study_name_the_site(open_study, owner):
    client = Client()
    client.force_login(owner)
    (invitation,) = links.invite(open_study, 1)
    page = get(client, reverse("raters", args=["small"])).content.decode()
    assert f"https://study.example.org{invitation.get_absolute_url()}" in page


def test_no_page_of_raters_holds_the_host_of_the_request(invitation):
    client = Client()
    assert not names_the_other(client.get("/r/nobody/", HTTP_HOST=OTHER))
    assert not names_the_other(get(client, invitation.get_absolute_url()))
    seen = [get(client, reverse("rate"))]
    rater = sessions.enrol(invitation)
    for stage in Rater.Stage:
        Rater.objects.filter(pk=rater.pk).update(stage=stage)
        client.get(reverse("rate"), HTTP_HOST=OTHER)
        seen += [
            client.get(reverse(name), HTTP_HOST=OTHER) for name in ("rate", "upcoming", "leave")
        ]
    assert len(seen) > 10
    assert not any(names_the_other(answer) for answer in seen)


def test_plain_http_is_led_to_the_site_and_nowhere_else(settings, db):
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_SSL_HOST = "study.example.org"
    answer = Client().get("/login/", HTTP_HOST=OTHER)
    assert answer["Location"] == "https://study.example.org/login/"
