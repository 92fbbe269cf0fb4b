"""Writing to raters and a forgotten password, as a browser shows them: accessible and narrow."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from study.desk import links
from study.models import Invitation
from study.site import mail
from tests.browser.test_pages import check, fits, signed_in
from tests.letterbox import Letterbox, letterbox, sent_by

__all__ = ["signed_in"]


@pytest.fixture
def box(settings, monkeypatch) -> Iterator[Letterbox]:
    monkeypatch.setattr(mail, "MOMENT", 0.0)
    with letterbox() as box:
        sent_by(settings, box)
        yield box


@pytest.mark.parametrize("width", [1280, 360])
def test_letters_to_raters_are_written_looked_at_and_asked_for(
    box, signed_in, site, open_study, width
):
    made = links.invite(open_study, 3)
    for link in made[:2]:
        Invitation.objects.filter(pk=link.pk).update(mail=f"r{link.number}@example.org")
    page: Page = signed_in
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(f"{site}/studies/{open_study.slug}/raters/mail/")
    check(page)
    fits(page)
    expect(page.locator("#count")).to_contain_text("2 raters will be written to")
    page.get_by_label("Text", exact=True).fill("Hello, no way in")
    page.get_by_role("button", name="Send to 2 raters").click()
    expect(page.get_by_role("alert")).to_contain_text("{link} is missing")
    check(page)
    page.get_by_label("Text", exact=True).fill("Hello, here you are: {link}")
    page.get_by_role("button", name="See it filled in").click()
    expect(page.locator(".letter")).to_contain_text(f"Hello, here you are: {links.link(made[0])}")
    page.get_by_role("button", name="Send to 2 raters").click()
    expect(page.get_by_text("2 letters are being sent")).to_be_visible()
    expect(page.get_by_role("cell", name="Waiting")).to_have_count(2)
    check(page)
    fits(page)


def test_a_forgotten_password_is_set_anew_by_the_pages(box, page, site, owner, settings):
    settings.SITE_URL = site
    owner.email = "owner@example.org"
    owner.save()
    page.set_viewport_size({"width": 360, "height": 800})
    page.goto(f"{site}/login/")
    check(page)
    page.get_by_role("link", name="Forgotten your password?").click()
    check(page)
    fits(page)
    page.get_by_label("Mail address").fill("owner@example.org")
    page.get_by_role("button", name="Send the link").click()
    expect(page.get_by_role("status")).to_contain_text("a letter is on its way")
    check(page)
    found = re.search(r"http\S+", box.wait().get_content().split("you choose one")[1])
    assert found
    page.goto(found[0])
    check(page)
    fits(page)
    new = "six other words, and longer"
    page.get_by_label("New password", exact=True).fill(new)
    page.get_by_label("New password again").fill(new)
    page.get_by_role("button", name="Set the password").click()
    expect(page.get_by_text("Your password is changed.")).to_be_visible()
    page.get_by_label("User name").fill("owner")
    page.get_by_label("Password").fill(new)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Studies")).to_be_visible()
