"""Requests that lead nowhere are told so, in the language of whoever sent them."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from study.desk import links, studies


@pytest.mark.parametrize(
    ("language", "word"), [("en", "does not exist"), ("de-AT", "gibt es nicht")]
)
def test_an_address_with_nothing_behind_it_says_so_in_the_visitors_language(db, language, word):
    page = Client(headers={"Accept-Language": language}).get("/rate/nothing")
    assert (page.status_code, page["Content-Language"]) == (404, language[:2])
    assert word in page.content.decode()


def test_a_refused_form_says_what_to_do_in_the_studys_language(db, draft_study):
    studies.set_protocol(draft_study, {"language": "de"})
    draft_study.save()
    studies.open_(draft_study)
    (invitation,) = links.invite(draft_study, 1)
    client = Client(enforce_csrf_checks=True)
    client.get(invitation.get_absolute_url())
    page = client.post(reverse("start"))
    assert page.status_code == 403
    assert "Erlauben Sie Cookies" in page.content.decode()
