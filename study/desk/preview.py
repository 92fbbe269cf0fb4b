"""A study as its raters see it, page by page, with nothing stored: their pages, of nobody.

Every page is made by `study.rating.pages` of a rater who is in no database, described by where they
stand. The images' order and what votes are answered is in `study.desk.preview_order`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings

from study.desk import preview_order as order
from study.desk.preview_order import somebody
from study.models import Rater, Study
from study.rating import pages, plates, screening
from study.rating.pages import Page
from study.rating.plates import Plate
from study.rating.screening import Answers

Stage = Rater.Stage


@dataclass(frozen=True)
class Scene:
    """A page that a rater of a study can meet."""

    name: str
    """In its address."""
    title: str
    """For researchers."""
    told: str = ""
    """When a rater meets it, or what can be tried on it."""
    leads: str = ""
    """The scene that its button leads to; empty where it has none."""
    aside: bool = False
    """Off the way that a rater takes whom nothing stops."""


def languages(study: Study) -> dict[str, str]:
    """The languages in which raters can get the pages of ``study``, by code."""
    known = dict(settings.LANGUAGES)
    return {study.language: known[study.language]} if study.language else known


def scenes(study: Study) -> list[Scene]:
    """All pages that a rater of ``study`` can meet: the way first, then what lies aside."""
    way = _way(study)
    names = [scene.name for scene in way[1:]] + [""]
    led = [
        Scene(scene.name, scene.title, scene.told, scene.leads or following)
        for scene, following in zip(way, names, strict=True)
    ]
    return led + _aside(study, led)


def _way(study: Study) -> list[Scene]:
    found = [Scene("welcome", "Welcome and consent")]
    if study.screens:
        found.append(Scene("screening", "Screening", "The plates are real, and so is the check."))
    if study.screens or study.calibrate:
        found.append(Scene("instructions", "Instructions"))
    if study.calibrate:
        if order.anchors_of(study):
            told = "Examples of a 1 and of a 5, then the check."
            found.append(Scene("calibration", "Calibration", told))
        found.append(Scene("begin", "Now it begins", "After a check that was passed."))
    counts = order.lengths(study)
    for number, length in enumerate(counts, start=1):
        found.append(Scene(f"session-{number}", _session(number, len(counts)), f"{length} images"))
        if number < len(counts):
            if study.break_minutes:
                found.append(Scene(f"break-{number}", f"Break {number}", "While it lasts."))
            over = f"Break {number}, over"
            found.append(Scene(f"back-{number}", over, "By the same link, on any later day."))
    return [*found, Scene("finished", "Thank you")]


def _session(number: int, count: int) -> str:
    return "Rating" if count == 1 else f"Rating, session {number} of {count}"


def _aside(study: Study, way: list[Scene]) -> list[Scene]:
    names = [scene.name for scene in way]
    begin = "begin" if "begin" in names else next((n for n in names if n == "session-1"), "welcome")
    named = "Whose name, address or note stands beside their link."
    found = [Scene("named", "Welcome, by a link with a name", named, way[0].leads)]
    if study.screens:
        told = "Whose browser does not say how large its window is."
        found.append(Scene("unmeasured", "Screening, without JavaScript", told, "instructions"))
    if study.screen_window:
        found.append(Scene("window", "Window too small", "Of the screening.", "instructions"))
    if study.screen_device:
        found.append(Scene("device", "Phone or tablet", "Of the screening.", "instructions"))
    if study.screen_vision:
        found.append(Scene("vision", "Turned away: sight", "Who does not see sharply."))
    if study.plates:
        found.append(Scene("plates", "Turned away: colour", "Who misread too many plates."))
    if "calibration" in names:
        if study.calibration_attempts > 1:
            told = "After a check that was not passed."
            found.append(Scene("again", "Once more, please", told, "repeated"))
            found.append(Scene("repeated", "Calibration, again", "On other images.", begin))
        found.append(Scene("misjudged", "Turned away: check", "Who did not pass the check."))
    if study.screen_vision or study.plates or "calibration" in names:
        found.append(Scene("forgotten", "Turned away, answers deleted", "By the link at its foot."))
    found += [
        Scene("leave", "Stop for good?", "By the link at the foot of pages, or Pause.", begin),
        Scene("stopped", "Stopped, answers kept"),
        Scene("deleted", "Stopped, answers deleted"),
        Scene("delete", "Have answers deleted", "After any end, by the same link.", "finished"),
        Scene("not-yet", "Not begun yet", "Who opens a link while the study is a draft."),
        Scene("closed", "Closed", "Who comes after the study was closed."),
        Scene("cut-short", "Closed half way", "Who had not finished when it was closed."),
        Scene("revoked", "Link revoked", "Who had not answered anything."),
        Scene("withdrawn", "Link revoked, with answers", "Who can have them deleted."),
        Scene("no-link", "No link", "A browser that does not know its rater."),
    ]
    return [Scene(each.name, each.title, each.told, each.leads, aside=True) for each in found]


# ---- Pages ----


def page(study: Study, name: str, *, seed: int) -> Page:
    """The page of that name of :func:`scenes`, as a rater gets it."""
    kind, _, number = name.partition("-")
    if kind in ("session", "calibration", "repeated"):
        return _images(study, name, seed)
    if number.isdigit():
        return _break(study, int(number), waiting=kind == "break")
    return _PAGES[name](study)


def _images(study: Study, name: str, seed: int) -> Page:
    first, shown = order.images(study, name, seed=seed)
    calibrates = not name.startswith("session")
    last = calibrates or name == f"session-{len(order.lengths(study))}"
    place = {"first": first, "total": len(shown), "calibration": calibrates, "last": last}
    state = order.standing(study, name, seed=seed, position=first)
    return pages.rating(somebody(study, order.stage_of(name)), state, place)


def _break(study: Study, number: int, *, waiting: bool) -> Page:
    counts = order.lengths(study)
    told = {
        "begun": number > 0,
        "left": {"trials": sum(counts[number:]), "sessions": len(counts[number:])},
        "seconds": 60 * study.break_minutes if waiting else 0,
        "done": sum(counts[:number]),
    }
    return pages.rest(somebody(study, Stage.RATING), told)


def screened(study: Study, *, refusal: str = "", incomplete: bool = False) -> Page:
    """The screening, with what has to be mended."""
    rater = somebody(study, Stage.SCREENING)
    return pages.screening(rater, refusal=refusal, incomplete=incomplete)


def _again(study: Study) -> Page:
    told = {"begun": False, "left": {"trials": 0, "sessions": 0}, "seconds": 0, "done": 0}
    return pages.rest(somebody(study, Stage.CALIBRATION), told)


def _turned_away(refusal: str) -> Callable[[Study], Page]:
    def made(study: Study) -> Page:
        return pages.end(somebody(study, Stage.SCREENED_OUT, refusal=refusal))

    return made


def _stopped(study: Study, *, erased: bool) -> Page:
    return pages.end(somebody(study, Stage.WITHDRAWN, erased=erased))


def _leave(study: Study, stage: Stage) -> Page:
    rater = somebody(study, stage)
    told = {"rater": rater, "study": study, "over": stage in Rater.ENDED}
    return Page("leave.html", told)


def _not_open(study: Study, state: str, *, begun: bool = False) -> Page:
    other = copy.copy(study)
    other.state = state
    return pages.closed(other, somebody(other, Stage.RATING) if begun else None)


def _revoked(study: Study, *, answered: bool) -> Page:
    rater = somebody(study, Stage.RATING) if answered else None
    return Page("revoked.html", {"rater": rater}, status=410)


_PAGES: dict[str, Callable[[Study], Page]] = {
    "welcome": pages.welcome,
    "named": lambda study: pages.welcome(study, named=True),
    "screening": screened,
    "unmeasured": lambda study: screened(study, incomplete=True),
    "instructions": lambda study: pages.instructions(somebody(study, Stage.INSTRUCTIONS)),
    "begin": lambda study: _break(study, 0, waiting=False),
    "finished": lambda study: pages.end(somebody(study, Stage.FINISHED)),
    "window": lambda study: screened(study, refusal="window"),
    "device": lambda study: screened(study, refusal="device"),
    "vision": _turned_away("vision"),
    "plates": _turned_away("plates"),
    "forgotten": lambda study: pages.end(somebody(study, Stage.SCREENED_OUT, erased=True)),
    "misjudged": _turned_away("calibration"),
    "again": _again,
    "leave": lambda study: _leave(study, Stage.RATING),
    "stopped": lambda study: _stopped(study, erased=False),
    "deleted": lambda study: _stopped(study, erased=True),
    "delete": lambda study: _leave(study, Stage.FINISHED),
    "not-yet": lambda study: _not_open(study, Study.State.DRAFT),
    "closed": lambda study: _not_open(study, Study.State.CLOSED),
    "cut-short": lambda study: _not_open(study, Study.State.CLOSED, begun=True),
    "revoked": lambda study: _revoked(study, answered=False),
    "withdrawn": lambda study: _revoked(study, answered=True),
    "no-link": lambda study: Page("no_link.html", status=403),
}


# ---- The screening ----


def plates_of(study: Study, *, seed: int) -> list[Plate]:
    """Colour plates as a rater of ``study`` gets them."""
    return plates.plates_for(f"{study.pk}:preview {seed}", study.plates)


def judged(study: Study, answers: Answers, *, seed: int) -> str:
    """Why a rater who answers the screening so is refused, empty if they are not."""
    return screening.refusal(study, answers, plates_of(study, seed=seed))


def has_images(scene: Scene) -> bool:
    """Whether there are images to rate on this page."""
    return scene.name in ("calibration", "repeated") or scene.name.startswith("session-")
