"""``make pictures``: every page as it is today, photographed with the Samples images for docs/."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from tests.own_site import own_site, study_of_photographs
from tests.pictures_desk import desk, empty

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

    from study.models import Invitation, Rater, Study

COLOURS = 4000
"""A page of text has fewer, with the edges of its letters; a photograph has many more."""
WHOLE = "document.querySelectorAll('.save').forEach((bar) => (bar.style.position = 'static'))"
"""What stays in sight of a window stands at its place on the whole page. The pages' policy lets no
style sheet of others in."""
MAIL = {"MAIL_URL": "smtp+plain://127.0.0.1:9", "MAIL_FROM": "studies@example.org"}
"""Mail is configured, and none is sent."""
METHODS = ("nearest", "bicubic", "srresnet", "srgan", "hr")
WIDE, NARROW = 1280, 480
RULES = {
    "screen_device": True, "screen_window": True, "screen_vision": True, "plates": 4,
    "calibrate": True, "calibration_examples": 1, "calibration_checks": 2,
    "first_stabilising": 2, "later_stabilising": 1, "sessions": 2,
}  # fmt: skip
"""Everything that a study can ask of its raters."""


class Album:
    """Pictures of pages in a folder, from the top down to ``height`` px, or whole."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder

    def take(self, page: Page, name: str, *, height: int | None = None) -> None:
        """``name.png``, once the page has stopped changing; in 256 colours if it has no photo."""
        page.wait_for_load_state("networkidle")
        path = self.folder / f"{name}.png"
        page.evaluate(WHOLE)
        page.screenshot(path=path, full_page=True, animations="disabled")
        with Image.open(path) as taken:
            shown = taken.convert("RGB")
        if height:
            shown = shown.crop((0, 0, shown.width, min(height, shown.height)))
        if len(shown.getcolors(shown.width * shown.height) or ()) < COLOURS:
            shown = shown.quantize(256)
        shown.save(path, optimize=True)


def main() -> None:
    """Take every picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("docs/pictures"))
    album = Album(parser.parse_args().folder)
    with own_site() as folder:
        from playwright.sync_api import sync_playwright

        from tests.browser.conftest import chromium
        from tests.serving import served

        with served("study.wsgi", MAIL) as server, sync_playwright() as playwright:
            site = f"http://127.0.0.1:{server.port}"
            browser = playwright.chromium.launch(**chromium())
            empty(browser, album, site)
            demanding = study_of_photographs(
                folder, "demanding", methods=METHODS,
                protocol={**RULES, "calibration_folder": str(_anchors(folder))},
            )  # fmt: skip
            desk(browser, album, site, folder, METHODS)
            _way(browser, album, site, demanding)
            _elsewhere(browser, album, site, demanding)
            own, wild = _of_own_material(folder), _of_images_alone(folder)
            _researcher(browser, album, site, demanding, own, wild)
            browser.close()


def _anchors(folder: Path) -> Path:
    """Images to calibrate on that the study does not rate: parts of scikit-image's photographs."""
    import skimage.data

    from benchmarks.files import encode_png

    anchors = folder / "anchors"
    anchors.mkdir()
    for name in ("coffee", "rocket", "astronaut", "chelsea"):
        image = getattr(skimage.data, name)()[20:260, 60:380]
        (anchors / f"{name}.png").write_bytes(encode_png(image))
    return anchors


def _of_own_material(folder: Path) -> Study:
    """A study of somebody's own images and methods, with figures that other programs computed."""
    from study.desk import imports, rehearsal, stimuli, studies
    from tests.own_material import bring

    images, methods = ("gate", "tower", "yard"), ("bicubic", "ours", "theirs", "hr")
    bring(
        folder / "brought", set_name="buildings", images=images,
        titles={"ours": "Ours", "theirs": "Theirs"},
    )  # fmt: skip
    stimuli.make_outputs(["buildings"], methods, progress=False)
    study = studies.create("noon", sets=["buildings"], methods=methods, opened=True)
    rows = [
        f"buildings,{image},{method},MUSIQ,{figure + 2 * place}"
        for place, image in enumerate(images)
        for method, figure in zip(methods, (31.5, 58.2, 24.9, 66.4), strict=True)
    ]
    rows += ["buildings,,bicubic,FID,81.4", "buildings,,ours,FID,38.4", "buildings,,theirs,FID,97"]
    table = folder / "figures.csv"
    table.write_text("\n".join(["set,image,method,measure,value", *rows]))
    imports.take(table, study=study)
    mos = {"bicubic": 2.2, "ours": 3.7, "theirs": 1.6, "hr": 4.5}
    list(rehearsal.rehearse(study, raters=26, seed=26, mos=mos))
    return study


