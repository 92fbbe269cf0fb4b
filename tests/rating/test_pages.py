"""What raters get: the page that is due, and no hint of how an image was made."""

from __future__ import annotations

import json
import re
import uuid

import pytest
from django.test import Client
from django.urls import reverse

from sr_models.methods import METHODS
from study.desk import studies
from study.models import Rater, Rating, Trial
from study.rating import sessions
from tests.rating.way import fetched


def text_of(response) -> str:
    head = "\n".join(f"{name}: {value}" for name, value in response.headers.items())
    return f"{response.status_code} {response.reason_phrase}\n{head}\n" + response.content.decode(
        "latin-1"
    )


def chunks(png: bytes) -> list[bytes]:
    """The types of a PNG's chunks, in order."""
    place, types = 8, []
    while place < len(png):
        length = int.from_bytes(png[place : place + 4], "big")
        types.append(png[place + 4 : place + 8])
        place += 12 + length
    return types


@pytest.mark.parametrize("language", ["en", "de"])
def test_no_byte_of_any_response_tells_the_method(draft_study, calibration_dir, language):
    """A whole study with all that can be in one is taken, with detours, and every byte is read."""
    rules = {"screen_device": True, "screen_window": True, "screen_vision": True, "plates": 2,
             "plate_errors": 2, "calibrate": True, "calibration_folder": str(calibration_dir),
             "sessions": 2, "break_minutes": 0, "first_stabilising": 1,
             "shortest_view_ms": 0}  # fmt: skip
    studies.set_protocol(draft_study, rules)
    draft_study.title = "SRGAN against bicubic"  # for researchers; raters never read it
    draft_study.save()
    studies.open_(draft_study)
    invitation = studies.invite(draft_study, 1)[0]
    client = Client(headers={"Accept-Language": language})
    rate = reverse("rate")
    responses = [client.get(invitation.get_absolute_url()), client.get(rate)]
    responses += [client.post(reverse("start")), client.get(rate)]
    window = {"device_pixel_ratio": 1, "viewport_width": 1600, "viewport_height": 1000,
              "screen_width": 1600, "screen_height": 1000, "vision": "plain"}  # fmt: skip
    plate = client.get(reverse("plate", args=[1]))
    assert set(chunks(plate.content)) == {b"IHDR", b"IDAT", b"IEND"}
    small = client.post(reverse("screening"), {**window, "viewport_width": 200})
    passed = client.post(reverse("screening"), window)
    assert (small.status_code, passed.status_code) == (422, 302)
    responses += [small, passed, client.get(rate), client.post(reverse("begin"))]
    images = []
    while not Rater.objects.get().finished_at:
        rater = Rater.objects.get()
        trial = Trial.objects.get(rater=rater, position=rater.position)
        image = client.get(reverse("image", args=[trial.token]))
        if image.status_code == 404:  # a session that has not begun
            responses += [image, client.get(rate), client.post(reverse("begin"))]
            continue
        images.append(image)
        state = client.get(reverse("upcoming"))
        vote = {"trial": trial.token, "score": trial.anchor or 3, "id": str(uuid.uuid4()),
                "response_ms": 0}  # fmt: skip
        kind = "application/json"
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
    assert len(images) >= 4 + 6 + 6

    words = {w.lower() for method in METHODS.values() for w in (method.name, method.title)}
    words = (words | {"nearest", "neighbour", "original", "interpolat", "super-res"}) - {"hr"}
    words |= {"nachbar", "kubisch", "anchor"}
    tokens = [invitation.token, *Trial.objects.values_list("token", flat=True)]
    for response in responses:
        said = text_of(response)
        # What is random may spell anything now and then.
        for token in tokens:
            said = said.replace(token, "")
        said = re.sub(r'"[A-Za-z0-9]{64}"', "", said).lower()  # Django's token against forgery
        assert not [word for word in words if word in said], response.request["PATH_INFO"]
        assert not re.search(r"\bhr\b", said.replace("<hr>", "")), response.request["PATH_INFO"]
    for image in images:
        # Pixels may hold any byte, so the file is taken apart: pixels and noise are in it.
        assert set(chunks(image.content)) == {b"IHDR", b"IDAT", b"raNd", b"IEND"}
        heads = {name for name in image.headers if name != "Content-Length"}
        assert heads == {name for name in images[0].headers if name != "Content-Length"}
    same = [{k: v for k, v in i.headers.items() if k != "Content-Length"} for i in images]
    assert all(head == same[0] for head in same), "headers are alike for every method"


