"""What raters read: kept word for word as they were shown it, and nothing in it from elsewhere."""

from __future__ import annotations

import hashlib
import re
from html import unescape

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation

from study.desk import studies
from study.models import Invitation, Rater, Study
from study.rating import texts

ABOUT = {
    "researcher": "Dr *Jane* Doe_, [PhD](x) <jane@uni.example> & co",
    "institution": "`Uni` of {contact} \\\\ %(x)s",
    "contact": "jane_doe_1@uni.example",
    "ethics": "1. No ![x](https://elsewhere.example/p.png) &amp; 2026/17",
    "storage": "# ten years\n- or **more**\\",
}
"""As nobody types it: each of it would be something else if it were read as Markdown."""


def test_what_was_agreed_to_and_read_is_stored_word_for_word(come):
    client = come(consent="I *agree*.", instructions="Look.\n\n<script>")
    html = client.get(reverse("rate")).content.decode()
    assert "I <em>agree</em>." in html
    assert "<p>&lt;script&gt;</p>" in html
    client.post(reverse("start"))
    rater = Rater.objects.get()
    assert (rater.consent.text, rater.instructions.text) == ("I *agree*.", "Look.\n\n<script>")
    assert len(rater.consent.sha256) == 64


def test_a_standard_text_is_stored_in_the_language_in_which_it_was_shown(come):
    client = come()
    client.post(reverse("start"), headers={"Accept-Language": "de"})
    text = Rater.objects.get().consent
    assert text.language == "de"
    assert text.text != texts.CONSENT


def test_markdown_brings_no_html_no_images_and_no_script():
    assert "<img" not in texts.html("<img src=x> ![a](https://elsewhere.example/pixel.png)")
    assert "href" not in texts.html("[a](javascript:alert(1))")
    assert '<a href="https://a.example">' in texts.html("[a](https://a.example)")


def test_a_text_of_the_language_in_force_goes_before_that_of_every_language(come):
    client = come(consent="For all", texts={"consent": {"de": "Auf *Deutsch*"}})
    assert "<p>For all</p>" in client.get(reverse("rate")).content.decode()
    german = {"Accept-Language": "de-AT,de;q=0.9"}
    page = client.get(reverse("rate"), headers=german).content.decode()
    assert "<p>Auf <em>Deutsch</em></p>" in page
    assert "For all" not in page
    client.post(reverse("start"), headers=german)
    agreed = Rater.objects.get().consent
    assert (agreed.language, agreed.text) == ("de", "Auf *Deutsch*")


@pytest.mark.parametrize(
    ("language", "digest"), [("en", "c59b875347f8c556"), ("de", "b5b9d9b90b1f2aa9")]
)
def test_the_standard_consent_is_what_it_was_where_a_study_says_nothing_of_itself(language, digest):
    with translation.override(language):
        said = texts.consent(Study(contact=" "))
    assert hashlib.sha256(said.encode()).hexdigest().startswith(digest)


@pytest.mark.parametrize("language", ["en", "de"])
def test_what_a_study_says_of_itself_ends_the_consent_and_stays_what_was_typed(language):
    with translation.override(language):
        standard, said = texts.consent(Study()), texts.consent(Study(**ABOUT))
    assert said.startswith(f"{standard}\n\n")
    html = texts.html(said)
    assert html.startswith(texts.html(standard))
    lines = re.findall(r"<li>(.*)</li>", html.removeprefix(texts.html(standard)))
    assert [re.sub("<[^>]*>", "?", line) for line in lines] == lines
    for line, typed in zip(lines, ABOUT.values(), strict=True):
        assert unescape(line).endswith(": " + " ".join(typed.split()))
    own = Study(**ABOUT, texts={"consent": {"en": "Mine", "de": "Meins"}})
    with translation.override(language):
        assert texts.consent(own) in ("Mine", "Meins")


def test_the_contact_stands_once_on_the_pages_on_which_raters_end_or_stop(come):
    client = come(contact="<me> & you", texts={"consent": {"en": "Mine", "de": "Meins"}})

    def told(address: str = "rate", language: str = "en") -> int:
        page = client.get(reverse(address), headers={"Accept-Language": language})
        said = "Fragen:" if language == "de" else "Questions:"
        return page.content.decode().count(f"{said} &lt;me&gt; &amp; you")

    assert told() == 0
    client.post(reverse("start"))
    rater = Rater.objects.get()
    assert (told(), told("leave"), told("leave", "de")) == (0, 1, 1)
    for stage in Rater.ENDED:
        Rater.objects.filter(pk=rater.pk).update(stage=stage)
        assert told() == 1, stage
    Rater.objects.filter(pk=rater.pk).update(stage=Rater.Stage.RATING)
    studies.close(rater.study)
    assert (told(), told(language="de")) == (1, 1)


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("noted", [{"name": "Jana Lang"}, {"mail": "jana@harbour.example"}])
def test_who_is_named_beside_a_link_agrees_to_that_too(open_study, invitation, noted, language):
    """No name is asked for; one that a researcher has noted is not kept from whom it names."""
    Study.objects.filter(pk=open_study.pk).update(consent="One of its own.", language=language)
    unnamed = Client().get(invitation.get_absolute_url(), follow=True).content.decode()
    Invitation.objects.update(**noted)
    page = Client().get(invitation.get_absolute_url(), follow=True).content.decode()
    said = {"en": "beside your link", "de": "neben Ihrem Link"}[language]
    assert said in page
    assert said not in unnamed
    assert not any(value in page for value in noted.values())
    client = Client()
    client.get(invitation.get_absolute_url())
    client.post(reverse("start"))
    assert said in Rater.objects.get(invitation=invitation).consent.text
