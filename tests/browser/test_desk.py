"""The whole way through the desk in a browser, by somebody who has never opened a shell."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.contrib.auth.models import User

from benchmarks.files import encode_png
from study.models import Deed, Study
from tests.browser.test_pages import check
from tests.desk_way import ADMIN, IMAGES, OURS, RESEARCHER, SLUG, THEIRS, WHO, Way
from tests.own_material import PROGRAMS, photographs
from tests.serving import commands

pytestmark = pytest.mark.django_db(transaction=True)
PASSWORD = "harbour lights at night"


def folders(folder: Path, **size: int) -> tuple[list[Path], list[Path]]:
    """Six photographs, and a folder of what each of two programs made of them."""
    originals, made = folder / "photographs", [folder / OURS, folder / THEIRS]
    for each in (originals, *made):
        each.mkdir(parents=True)
    for name, image in photographs(IMAGES, **size).items():
        (originals / f"{name}.png").write_bytes(encode_png(image))
        for place, program in zip(made, PROGRAMS, strict=True):
            (place / f"{name}_x4.png").write_bytes(encode_png(program(image)))
    return sorted(originals.iterdir()), made


def test_a_study_is_made_from_nothing_by_clicking(settings, site, page, tmp_path):
    """Uploads, outputs of SRGAN, a researcher who configures, previews and opens, a link.

    Every page on the way keeps the rules of WCAG 2.2 AA.
    """
    User.objects.create_superuser(ADMIN, password=PASSWORD)
    settings.BENCHMARKS_DIR = tmp_path / "benchmarks"
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda said: said.type == "error" and errors.append(said.text))
    photos, (ours, theirs) = folders(tmp_path / "brought")

    way = Way(page, site, take=lambda _: check(page))
    with commands() as start:
        start("worker")
        way.sign_in(ADMIN, PASSWORD)
        way.bring_all(photos, ours, theirs)
        for method in ("srgan", "bicubic", "hr"):
            way.make(method)
        password = way.make_researcher()
        way.sign_out()

    way.sign_in(RESEARCHER, password)
    way.make_study()
    link = way.invite()

    study = Study.objects.get(slug=SLUG)
    assert study.state == Study.State.OPEN
    assert study.stimuli.count() == 5 * len(IMAGES)
    assert {name: getattr(study, name) for name in WHO} == WHO
    assert (study.retests, study.planned_raters, study.screen_window) == (2, 12, True)
    deeds = study.deeds.exclude(kind=Deed.Kind.CHANGED).values_list("kind", "account")
    assert list(deeds) == [("created", RESEARCHER), ("opened", RESEARCHER), ("invited", RESEARCHER)]
    page.goto(re.sub(r"^https?://[^/]+", site, link))
    assert WHO["contact"] in page.locator("main").inner_text()
    assert errors == []
