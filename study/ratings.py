"""The one verb that stores a vote."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from study.models import Rater, Rating, Study, Trial


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
    browser: str = ""


def cast(
    rater: Rater, *, token: str, score: int, client_id: UUID, viewing: Viewing | None = None
) -> Rating:
    """Store the vote on the trial named by ``token`` and move the rater on; returns what is stored.

    A vote on a trial that has one already changes nothing and returns the stored rating, whoever
    repeats it and whatever they say: the first answer counts. Raises :class:`Refused` if the trial
    is not this rater's (404), is not due yet (409), the id was used for another trial (409), or
    the study is not open (403). Transactions that write take SQLite's lock at their start, so
    identical votes that arrive together are handled one after the other.
    """
    with transaction.atomic():
        trial = (
            Trial.objects.select_related("rater__study", "rating")
            .filter(rater=rater, token=token)
            .first()
        )
        if trial is None:
            raise Refused(404, "There is no such image in this session.")
        stored: Rating | None = getattr(trial, "rating", None)
        if stored is not None:
            return stored
        rater = trial.rater
        if rater.study.state != Study.State.OPEN:
            raise Refused(403, "This study is closed and takes no more answers.")
        if trial.position != rater.position:
            raise Refused(
                409, f"Image {rater.position + 1} is due, not image {trial.position + 1}."
            )
        if Rating.objects.filter(client_id=client_id).exists():
            raise Refused(409, "This answer's id was already used for another image.")
        rating = Rating.objects.create(
            trial=trial, score=score, client_id=client_id, **asdict(viewing or Viewing())
        )
        done = not Trial.objects.filter(rater=rater, position__gt=trial.position).exists()
        Rater.objects.filter(pk=rater.pk).update(
            position=F("position") + 1, finished_at=timezone.now() if done else None
        )
        return rating