def test_image_addresses_differ_between_raters_and_are_not_guessable(open_study):
    one, two = (sessions.enrol(i) for i in studies.invite(open_study, 2))
    tokens = set(Trial.objects.filter(rater=one).values_list("token", flat=True))
    assert tokens.isdisjoint(Trial.objects.filter(rater=two).values_list("token", flat=True))
    assert min(map(len, tokens)) >= 22


def test_an_image_is_the_stimulus_and_only_its_rater_gets_it(rater_client, trials, open_study):
    address = reverse("image", args=[trials[0].token])
    sent, file = rater_client.get(address).content, trials[0].stimulus.path.read_bytes()
    assert sent[: len(file) - 12] == file[:-12]
    assert sent[-12:] == file[-12:]
    assert Client().get(address).status_code == 401
    stranger = Client()
    other = studies.invite(open_study, 1)[0]
    sessions.enrol(other)
    stranger.get(other.get_absolute_url())
    assert stranger.get(address).status_code == 404


def test_the_plan_is_uncovered_a_few_images_at_a_time(rater_client, trials):
    told = rater_client.get(reverse("upcoming")).json()
    assert [t["token"] for t in told["trials"]] == [t.token for t in trials[: sessions.AHEAD]]
    far = reverse("image", args=[trials[sessions.AHEAD].token])
    assert rater_client.get(far).status_code == 404


def test_a_link_is_exchanged_for_a_cookie_and_a_clean_address(invitation):
    client = Client()
    response = client.get(invitation.get_absolute_url())
    assert (response.status_code, response["Location"]) == (302, reverse("rate"))
    assert list(client.cookies) == ["sessionid"]
    cookie = client.cookies["sessionid"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert invitation.token not in client.get(reverse("rate")).content.decode()


def test_looking_at_a_link_enrols_nobody(invitation):
    """Chat programs fetch the links that are sent through them."""
    client = Client()
    client.get(invitation.get_absolute_url())
    client.get(reverse("rate"))
    assert not Rater.objects.exists()
    client.post(reverse("start"))
    assert Rater.objects.get().invitation == invitation


def test_starting_twice_makes_one_rater_with_one_plan(invitation):
    client = Client()
    client.get(invitation.get_absolute_url())
    for _ in range(2):
        assert client.post(reverse("start"))["Location"] == reverse("rate")
    assert Trial.objects.count() == 6


def test_the_same_link_resumes_on_another_device(rater_client, trials, rater):
    fetched(rater)
    vote = {"trial": trials[0].token, "score": 3, "id": str(uuid.uuid4()), "response_ms": 400}
    rater_client.post(reverse("vote"), json.dumps(vote), content_type="application/json")
    other_device = Client()
    other_device.get(rater.invitation.get_absolute_url())
    assert other_device.get(reverse("upcoming")).json()["position"] == 1


def test_a_revoked_link_ends_the_session_on_every_device_and_keeps_the_votes(
    rater_client, rater, trials
):
    fetched(rater)
    vote = {"trial": trials[0].token, "score": 3, "id": str(uuid.uuid4()), "response_ms": 400}
    rater_client.post(reverse("vote"), json.dumps(vote), content_type="application/json")
    studies.revoke(rater.invitation)
    assert rater_client.get(reverse("rate")).status_code == 410
    assert rater_client.get(reverse("upcoming")).status_code == 403
    assert rater_client.get(reverse("image", args=[trials[1].token])).status_code == 403
    assert rater_client.get(rater.invitation.get_absolute_url()).status_code == 410
    assert Rating.objects.count() == 1


def test_whoever_comes_without_a_link_is_told_what_to_do(db):
    for address, status in ((reverse("rate"), 403), (reverse("enter", args=["wrong"]), 404)):
        response = Client().get(address)
        assert response.status_code == status
        assert b"link" in response.content
    assert Client().get(reverse("upcoming")).status_code == 401
    assert Client().post(reverse("vote")).status_code == 401
    assert Client().post(reverse("start"))["Location"] == reverse("rate")


def test_a_vote_from_another_site_is_refused(rater, trials):
    client = Client(enforce_csrf_checks=True)
    client.get(rater.invitation.get_absolute_url())
    fetched(rater)
    vote = {"trial": trials[0].token, "score": 3, "id": str(uuid.uuid4()), "response_ms": 400}
    assert client.post(reverse("vote"), vote, content_type="application/json").status_code == 403
    assert not Rating.objects.exists()


def test_a_closed_study_says_so(rater_client, open_study):
    studies.close(open_study)
    response = rater_client.get(reverse("rate"))
    assert response.status_code == 403
    assert b"closed" in response.content


@pytest.mark.parametrize("name", ["rate", "upcoming"])
def test_pages_with_a_position_are_never_cached(rater_client, name):
    assert "no-store" in rater_client.get(reverse(name))["Cache-Control"]
