"""The verbs that store what a rater says: a vote, and its one revision."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from study.models import Rater, Rating, Revision, Study, Trial, steps
from study.models.steps import Place
from study.models.turns import turn
from study.rating import sessions

UNDO_PATIENCE = 1000
"""Milliseconds by which a browser's clock may be off when a vote is taken back."""


class Refused(Exception):
    """A vote that cannot be taken: ``status`` is the HTTP answer, the text says why."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True)
class Viewing:
    """What the browser reports of how the image was shown; sizes in CSS pixels."""

    response_ms: int | None = None
    device_pixel_ratio: float | None = None
    viewport_width: int | None = None
    viewport_height: int | None = None
    shown_width: float | None = None
    shown_height: float | None = None
    zoom: float | None = None
    browser: str = ""


def cast(
    rater: Rater,
    *,
    token: str,
    score: int,
    client_id: UUID,
    viewing: Viewing | None = None,
    waiting: bool = False,
) -> Rating:
    """Store the vote on the trial named by ``token`` and move the rater on; returns what is stored.

    A vote on a trial that has one already changes nothing and returns the stored rating, whoever
    repeats it and whatever they say: the first answer counts. ``waiting``: further votes wait in
    the browser behind this one. ``rater`` is brought up to date. Raises :class:`Refused` if the
    trial is not this rater's (404), is not due yet (409), the id was used for another trial (409),
    the answer to an example is not the one it stands for or the image was not seen long enough
    (400), or the study is not open (403).

    All is read and checked before the lock is taken that SQLite has but one of, and what was read
    is a condition of what is written: of identical votes that arrive together one is stored, and
    the others find it.
    """
    viewing = viewing or Viewing()
    while True:
        due = steps.place(rater, token)
        if due is None:
            raise Refused(404, _("There is no such image in this session."))
        rater.position, rater.stage = due.reached, due.stage
        if due.rating is not None:
            return Rating.objects.get(pk=due.rating)
        _check(due, score, viewing)
        try:
            with turn(), transaction.atomic():
                if not sessions.move_on(rater, due, waiting=waiting):
                    continue
                rating = Rating(
                    trial_id=due.trial, score=score, client_id=client_id, **asdict(viewing)
                )
                steps.insert(rating)
                if due.following is None:
                    sessions.end_of_trials(rater)
                return rating
        except IntegrityError:
            if not Rating.objects.filter(client_id=client_id).exists():
                raise
            rater.position = due.reached
            text = _("This answer's id was already used for another image.")
            raise Refused(409, text) from None


def _check(due: Place, score: int, viewing: Viewing) -> None:
    if due.state != Study.State.OPEN:
        raise Refused(403, _("This study is closed and takes no more answers."))
    if due.stage in Rater.ENDED:
        raise Refused(409, _("You have left this study; no answer is taken any more."))
    if due.position != due.reached:
        text = _("Image %(due)d is due, not image %(given)d.")
        raise Refused(409, text % {"due": due.reached + 1, "given": due.position + 1})
    if due.started_at is None:
        raise Refused(409, _("A break is due, not an answer."))
    if due.kind == Trial.Kind.EXAMPLE and score != due.anchor:
        raise Refused(400, _("This example stands for another category."))
    if viewing.response_ms is not None and viewing.response_ms < due.shortest_view_ms:
        raise Refused(400, _("The image was not seen for long enough to be judged."))


def revise(rater: Rater, *, token: str, score: int, client_id: UUID, after_ms: int) -> Rating:
    """Give the latest vote anew, ``after_ms`` after it was given; both scores are kept.

    Sent again it changes nothing. ``rater`` is brought up to date. Raises :class:`Refused` if the
    trial is not this rater's (404), is not the one voted on last, was revised before or was taken
    back too late (409), or the study is not open (403).
    """
    with transaction.atomic():
        found = Trial.objects.select_related("rater__study", "rating").order_by()
        trial = found.filter(rater=rater, token=token).first()
        if trial is None:
            raise Refused(404, _("There is no such image in this session."))
        rater.position, rater.stage = trial.rater.position, trial.rater.stage
        rating: Rating | None = getattr(trial, "rating", None)
        if rating is None:
            raise Refused(409, _("There is no answer yet that could be taken back."))
        earlier = Revision.objects.filter(rating=rating).first()
        if earlier is not None:
            if earlier.client_id == client_id:
                return rating
            raise Refused(409, _("An answer can be taken back once."))
        study = trial.rater.study
        if study.state != Study.State.OPEN:
            raise Refused(403, _("This study is closed and takes no more answers."))
        if trial.position != trial.rater.position - 1 or trial.anchor is not None:
            raise Refused(409, _("Only the latest answer can be taken back."))
        if not study.undo_seconds or after_ms > study.undo_seconds * 1000 + UNDO_PATIENCE:
            raise Refused(409, _("It is too late to take this answer back."))
        Revision.objects.create(
            rating=rating,
            original_score=rating.score,
            score=score,
            client_id=client_id,
            after_ms=after_ms,
        )
        rating.score = score
        rating.save(update_fields=["score"])
        return rating
