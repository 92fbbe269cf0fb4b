"""A rater's way through a study, as a person with a keyboard or a mouse takes it."""

import csv
import io

import pytest
from playwright.sync_api import expect

from study.models import Rating
from tests.browser.conftest import emptied, finished, stored, votable, vote

SCORES = [5, 4, 3, 2, 1, 3]


def test_votes_by_keyboard_are_in_the_database_and_in_the_exports(
    rating, invitation, owner, client
):
    expect(rating.locator("#position")).to_have_text("Image 1 of 6")
    vote(rating, 1, SCORES)
    finished(rating)

    assert stored(invitation) == list(enumerate(SCORES))
    client.force_login(owner)
    client.post("/studies/small/look")
    text = client.get("/studies/small/ratings.csv").content.decode()
    rows = [line for line in text.splitlines() if not line.startswith("#")]
    exported = sorted(csv.DictReader(rows), key=lambda row: int(row["position"]))
    assert [int(row["score"]) for row in exported] == SCORES
    table = client.get("/studies/small/results.csv").content.decode()
    lines = [line for line in io.StringIO(table) if not line.startswith("#")]
    assert sum(int(row["ratings"]) for row in csv.DictReader(lines)) == len(SCORES)


def test_votes_by_mouse_say_what_was_shown(rating, invitation):
    rating.get_by_role("button", name="4 Good").click()
    votable(rating, 2)
    emptied(rating)

    row = Rating.objects.get(trial__rater__invitation=invitation)
    assert row.score == 4
    assert row.device_pixel_ratio == 1
    assert (row.viewport_width, row.viewport_height) == (1280, 800)
    assert (row.shown_width, row.shown_height) == (
        row.trial.stimulus.width,
        row.trial.stimulus.height,
    )
    assert row.response_ms is not None
    assert row.response_ms >= 300


def test_answers_stand_from_bad_to_excellent_whatever_the_image(rating):
    names = rating.locator("[data-score]").all_inner_texts()
    assert names == ["1 Bad", "2 Poor", "3 Fair", "4 Good", "5 Excellent"]


def test_a_held_key_votes_once(rating, invitation):
    rating.keyboard.down("4")
    votable(rating, 2)
    for _ in range(20):
        rating.keyboard.down("4")  # what a keyboard repeats while a key is held
    rating.keyboard.up("4")
    emptied(rating)
    expect(rating.locator("#position")).to_have_text("Image 2 of 6")
    assert stored(invitation) == [(0, 4)]


def test_enter_held_on_an_answer_votes_once(rating, invitation):
    rating.get_by_role("button", name="2 Poor").focus()
    rating.keyboard.down("Enter")
    votable(rating, 2)
    for _ in range(20):
        rating.keyboard.down("Enter")
    rating.keyboard.up("Enter")
    emptied(rating)
    expect(rating.locator("#position")).to_have_text("Image 2 of 6")
    assert stored(invitation) == [(0, 2)]


@pytest.mark.parametrize("frames", [0, 4], ids=["at-once", "with-the-next-image-painted"])
@pytest.mark.parametrize(
    "press",
    [
        "dispatchEvent(new KeyboardEvent('keydown', {key: '5'}))",
        "document.querySelector('[data-score=\"5\"]').click()",
    ],
    ids=["key", "button"],
)
def test_a_double_press_votes_once(rating, invitation, press, frames):
    apart = rating.evaluate(
        """async (frames) => {
            const first = performance.now();
            press();
            for (let i = 0; i < frames; i++) await new Promise(requestAnimationFrame);
            press();
            return performance.now() - first;
        }""".replace("press()", press),
        frames,
    )
    if apart >= 300:
        pytest.skip(f"this machine painted four frames in {apart:.0f} ms: two presses, not one")
    votable(rating, 2)
    emptied(rating)
    expect(rating.locator("#position")).to_have_text("Image 2 of 6")
    assert stored(invitation) == [(0, 5)]


@pytest.mark.parametrize("combination", ["Control+1", "Alt+1", "Meta+1", "Shift+Digit1", "6", "a"])
def test_other_keys_are_no_votes(rating, combination):
    # Dispatched in the page: as real keys some of these would be the browser's own commands.
    *modifiers, key = combination.split("+")
    options = {f"{name.lower().replace('control', 'ctrl')}Key": True for name in modifiers}
    named = {"code": key, "key": "!"} if key.startswith("Digit") else {"key": key}
    rating.evaluate(
        "options => dispatchEvent(new KeyboardEvent('keydown', options))", {**options, **named}
    )
    assert rating.evaluate("localStorage.length") == 0
    expect(rating.locator("#position")).to_have_text("Image 1 of 6")


def test_an_image_that_has_not_arrived_takes_no_vote(begin, context, invitation):
    held = []
    context.route("**/rate/image/*", lambda route: held.append(route))
    page = begin(context)
    expect(page.get_by_text("The next image is on its way.")).to_be_visible()
    page.keyboard.press("3")
    assert page.evaluate("localStorage.length") == 0
    for route in held:
        route.continue_()
    votable(page, 1)
    assert stored(invitation) == []


def test_a_window_too_small_says_so_and_waits(rating, invitation):
    rating.set_viewport_size({"width": 360, "height": 640})
    expect(rating.get_by_text("This window is too small")).to_be_visible()
    expect(rating.locator("#stage img")).to_be_hidden()
    rating.keyboard.press("3")
    rating.set_viewport_size({"width": 1280, "height": 800})
    expect(rating.get_by_text("This window is too small")).to_be_hidden()
    vote(rating, 1, [4])
    votable(rating, 2)
    emptied(rating)
    assert stored(invitation) == [(0, 4)]
