"""Every word of statistics that a page explains has its place in the documents, and opens there."""

from __future__ import annotations

import re
from pathlib import Path

from django.conf import settings
from django.urls import reverse

from study.desk.terms import TERMS

TEMPLATES = Path(settings.BASE_DIR) / "study" / "templates" / "study" / "desk"
USED = re.compile(r'include "study/desk/term\.html" with term=terms\.(\w+) ')


def test_every_term_leads_to_a_heading_that_is_there(client, outsider):
    client.force_login(outsider)
    page = client.get(reverse("doc", args=["statistics"])).content.decode()
    headings = set(re.findall(r'<h2 id="([^"]+)"', page))
    assert {term.place for term in TERMS.values()} <= headings


def test_every_term_is_one_or_two_short_sentences():
    for term in TERMS.values():
        assert term.said.endswith((".", "?")), term.name
        assert len(term.said) <= 200, term.name


def test_pages_use_terms_that_are_known_and_every_term_is_used():
    used = {name for path in TEMPLATES.glob("*.html") for name in USED.findall(path.read_text())}
    assert used == set(TERMS)


def test_a_page_with_question_marks_holds_what_they_open():
    parts = {"said.html", "version.html", "bars.html"}
    for path in TEMPLATES.glob("*.html"):
        text = path.read_text()
        if USED.search(text):
            assert path.name not in parts, "a part of a page stands on it more than once"
            assert '{% include "study/desk/terms.html" %}' in text, path.name