def _of_images_alone(folder: Path) -> Study:
    """A study of photographs that are enlarged themselves: nobody has their originals."""
    from django.conf import settings

    from benchmarks import own_sets
    from benchmarks.files import encode_png
    from study.desk import rehearsal, stimuli, studies
    from tests.own_material import photographs

    (folder / "wild").mkdir()
    for name, image in photographs(("harbour", "market", "quay")).items():
        (folder / "wild" / f"{name}.png").write_bytes(encode_png(image))
    own_sets.add(
        "wild",
        folder / "wild",
        folder=settings.BENCHMARKS_DIR,
        references=False,
        progress=False,
        say=lambda _: None,
    )
    methods = ("nearest", "bicubic", "srresnet", "srgan")
    stimuli.make_outputs(["wild"], methods, progress=False)
    study = studies.create("wild", sets=["wild"], methods=methods, opened=True)
    mos = {"nearest": 1.3, "bicubic": 2.1, "srresnet": 3.1, "srgan": 3.8}
    list(rehearsal.rehearse(study, raters=26, seed=26, mos=mos))
    return study


@contextmanager
def _window(browser: Browser, language: str = "en-GB", width: int = WIDE) -> Iterator[Page]:
    context: BrowserContext = browser.new_context(
        viewport={"width": width, "height": 800}, locale=language
    )
    yield context.new_page()
    context.close()


def _link(site: str, study: Study) -> tuple[str, Invitation]:

    from study.desk import links

    (invitation,) = links.invite(study, 1)
    return f"{site}{invitation.get_absolute_url()}", invitation


def _way(browser: Browser, album: Album, site: str, study: Study) -> None:
    """A rater's way from the welcome to the end, in English on a desktop, then in German."""
    for language, suffix in (("en-GB", ""), ("de-AT", "-de")):
        with _window(browser, language) as page:
            link, invitation = _link(site, study)
            page.goto(link)
            _one_way(page, invitation, partial(_take, album, page, suffix))
    with _window(browser, width=NARROW) as page:
        link, _ = _link(site, study)
        page.goto(link)
        album.take(page, "welcome-narrow")
        page.locator("form button").click()
        album.take(page, "screening-narrow")


def _take(album: Album, page: Page, suffix: str, name: str) -> None:
    album.take(page, name + suffix)


def _one_way(page: Page, invitation: Invitation, take: Callable[[str], None]) -> None:
    from django.utils import timezone

    from study.models import Rater, Session, Trial
    from study.rating import screening
    from tests.browser.conftest import votable, vote

    take("welcome")
    page.locator("form button").click()
    rater: Rater = Rater.objects.get(invitation=invitation)
    page.locator("[value=corrected]").check()
    for number, plate in enumerate(screening.plates_of(rater)):
        page.locator(f"#plate{number}").fill(str(plate.number))
    take("screening")
    page.locator("form button").click()
    take("instructions")
    page.locator("form button").click()
    for number in range(1, 5):
        votable(page, number)
        if number == 1:
            take("example")
        page.keyboard.press(str(Trial.objects.get(rater=rater, position=number - 1).anchor))
    page.locator("form button").wait_for()
    take("ready")
    page.locator("form button").click()
    votable(page, 1)
    vote(page, 1, [3, 4])
    votable(page, 3)
    take("rating")
    page.keyboard.press("p")
    take("paused")
    page.keyboard.press("p")
    trials = Trial.objects.filter(rater=rater, session__calibration=False)
    first = trials.filter(session__number=1).count()
    vote(page, 3, [3] * (first - 2))
    page.locator("#continue").wait_for()
    take("last")
    page.locator("#continue").click()
    page.locator("#rest").wait_for()
    take("break")
    ended = Session.objects.filter(rater=rater, ended_at__isnull=False)
    ended.update(ended_at=timezone.now() - timedelta(minutes=30))
    page.reload()
    take("back")
    page.locator("footer a").click()
    take("leave")
    page.locator("form a").click()
    page.locator("form button").click()
    vote(page, 1, [3] * trials.filter(session__number=2).count())
    page.locator("#continue").click()
    page.locator(".code").wait_for()
    take("done")
    page.locator("footer a").click()
    take("delete")
    page.locator("form button").click()
    page.locator("h1").wait_for()
    take("left")


