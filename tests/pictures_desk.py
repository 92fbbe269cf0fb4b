"""The pictures of the desk: the way to a first study; its pages crowded, narrow and in the dark."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests import pictures_watched
from tests.desk_way import ADMIN, PASSWORD, PEOPLE, RESEARCHER, SET, SLUG, Way

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.pictures import Album

ROOT = Path(__file__).resolve().parent.parent
SHOWN = {
    "bring-set-harbour", "brought-harbour", "catalogue-before", "catalogue-after", "people",
    "no-studies", "new-study", "shown", "screening-part", "calibration-part", "sessions-part",
    "texts-part", "analysis-part", "draft", "preview", "preview-rating", "images", "checklist",
    "opened", "no-links", "invite", "links",
}  # fmt: skip
"""Of what the way passes, what is worth a picture."""
TALL = 1500
"""Pixels from the top of a page that a picture has."""
PATIENT = 120_000
"""Milliseconds until a job has been begun and is over."""
OTHERWISE: dict[str, dict[str, Any]] = {
    "narrow": {"viewport": {"width": 390, "height": 800}},
    "dark": {"color_scheme": "dark"},
}
CROWD, METHODS, MANY = "crowd", 12, 100


def empty(browser: Browser, album: Album, site: str) -> None:
    """What somebody sees who is the first to sign in."""
    from django.contrib.auth.models import User

    User.objects.create_superuser(ADMIN, password=PASSWORD)
    context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB")
    way = Way(context.new_page(), site)
    way.sign_in(ADMIN, PASSWORD)
    for address, name in (("/", "home"), ("/catalogue/", "catalogue")):
        way.go(address)
        album.take(way.page, f"desk-{name}-empty", height=TALL)
    context.close()


def desk(browser: Browser, album: Album, site: str, folder: Path, methods: tuple[str, ...]) -> None:
    """Every page of the desk; ``methods`` have outputs of the Samples set."""
    from tests.browser.test_desk import folders

    photographs, (ours, theirs) = folders(folder / "harbour", height=240, width=320)
    context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB")
    way = Way(context.new_page(), site)
    way.take = partial(_take, album, way)
    with _worker():
        way.sign_in(ADMIN, PASSWORD)
        way.go("/jobs/")
        album.take(way.page, "desk-no-jobs")
        way.bring_all(photographs, ours, theirs)
        for method in ("hr", "bicubic", "srgan"):
            way.make(method)
        way.go(f"/catalogue/sets/{SET}/")
        album.take(way.page, "desk-set", height=TALL)
        way.go("/catalogue/methods/srgan/")
        album.take(way.page, "desk-method", height=TALL)
        password = way.make_researcher()
        way.sign_out()
        way.sign_in(RESEARCHER, password)
        way.make_study()
        way.invite(PEOPLE)
        way.go(f"/studies/{SLUG}/close")
        album.take(way.page, "desk-close")
        way.sign_out()
        _crowd(folder)
        way.sign_in(ADMIN, PASSWORD)
        _jobs(way, album, folder)
        way.go("/jobs/")
        album.take(way.page, "desk-jobs")
    _crowded(way, album)
    _refused(way, album, folder)
    for suffix, window in OTHERWISE.items():
        _otherwise(browser, album, site, suffix, **window)
    pictures_watched.studies_of(methods)
    pictures_watched.take(way, album)
    context.close()
    for suffix, window in OTHERWISE.items():
        pictures_watched.otherwise(browser, album, site, suffix, **window)


def _take(album: Album, way: Way, name: str) -> None:
    if name in SHOWN:
        album.take(way.page, f"desk-{name}", height=TALL)


@contextmanager
def _worker() -> Iterator[None]:
    """The worker of the site, for the length of a block."""
    process = subprocess.Popen([sys.executable, "manage.py", "worker"], cwd=ROOT)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def _crowd(folder: Path) -> None:
    """A draft of a hundred images by twelve methods, all of somebody's own."""
    from django.conf import settings

    from benchmarks import own_methods, own_sets
    from benchmarks.fetch import SAMPLE_FILES, cut_sample
    from benchmarks.files import encode_png
    from benchmarks.resize import degrade
    from sr_models.interpolation import bicubic
    from study.desk import shown, stimuli, studies
    from study.models.deeds import by_command

    samples = [cut_sample(name) for name in SAMPLE_FILES]
    corners = [(n // 5 * 12, n // 5 * 9) for n in range(MANY)]
    images = {
        f"scene{n:03}": samples[n % 5][top : top + 96, left : left + 96]
        for n, (top, left) in enumerate(corners)
    }
    originals = folder / "crowd"
    originals.mkdir()
    for name, image in images.items():
        (originals / f"{name}.png").write_bytes(encode_png(image))
    own_sets.add(
        CROWD, originals, folder=settings.BENCHMARKS_DIR, as_they_are=True, progress=False,
        say=lambda _: None,
    )  # fmt: skip
    names = [f"variant-{n:02}" for n in range(METHODS)]
    for number, name in enumerate(names):
        made = folder / name
        made.mkdir()
        for scene, pixels in images.items():
            soft = bicubic(degrade(pixels)).astype(int)
            mixed = (soft * (METHODS - number) + pixels.astype(int) * number) // METHODS
            (made / f"{scene}.png").write_bytes(encode_png(mixed.astype("uint8")))
        own_methods.add(
            name, outputs=made, folder=settings.METHODS_DIR, benchmarks_dir=settings.BENCHMARKS_DIR,
            sets=[CROWD], title=f"Variant {number + 1}", as_they_are=True, progress=False,
        )  # fmt: skip
    stimuli.make_outputs([CROWD], names, progress=False)
    study = studies.draft(CROWD, title="Twelve variants of a hundred scenes", by=by_command())
    study.wanted = {CROWD: {"methods": names, "without": []}}
    study.save()
    shown.lay(study, by=by_command())


def _crowded(way: Way, album: Album) -> None:
    for address, name in (
        ("/catalogue/", "catalogue"),
        (f"/catalogue/sets/{CROWD}/", "set"),
        (f"/studies/{CROWD}/edit/shown", "shown"),
        (f"/studies/{CROWD}/images/", "images"),
        (f"/studies/{CROWD}/open", "checklist"),
        ("/studies/", "studies"),
    ):
        way.go(address)
        album.take(way.page, f"desk-{name}-crowded", height=TALL)


def _jobs(way: Way, album: Album, folder: Path) -> None:
    """A job that failed, the form it is mended by, and one under way."""
    (folder / "broken").mkdir()
    broken = [folder / "broken" / name for name in ("mole.png", "quay.png")]
    for file in broken:
        file.write_bytes(b"not an image")
    way.go("/catalogue/add/set")
    way.page.locator("[data-place] input[type=file]").first.set_input_files(broken)
    way.page.locator("[name=name]").fill("quay")
    way.page.locator("[data-progress]").first.wait_for()
    way.page.locator(".bring .save button").click()
    way.page.locator(".job .state.job-failed").wait_for(timeout=PATIENT)
    album.take(way.page, "desk-job-failed")
    way.follow("Change and try again")
    album.take(way.page, "desk-bring-again", height=TALL)
    way.go("/catalogue/")
    way.page.locator(f"#make-{CROWD}-srgan").click()
    way.page.locator(f"#due-{CROWD}-srgan").click()
    way.page.locator(".job progress[value]").wait_for(timeout=PATIENT)
    album.take(way.page, "desk-job-running")
    way.page.locator("[id^=cancel-]").click()
    way.page.locator(".job .state.job-cancelled").wait_for(timeout=PATIENT)


def _refused(way: Way, album: Album, folder: Path) -> None:
    """What is wrong in a form, an upload cut off, two editors at once, and what asks first."""
    from django.conf import settings

    from benchmarks import own_sets
    from study.desk import drafts
    from study.models import Study
    from study.models.deeds import By

    way.go("/new-study/")
    way.page.get_by_label("Title").fill("A second look")
    way.page.locator("[name=slug]").fill(SLUG)
    way.press("Make the draft")
    way.page.locator(".problem").first.wait_for()
    album.take(way.page, "desk-new-study-wrong", height=TALL)

    late = re.compile(r"/uploads/.*name=scene00[3-9]")
    way.page.route(late, lambda route: route.abort())
    way.go("/catalogue/add/set")
    files = sorted((folder / "crowd").iterdir())[:6]
    way.page.locator("[data-place] input[type=file]").first.set_input_files(files)
    way.page.get_by_text("this goes on by itself").wait_for()
    album.take(way.page, "desk-bring-cut-off", height=TALL)
    way.page.unroute(late)

    way.go(f"/studies/{CROWD}/edit/sessions")
    draft = Study.objects.get(slug=CROWD)
    drafts.change(
        draft, {"session_minutes": 25}, seen={"session_minutes": draft.session_minutes},
        by=By(None, RESEARCHER),
    )  # fmt: skip
    way.page.locator("[name=session_minutes]").fill("20")
    way.press("Save")
    way.page.locator(".messages .error").first.wait_for()
    album.take(way.page, "desk-conflict", height=TALL)

    (folder / "spare").mkdir()
    for file in files[:2]:
        (folder / "spare" / file.name).write_bytes(file.read_bytes())
    own_sets.add(
        "spare", folder / "spare", folder=settings.BENCHMARKS_DIR, as_they_are=True,
        progress=False, say=lambda _: None,
    )  # fmt: skip
    for address, name in (
        ("/catalogue/sets/spare/remove", "remove"),
        (f"/studies/{CROWD}/delete", "delete"),
        (f"/studies/{SLUG}/copy", "copy"),
        ("/nothing/", "not-found"),
    ):
        way.go(address)
        album.take(way.page, f"desk-{name}", height=TALL)


def _otherwise(browser: Browser, album: Album, site: str, suffix: str, **window: Any) -> None:
    context = browser.new_context(locale="en-GB", **window)
    way = Way(context.new_page(), site)
    way.sign_in(ADMIN, PASSWORD)
    for address, name in (
        ("/catalogue/", "catalogue"),
        ("/catalogue/add/set", "bring"),
        ("/jobs/", "jobs"),
        ("/new-study/", "new-study"),
        (f"/studies/{CROWD}/edit/shown", "shown"),
        (f"/studies/{CROWD}/edit/texts", "texts"),
        (f"/studies/{CROWD}/images/", "images"),
        (f"/studies/{CROWD}/open", "checklist"),
        (f"/studies/{SLUG}/", "study"),
        ("/people/", "people"),
    ):
        way.go(address)
        album.take(way.page, f"desk-{name}-{suffix}", height=TALL)
    context.close()
