"""The images of a preview: an order that follows from the study and a seed, and what votes on it
are answered. Nothing is remembered: what a vote is on, and so what comes next, is in what is sent.
"""

from __future__ import annotations

import time
from functools import lru_cache
from typing import Any, NamedTuple

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from study.desk import anchors, sheet
from study.models import Anchor, Rater, Stimulus, Study, Trial
from study.models.protocol import SECONDS_PER_VOTE
from study.models.steps import Place, Upcoming
from study.rating import calibration, sessions, votes
from study.rating.forms import Undo, Vote

Stage = Rater.Stage
CODE = "2345-6789"
"""Of a completion code, behind its first letter."""
FRESH = 60
"""Seconds for which the calibration images of a draft, once made, are taken as they are."""


class Shown(NamedTuple):
    """One place in an order of images."""

    stimulus: Stimulus
    kind: str
    anchor: int | None = None


def stage_of(name: str) -> Stage:
    """The stage of a rater who sees the images of a page of that name."""
    return Stage.RATING if name.startswith("session") else Stage.CALIBRATION


def somebody(study: Study, stage: Stage, **more: Any) -> Rater:
    """A rater of ``study`` who is nobody: in no database, and never stored."""
    code = f"{stage[0].upper()}-{CODE}" if stage in Rater.ENDED else ""
    return Rater(study=study, number=1, stage=stage, completion_code=code, **more)


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


def lengths(study: Study) -> tuple[int, ...]:
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
    told = sessions.told(somebody(study, stage_of(name), position=position), ahead)
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
        stage=stage_of(name),
        simulated=False,
        state=Study.State.OPEN,
        shortest_view_ms=study.shortest_view_ms,
        session_minutes=study.session_minutes,
    )
