"""No page asks another site for anything."""

from __future__ import annotations

import re

from django.test import Client
from django.urls import reverse


def test_nothing_is_loaded_from_elsewhere(rater_client):
    response = rater_client.get(reverse("rate"))
    assert "default-src 'self'" in response["Content-Security-Policy"]
    assert not re.findall(rb'(?:src|href)="(?:https?:)?//', response.content)
    assert b"<style" not in response.content


def test_a_page_that_says_nothing_of_being_kept_is_not_kept(owner, open_study):
    client = Client()
    client.force_login(owner)
    pages = [reverse("home"), reverse("studies"), open_study.get_absolute_url(), "/nowhere/"]
    for page in [*pages, reverse("login"), reverse("ratings", args=[open_study.slug])]:
        assert "no-store" in client.get(page)["Cache-Control"], page
    moved = Client().get(reverse("studies"))
    assert (moved.status_code, moved["Cache-Control"]) == (302, "private, no-store")


def test_the_admins_pages_are_not_kept(admin_client):
    for page in ("index", "study_study_changelist", "auth_user_changelist", "jsi18n"):
        assert "no-store" in admin_client.get(reverse(f"admin:{page}"))["Cache-Control"], page


def test_images_may_be_kept_but_not_that_there_was_none(rater_client, trials):
    image = reverse("image", args=[trials[0].token])
    assert "immutable" in rater_client.get(image)["Cache-Control"]
    for client, place in [(Client(), trials[0].token), (rater_client, "none")]:
        refusal = client.get(reverse("image", args=[place]))
        assert refusal.status_code in {401, 404}
        assert refusal["Cache-Control"] == "private, no-store"


def test_static_files_have_the_policy_too_and_are_kept(settings):
    settings.WHITENOISE_USE_FINDERS = settings.WHITENOISE_AUTOREFRESH = True
    file = Client().get("/static/study/rating/rate.js")
    assert file.status_code == 200
    assert "default-src 'self'" in file["Content-Security-Policy"]
    assert file["X-Content-Type-Options"] == "nosniff"
    assert "no-store" not in file["Cache-Control"]


def test_a_vote_that_is_too_large_is_refused_in_json(rater_client, settings):
    vote = {"trial": settings.DATA_UPLOAD_MAX_MEMORY_SIZE * "x"}
    refusal = rater_client.post(reverse("vote"), vote, content_type="application/json")
    assert (refusal.status_code, refusal.json()) == (
        413,
        {"error": "What was sent is too large for this site."},
    )
    page = rater_client.post(reverse("leave"), vote)
    assert (page.status_code, "too large" in page.content.decode()) == (413, True)


def test_a_vote_without_the_token_of_its_page_is_refused_in_json(rater):
    client = Client(enforce_csrf_checks=True)
    client.get(rater.invitation.get_absolute_url())
    refusal = client.post(reverse("vote"), {}, content_type="application/json")
    assert (refusal.status_code, list(refusal.json())) == (403, ["error"])


def test_browsers_find_the_icon_on_pages_that_do_not_name_it(settings):
    settings.WHITENOISE_USE_FINDERS = settings.WHITENOISE_AUTOREFRESH = True
    icon = Client().get("/favicon.ico", follow=True)
    assert (icon.status_code, icon["Content-Type"]) == (200, "image/svg+xml")
