"""What a rater sees is the file, pixel by pixel, whatever the screen's scale."""

import io
import math

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Page, expect

from study.models import Trial
from tests.browser.conftest import votable


@pytest.fixture(params=[1, 1.25, 1.5, 1.75, 2])
def scaled(request, browser_type, browser_type_launch_args, begin):
    """The first image in a browser whose screen has that scale.

    The flag, not Playwright's emulation: that resamples the finished page.
    """
    arguments = dict(browser_type_launch_args)
    # An odd size, so that an image in the middle could come to lie between two pixels.
    arguments["args"] = [
        *arguments["args"],
        f"--force-device-scale-factor={request.param}",
        "--window-size=1367,1001",
    ]
    browser = browser_type.launch(**arguments)
    page = begin(browser.new_context(no_viewport=True))
    assert page.evaluate("devicePixelRatio") == request.param
    yield page
    browser.close()


def screen(page: Page) -> NDArray[np.uint8]:
    """The window as it is on the screen, in device pixels: (h, w, 3)."""
    return np.asarray(Image.open(io.BytesIO(page.screenshot(scale="device"))).convert("RGB"))


def lies_in(image: NDArray[np.uint8], seen: NDArray[np.uint8], left: float, top: float) -> bool:
    """Whether ``image`` is in ``seen`` at one of the whole pixels around ``left``, ``top``."""
    height, width = image.shape[:2]
    return any(
        np.array_equal(seen[y : y + height, x : x + width], image)
        for y in (math.floor(top), math.ceil(top))
        for x in (math.floor(left), math.ceil(left))
    )


def test_an_image_on_the_screen_is_its_file(scaled, invitation):
    for trial in Trial.objects.filter(rater__invitation=invitation).order_by("position")[:3]:
        votable(scaled, trial.position + 1)
        box = scaled.locator("#stage img").bounding_box()
        ratio = scaled.evaluate("devicePixelRatio")
        file = np.asarray(Image.open(trial.stimulus.path).convert("RGB"))
        assert lies_in(file, screen(scaled), box["x"] * ratio, box["y"] * ratio)
        scaled.keyboard.press("3")


def test_zooming_while_an_image_is_shown_keeps_its_size_on_the_screen(begin, browser, invitation):
    # Zooming by program is not possible; this is what the page sees of it: less room, more ratio.
    page = begin(browser.new_context(no_viewport=True))
    session = page.context.new_cdp_session(page)
    width = Trial.objects.get(rater__invitation=invitation, position=0).stimulus.width
    for ratio in (1, 1.5, 2, 1):
        room = {"width": round(1280 / ratio), "height": round(800 / ratio)}
        session.send(
            "Emulation.setDeviceMetricsOverride",
            {**room, "deviceScaleFactor": ratio, "mobile": False},
        )
        expect(page.locator("#stage img")).to_have_css("width", f"{width / ratio:g}px")
    page.context.close()
