"""A rater's steps through a study, for tests."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta
from typing import Any

from django.db.models import Q
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from study.desk import links
from study.models import Invitation, Rater, Rating, Study, Trial
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


# ---- The whole of it, byte by byte ----

OPEN = {"screen_device": True, "screen_window": True, "screen_vision": True, "plates": 2,
        "plate_errors": 2, "calibrate": True, "sessions": 2, "break_minutes": 0,
        "first_stabilising": 1, "shortest_view_ms": 0}  # fmt: skip
"""A protocol with all that can be in one, which lets everybody in."""


def taken(study: Study, *, language: str = "en") -> tuple[list[Any], list[Any]]:
    """Take a study that was opened with `OPEN`, with detours: every response, and every image."""
    invitation = links.invite(study, 1)[0]
    client = Client(headers={"Accept-Language": language})
    rate, kind = reverse("rate"), "application/json"
    responses = [client.get(invitation.get_absolute_url()), client.get(rate)]
    responses += [client.post(reverse("start")), client.get(rate)]
    window = {"device_pixel_ratio": 1, "viewport_width": 1600, "viewport_height": 1000,
              "screen_width": 1600, "screen_height": 1000, "vision": "plain"}  # fmt: skip
    plate = client.get(reverse("plate", args=[1]))
    assert set(chunks(plate.content)) == {b"IHDR", b"IDAT", b"IEND"}
    small = client.post(reverse("screening"), {**window, "viewport_width": 100})
    passed = client.post(reverse("screening"), window)
    assert (small.status_code, passed.status_code) == (422, 302)
    responses += [small, passed, client.get(rate), client.post(reverse("begin"))]
    images = []
    while not Rater.objects.get(study=study).finished_at:
        rater = Rater.objects.get(study=study)
        trial = Trial.objects.get(rater=rater, position=rater.position)
        image = client.get(reverse("image", args=[trial.token]))
        if image.status_code == 404:  # a session that has not begun
            responses += [image, client.get(rate), client.post(reverse("begin"))]
            continue
        images.append(image)
        state = client.get(reverse("upcoming"))
        vote = {"trial": trial.token, "score": trial.anchor or 3, "id": str(uuid.uuid4()),
                "response_ms": 0}  # fmt: skip
        bad = client.post(reverse("vote"), {**vote, "score": 9}, content_type=kind)
        good = client.post(reverse("vote"), vote, content_type=kind)
        assert (state.status_code, bad.status_code, good.status_code) == (200, 400, 200)
        undo = {"trial": trial.token, "undo": True}
        undone = client.post(reverse("vote"), undo, content_type=kind)
        anew = {**vote, "again": True, "id": str(uuid.uuid4())}
        again = client.post(reverse("vote"), anew, content_type=kind)
        assert undone.status_code == again.status_code == (409 if trial.anchor else 200)
        responses += [state, bad, good, undone, again, client.get(rate)]
    responses += [client.get(reverse("leave")), client.post(reverse("leave"))]
    responses += [client.get(reverse("rate")), client.get(reverse("image", args=["nothing"]))]
    responses += [client.get("/no/such/page"), Client().get(reverse("rate"))]
    return responses, images


def text_of(response: Any) -> str:
    """All of a response but what is random, which may spell anything now and then."""
    head = "\n".join(f"{name}: {value}" for name, value in response.headers.items())
    text = f"{response.status_code} {response.reason_phrase}\n{head}\n" + response.content.decode(
        "latin-1"
    )
    tokens = [
        *Invitation.objects.values_list("token", flat=True),
        *Trial.objects.values_list("token", flat=True),
    ]
    for token in tokens:
        text = text.replace(token, "")
    return re.sub(r'"[A-Za-z0-9]{64}"', "", text)  # Django's token against forgery


def chunks(png: bytes) -> list[bytes]:
    """The types of a PNG's chunks, in order."""
    place, types = 8, []
    while place < len(png):
        length = int.from_bytes(png[place : place + 4], "big")
        types.append(png[place + 4 : place + 8])
        place += 12 + length
    return types
