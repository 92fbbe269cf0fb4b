"""What raters read: kept word for word as they were shown it, and nothing in it from elsewhere."""

from __future__ import annotations

from django.urls import reverse

from study.models import Rater
from study.rating import texts


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
