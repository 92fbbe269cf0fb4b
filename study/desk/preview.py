"""A study as its raters see it, page by page, with nothing stored: their pages, of nobody.

Every page is made by `study.rating.pages` of a rater who is in no database, described by where they
stand. An order of images follows from the study and a seed, so that nothing needs to be remembered
between two votes: what a vote is on and what comes next is in the address.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from study.desk import anchors, sheet
from study.models import Anchor, Rater, Stimulus, Study, Trial
from study.models.protocol import SECONDS_PER_VOTE
from study.models.steps import Place, Upcoming
from study.rating import calibration, pages, plates, screening, sessions, votes
from study.rating.forms import Undo, Vote
from study.rating.pages import Page
from study.rating.plates import Plate
from study.rating.screening import Answers

Stage = Rater.Stage
CODE = "2345-6789"
"""Of a completion code, behind its first letter."""
FRESH = 60
"""Seconds for which the calibration images of a draft, once made, are taken as they are."""


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


class Shown(NamedTuple):
    """One place in an order of images."""

    stimulus: Stimulus
    kind: str
    anchor: int | None = None


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
        if anchors_of(study):
            told = "Examples of a 1 and of a 5, then the check."
            found.append(Scene("calibration", "Calibration", told))
        found.append(Scene("begin", "Now it begins", "After a check that was passed."))
    lengths = _lengths(study)
    for number, length in enumerate(lengths, start=1):
        found.append(Scene(f"session-{number}", _session(number, len(lengths)), f"{length} images"))
        if number < len(lengths):
            if study.break_minutes:
                found.append(Scene(f"break-{number}", "Break", "While it lasts."))
            found.append(Scene(f"back-{number}", "Break", "Once it is over."))
    return [*found, Scene("finished", "Thank you")]


def _session(number: int, count: int) -> str:
    return "Rating" if count == 1 else f"Rating, session {number} of {count}"


def _aside(study: Study, way: list[Scene]) -> list[Scene]:
    names = [scene.name for scene in way]
    begin = "begin" if "begin" in names else next((n for n in names if n == "session-1"), "welcome")
    found = []
    if study.screen_window:
        found.append(Scene("window", "Window too small", "Of the screening.", "instructions"))
    if study.screen_device:
        found.append(Scene("device", "Phone or tablet", "Of the screening.", "instructions"))
    if study.screen_vision:
        found.append(Scene("vision", "Turned away", "Who does not see sharply."))
    if study.plates:
        found.append(Scene("plates", "Turned away", "Who misread too many plates."))
    if "calibration" in names:
        if study.calibration_attempts > 1:
            told = "After a check that was not passed."
            found.append(Scene("again", "Once more, please", told, "repeated"))
            found.append(Scene("repeated", "Calibration, again", "On other images.", begin))
        found.append(Scene("misjudged", "Turned away", "Who did not pass the check."))
    found += [
        Scene("leave", "Stop for good?", "By the link at the foot of pages, or Pause.", begin),
        Scene("stopped", "Stopped, answers kept"),
        Scene("deleted", "Stopped, answers deleted"),
        Scene("delete", "Have answers deleted", "After any end, by the same link.", "finished"),
        Scene("not-yet", "Not begun yet", "Who opens a link while the study is a draft."),
        Scene("closed", "Closed", "Who comes after the study was closed."),
        Scene("withdrawn", "Link withdrawn", "Who answered before their link was withdrawn."),
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
    first, shown = images(study, name, seed=seed)
    calibrates = not name.startswith("session")
    last = calibrates or name == f"session-{len(_lengths(study))}"
    place = {"first": first, "total": len(shown), "calibration": calibrates, "last": last}
    state = standing(study, name, seed=seed, position=first)
    return pages.rating(_somebody(study, _stage(name)), state, place)


def _break(study: Study, number: int, *, waiting: bool) -> Page:
    lengths = _lengths(study)
    told = {
        "begun": number > 0,
        "left": {"trials": sum(lengths[number:]), "sessions": len(lengths[number:])},
        "seconds": 60 * study.break_minutes if waiting else 0,
        "done": sum(lengths[:number]),
    }
    return pages.rest(_somebody(study, Stage.RATING), told)


def screened(study: Study, *, refusal: str = "", incomplete: bool = False) -> Page:
    """The screening, with what has to be mended."""
    rater = _somebody(study, Stage.SCREENING)
    return pages.screening(rater, refusal=refusal, incomplete=incomplete)


def _again(study: Study) -> Page:
    told = {"begun": False, "left": {"trials": 0, "sessions": 0}, "seconds": 0, "done": 0}
    return pages.rest(_somebody(study, Stage.CALIBRATION), told)


def _turned_away(refusal: str) -> Callable[[Study], Page]:
    def made(study: Study) -> Page:
        return pages.end(_somebody(study, Stage.SCREENED_OUT, refusal=refusal))

    return made


def _stopped(study: Study, *, erased: bool) -> Page:
    return pages.end(_somebody(study, Stage.WITHDRAWN, erased=erased))


def _leave(study: Study, stage: Stage) -> Page:
    rater = _somebody(study, stage)
    told = {"rater": rater, "study": study, "over": stage in Rater.ENDED}
    return Page("leave.html", told)


def _not_open(study: Study, state: str) -> Page:
    other = copy.copy(study)
    other.state = state
    return pages.closed(other, None)


def _withdrawn(study: Study) -> Page:
    return Page("revoked.html", {"rater": _somebody(study, Stage.RATING)}, status=410)


_PAGES: dict[str, Callable[[Study], Page]] = {
    "welcome": pages.welcome,
    "screening": screened,
    "instructions": lambda study: pages.instructions(_somebody(study, Stage.INSTRUCTIONS)),
    "begin": lambda study: _break(study, 0, waiting=False),
    "finished": lambda study: pages.end(_somebody(study, Stage.FINISHED)),
    "window": lambda study: screened(study, refusal="window"),
    "device": lambda study: screened(study, refusal="device"),
    "vision": _turned_away("vision"),
    "plates": _turned_away("plates"),
    "misjudged": _turned_away("calibration"),
    "again": _again,
    "leave": lambda study: _leave(study, Stage.RATING),
    "stopped": lambda study: _stopped(study, erased=False),
    "deleted": lambda study: _stopped(study, erased=True),
    "delete": lambda study: _leave(study, Stage.FINISHED),
    "not-yet": lambda study: _not_open(study, Study.State.DRAFT),
    "closed": lambda study: _not_open(study, Study.State.CLOSED),
    "withdrawn": _withdrawn,
    "no-link": lambda study: Page("no_link.html", status=403),
}


def _stage(name: str) -> Stage:
    return Stage.RATING if name.startswith("session") else Stage.CALIBRATION


def _somebody(study: Study, stage: Stage, **more: Any) -> Rater:
    """A rater of ``study`` who is nobody: in no database, and never stored."""
    code = f"{stage[0].upper()}-{CODE}" if stage in Rater.ENDED else ""
    return Rater(study=study, number=1, stage=stage, completion_code=code, **more)


# ---- Images ----


def images(study: Study, name: str, *, seed: int) -> tuple[int, list[Shown]]:
    """The position at which a page's images begin, and those images in order."""
    examples = _calibration(study, seed)
    if name == "calibration":
        return 0, examples
    if name == "repeated":
        met = {shown.stimulus.source_id for shown in examples}
        drawn = calibration.drawn(study, anchors_of(study), seen=met, seed=seed + 1)
        return len(examples), [Shown(each.stimulus, kind, each.score) for each, kind in drawn]
    number = int(name.removeprefix("session-")) - 1
    stimuli, made = sessions.planned(study, seed=seed)
    before = sum(made.proof.session_lengths[:number])
    shown = [
        Shown(
            stimuli[trial.item],
            Trial.Kind.STABILISING if trial.kind == "stabilising" else Trial.Kind.MAIN,
        )
        for trial in made.trials
        if trial.session == number
    ]
    return len(examples) + before, shown


