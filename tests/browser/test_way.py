"""The way through a study as a rater takes it: every page usable, in both languages."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from study.desk import links, studies
from study.models import Rater, Rating, Session, Trial
from study.rating import screening
from tests.browser.conftest import emptied, votable, vote
from tests.browser.test_pages import check, fits

RULES = {
    "screen_device": True,
    "screen_window": True,
    "screen_vision": True,
    "plates": 2,
    "plate_errors": 0,
    "calibrate": True,
    "calibration_examples": 1,
    "calibration_checks": 2,
    "calibration_errors": 0,
    "first_stabilising": 1,
    "sessions": 2,
    "break_minutes": 5,
}


@pytest.fixture
def demanding(draft_study, calibration_dir, site):
    """A link to the small study with everything that a study can ask for."""
    rules = {**RULES, "calibration_folder": str(calibration_dir)}
    studies.set_protocol(draft_study, rules)
    draft_study.save()
    studies.open_(draft_study)
    return f"{site}{links.invite(draft_study, 1)[0].get_absolute_url()}"


def looked_at(page) -> None:
    """The page is in order, on a wide screen and on the narrowest."""
    check(page)
    page.set_viewport_size({"width": 360, "height": 800})
    fits(page)
    page.set_viewport_size({"width": 1280, "height": 800})


def go_on(page) -> None:
    """The button of the page's end has the focus as soon as it is there."""
    expect(page.locator("#continue")).to_be_focused()
    page.keyboard.press("Enter")


def answered_by_anchors(page, count: int) -> None:
    """Answer the calibration as it asks for."""
    for number in range(1, count + 1):
        votable(page, number)
        trial = Trial.objects.get(position=number - 1)
        page.keyboard.press(str(trial.anchor))


WORDS = {
    "en-GB": ("Which digit do you see?", "How good does this image look?", "Excellent"),
    "de-AT": ("Welche Ziffer sehen Sie?", "Wie gut sieht dieses Bild aus?", "Ausgezeichnet"),
}


@pytest.mark.parametrize("language", WORDS)
def test_the_whole_way_by_keyboard_alone(new_context, demanding, language):
    digit, question, best = WORDS[language]
    page = new_context(locale=language).new_page()
    page.goto(demanding)
    assert page.locator("html").get_attribute("lang") == language[:2]
    looked_at(page)
    page.locator("form button").press("Enter")

    expect(page.get_by_role("heading", name=digit)).to_be_visible()
    page.locator("[value=corrected]").press("Space")
    for number, plate in enumerate(screening.plates_of(Rater.objects.get())):
        page.locator(f"#plate{number}").press_sequentially(str(plate.number))
    looked_at(page)
    page.locator("form button").press("Enter")

    expect(page.locator(".scale")).to_contain_text(best)
    looked_at(page)
    page.locator("form button").press("Enter")

    votable(page, 1)
    check(page)
    page.keyboard.press("5")  # the first example stands for a 1
    expect(page.locator("#question")).to_contain_text("1")
    assert not Rating.objects.exists()
    answered_by_anchors(page, 4)

    page.locator("form button").press("Enter")  # now it begins
    votable(page, 1)
    expect(page.locator("#question")).to_have_text(question)
    expect(page.locator("#time")).not_to_be_empty()
    check(page)
    total = Trial.objects.filter(session__calibration=False, session__number=1).count()
    vote(page, 1, [3] * total)
    go_on(page)

    expect(page.locator("#rest")).to_contain_text("5")
    looked_at(page)
    Session.objects.filter(ended_at__isnull=False).update(
        ended_at=timezone.now() - timedelta(minutes=5)
    )
    page.reload()
    looked_at(page)
    page.locator("form button").press("Enter")
    rest = Trial.objects.filter(session__calibration=False, session__number=2).count()
    vote(page, 1, [3] * rest)
    go_on(page)

    expect(page.locator(".code")).to_contain_text("F-")
    looked_at(page)
    page.locator("footer a").press("Enter")
    looked_at(page)
    page.locator("form button").press("Enter")
    expect(page.locator(".code")).to_contain_text("F-")
    assert not Rating.objects.exists()
    looked_at(page)


def test_a_window_too_small_is_told_while_it_is_mended(page, demanding):
    page.set_viewport_size({"width": 380, "height": 700})
    page.goto(demanding)
    page.locator("form button").click()
    expect(page.locator("#small")).to_be_visible()
    page.locator("[value=plain]").check()
    page.locator("form button").click()
    expect(page.get_by_role("alert")).to_contain_text("no room for the images")
    check(page)
    page.set_viewport_size({"width": 1280, "height": 800})
    expect(page.locator("#enough")).to_be_visible()
    page.locator("[value=plain]").check()
    page.locator("form button").click()
    expect(page.locator(".code")).to_contain_text("S-")  # no plate was read
    check(page)


# ---- On the rating page ----


