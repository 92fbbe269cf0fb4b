"""A previewed rating page in a real browser: it works as a rater's, and keeps nothing anywhere."""

from __future__ import annotations

import re

from django.contrib.auth.models import User
from playwright.sync_api import BrowserContext, expect

from study.models import Rater, Rating
from tests.browser.conftest import finished, votable, vote


def test_a_previewed_session_is_rated_to_its_end_and_kept_nowhere(
    context: BrowserContext, site, open_study
):
    open_study.researchers.add(User.objects.create_user("anna", password="four words of a kind"))
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{site}/studies/small/preview/")
    page.get_by_label("User name").fill("anna")
    page.get_by_label("Password").fill("four words of a kind")
    page.get_by_role("button", name="Sign in").click()
    # What a rater at this computer has not sent yet is none of the preview's.
    page.evaluate("localStorage.setItem('vote:somebodys', '{\"position\": 0, \"vote\": {}}')")
    page.get_by_role("link", name="Welcome and consent").click()
    expect(page.get_by_role("complementary", name="Preview")).to_be_visible()
    page.get_by_role("button", name="I agree: begin").click()

    vote(page, 1, [3, 4])
    votable(page, 3)
    assert page.evaluate("Object.keys(localStorage)") == ["vote:somebodys"]
    page.keyboard.press("Backspace")
    expect(page.locator("#position")).to_have_text("Image 2 again: please answer anew")
    vote(page, 2, [5])
    votable(page, 3)
    page.keyboard.press("p")
    expect(page.locator("#paused")).to_be_visible()
    page.locator("#keys").uncheck()
    page.locator("#keys").check()
    page.keyboard.press("p")
    vote(page, 3, [1, 2, 3, 4])
    finished(page)

    assert page.url.endswith("/preview/en/1/finished/")
    assert page.evaluate("[Object.keys(localStorage), sessionStorage.length]") == [
        ["vote:somebodys"],
        0,
    ]
    assert errors == []
    assert not Rater.objects.exists()
    assert not Rating.objects.exists()
    page.get_by_role("link", name="All pages").click()
    expect(page).to_have_url(re.compile(r"/studies/small/preview/\?language=en$"))
