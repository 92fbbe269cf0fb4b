"""A draft edited in a real browser: what a choice comes to is shown as one clicks."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
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
    expect(sums).to_have_text(["6", "6", "2", "1", "0"])
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


def test_what_was_typed_comes_back_to_whoever_was_signed_out_meanwhile(
    researcher: Page, site: str, draft_study: Study
):
    page, asked = researcher, f"{site}/studies/small/edit/texts"
    page.goto(asked)
    page.get_by_label("Language of the pages").select_option("en")
    with page.expect_response("**/texts?check"):
        page.get_by_label("Institution").fill("Harbour Institute")
    Session.objects.all().delete()
    consent = page.get_by_label("English: consent")
    consent.fill("Five pages, typed for an hour.")
    door = page.locator("p.unanswered").get_by_role("link", name="Sign in")
    Study.objects.update(contact="bob@example.org")
    door.click()
    page.get_by_label("User name").fill("anna")
    page.get_by_label("Password").fill("anna-password")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(asked)
    expect(consent).to_have_value("Five pages, typed for an hour.")
    expect(page.locator("#come-back")).to_be_visible()
    page.locator("#settings > .save button").first.click()
    expect(page.locator(".messages")).to_contain_text("“Contact” meanwhile, from none to bob")
    expect(consent).to_have_value("Five pages, typed for an hour.")
    page.locator("#settings > .save button").first.click()
    expect(page.get_by_text("Saved.", exact=True)).to_be_visible()
    draft_study.refresh_from_db()
    assert draft_study.texts == {"consent": {"en": "Five pages, typed for an hour."}}
    assert (draft_study.contact, draft_study.institution) == (
        "bob@example.org", "Harbour Institute",
    )  # fmt: skip
    page.reload()
    expect(page.locator("#come-back")).to_be_hidden()


def test_images_of_a_set_are_found_by_name_and_chosen_all_at_once(researcher: Page, site: str):
    page = researcher
    page.goto(f"{site}/studies/small/edit/shown")
    of_set = page.locator("[data-set=Samples]")
    expect(of_set.locator("summary")).to_have_text("Samples: 2 of 5")
    of_set.locator("summary").click()
    of_set.get_by_role("button", name="All").click()
    expect(of_set.locator("summary")).to_have_text("Samples: 5 of 5")
    expect(page.locator("#sums dd").first).to_have_text("15")
    of_set.get_by_role("button", name="None").click()
    expect(page.locator("#id_wanted_problems")).to_contain_text("no image of Samples is left")


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
    expect(said).to_contain_text("You are signed out")

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
