"""A draft edited in a real browser: what a choice comes to is shown as one clicks."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Page, expect

from study.models import Study


@pytest.fixture
def researcher(site: str, draft_study: Study, settings, generated, page: Page) -> Page:
    """A page of somebody who may edit the small study."""
    settings.BENCHMARKS_DIR = generated / "benchmarks"
    user = User.objects.create_user("anna", password="anna-password")
    draft_study.researchers.add(user)
    client = Client()
    client.force_login(user)
    page.context.add_cookies(
        [{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": site}]
    )
    return page


def test_sums_and_rules_follow_each_click_and_nothing_is_stored_until_it_is_saved(
    researcher: Page, site: str, draft_study: Study
):
    page = researcher
    page.goto(f"{site}/studies/small/edit/shown")
    sums, problem = page.locator("#sums dd"), page.locator("#id_wanted_problems")
    expect(sums).to_have_text(["6", "6", "1", "1", "0"])
    page.get_by_role("button", name="Bicubic").click()
    expect(sums).to_have_text(["4", "4", "1", "1", "0"])
    page.get_by_role("button", name="Nearest neighbour").click()
    expect(problem).to_contain_text("Samples would be shown by hr alone")
    page.get_by_role("button", name="Samples").click()
    expect(problem).to_be_empty()
    page.get_by_role("button", name="Samples").click()
    expect(sums.first).to_have_text("0")
    page.get_by_role("button", name="Nearest neighbour").click()
    page.get_by_role("button", name="Original").click()
    expect(sums).to_have_text(["4", "4", "1", "1", "0"])
    draft_study.refresh_from_db()
    assert draft_study.wanted is None
    page.locator(".save button").first.click()
    expect(page.get_by_text("Saved.", exact=True)).to_be_visible()
    draft_study.refresh_from_db()
    assert draft_study.stimuli.count() == 4
    page.goto(f"{site}/studies/small/edit/sessions")
    page.get_by_label("Images for each rater").fill("5")
    expect(page.locator("#id_share_problems")).to_have_text("the study shows 4 images only")


def test_what_was_typed_outlives_a_sign_in_that_ended_and_a_site_that_was_away(
    researcher: Page, site: str, draft_study: Study
):
    page = researcher
    page.goto(f"{site}/studies/small/edit/analysis")
    field, said = page.get_by_label("Planned raters"), page.locator("p.unanswered")
    page.route("**/edit/analysis?check", lambda route: route.abort())
    field.fill("7")
    expect(said).to_contain_text("The site cannot be reached.")
    page.unroute("**/edit/analysis?check")
    field.fill("8")
    expect(said).to_have_count(0)
    before = page.context.cookies()
    page.context.clear_cookies()
    field.fill("9")
    expect(said).to_contain_text("You are signed out. Sign in in another tab")

    door = page.context.new_page()
    door.goto(f"{site}/login/")
    door.get_by_label("User name").fill("anna")
    door.get_by_label("Password").fill("anna-password")
    door.get_by_role("button", name="Sign in").click()
    expect(door.get_by_role("heading", name="Studies")).to_be_visible()
    assert page.context.cookies() != before
    field.fill("11")
    expect(said).to_have_count(0)
    page.locator(".save button").first.click()
    expect(page.get_by_text("Saved.", exact=True)).to_be_visible()
    draft_study.refresh_from_db()
    assert draft_study.planned_raters == 11
