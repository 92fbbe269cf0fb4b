"""The pictures of studies that are watched and read: of nobody, of one rater, crowded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.desk_way import ADMIN, PASSWORD, Way
from tests.people import watched

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.pictures import Album

TALL = 1500
"""Pixels from the top of a page that a picture has."""
TITLES = {
    "nobody": "Nobody was asked yet", "one": "One has rated", "three": "Three have rated",
    "busy": "Which enlargement looks better?", "again": "The same a year later",
}  # fmt: skip
PAGES = {
    "raters": "raters/", "by-image": "by-image/", "disagreements": "by-image/disagreements",
    "log": "log/", "people": "people/", "": "",
}  # fmt: skip
"""Of a study, by what a picture of each is called."""
CROWD = "crowd"


def studies_of(methods: tuple[str, ...]) -> None:
    """Studies of the Samples photographs at every stage, and the draft of a hundred images opened.

    *three* shows three methods; the others ``methods``.
    """
    from study.desk import studies
    from study.models import Study

    for slug, title in TITLES.items():
        shown = ("bicubic", "srgan", "hr") if slug == "three" else methods
        study = studies.create(slug, title=title, sets=["Samples"], methods=shown)
        studies.open_(study)
    found = {study.slug: study for study in Study.objects.all()}
    watched(found["one"], links=1, finished=1, others=0)
    watched(found["three"], links=4, finished=3, others=1)
    watched(found["busy"], links=40, finished=26, others=7)
    watched(found["again"], links=30, finished=20, others=4, seed=2)
    crowd = found[CROWD]
    crowd.share, crowd.approves, crowd.wanted = 24, True, None
    crowd.save()
    studies.open_(crowd)
    watched(crowd, links=300, finished=60, others=70, seed=3)
    for slug in ("three", "again", CROWD):
        studies.close(found[slug])


def look(way: Way) -> None:
    """At the results of the open study that the page is of."""
    button = way.page.get_by_role("button", name="Show the results, and note that I looked")
    if button.count():
        button.click()
        way.page.wait_for_load_state("load")


def take(way: Way, album: Album) -> None:
    """Every page of these studies, wide and light."""
    way.go("/")
    album.take(way.page, "watched-home", height=TALL)
    for slug in ("nobody", "one", "three", "busy", CROWD):
        way.go(f"/studies/{slug}/")
        album.take(way.page, f"watched-{slug}-hidden", height=TALL) if slug == "busy" else None
        look(way)
        for name, address in PAGES.items():
            way.go(f"/studies/{slug}/{address}")
            _computed(way)
            if (slug, name) not in LEFT_OUT:
                album.take(way.page, f"watched-{slug}{f'-{name}' * bool(name)}", height=TALL)
    way.go("/studies/busy/raters/3/")
    album.take(way.page, "watched-rater", height=TALL)
    way.go("/studies/busy/raters/mail/")
    album.take(way.page, "watched-mail", height=TALL)
    way.go("/studies/busy/compare/?with=again")
    album.take(way.page, "watched-compare", height=TALL)
    for address, name in (("/studies/", "studies"), ("/account/", "account"), ("/log/", "log")):
        way.go(address)
        album.take(way.page, f"watched-{name}", height=TALL)


def _computed(way: Way) -> None:
    """Wait for figures that are being computed; the page then shows them by itself."""
    way.page.locator("[data-ready]").first.wait_for(state="detached", timeout=120_000)


LEFT_OUT = {
    ("nobody", "log"), ("nobody", "by-image"), ("nobody", "disagreements"), ("nobody", "people"),
    ("one", "people"), ("one", "log"), ("one", "disagreements"), ("three", "people"),
    ("three", "log"), ("three", "raters"), ("crowd", "people"),
}  # fmt: skip
"""Pages that say nothing of that study which another's do not say better."""


def otherwise(browser: Browser, album: Album, site: str, suffix: str, **window: Any) -> None:
    """The same pages in a narrow window, or in the dark."""
    context = browser.new_context(locale="en-GB", **window)
    way = Way(context.new_page(), site)
    way.sign_in(ADMIN, PASSWORD)
    for address, name in (
        ("/", "home"), ("/studies/busy/", "busy"), ("/studies/busy/raters/", "raters"),
        ("/studies/crowd/raters/", "raters-crowd"), ("/studies/busy/raters/3/", "rater"),
        ("/studies/busy/by-image/", "by-image"), ("/studies/crowd/by-image/", "by-image-crowd"),
        ("/studies/busy/by-image/disagreements", "disagreements"),
        ("/studies/busy/compare/?with=again", "compare"), ("/studies/busy/log/", "log"),
        ("/studies/busy/people/", "people"), ("/studies/busy/raters/mail/", "mail"),
    ):  # fmt: skip
        way.go(address)
        look(way)
        if way.page.url != f"{site}{address}":
            way.go(address)
        _computed(way)
        album.take(way.page, f"watched-{name}-{suffix}", height=TALL)
    context.close()
