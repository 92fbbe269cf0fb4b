"""Home, the list, the log and two studies compared: with a screen reader, wide and narrow."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import Page, expect

from study.desk import drafts, jobs, links, studies
from study.models import Job, Study
from study.models.deeds import By, Deed, note
from study.rating import sessions
from tests.browser.test_pages import any_width, check, fits, signed_in
from tests.rating.way import vote_all

__all__ = ["any_width", "signed_in"]


@pytest.fixture
def other(open_study: Study, owner: User) -> Study:
    """The same study again, both rated by two people; the first is closed."""
    copy = studies.draft("other", title="The other", source=open_study, by=By(owner, "owner"))
    seen = {"session_minutes": copy.session_minutes}
    drafts.change(copy, {"session_minutes": 25}, seen=seen, by=By(owner, "owner", "192.0.2.7"))
    studies.open_(copy)
    for study in (open_study, copy):
        for score in (2, 4):
            vote_all(sessions.enrol(links.invite(study, 1)[0]), score)
    studies.close(open_study)
    old = "We keep your answers for ten years, and nothing that tells who you are. " * 2
    consent = [old, old.replace("ten", "five")]
    note(Deed.Kind.CHANGED, by=By(owner, "owner"), study=copy, consent=consent)
    return copy


def test_whoever_signs_in_is_led_from_what_needs_them_to_where_it_is_mended(
    any_width, site, other, signed_in
):
    page: Page = signed_in
    check(page)
    fits(page)
    page.get_by_role("link", name="Home").click()
    expect(page.get_by_role("heading", name="What needs attention")).to_be_visible()
    check(page)
    fits(page)
    Study.objects.filter(pk=other.pk).update(planned_raters=2)
    page.reload()
    page.get_by_role("link", name="Close it …").click()
    expect(page.get_by_role("heading", name="Close “The other”?")).to_be_visible()


def test_two_studies_are_compared_after_a_look(any_width, site, other, signed_in):
    page: Page = signed_in
    page.goto(f"{site}/studies/small/compare/")
    check(page)
    page.get_by_label("With the study").select_option("other")
    page.get_by_role("button", name="Compare").click()
    check(page)
    page.get_by_role("button", name="Show the comparison").click()
    expect(page.get_by_role("table", name="Samples")).to_be_visible()
    image = page.get_by_role("img", name="MOS in B against MOS in A")
    image.scroll_into_view_if_needed()
    page.wait_for_function(
        "image => image.complete && image.naturalWidth > 0", arg=image.element_handle()
    )
    check(page)
    fits(page)


def test_the_log_tells_what_changed(any_width, site, other, signed_in):
    page: Page = signed_in
    page.goto(f"{site}/studies/other/log/")
    page.get_by_label("What").select_option("changed")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_text("Longest session")).to_be_visible()
    page.get_by_text("what changed").click()
    expect(page.get_by_role("deletion").first).to_be_visible()
    check(page)
    fits(page)


def test_a_job_that_ends_is_told_on_whatever_page_one_is_and_the_number_in_the_bar_follows(
    site, signed_in, owner
):
    page: Page = signed_in
    job = jobs.ask(Job.Kind.FETCH, by=By(owner, "owner"), name="Set5")
    page.goto(f"{site}/studies/")
    number = page.locator("#jobs-due")
    expect(number).to_contain_text("1")
    Job.objects.filter(pk=job.pk).update(state=Job.State.DONE, ended_at=timezone.now())
    ended = page.get_by_role("status").filter(has_text="Done: The images of Set5")
    expect(ended).to_be_visible()
    expect(number).to_be_hidden()
    check(page)
    page.get_by_role("button", name="Close: The images of Set5").click()
    expect(page.get_by_text("The images of Set5")).to_have_count(0)
    page.reload()
    expect(page.get_by_text("The images of Set5")).to_have_count(0)
