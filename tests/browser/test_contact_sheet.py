"""The contact sheet in a real browser: true pixels, one place in all, one version in another's."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from django.test import Client
from numpy.typing import NDArray
from playwright.sync_api import Locator, Page, expect

from benchmarks.files import read_image
from study.desk import sheet
from tests.browser.test_pixels import lies_in, screen

CORNER = 240
"""Pixels along a side of what is looked at: less than a window shows."""


@pytest.fixture(params=[1.25, 2])
def sheets(request, browser_type, browser_type_launch_args, site, owner) -> Iterator[Page]:
    """A tab of somebody signed in, in a browser whose screen has that scale."""
    arguments = dict(browser_type_launch_args)
    scale = f"--force-device-scale-factor={request.param}"
    arguments["args"] = [*arguments["args"], scale, "--window-size=2561,2001"]
    client = Client()
    client.force_login(owner)
    browser = browser_type.launch(**arguments)
    context = browser.new_context(no_viewport=True)
    value = client.cookies["sessionid"].value
    context.add_cookies([{"name": "sessionid", "value": value, "url": site}])
    yield context.new_page()
    browser.close()


def shows(window: Locator, image: NDArray[np.uint8]) -> bool:
    """Whether the corner of a window shows that of an image, pixel by pixel."""
    box, ratio = window.bounding_box(), window.evaluate("devicePixelRatio")
    assert box
    return lies_in(image[:CORNER, :CORNER], screen(window.page), box["x"] * ratio, box["y"] * ratio)


OFF_THE_MIDDLE = """pane => Math.max(
  Math.abs(pane.scrollWidth - pane.clientWidth - 2 * pane.scrollLeft),
  Math.abs(pane.scrollHeight - pane.clientHeight - 2 * pane.scrollTop))"""
"""By how many pixels of the page a window shows another part of an image than its middle, twice."""


def test_a_version_is_seen_pixel_by_pixel_and_another_in_its_place(sheets, site, open_study):
    page = sheets
    page.goto(f"{site}/studies/small/images/")
    page.wait_for_load_state("networkidle")
    source = sheet.sources(open_study)[0]
    rows = open_study.stimuli.filter(source=source.pk)
    files = {each.method.name: read_image(each.path) for each in rows}
    nearest, bicubic = (
        page.locator(f".window[data-method={name}]") for name in ("nearest", "bicubic")
    )
    for window in (nearest, bicubic):
        assert window.evaluate(OFF_THE_MIDDLE) <= 1
    nearest.evaluate("pane => pane.scrollTo(0, 0)")
    page.wait_for_function(
        "pane => pane.scrollLeft + pane.scrollTop === 0", arg=bicubic.element_handle()
    )
    assert shows(nearest, files["nearest"])
    nearest.focus()
    page.keyboard.down(" ")
    expect(page.get_by_text("shows Original (HR)")).to_have_count(3)
    assert shows(nearest, files["hr"])
    assert shows(bicubic, files["hr"])
    page.keyboard.up(" ")
    expect(page.get_by_text("shows Original (HR)")).to_have_count(0)
    assert shows(bicubic, files["bicubic"])

    page.get_by_role("button", name="8×").click()
    nearest.evaluate("pane => pane.scrollTo(31, 17)")
    page.wait_for_function(
        "pane => Math.hypot(pane.scrollLeft - 31, pane.scrollTop - 17) < 1",
        arg=bicubic.element_handle(),
    )
    page.get_by_label("Hold against").select_option("Bicubic")
    page.get_by_role("button", name="Show it in the place of each").click()
    expect(page.get_by_text("shows Bicubic")).to_have_count(3)
    page.get_by_role("link", name="Next").click()
    expect(page.get_by_role("button", name="8×")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_label("Hold against")).to_have_value("1")
    assert nearest.evaluate("pane => pane.scrollWidth > pane.clientWidth")
    assert nearest.evaluate(OFF_THE_MIDDLE) <= 1
