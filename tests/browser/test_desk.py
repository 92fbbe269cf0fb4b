"""The whole way through the desk in a browser, by somebody who has never opened a shell."""

from __future__ import annotations

import csv
import io
import random
import re
import zipfile
from pathlib import Path
from statistics import fmean

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import expect

from benchmarks.files import encode_png
from study.models import Deed, Study, Trial
from tests.browser.conftest import emptied, finished
from tests.browser.test_pages import check
from tests.desk_way import (
    ADMIN,
    IMAGES,
    OURS,
    PASSWORD,
    PEOPLE,
    RESEARCHER,
    SET,
    SLUG,
    THEIRS,
    WHO,
    Way,
    rate_together,
)
from tests.own_material import PROGRAMS, photographs
from tests.serving import commands

pytestmark = pytest.mark.django_db(transaction=True)


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


def pressed(seed: int, images: int) -> list[int]:
    """Scores of somebody who uses the whole scale."""
    rng = random.Random(seed)
    return [rng.randint(1, 5) for _ in range(images)]


def table(archive: zipfile.ZipFile, name: str) -> list[dict[str, str]]:
    """The rows of a table of an archive."""
    return list(csv.DictReader(io.StringIO(archive.read(name).decode())))


def assert_tells(path: Path, scores: list[list[int]]) -> None:
    """The archive's ratings are what was pressed, and its MOS the means of them."""
    study = Study.objects.get(slug=SLUG)
    means: dict[str, list[int]] = {}
    with zipfile.ZipFile(path) as archive:
        ratings, methods = table(archive, "ratings.csv"), table(archive, "tables/methods.csv")
    told = {(row["rater"], int(row["position"])): int(row["score"]) for row in ratings}
    for number, mine in enumerate(scores, start=1):
        planned = Trial.objects.filter(rater__study=study, rater__number=number)
        for trial in planned.select_related("stimulus__method"):
            score = mine[trial.position]
            if trial.kind == Trial.Kind.MAIN:
                assert told.pop((f"R{number:03}", trial.position)) == score
            if trial.kind == Trial.Kind.MAIN and not trial.repeat:
                means.setdefault(trial.stimulus.method.name, []).append(score)
    assert told == {}
    assert {row["method"]: float(row["mos"]) for row in methods if row["set"] == SET} == (
        pytest.approx({method: fmean(some) for method, some in means.items()})
    )


def test_a_study_is_made_rated_watched_and_read_by_clicking(
    settings, site, page, new_context, tmp_path
):
    """Uploads, outputs of SRGAN, a researcher who configures, previews and opens, three links,
    three people who rate, results that are looked at, closed, read and taken away.

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
    links = [re.sub(r"^https?://[^/]+", site, link) for link in way.invite(PEOPLE)]

    study = Study.objects.get(slug=SLUG)
    assert study.state == Study.State.OPEN
    assert study.stimuli.count() == 5 * len(IMAGES)
    assert {name: getattr(study, name) for name in WHO} == WHO
    assert (study.retests, study.planned_raters, study.screen_window) == (2, 12, True)

    people = [new_context().new_page() for _ in links]
    people[0].goto(links[0])
    assert WHO["contact"] in people[0].locator("main").inner_text()
    scores = [pressed(seed, 5 * len(IMAGES) + 2 + 5) for seed in range(len(links))]
    rate_together(people, links, scores)
    for person in people:
        emptied(person)
        finished(person)
    # Whoever watches has not touched the page of raters since the links were made.
    expect(page.locator("#roster .state.finished")).to_have_count(3, timeout=30_000)
    way.take("three-finished")

    way.look()
    way.close()
    way.read()
    assert_tells(way.export(tmp_path), scores)
    deeds = study.deeds.exclude(kind=Deed.Kind.CHANGED).values_list("kind", flat=True)
    assert list(deeds) == ["created", "opened", "invited", "looked", "closed", "looked", "took"]
    assert set(study.deeds.values_list("account", flat=True)) == {RESEARCHER}
    assert errors == []