@pytest.mark.parametrize("how", ["key", "button"])
def test_the_latest_vote_can_be_taken_back_once(rating, invitation, how):
    vote(rating, 1, [2])
    votable(rating, 2)

    def take_back():
        if how == "key":
            rating.keyboard.press("Backspace")
        else:
            rating.get_by_role("button", name="Take back").click()

    take_back()
    expect(rating.locator("#position")).to_have_text("Image 1 again: please answer anew")
    vote(rating, 1, [4])
    votable(rating, 2)
    expect(rating.get_by_role("button", name="Take back")).to_be_disabled()
    rating.keyboard.press("Backspace")
    expect(rating.locator("#position")).to_have_text("Image 2 of 6")
    emptied(rating)
    row = Rating.objects.get(trial__rater__invitation=invitation)
    assert (row.score, row.revision.original_score) == (4, 2)


def test_a_vote_taken_back_offline_arrives_with_its_revision_in_order(rating, context, invitation):
    context.set_offline(True)
    vote(rating, 1, [2])
    votable(rating, 2)
    rating.keyboard.press("Backspace")
    vote(rating, 1, [4])
    vote(rating, 2, [1])
    expect(rating.locator("#network")).to_have_text("3 answers waiting for the network")
    context.set_offline(False)
    emptied(rating)
    rows = Rating.objects.filter(trial__rater__invitation=invitation).order_by("pk")
    assert [row.score for row in rows] == [4, 1]
    assert rows[0].revision.original_score == 2


def test_the_last_vote_can_be_taken_back_before_the_page_goes(rating, invitation):
    vote(rating, 1, [3] * 6)
    expect(rating.get_by_text("That was the last image for now.")).to_be_visible()
    check(rating)
    rating.keyboard.press("Backspace")
    vote(rating, 6, [5])
    expect(rating.get_by_role("heading", name="Thank you!")).to_be_visible()
    scores = Rating.objects.filter(trial__rater__invitation=invitation).order_by("trial__position")
    assert [row.score for row in scores] == [3] * 5 + [5]


def test_a_pause_hides_the_image_takes_no_vote_and_is_not_counted(rating, invitation):
    rating.clock.install()
    rating.keyboard.press("p")
    expect(rating.get_by_role("heading", name="Paused")).to_be_visible()
    expect(rating.locator("#stage img")).to_be_hidden()
    check(rating)
    rating.keyboard.press("3")
    rating.clock.fast_forward("10:00")
    rating.get_by_role("button", name="Go on").click()
    expect(rating.locator("#stage img")).to_be_visible()
    rating.clock.run_for(500)
    vote(rating, 1, [4])
    rating.clock.run_for(500)
    emptied(rating)
    row = Rating.objects.get(trial__rater__invitation=invitation)
    assert (row.score, row.response_ms < 60_000) == (4, True)


def test_keys_can_be_switched_off(rating, invitation):
    rating.get_by_role("button", name="Pause").click()
    rating.get_by_label("Answer with the keys").uncheck()
    rating.get_by_role("button", name="Go on").click()
    votable(rating, 1)
    rating.keyboard.press("3")
    rating.get_by_role("button", name="5 Excellent").click()
    votable(rating, 2)
    emptied(rating)
    assert [row.score for row in Rating.objects.all()] == [5]


def test_after_long_hesitation_a_hint_is_given_and_nothing_moves(rating):
    before = rating.locator("#stage img").bounding_box()
    rating.clock.install()
    rating.reload()
    rating.locator("#stage img").wait_for()
    rating.clock.run_for(16_000)
    expect(rating.locator("#question")).to_contain_text("first impression")
    assert rating.locator("#stage img").bounding_box() == before


def test_an_image_enlarged_by_two_fingers_is_hidden_with_an_explanation(rating):
    session = rating.context.new_cdp_session(rating)
    session.send("Emulation.setPageScaleFactor", {"pageScaleFactor": 1.5})
    expect(rating.get_by_text("enlarged with two fingers")).to_be_visible()
    expect(rating.locator("#stage img")).to_be_hidden()
    session.send("Emulation.setPageScaleFactor", {"pageScaleFactor": 1})
    expect(rating.locator("#stage img")).to_be_visible()


def test_nothing_on_the_page_is_brighter_than_the_surround(rating):
    colours = rating.evaluate(
        """() => [...document.querySelectorAll('*')].filter(e => e.tagName !== 'IMG').map(e => {
            const {backgroundColor, color, borderTopColor} = getComputedStyle(e);
            return [backgroundColor, color, borderTopColor];
        }).flat()"""
    )
    parts = [
        [int(float(n)) for n in colour[colour.index("(") + 1 : -1].split(",")[:3]]
        for colour in set(colours)
        if colour.startswith("rgb")
    ]
    assert parts
    assert max(max(part) for part in parts) <= 0x80


def test_the_next_image_takes_the_place_of_the_last_and_nothing_else_moves(rating):
    places = """() => ['#position', '#pause', '#undo', '#scale', '#question', '#progress']
        .map(id => document.querySelector(id).getBoundingClientRect())
        .map(({x, y, height}) => [x, y, height].join())"""
    before = rating.evaluate(places)
    vote(rating, 1, [3])
    votable(rating, 2)
    assert rating.evaluate(places) == before
