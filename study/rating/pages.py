"""Which page is due to a rater, and what it says.

What is due is read from the database; what a page says is made of a study, a rater and where the
rater stands, stored or not: a preview describes a rater who is nobody.
"""

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

    @property
    def path(self) -> str:
        """The template's place among all templates."""
        return f"study/rating/{self.template}"


def due(invitation: Invitation) -> Page:
    """The one page that this invitation leads to now."""
    study: Study = invitation.study
    rater: Rater | None = getattr(invitation, "rater", None)
    if rater is not None and rater.stage in Rater.ENDED:
        return end(rater)
    if study.state != Study.State.OPEN:
        return closed(study, rater)
    if rater is None:
        return welcome(study, named=invitation.named)
    rater.study = study
    if rater.stage == Stage.SCREENING:
        return screening(rater)
    if rater.stage == Stage.INSTRUCTIONS:
        return instructions(rater)
    session = sessions.due_session(rater)
    if session is not None and sessions.rating_now(rater, session):
        return rating(rater, sessions.standing(rater), _place(rater, session))
    return rest(rater, _rest(rater))


def _common(study: Study, rater: Rater | None) -> dict[str, Any]:
    return {"study": study, "rater": rater, "scale": Rating.Score.choices}


def welcome(study: Study, *, named: bool = False) -> Page:
    """The first page; it holds the instructions where nothing comes between.

    ``named``: something is noted beside the link of whoever reads it.
    """
    told = {"consent": texts.html(texts.consent(study, named=named)), **study.effort_each()}
    told["named"] = named
    if not study.screens and not study.calibrate:
        told["instructions"] = texts.html(texts.instructions(study))
    return Page("welcome.html", {**_common(study, None), **told})


def closed(study: Study, rater: Rater | None) -> Page:
    """That the study takes no answers: not yet, or no more."""
    return Page("closed.html", _common(study, rater), status=403)


def instructions(rater: Rater) -> Page:
    """What to do, on a page of its own where something comes before the images."""
    study = rater.study
    told = {"instructions": texts.html(texts.instructions(study)), **study.effort_each()}
    return Page("instructions.html", {**_common(study, rater), **told})


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


def end(rater: Rater) -> Page:
    """The last page of a rater's way, whichever way it was."""
    common = _common(rater.study, rater)
    if rater.stage == Stage.FINISHED:
        return Page("done.html", {**common, "total": rater.position})
    if rater.stage == Stage.SCREENED_OUT:
        return Page("screened_out.html", {**common, "reason": gate.REASONS.get(rater.refusal, "")})
    return Page("left.html", common)


def _place(rater: Rater, session: Session) -> dict[str, Any]:
    """Where ``session`` lies in the rater's way."""
    later = rater.session_set.filter(calibration=False, number__gt=session.number)
    return {
        **sessions.extent(session),
        "calibration": session.calibration,
        "last": session.calibration or not later.exists(),
    }


def rating(rater: Rater, state: dict[str, Any], place: dict[str, Any]) -> Page:
    """The page with the images.

    ``state``: what `sessions.standing` tells. ``place``: the session's ``first`` position and
    ``total`` of trials, whether it is a ``calibration`` and whether it is the ``last``.
    """
    study = rater.study
    rules = {
        **place,
        "shortest_view_ms": study.shortest_view_ms,
        "undo_ms": 0 if place["calibration"] else study.undo_seconds * 1000,
        "hint_ms": study.hint_seconds * 1000,
        "seconds_per_vote": SECONDS_PER_VOTE,
    }
    told = {"state": state, "rules": rules, "texts": _texts()}
    return Page("rate.html", {**_common(study, rater), **told})


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


def _rest(rater: Rater) -> dict[str, Any]:
    """What a rater of the database has done, what is left, and when to come back."""
    done = rater.session_set.filter(calibration=False, ended_at__isnull=False)
    until = sessions.break_ends(rater)
    return {
        "begun": done.exists(),
        "left": sessions.left_over(rater),
        "seconds": max(0.0, (until - timezone.now()) / timedelta(seconds=1)) if until else 0.0,
        "done": rater.trial_set.filter(rating__isnull=False, anchor=None).count(),
    }


def rest(rater: Rater, told: dict[str, Any]) -> Page:
    """A page between images: that they begin, that the examples come again, or a break.

    ``told``: whether a session is over (``begun``), the ``trials`` and ``sessions`` that are
    ``left``, the ``seconds`` until it goes on, and how many answers were given (``done``).
    """
    repeated = rater.stage == Stage.CALIBRATION
    more = {
        "repeated": repeated,
        "first": not repeated and not told["begun"],
        "left": told["left"],
        "minutes": max(1, round(told["left"]["trials"] * SECONDS_PER_VOTE / 60)),
        "seconds": math.ceil(told["seconds"]),
        "rest": math.ceil(told["seconds"] / 60),
        "done": told["done"],
    }
    return Page("break.html", {**_common(rater.study, rater), **more})
