"""What raters get: the page that is due, and no hint of how an image was made."""

from __future__ import annotations

import json
import re
import uuid

import pytest
from django.test import Client
from django.urls import reverse

from sr_models.methods import METHODS
from study.desk import links, studies
from study.models import Rater, Rating, Trial
from study.rating import sessions
from tests.rating.way import OPEN, chunks, fetched, taken, text_of


@pytest.mark.parametrize("language", ["en", "de"])
def test_no_byte_of_any_response_tells_the_method(draft_study, calibration_dir, language):
    """A whole study with all that can be in one is taken, with detours, and every byte is read."""
    studies.set_protocol(draft_study, {**OPEN, "calibration_folder": str(calibration_dir)})
    draft_study.title = "SRGAN against bicubic"  # for researchers; raters never read it
    draft_study.save()
    studies.open_(draft_study)
    responses, images = taken(draft_study, language=language)

    words = {w.lower() for method in METHODS.values() for w in (method.name, method.title)}
    words = (words | {"nearest", "neighbour", "original", "interpolat", "super-res"}) - {"hr"}
    words |= {"nachbar", "kubisch", "anchor"}
    for response in responses:
        said = text_of(response).lower()
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
    one, two = (sessions.enrol(i) for i in links.invite(open_study, 2))
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
    other = links.invite(open_study, 1)[0]
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
    links.revoke(rater.invitation)
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