def _elsewhere(browser: Browser, album: Album, site: str, study: Study) -> None:
    """What a rater sees who cannot go on, and pages for nobody in particular."""
    from study.desk import links, studies
    from study.models import Rater
    from study.rating import screening

    with _window(browser) as page:
        link, invitation = _link(site, study)
        page.goto(link)
        page.locator("form button").click()
        page.locator("[value=not]").check()
        page.locator("form button").click()
        album.take(page, "screened-out")
        link, invitation = _link(site, study)
        page.goto(link)
        page.locator("form button").click()
        page.set_viewport_size({"width": 380, "height": 700})
        page.locator("[value=plain]").check()
        page.locator("form button").click()
        album.take(page, "refused")
        page.set_viewport_size({"width": WIDE, "height": 800})
        page.locator("[value=plain]").check()
        for number, plate in enumerate(
            screening.plates_of(Rater.objects.get(invitation=invitation))
        ):
            page.locator(f"#plate{number}").fill(str(plate.number))
        page.locator("form button").click()
        page.locator("form button").click()
        page.locator("#stage img").wait_for(state="attached")
        page.set_viewport_size({"width": NARROW, "height": 640})
        album.take(page, "example-narrow")
        page.set_viewport_size({"width": 300, "height": 400})
        album.take(page, "too-small")
        page.set_viewport_size({"width": WIDE, "height": 800})
        studies.close(study)
        page.goto(link)
        album.take(page, "closed")
        studies.open_(study)
        links.revoke(invitation)
        page.goto(link)
        album.take(page, "revoked")
        for address, name in (("/rate/nothing", "not-found"), ("/", "home"), ("/login/", "login")):
            page.goto(f"{site}{address}")
            album.take(page, name)
    with _window(browser) as page:
        page.goto(f"{site}/rate/")
        album.take(page, "no-link")


def _researcher(
    browser: Browser, album: Album, site: str, study: Study, own: Study, wild: Study
) -> None:
    """A study that nobody rated yet, with one rater, and with many, of whom the results tell;
    and one of own material."""
    from django.contrib.auth.models import User

    from study.desk import rehearsal

    User.objects.create_superuser("admin", password="a-password-for-pictures")
    with _window(browser) as page:
        page.goto(f"{site}/login/")
        page.get_by_label("User name").fill("admin")
        page.get_by_label("Password").fill("a-password-for-pictures")
        page.get_by_role("button", name="Sign in").click()
        page.goto(f"{site}/studies/demanding/?raters=simulated")
        album.take(page, "results-none")
        for raters, name in ((1, "results-one"), (25, "results")):
            rehearsal.remove(study)
            list(rehearsal.rehearse(study, raters=raters, seed=raters))
            page.goto(f"{site}/studies/demanding/?raters=simulated")
            album.take(page, name, height=1450)
        page.set_viewport_size({"width": NARROW, "height": 800})
        album.take(page, "results-narrow", height=1450)
        page.goto(f"{site}/studies/{own.slug}/?raters=simulated")
        album.take(page, "results-own-narrow", height=1450)
        page.goto(f"{site}/studies/{wild.slug}/?raters=simulated")
        album.take(page, "results-wild-narrow", height=1450)
        page.set_viewport_size({"width": WIDE, "height": 800})
        page.goto(f"{site}/studies/{own.slug}/?raters=simulated")
        album.take(page, "results-own", height=1650)
        page.goto(f"{site}/studies/{wild.slug}/?raters=simulated")
        album.take(page, "results-wild", height=1650)
        page.set_viewport_size({"width": WIDE, "height": 800})
        page.goto(f"{site}/studies/")
        album.take(page, "studies")
        page.goto(f"{site}/studies/demanding/")
        album.take(page, "progress")


if __name__ == "__main__":
    main()
