"""How long pages of the desk take: in a study of the paper's size, and in one of 2000 raters.

Each page is held against one that shows nothing and asks the database for nothing, in the same run.
"""

from __future__ import annotations

import statistics
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
from django.urls import NoReverseMatch, reverse

if TYPE_CHECKING:
    from study.models import Study
    from tests.bench_site import _SignedIn

LINKS, CROWD, SHORT = 300, 2000, 30
"""Links of the paper-sized study; raters of the other, and images that each of them rates."""
TURNS = 5
MOST = 300
"""Milliseconds that no page should take."""
PAGES = (
    "study", "raters", "rater", "by_image", "compare", "log", "mail", "members", "study_images",
    "preview", "close_study", "copy_study", "ready",
)  # fmt: skip
"""Pages of a study by their names; those that are not there are told."""
OTHER = ("home", "studies", "jobs", "catalogue", "docs")
ARGUMENTS: dict[str, list[Any]] = {"ready": ["page.json"], "rater": [1]}


def pages(browser: _SignedIn, paper: Study) -> None:
    """Milliseconds of every page, and how often an empty page would come in that time."""
    from study.desk import computed, links

    links.invite(paper, LINKS)
    crowd = crowded(paper)
    computed.make(paper, kind="simulated", names=[*computed.ON_PAGE, computed.BY_IMAGE])
    with suppress(ValueError):  # nobody has rated everything, so that there are no ranks to draw
        computed.make(crowd, kind="people", names=[*computed.ON_PAGE, computed.BY_IMAGE])
    browser.post(reverse("look", args=[crowd.slug]), reverse("study", args=[crowd.slug]))
    empty = taken(browser, "/login/?next=/nowhere/")
    print(f"Pages of the desk; an empty one takes {empty:.0f} ms:")
    for study, kind, said in (
        (paper, "simulated", f"26 x 1128, {LINKS} links"),
        (crowd, "people", f"{CROWD} raters"),
    ):
        for name, where in addresses(study):
            tell(f"{said}: {name}", f"{where}?raters={kind}", browser, empty)
    invited = f"{reverse('raters', args=[paper.slug])}?raters=people"
    tell(f"26 x 1128, {LINKS} links: raters who were invited", invited, browser, empty)
    for name in OTHER:
        tell(name, reverse(name), browser, empty)


def addresses(study: Study) -> Iterator[tuple[str, str]]:
    """The pages of a study that there are."""
    for name in PAGES:
        try:
            yield name, reverse(name, args=[study.slug, *ARGUMENTS.get(name, [])])
        except NoReverseMatch:
            print(f"  {name}: there is no such page")


def tell(what: str, where: str, browser: _SignedIn, empty: float) -> None:
    """One line of the table."""
    took = taken(browser, where)
    slow = f"  more than {MOST} ms" * (took > MOST)
    print(f"  {what}: {took:.0f} ms, {took / empty:.1f} empty pages{slow}")


def taken(browser: _SignedIn, where: str) -> float:
    """Median milliseconds of a page, after a first time that does not count."""
    times = []
    for turn in range(TURNS + 1):
        start = time.perf_counter()
        browser.get(where, ())
        if turn:
            times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times)


def crowded(like: Study) -> Study:
    """An open study of the same images with many people, each of whom has rated a few."""
    from django.utils import timezone

    from study.desk import studies
    from study.models import Invitation, Rater, Rating, Session, Study, StudyStimulus, Trial

    shown = list(like.stimuli.values_list("pk", flat=True))
    study = Study.objects.create(slug="crowd", title="A study of many", share=SHORT)
    StudyStimulus.objects.bulk_create(StudyStimulus(study=study, stimulus_id=pk) for pk in shown)
    studies.open_(study)
    study.researchers.set(like.researchers.all())
    now, rng = timezone.now(), np.random.default_rng(2)
    numbers = range(1, CROWD + 1)
    invited = Invitation.objects.bulk_create(
        Invitation(study=study, number=number, name=f"Person {number}") for number in numbers
    )
    raters = Rater.objects.bulk_create(
        Rater(study=study, invitation=link, number=link.number, stage="finished", position=SHORT,
              finished_at=now, seen_at=now)
        for link in invited
    )  # fmt: skip
    sat = Session.objects.bulk_create(
        Session(rater=rater, seed=rater.number, gap=3, started_at=now) for rater in raters
    )
    trials = Trial.objects.bulk_create(
        Trial(rater=session.rater, session=session, position=place, stimulus_id=shown[int(chosen)])
        for session in sat
        for place, chosen in enumerate(rng.permutation(len(shown))[:SHORT])
    )
    Rating.objects.bulk_create(
        Rating(trial=trial, score=int(score), client_id=uuid.uuid4())
        for trial, score in zip(trials, rng.integers(1, 6, len(trials)), strict=True)
    )
    return study
