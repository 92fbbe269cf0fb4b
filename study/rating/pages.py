"""Which page is due to a rater, and what it says."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from study.models import Invitation, Rater, Rating, Session, Study
from study.models.protocol import SECONDS_PER_VOTE
from study.rating import calibration, sessions, texts
from study.rating import screening as gate

Stage = Rater.Stage


@dataclass(frozen=True)
class Page:
    """A template in ``study/rating/``, what it shows, and the status of the response."""

    template: str
    context: dict[str, Any] = field(default_factory=dict)
    status: int = 200


def due(invitation: Invitation) -> Page:
    """The one page that this invitation leads to now."""
    study: Study = invitation.study
    rater: Rater | None = getattr(invitation, "rater", None)
    common = {"study": study, "rater": rater, "scale": Rating.Score.choices}
    if rater is not None and rater.stage in Rater.ENDED:
        return _end(rater, common)
    if study.state != Study.State.OPEN:
        return Page("closed.html", common, status=403)
    if rater is None:
        return Page("welcome.html", {**common, **_welcome(study)})
    rater.study = study
    if rater.stage == Stage.SCREENING:
        return screening(rater)
    if rater.stage == Stage.INSTRUCTIONS:
        told = {
            "instructions": texts.html(texts.instructions(study)),
            **study.effort(study.images_each()),
        }
        return Page("instructions.html", {**common, **told})
    session = sessions.due_session(rater)
    if session is not None and sessions.rating_now(rater, session):
        return Page("rate.html", {**common, **_rating(rater, session)})
    return Page("break.html", {**common, **_break(rater)})


def _welcome(study: Study) -> dict[str, Any]:
    """The first page; it holds the instructions where nothing comes between."""
    told = {"consent": texts.html(texts.consent(study)), **_effort(study)}
    if not study.screens and not study.calibrate:
        told["instructions"] = texts.html(texts.instructions(study))
    return told


def _effort(study: Study) -> dict[str, int]:
    """How many images, minutes and sessions a rater is in for."""
    return study.effort(study.images_each())


def screening(rater: Rater, *, refusal: str = "", incomplete: bool = False) -> Page:
    """The screening's form, with what has to be mended."""
    study = rater.study
    width, height = gate.room(study)
    return Page(
        "screening.html",
        {
            "study": study,
            "rater": rater,
            "plates": range(study.plates),
            "room": {"width": width, "height": height, "frame": gate.FRAME},
            "reason": gate.REASONS.get(refusal, ""),
            "incomplete": incomplete,
        },
    )


def _end(rater: Rater, common: dict[str, Any]) -> Page:
    if rater.stage == Stage.FINISHED:
        return Page("done.html", {**common, "total": rater.position})
    if rater.stage == Stage.SCREENED_OUT:
        return Page("screened_out.html", {**common, "reason": gate.REASONS.get(rater.refusal, "")})
    return Page("left.html", common)


def _rating(rater: Rater, session: Session) -> dict[str, Any]:
    study = rater.study
    last = not rater.session_set.filter(calibration=False, number__gt=session.number).exists()
    rules = {
        **sessions.extent(session),
        "calibration": session.calibration,
        "last": last or session.calibration,
        "shortest_view_ms": study.shortest_view_ms,
        "undo_ms": 0 if session.calibration else study.undo_seconds * 1000,
        "hint_ms": study.hint_seconds * 1000,
        "seconds_per_vote": SECONDS_PER_VOTE,
    }
    return {"state": sessions.standing(rater), "rules": rules, "texts": _texts()}


def _texts() -> dict[str, str]:
    """What the rating page's script says. ``{n}`` and ``{total}`` are filled in there."""
    return {
        "image": _("Image {n} of {total}"),
        "example": _("Example {n} of {total}"),
        "again": _("Image {n} again: please answer anew"),
        "waiting_one": _("1 answer waiting for the network"),
        "waiting_many": _("{n} answers waiting for the network"),
        "waiting_image": _("The next image is waiting for the network"),
        "break_in_one": _("Break in about a minute"),
        "break_in": _("Break in about {n} minutes"),
        "end_in_one": _("About a minute left"),
        "end_in": _("About {n} minutes left"),
        "question": _("How good does this image look?"),
        "means_1": str(calibration.MEANING[1]),
        "means_5": str(calibration.MEANING[5]),
        "hint": _("No need to be exact: the first impression counts."),
        "late": _("That was too late to take the answer back: the first one counts."),
        "wrong": _("Something went wrong between this page and the server."),
        "lost": _("Your last answer has no place here."),
        "full": _(
            "This browser has no room to keep your answer until it arrives; it does not count."
        ),
    }


def _break(rater: Rater) -> dict[str, Any]:
    """What is left, and when to come back."""
    left = sessions.left_over(rater)
    done = rater.session_set.filter(calibration=False, ended_at__isnull=False)
    until = sessions.break_ends(rater)
    seconds = max(0.0, (until - timezone.now()) / timedelta(seconds=1)) if until else 0.0
    repeated = rater.stage == Stage.CALIBRATION
    return {
        "repeated": repeated,
        "first": not repeated and not done.exists(),
        "left": left,
        "minutes": max(1, round(left["trials"] * SECONDS_PER_VOTE / 60)),
        "seconds": math.ceil(seconds),
        "rest": math.ceil(seconds / 60),
        "done": rater.trial_set.filter(rating__isnull=False, anchor=None).count(),
    }
