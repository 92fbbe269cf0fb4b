"""Every page: usable with a screen reader, nothing from elsewhere, one cookie."""

from collections.abc import Callable
from uuid import uuid4

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import User
from playwright.sync_api import BrowserContext, Page, expect

from study.desk import links, studies
from study.models import Invitation
from study.rating import sessions
from tests.browser.conftest import finished, votable, vote
from tests.rating.way import cast

STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def check(page: Page) -> None:
    """No rule of WCAG 2.2 AA, nor of axe's own advice, is broken on the page as it stands.

    A click returns when the page that it leads to has begun to come: without its style sheets every
    link of it is too small.
    """
    page.wait_for_load_state("load")
    found = Axe().run(page, options={"runOnly": STANDARDS}).response["violations"]
    assert [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in found] == []


@pytest.fixture
def signed_in(page: Page, site: str, owner: User) -> Page:
    """The list of studies, after signing in through the form."""
    page.goto(f"{site}/studies/")
    page.get_by_label("User name").fill("owner")
    page.get_by_label("Password").fill("owner-password")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Studies")).to_be_visible()
    return page


@pytest.fixture(params=[1280, 360], ids=["wide", "narrow"])
def any_width(request, page: Page) -> Page:
    """A desktop's window, then the narrowest that is supported."""
    page.set_viewport_size({"width": request.param, "height": 800})
    return page


def fits(page: Page) -> None:
    """The page itself does not scroll sideways; wide tables do so in their own frame."""
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_pages_for_visitors(any_width, site):
    for address in ("/", "/login/", "/nothing/", "/rate/", "/r/no-such-link/"):
        any_width.goto(f"{site}{address}")
        check(any_width)
        fits(any_width)


def test_a_wrong_password_is_said(page, site, owner):
    page.goto(f"{site}/login/")
    page.get_by_label("User name").fill("owner")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("do not match")
    check(page)


def test_pages_of_a_rater(any_width, link):
    any_width.goto(link)
    check(any_width)
    fits(any_width)
    any_width.get_by_role("button", name="Begin").click()
    expect(any_width.locator("#stage img")).to_be_attached()
    check(any_width)
    fits(any_width)
    any_width.set_viewport_size({"width": 1280, "height": 800})
    votable(any_width, 1)
    check(any_width)
    vote(any_width, 1, [3] * 6)
    finished(any_width)
    check(any_width)


def test_pages_of_a_rater_who_may_not_go_on(page, link, invitation, open_study):
    studies.close(open_study)
    page.goto(link)
    expect(page.get_by_role("heading", name="This study is closed")).to_be_visible()
    check(page)
    links.revoke(invitation)
    page.goto(link)
    expect(page.get_by_role("heading", name="This invitation was withdrawn")).to_be_visible()
    check(page)


@pytest.fixture
def rated(open_study) -> Callable[[bool], None]:
    """Fills the small study with whole sessions of two people or two simulated raters."""

    def fill(simulated: bool) -> None:
        for seed, link in enumerate(links.invite(open_study, 2)):
            someone = (
                sessions.enrol_simulated(open_study, seed=seed)
                if simulated
                else sessions.enrol(link)
            )
            for trial in someone.trial_set.order_by("position"):
                someone.refresh_from_db()
                score = 1 + (trial.stimulus_id + seed) % 5
                cast(someone, token=trial.token, score=score, client_id=uuid4())

    return fill


def test_pages_of_a_researcher(signed_in, site, rated):
    check(signed_in)
    address = f"{site}/studies/small/"
    signed_in.goto(address)
    check(signed_in)
    rated(simulated=False)
    rated(simulated=True)
    for width in (1280, 360):
        signed_in.set_viewport_size({"width": width, "height": 800})
        for kind in ("people", "simulated"):
            signed_in.goto(f"{address}?raters={kind}")
            check(signed_in)
            show = signed_in.get_by_role("button", name="Show the results")
            if show.count():
                show.click()
                expect(signed_in.get_by_role("heading", name="Pairs of methods")).to_be_visible()
                check(signed_in)
            fits(signed_in)
            banner = signed_in.get_by_role("note")
            expect(banner).to_have_count(1 if kind == "simulated" else 0)


@pytest.mark.parametrize("width", [1280, 360])
def test_a_researcher_changes_the_password(signed_in, owner, width):
    signed_in.set_viewport_size({"width": width, "height": 800})
    signed_in.get_by_role("link", name="Account").click()
    check(signed_in)
    signed_in.get_by_role("link", name="Change your password").click()
    check(signed_in)
    fits(signed_in)
    for new in ("short", "six other words, and longer"):
        signed_in.get_by_label("Current password").fill("owner-password")
        signed_in.get_by_label("New password", exact=True).fill(new)
        signed_in.get_by_label("New password again").fill(new)
        signed_in.get_by_role("button", name="Change the password").click()
        if new == "short":
            expect(signed_in.get_by_role("alert")).to_contain_text("at least 15 characters")
            check(signed_in)
            fits(signed_in)
    expect(signed_in.get_by_text("Your password is changed.")).to_be_visible()
    check(signed_in)
    fits(signed_in)


def test_guessing_at_the_door_is_answered_with_how_long_to_wait(page, site, owner):
    page.goto(f"{site}/login/")
    for _ in range(6):
        page.get_by_label("User name").fill("owner")
        page.get_by_label("Password").fill("guessed")
        page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("Try again in 15 minutes.")
    expect(page.get_by_label("User name")).to_have_value("owner")
    check(page)


def test_a_researcher_invites_and_withdraws(signed_in, site, invitation):
    signed_in.goto(f"{site}/studies/small/raters/")
    signed_in.get_by_label("New links").fill("2")
    signed_in.get_by_role("button", name="Make links").click()
    expect(signed_in.locator(".roster tbody tr")).to_have_count(3)
    signed_in.locator("#more-1").click()
    signed_in.get_by_role("link", name="Revoke … link 1").click()
    signed_in.get_by_label("Link 1 is to be revoked.").check()
    signed_in.get_by_role("button", name="Revoke").click()
    expect(signed_in.get_by_text("Link 1 is revoked.")).to_be_visible()
    invitation.refresh_from_db()
    assert invitation.revoked_at is not None
    assert Invitation.objects.filter(revoked_at=None).count() == 2


def test_nothing_comes_from_elsewhere_and_one_cookie_is_kept(
    context: BrowserContext, begin, site, owner
):
    asked: list[str] = []
    complaints: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    context.on("console", lambda message: complaints.append(message.text))
    context.on("weberror", lambda error: complaints.append(str(error.error)))
    page = begin(context)
    vote(page, 1, [3] * 6)
    finished(page)
    page.goto(f"{site}/login/")
    assert [url for url in asked if not url.startswith(f"{site}/")] == []
    assert [cookie["name"] for cookie in context.cookies()] == ["sessionid"]
    assert complaints == []
