"""The page of raters in a browser: it is watched while people rate, and worked in meanwhile."""

from __future__ import annotations

import re

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from study.desk import links
from study.desk.invitees import Person
from study.models import Study
from study.rating import sessions
from tests.browser.test_pages import check, fits, signed_in
from tests.rating.way import vote

__all__ = ["signed_in"]
pytestmark = pytest.mark.django_db(transaction=True)
ASK = """() => new Promise((done) => {
  const once = { once: true };
  const held = (event) => setTimeout(() => event.defaultPrevented && done("held"));
  document.addEventListener("htmx:beforeRequest", held, once);
  document.addEventListener("htmx:afterSwap", () => done("new"), once);
  document.querySelector("#roster").dispatchEvent(new Event("ask"));
})"""
"""What happens every ten seconds, see `watched`; whether the table is a new one then."""


@pytest.fixture
def watched(signed_in: Page, site: str, open_study: Study) -> Page:
    """The page of three raters, which asks for itself when it is told to, not by the clock."""
    links.invite(open_study, people=[Person("Jane Doe", "jane@example.org"), Person(), Person()])

    def by_hand(route) -> None:
        answer = route.fetch()
        text = answer.text().replace('hx-trigger="every 10s"', 'hx-trigger="ask"')
        route.fulfill(response=answer, body=text)

    signed_in.route(re.compile(r"/raters/(\?|$)"), by_hand)
    signed_in.goto(f"{site}/studies/small/raters/")
    expect(signed_in.locator("#roster[hx-trigger=ask]")).to_be_attached()
    signed_in.wait_for_load_state("load")
    return signed_in


def position(page: Page, number: int):
    return page.locator(f"tr:has(#see-{number})").get_by_role("cell", name=re.compile(" of 6"))


def asks(page: Page) -> str:
    """Let the page ask once; what came of it."""
    return str(page.evaluate(ASK))


def test_the_table_follows_the_raters_and_lets_those_work_who_work_in_it(watched, open_study):
    expect(position(watched, 1)).to_have_text("0 of 6")
    rater = sessions.enrol(open_study.invitations.get(number=1))
    vote(rater)
    watched.get_by_role("searchbox").fill("half typed")
    assert asks(watched) == "new"
    expect(position(watched, 1)).to_have_text("1 of 6")
    expect(watched.get_by_role("link", name="Under way 1")).to_be_visible()
    expect(watched.get_by_role("searchbox")).to_have_value("half typed")
    expect(watched.get_by_role("searchbox")).to_be_focused()

    watched.locator("#see-2").focus()
    vote(rater)
    assert asks(watched) == "new"
    expect(position(watched, 1)).to_have_text("2 of 6")
    expect(watched.locator("#see-2")).to_be_focused()

    vote(rater)
    watched.locator("#more-1").click()
    assert asks(watched) == "held"
    expect(watched.get_by_role("link", name="Revoke … link 1")).to_be_visible()
    expect(position(watched, 1)).to_have_text("2 of 6")
    watched.locator("#more-1").click()
    watched.locator("#pick-3").check()
    assert asks(watched) == "held"
    expect(watched.locator("#pick-3")).to_be_checked()
    watched.locator("#pick-3").uncheck()
    assert asks(watched) == "new"
    expect(position(watched, 1)).to_have_text("3 of 6")


def test_links_are_copied_one_and_all(watched, context, open_study, site, settings):
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=site)
    held = "navigator.clipboard.readText()"
    told = [links.link(each) for each in open_study.invitations.all()]
    button = watched.get_by_role("button", name="Copy all 3 links")
    button.click()
    expect(watched.locator("#copy-all")).to_have_text("Copied")
    assert watched.evaluate(held).split() == told
    assert asks(watched) == "new"
    watched.get_by_role("button", name="Copy link 2").click()
    expect(watched.locator("#copy-2")).to_contain_text("Copied")
    assert watched.evaluate(held) == told[1]


def test_without_scripts_everything_is_there(browser, site, signed_in, open_study):
    links.invite(open_study, people=[Person("Jane Doe", "jane@example.org"), Person("Ulf")])
    context = browser.new_context(
        java_script_enabled=False, storage_state=signed_in.context.storage_state()
    )
    page = context.new_page()
    page.goto(f"{site}/studies/small/raters/")
    page.get_by_role("searchbox").fill("ulf")
    page.get_by_role("button", name="Search").click()
    expect(page.locator(".roster tbody tr")).to_have_count(1)
    page.locator("#all-shown").click()
    expect(page.locator("#all-links")).to_have_value(
        links.link(open_study.invitations.get(number=2))
    )
    expect(page.get_by_role("button", name="Copy")).to_have_count(0)
    page.locator("#pick-2").check()
    page.get_by_role("button", name="Revoke links …").click()
    page.get_by_label("Link 2 is to be revoked.").check()
    page.get_by_role("button", name="Revoke").click()
    expect(page.get_by_text("Link 2 is revoked.")).to_be_visible()
    context.close()


@pytest.mark.parametrize("width", [1280, 360])
def test_the_pages_can_be_used_by_everybody(signed_in, site, open_study, width):
    page = signed_in
    page.set_viewport_size({"width": width, "height": 800})
    address = f"{site}/studies/small/raters/"
    page.goto(address)
    check(page)
    fits(page)
    open_study.approves = True
    open_study.save()
    people = [Person("Jane Doe", "jane.doe.of.a.long.name@department.example.org"), Person("Ulf")]
    first, second = links.invite(open_study, people=people)
    rater = sessions.enrol(first)
    for _ in range(6):
        vote(rater)
    sessions.end_of_trials(rater)
    page.goto(address)
    page.locator("#more-1").click()
    page.get_by_text("2 links as text").click()
    page.get_by_text("Links for a list of people").click()
    check(page)
    fits(page)
    page.get_by_label("People, one a line").fill("Miller, John")
    page.get_by_role("button", name="Make a link for each").click()
    expect(page.get_by_role("alert")).to_contain_text("Line 1: “John” is no mail address.")
    check(page)
    fits(page)
    for name in ("1/", "2/", "1/revoke", "1/replace"):
        page.goto(f"{address}{name}")
        check(page)
        fits(page)
    assert second.created_at < timezone.now()
