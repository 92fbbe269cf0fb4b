"""A real Chromium, a real server with threads, and a rater in front of the first image."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from study.models import Invitation, Rating

# Playwright's synchronous interface runs an event loop in this thread, which makes Django refuse
# the database here; nothing of the loop touches the database.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-color-profile=srgb",
]


def chromium() -> dict[str, Any]:
    """How to launch the machine's Chromium, or Playwright's own where there is none."""
    names = (os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome")
    found = next(filter(None, map(shutil.which, names)), None)
    return {**({"executable_path": found} if found else {}), "args": FLAGS}


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """The browser of these tests."""
    return {**browser_type_launch_args, **chromium()}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    """A window with room for the images."""
    return {**browser_context_args, "viewport": {"width": 1280, "height": 800}}


@pytest.fixture
def site(live_server) -> str:
    """The address of the running site. A test that asks for it commits what it writes."""
    return live_server.url


@pytest.fixture
def link(site: str, invitation: Invitation) -> str:
    """A rater's personal link, whole."""
    return f"{site}{invitation.get_absolute_url()}"


@pytest.fixture
def begin(link: str) -> Callable[[BrowserContext], Page]:
    """Follows the link in a new tab, up to the image that is due."""

    def follow(context: BrowserContext) -> Page:
        page = context.new_page()
        page.goto(link)
        start = page.get_by_role("button", name="Begin")
        if start.count():
            start.click()
        return page

    return follow


@pytest.fixture
def rating(begin: Callable[[BrowserContext], Page], context: BrowserContext) -> Page:
    """The first image, on the screen long enough to be voted on, the next ones fetched."""
    page = begin(context)
    votable(page, 1)
    page.wait_for_load_state("networkidle")
    return page


def votable(page: Page, number: int) -> None:
    """Wait until image ``number`` takes a vote; the page says so to tests alone."""
    page.locator(f"#rating[data-open='{number}']").wait_for(state="attached")


def vote(page: Page, first: int, scores: list[int]) -> None:
    """Vote with the keyboard on the images from ``first`` on, each once it can be seen."""
    for number, score in enumerate(scores, start=first):
        votable(page, number)
        page.keyboard.press(str(score))


EMPTIED = """() => new Promise((found, given_up) => {
  const end = performance.now() + 30000;
  const look = () => {
    const waiting = document.querySelector("#rating").dataset.waiting;
    if (waiting === "0" && localStorage.length === 0) return found();
    if (performance.now() > end) return given_up(`${waiting}, ${localStorage.length} kept`);
    requestAnimationFrame(look);
  };
  look();
})"""
"""The page counts a moment after the storage has a vote: both have to say that there is none."""


def emptied(page: Page) -> None:
    """Wait until every vote was answered for."""
    page.locator("#rating").wait_for(state="attached")
    page.evaluate(EMPTIED)


def finished(page: Page) -> None:
    """Go on from the last image, whose answer could still be taken back, to the page of thanks."""
    page.locator("#continue").click()
    expect(page.get_by_role("heading", name="Thank you!")).to_be_visible()


def stored(invitation: Invitation) -> list[tuple[int, int]]:
    """(position, score) of every rating, in the order in which the server stored them."""
    rows = Rating.objects.filter(trial__rater__invitation=invitation).order_by("pk")
    return list(rows.values_list("trial__position", "score"))