def _calibration(study: Study, seed: int) -> list[Shown]:
    drawn = calibration.drawn(study, anchors_of(study), seed=seed) if study.calibrate else []
    return [Shown(each.stimulus, kind, each.score) for each, kind in drawn]


def _lengths(study: Study) -> tuple[int, ...]:
    """How many images the sessions have; none without images."""
    return sessions.planned(study, seed=0)[1].proof.session_lengths


def anchors_of(study: Study) -> list[Anchor]:
    """The calibration images of ``study``; of a draft as many as a rater needs, made without rows.

    None where they cannot be made; see :func:`calibration_problem`.
    """
    if study.frozen:
        stored = study.anchors.select_related("stimulus")
        return list(stored.order_by("stimulus__source", "score"))
    return _made(study)[0] if study.calibrate else []


def calibration_problem(study: Study) -> str:
    """Why a draft could not calibrate its raters as it is; empty if it could."""
    return _made(study)[1] if study.calibrate and not study.frozen else ""


def _made(study: Study) -> tuple[list[Anchor], str]:
    about = tuple(str(getattr(study, name)) for name in study.PROTOCOL if "calibrat" in name)
    shown = tuple(study.stimuli.order_by("pk").values_list("sha256", flat=True))
    sets = tuple(anchors.sets_of(study).items())
    # By the place too: whoever names another folder for all studies is not shown the earlier one's.
    place = str(settings.CALIBRATION_DIR)
    return _prepared(study.pk, about, shown, sets, place, int(time.monotonic() // FRESH))


@lru_cache(maxsize=4)
def _prepared(
    pk: int,
    _about: tuple[str, ...],
    shown: tuple[str, ...],
    sets: tuple[tuple[str, bool], ...],
    *_: object,
) -> tuple[list[Anchor], str]:
    """The anchors of a draft and no problem, or none and the problem. Takes half a second."""
    try:
        made = anchors.prepare(Study.objects.get(pk=pk), set(shown), dict(sets), most=0)
    except ValueError as error:
        return [], str(error)
    return [
        Anchor(
            stimulus=Stimulus(
                source_id=place // len(anchors.SCORES),
                sha256=each.sha256,
                length=each.length,
                width=each.width,
                height=each.height,
            ),
            score=score,
        )
        for place, (each, score) in enumerate(made)
    ], ""


# ---- What a rating page asks ----


def standing(study: Study, name: str, *, seed: int, position: int) -> dict[str, Any]:
    """What `sessions.standing` tells a rater at ``position``."""
    first, shown = images(study, name, seed=seed)
    ahead = [
        Upcoming(
            position=place,
            token=str(place),
            kind=each.kind,
            anchor=each.anchor,
            width=each.stimulus.width,
            height=each.stimulus.height,
            session=0,
            calibration=not name.startswith("session"),
            active_ms=1000 * SECONDS_PER_VOTE * (position - first),
            started_at=timezone.now(),
            ended_at=None,
            state=Study.State.OPEN,
            session_minutes=study.session_minutes,
        )
        for place, each in enumerate(shown, start=first)
        if position <= place < position + sessions.AHEAD
    ]
    told = sessions.told(_somebody(study, _stage(name), position=position), ahead)
    for trial in told["trials"]:
        trial["image"] = sheet.address(study, shown[trial["position"] - first].stimulus)
    return told


def answer(study: Study, name: str, given: Vote | Undo, *, seed: int) -> dict[str, Any]:
    """What a rater is answered whose vote, undo or revision was stored; refused as theirs.

    The score of an answer that was taken back is not told: it was kept nowhere.
    """
    first, shown = images(study, name, seed=seed)
    position = int(given.trial) if given.trial.isdecimal() else -1
    if not first <= position < first + len(shown):
        raise votes.Refused(404, _("There is no such image in this session."))
    told: dict[str, Any] = {"trial": given.trial, "score": None, "id": None}
    if isinstance(given, Vote):
        votes.check(
            _due(study, name, position, shown[position - first]), given.score, given.viewing
        )
        told |= {"score": given.score, "id": str(given.id)}
    return {"rating": told, **standing(study, name, seed=seed, position=position + 1)}


def _due(study: Study, name: str, position: int, shown: Shown) -> Place:
    return Place(
        trial=0,
        position=position,
        kind=shown.kind,
        anchor=shown.anchor,
        rating=None,
        following=None,
        delivered_at=None,
        session=0,
        calibration=not name.startswith("session"),
        active_ms=0,
        started_at=timezone.now(),
        seen_at=None,
        ended_at=None,
        shown_until=None,
        reached=position,
        stage=_stage(name),
        simulated=False,
        state=Study.State.OPEN,
        shortest_view_ms=study.shortest_view_ms,
        session_minutes=study.session_minutes,
    )


def plates_of(study: Study, *, seed: int) -> list[Plate]:
    """Colour plates as a rater of ``study`` gets them."""
    return plates.plates_for(f"{study.pk}:preview {seed}", study.plates)


def judged(study: Study, answers: Answers, *, seed: int) -> str:
    """Why a rater who answers the screening so is refused, empty if they are not."""
    return screening.refusal(study, answers, plates_of(study, seed=seed))


def has_images(scene: Scene) -> bool:
    """Whether there are images to rate on this page."""
    return scene.name in ("calibration", "repeated") or scene.name.startswith("session-")
