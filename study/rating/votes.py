"""The verbs that store what a rater says: a vote, that it is taken back, and its one revision.

What this server can measure itself it does not take on trust: whether the image of a vote was sent
and could be seen long enough, and how soon a vote was taken back.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from study.models import Rater, Rating, Revision, Study, Trial, steps
from study.models.steps import Place
from study.models.turns import turn
from study.rating import sessions, viewing
from study.rating.viewing import Viewing

UNDO_PATIENCE = 1000
"""Milliseconds by which the network may hold up that a vote was taken back."""


class Refused(Exception):
    """A vote that cannot be taken: ``status`` is the HTTP answer, the text says why."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


def cast(
    rater: Rater,
    *,
    token: str,
    score: int,
    client_id: UUID,
    seen: Viewing | None = None,
    waiting: bool = False,
) -> Rating:
    """Store the vote on the trial named by ``token`` and move the rater on; returns what is stored.

    A vote on a trial that has one already changes nothing and returns the stored rating, whoever
    repeats it and whatever they say: the first answer counts. ``waiting``: further votes wait in
    the browser behind this one. ``rater`` is brought up to date. Raises :class:`Refused` if the
    trial is not this rater's (404), is not due yet (409), its image was never sent (409), the id
    was used for another trial (409), the answer to an example is not the one it stands for or the
    image cannot have been seen long enough, or for as long as is claimed (400), or the study is not
    open (403). Simulated raters are sent no images.

    All is read and checked before the lock is taken that SQLite has but one of, and what was read
    is a condition of what is written: of identical votes that arrive together one is stored, and
    the others find it.
    """
    seen = seen or Viewing()
    while True:
        due = steps.place(rater, token)
        if due is None:
            raise Refused(404, _("There is no such image in this session."))
        rater.position, rater.stage = due.reached, due.stage
        if due.rating is not None:
            return Rating.objects.get(pk=due.rating)
        now = timezone.now()
        check(due, score, seen)
        shown_until = None if due.simulated else _measured(due, seen, now)
        try:
            with turn(), transaction.atomic():
                if not sessions.move_on(rater, due, shown_until=shown_until, waiting=waiting):
                    continue
                rating = Rating(
                    trial_id=due.trial,
                    score=score,
                    client_id=client_id,
                    since_delivery_ms=viewing.since_delivery(due, now),
                    **vars(seen),
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


def check(due: Place, score: int, seen: Viewing) -> None:
    """Raise :class:`Refused` for a vote that is not due, or cannot be the rater's own."""
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
    if seen.response_ms is not None and seen.response_ms < due.shortest_view_ms:
        raise Refused(400, _("The image was not seen for long enough to be judged."))


def _measured(due: Place, seen: Viewing, now: datetime) -> datetime | None:
    """When the image can have been seen long enough; refused if that is still to come."""
    if due.delivered_at is None:
        raise Refused(409, _("This image was not sent to you yet."))
    until = viewing.seen_until(due, now)
    if until is not None and until > now:
        raise Refused(400, _("The image was not seen for long enough to be judged."))
    if viewing.claims_too_much(due, seen.response_ms, now):
        raise Refused(400, _("The image cannot have been seen for as long as that."))
    return until


# ---- Taking the latest vote back ----


def take_back(rater: Rater, *, token: str) -> Rating:
    """The rater takes the latest vote back, now; it stays what counts until it is given anew.

    Said again it changes nothing. ``rater`` is brought up to date. Raises :class:`Refused` if the
    trial is not this rater's (404), is not the one voted on last, was given anew before or was
    voted on too long ago (409), or the study is not open (403).
    """
    with turn(), transaction.atomic():
        rating = _latest(rater, token)
        if rating.taken_back_at is not None:
            return rating
        if hasattr(rating, "revision"):
            raise Refused(409, _("An answer can be taken back once."))
        study = _changeable(rating)
        now = max(timezone.now(), rating.received_at)  # the clock may have been set back
        patience = timedelta(seconds=study.undo_seconds, milliseconds=UNDO_PATIENCE)
        if not study.undo_seconds or now - rating.received_at > patience:
            raise Refused(409, _("It is too late to take this answer back."))
        rating.taken_back_at = now
        rating.save(update_fields=["taken_back_at"])
        return rating


def revise(rater: Rater, *, token: str, score: int, client_id: UUID) -> Rating:
    """Give the latest vote anew, which was taken back; both scores are kept.

    Sent again it changes nothing. ``rater`` is brought up to date. Raises :class:`Refused` if the
    trial is not this rater's (404), is not the one voted on last, was revised before or was not
    taken back in time (409), or the study is not open (403).
    """
    with turn(), transaction.atomic():
        rating = _latest(rater, token)
        earlier = Revision.objects.filter(rating=rating).first()
        if earlier is not None:
            if earlier.client_id == client_id:
                return rating
            raise Refused(409, _("An answer can be taken back once."))
        _changeable(rating)
        if rating.taken_back_at is None:
            raise Refused(409, _("It is too late to take this answer back."))
        Revision.objects.create(
            rating=rating,
            original_score=rating.score,
            score=score,
            client_id=client_id,
            after_ms=viewing.milliseconds(rating.received_at, rating.taken_back_at),
        )
        rating.score = score
        rating.save(update_fields=["score"])
        return rating


def _latest(rater: Rater, token: str) -> Rating:
    """The rating of the trial that ``token`` names, with its trial, rater and study."""
    found = Trial.objects.select_related("rater__study", "rating__revision").order_by()
    trial = found.filter(rater=rater, token=token).first()
    if trial is None:
        raise Refused(404, _("There is no such image in this session."))
    rater.position, rater.stage = trial.rater.position, trial.rater.stage
    rating: Rating | None = getattr(trial, "rating", None)
    if rating is None:
        raise Refused(409, _("There is no answer yet that could be taken back."))
    return rating


def _changeable(rating: Rating) -> Study:
    """The study of a rating that can be changed still: the latest of its rater."""
    trial, rater = rating.trial, rating.trial.rater
    if rater.study.state != Study.State.OPEN:
        raise Refused(403, _("This study is closed and takes no more answers."))
    if trial.position != rater.position - 1 or trial.anchor is not None:
        raise Refused(409, _("Only the latest answer can be taken back."))
    return rater.study
