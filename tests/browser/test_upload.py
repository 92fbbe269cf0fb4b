"""Files dropped into a form: sent in pieces, again where one fails, and not twice."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Page, Route, expect

from benchmarks.files import encode_png
from study.desk import uploads
from study.models import Job
from tests.browser.test_pages import check, fits
from tests.own_material import photographs

PHOTOGRAPHS = {f"{name}.png": encode_png(image) for name, image in photographs("abcdef").items()}
DROP = """([home, files]) => {
  const carried = new DataTransfer();
  for (const [name, text] of files) {
    const bytes = Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
    carried.items.add(new File([bytes], name, { lastModified: 1 }));
  }
  home.dispatchEvent(new DragEvent("drop", { dataTransfer: carried, bubbles: true }));
}"""


@pytest.fixture
def form(page: Page, site: str, settings, tmp_path: Path) -> Page:
    """The form that brings in a set, before somebody who may."""
    settings.BENCHMARKS_DIR = tmp_path / "benchmarks"
    client = Client()
    client.force_login(User.objects.create_superuser("head", password="x"))
    key = client.cookies[settings.SESSION_COOKIE_NAME].value
    page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": key, "url": site}])
    page.goto(f"{site}/catalogue/add/set")
    return page


def drop(page: Page, files: dict[str, bytes]) -> None:
    home = page.locator("[data-place='upload']").element_handle()
    page.evaluate(DROP, [home, [[name, base64.b64encode(b).decode()] for name, b in files.items()]])


def test_an_upload_that_gets_no_answer_says_so_and_goes_on_by_itself(form):
    two = dict(list(PHOTOGRAPHS.items())[:2])
    form.route(f"**/catalogue/uploads/*/?name={[*two][1]}*", lambda route: route.abort())
    drop(form, two)
    expect(form.get_by_text("this goes on by itself")).to_contain_text("1 of 2 files")
    form.unroute_all()
    expect(form.get_by_text("2 files, ")).to_contain_text("all here")


def test_six_photographs_are_dropped_one_piece_fails_and_the_rest_comes_after_a_reload(form):
    check(form)
    sent: list[str] = []

    def piece(route: Route) -> None:
        sent.append(route.request.url)
        if len(sent) == 2:
            route.abort("connectionreset")
        else:
            route.continue_()

    form.route("**/catalogue/uploads/*/?name=*", piece)
    first = dict(list(PHOTOGRAPHS.items())[:4])
    drop(form, {**first, ".DS_Store": b"x"})
    expect(form.get_by_text("4 files, ")).to_contain_text("all here")
    assert len(sent) == 5, "the one that failed was sent again"

    form.reload()
    expect(form.get_by_text("4 files from last time are here")).to_be_visible()
    drop(form, PHOTOGRAPHS)
    expect(form.get_by_text("6 files, ")).to_contain_text("all here")
    assert len(sent) == 7, "what was there was not sent again"
    for width in (1280, 320):
        form.set_viewport_size({"width": width, "height": 800})
        fits(form)
    check(form)

    form.get_by_label("Name", exact=True).fill("streets")
    form.get_by_role("button", name="Bring in a set of images").click()
    form.wait_for_url("**/jobs/*/")
    (job,) = Job.objects.all()
    home = Path(settings.VAR_DIR, "uploads", job.what["upload"])
    assert {path.name: path.read_bytes() for path in home.iterdir()} == PHOTOGRAPHS
    assert uploads.is_there(job.what["upload"], User.objects.get(username="head"))
