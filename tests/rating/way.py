"""A rater's steps through a study, for tests."""

from __future__ import annotations

import uuid
from datetime import timedelta

from django.db.models import Q
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from study.models import Rater, Rating, Trial
from study.rating import screening, sessions, votes

WINDOW = {
    "device_pixel_ratio": "1",
    "viewport_width": "1600",
    "viewport_height": "1000",
    "screen_width": "1920",
    "screen_height": "1080",
    "zoom": "1",
    "touch": "",
    "vision": "corrected",
}
SCREENS = {
    "screen_device": True,
    "screen_window": True,
    "screen_vision": True,
    "plates": 4,
    "plate_errors": 1,
}


def due(client: Client) -> str:
    """The template of the page that is due."""
    response = client.get(reverse("rate"))
    names = [template.name for template in response.templates if template.name]
    return names[0].removeprefix("study/rating/").removesuffix(".html")


def answers(**changed):
    rater = Rater.objects.get()
    own = screening.plates_of(rater)
    return {**WINDOW, **{f"plate{i}": str(p.number) for i, p in enumerate(own)}, **changed}


def fetched(rater: Rater) -> None:
    """As if the rater's browser had been sent every image of theirs a minute ago or earlier.

    Long ago enough for them to have been seen one after the other.
    """
    trials = Trial.objects.filter(rater=rater)
    then = timezone.now() - timedelta(minutes=1, seconds=trials.count())
    trials.filter(Q(delivered_at=None) | Q(delivered_at__gt=then)).update(delivered_at=then)


def cast(rater: Rater, **vote) -> Rating:
    """Store a vote, given after the image was sent and seen."""
    fetched(rater)
    return votes.cast(rater, **vote)


def vote(rater: Rater, score: int | None = None, **more) -> Trial:
    """Answer the trial that is due: as an anchor asks for, unless told otherwise."""
    rater.refresh_from_db()
    trial = Trial.objects.get(rater=rater, position=rater.position)
    value = score or trial.anchor or 3
    cast(rater, token=trial.token, score=value, client_id=uuid.uuid4(), **more)
    return trial


def vote_all(rater: Rater, score: int | None = None) -> int:
    """Answer until another page is due; returns how many answers that were."""
    count = 0
    while True:
        rater.refresh_from_db()
        if not sessions.standing(rater)["trials"]:
            return count
        vote(rater, score)
        count += 1


def go_on(client: Client) -> None:
    assert client.post(reverse("begin"))["Location"] == reverse("rate")
