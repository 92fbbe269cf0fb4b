"""Results image by image in a real browser: for everybody, and words explained by keys alone."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from study.desk import rehearsal
from tests.browser.test_pages import any_width, check, signed_in

__all__ = ["any_width", "signed_in"]
pytestmark = pytest.mark.django_db(transaction=True)
PAGES = ("", "by-image/", "by-image/image", "by-image/disagreements")


@pytest.fixture
def rehearsed(open_study):
    """The small study with simulated raters, enough for every table and example."""
    list(rehearsal.rehearse(open_study, raters=8, seed=5))
    return open_study


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_can_be_read_by_everybody(rehearsed, signed_in, any_width, site, scheme):
    signed_in.emulate_media(color_scheme=scheme)
    for page in PAGES:
        signed_in.goto(f"{site}/studies/small/{page}?raters=simulated")
        check(signed_in)
        wider = "document.documentElement.scrollWidth - innerWidth"
        assert signed_in.evaluate(wider) <= 0, page


def test_a_word_is_explained_where_it_stands_by_keys_alone(rehearsed, signed_in, site):
    signed_in.goto(f"{site}/studies/small/?raters=simulated")
    mark = signed_in.get_by_role("button", name="What is ICC(A,k)?")
    box = mark.bounding_box()
    assert min(box["width"], box["height"]) >= 24
    mark.focus()
    signed_in.keyboard.press("Enter")
    note = signed_in.locator("#term-icc_ak")
    expect(note).to_be_visible()
    check(signed_in)
    signed_in.keyboard.press("Tab")
    expect(note.get_by_role("link")).to_be_focused()
    signed_in.keyboard.press("Escape")
    expect(note).to_be_hidden()
    expect(mark).to_be_focused()
