"""A vote is stored once, as it was given, and nothing else is taken for a vote."""

from __future__ import annotations

import http.client
import json
import re
import threading
import uuid
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from study.desk import links, studies
from study.models import Rating, Revision, Study, Trial
from study.rating import sessions
from study.rating.votes import Refused, cast
from tests.rating.way import fetched


def body(trial, score=4, **more):
    told = {"trial": trial.token, "score": score, "id": str(uuid.uuid4()), "response_ms": 400}
    return {**told, **more}


@pytest.fixture
def trials(rater, trials) -> list[Trial]:
    """The rater's plan; their browser has every image."""
    fetched(rater)
    return trials


def post(client, data):
    return client.post(reverse("vote"), json.dumps(data), content_type="application/json")


def test_a_vote_is_stored_with_how_the_image_was_shown(rater_client, trials):
    told = {
        "response_ms": 2310,
        "device_pixel_ratio": 1.25,
        "viewport": [1280, 720],
        "shown": [307.2, 307.2],
    }
    answer = rater_client.post(
        reverse("vote"),
        json.dumps(body(trials[0], 5, **told)),
        content_type="application/json",
        headers={"User-Agent": "Mozilla/5.0 (X11) Gecko/20100101 Firefox/130.0"},
    )
    assert answer.status_code == 200
    stored = Rating.objects.get()
    assert (stored.trial, stored.score, stored.response_ms) == (trials[0], 5, 2310)
    assert (stored.device_pixel_ratio, stored.shown_width) == (1.25, 307.2)
    assert (stored.viewport_width, stored.viewport_height, stored.browser) == (1280, 720, "Firefox")


def test_the_same_vote_sent_again_gets_the_same_answer_and_makes_no_second_row(
    rater_client, trials
):
    data = body(trials[0], 2)
    first, second = post(rater_client, data), post(rater_client, data)
    assert first.status_code == second.status_code == 200
    assert first.json() == second.json()
    assert Rating.objects.count() == 1


def test_the_first_answer_counts_when_a_trial_is_answered_twice(rater_client, trials):
    post(rater_client, body(trials[0], 2))
    again = post(rater_client, body(trials[0], 5))
    assert again.json()["rating"]["score"] == 2
    assert Rating.objects.get().score == 2


def test_eight_identical_concurrent_votes_make_one_row_and_eight_equal_answers(
    transactional_db, live_server, invitation
):
    fetched(sessions.enrol(invitation))
    address = live_server.url.removeprefix("http://")
    browser = http.client.HTTPConnection(address)
    browser.request("GET", invitation.get_absolute_url())
    response = browser.getresponse()
    response.read()
    cookie = response.headers["Set-Cookie"].split(";")[0]
    browser.request("GET", reverse("rate"), headers={"Cookie": cookie})
    page = browser.getresponse()
    html = page.read().decode()
    # Showing the page stored its CSRF secret in the session; the cookie stays the same.
    token = re.search(r'data-csrf="([^"]+)"', html)
    assert token
    first = Trial.objects.get(rater__invitation=invitation, position=0)
    data = json.dumps(body(first, 3))
    together = threading.Barrier(8)
    answers: list[tuple[int, str]] = []

    def vote():
        connection = http.client.HTTPConnection(address)
        connection.connect()
        together.wait()
        headers = {
            "Cookie": cookie,
            "X-CSRFToken": token[1],
            "Content-Type": "application/json",
        }
        connection.request("POST", reverse("vote"), data, headers)
        answer = connection.getresponse()
        answers.append((answer.status, answer.read().decode()))
        connection.close()

    threads = [threading.Thread(target=vote) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    browser.close()
    assert len(answers) == 8
    assert len(set(answers)) == 1, "all eight browsers are told the same"
    status, text = answers[0]
    assert (status, json.loads(text)["position"]) == (200, 1)
    assert Rating.objects.filter(trial=first).count() == 1


@pytest.mark.parametrize("score", [0, 6, -1, 3.0, 2.5, "4", True, None, [], {}, 10**400])
def test_only_the_five_categories_are_taken_for_a_score(rater_client, trials, score):
    answer = post(rater_client, body(trials[0], score))
    assert answer.status_code == 400
    assert answer.json()["error"] == "score: one of the whole numbers 1, 2, 3, 4, 5."
    assert Rating.objects.count() == 0


@pytest.mark.parametrize(
    "text",
    [
        *("", "no JSON", "[1]", "null", "4", "[" * 20_000, b"\xff\xfe"),
        *('{"trial": 1}', '{"undo": true}', '{"undo": true, "trial": "\\udfff"}'),
    ],
)
def test_what_is_no_vote_is_refused_with_a_sentence(rater_client, text):
    answer = rater_client.post(reverse("vote"), text, content_type="application/json")
    assert answer.status_code == 400
    assert answer.json()["error"].endswith(".")


@pytest.mark.parametrize("text", ["\ud800", "a\udc00b", "\0"])
@pytest.mark.parametrize(
    "field",
    ["trial", "score", "id", "response_ms", "device_pixel_ratio", "zoom", "waiting", "viewport"],
)
def test_text_that_cannot_be_stored_is_refused_in_every_field(rater_client, trials, field, text):
    value = [text, 1] if field == "viewport" else text
    answer = post(rater_client, {**body(trials[0]), field: value})
    assert answer.status_code == 400
    assert answer.json()["error"].startswith(field)
    assert not Rating.objects.exists()


def test_a_vote_that_comes_as_a_form_is_refused_with_a_sentence(rater_client):
    answer = rater_client.post(reverse("vote"), {"score": 3})
    assert answer.status_code == 400
    assert answer.json() == {"error": "A vote is a JSON object."}


def test_no_other_score_gets_past_the_database(trials):
    with pytest.raises(IntegrityError), transaction.atomic():
        Rating.objects.create(trial=trials[0], score=6, client_id=uuid.uuid4())
    rating = Rating.objects.create(trial=trials[0], score=1, client_id=uuid.uuid4())
    with pytest.raises(IntegrityError), transaction.atomic():
        Rating.objects.filter(pk=rating.pk).update(score=0)
    with pytest.raises(IntegrityError), transaction.atomic():
        Rating.objects.create(trial=trials[0], score=2, client_id=uuid.uuid4())


def test_trials_are_answered_in_order_and_the_page_is_told_which_is_due(rater_client, trials):
    answer = post(rater_client, body(trials[2]))
    assert answer.status_code == 409
    assert answer.json()["error"] == "Image 1 is due, not image 3."
    assert answer.json()["trials"][0]["token"] == trials[0].token
    assert Rating.objects.count() == 0


def test_a_vote_id_belongs_to_one_trial(rater, trials):
    client_id = uuid.uuid4()
    cast(rater, token=trials[0].token, score=3, client_id=client_id)
    with pytest.raises(Refused) as refusal:
        cast(rater, token=trials[1].token, score=3, client_id=client_id)
    assert refusal.value.status == 409


def test_a_rater_cannot_vote_in_anothers_place(rater_client, open_study):
    other = sessions.enrol(links.invite(open_study, 1)[0])
    theirs = Trial.objects.get(rater=other, position=0)
    assert post(rater_client, body(theirs)).status_code == 404
    assert Rating.objects.count() == 0


def test_a_closed_study_takes_no_more_votes_but_repeats_the_answer_to_old_ones(
    rater_client, open_study, trials
):
    old = body(trials[0], 4)
    assert post(rater_client, old).status_code == 200
    studies.close(open_study)
    refused = post(rater_client, body(trials[1]))
    assert (refused.status_code, refused.json()["error"]) == (
        403,
        "This study is closed and takes no more answers.",
    )
    repeated = post(rater_client, old)
    assert (repeated.status_code, repeated.json()["rating"]["score"]) == (200, 4)


def test_the_last_vote_finishes_the_rater(rater, trials):
    for trial in trials:
        assert not rater.finished_at
        cast(rater, token=trial.token, score=3, client_id=uuid.uuid4())
        rater.refresh_from_db()
    assert rater.finished_at
    assert rater.position == len(trials)


# ---- Taking the latest vote back ----


def undo(client, trial):
    return post(client, {"trial": trial.token, "undo": True})


def ago(**since) -> None:
    """As if every vote had arrived so long ago."""
    Rating.objects.update(received_at=timezone.now() - timedelta(**since))


def test_the_latest_vote_can_be_given_anew_and_both_scores_are_kept(rater_client, trials):
    post(rater_client, body(trials[0], 2))
    ago(seconds=3)
    assert undo(rater_client, trials[0]).status_code == 200
    ago(seconds=60)  # for which the rater thinks about it
    taken_back = Rating.objects.get().taken_back_at
    Rating.objects.update(received_at=taken_back - timedelta(seconds=3))
    anew = body(trials[0], 4, again=True)
    answers = [post(rater_client, anew) for _ in range(2)]
    assert [a.status_code for a in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()
    assert answers[0].json()["rating"]["score"] == 4
    assert answers[0].json()["position"] == 1
    stored = Revision.objects.get()
    assert (stored.original_score, stored.score, stored.after_ms) == (2, 4, 3000)
    assert Rating.objects.get().score == 4


@pytest.mark.parametrize(
    ("votes", "late", "sentence"),
    [(0, 2, "no answer yet"), (2, 2, "Only the latest"), (1, 7, "too late")],
)
def test_only_the_latest_vote_and_only_within_seconds_of_this_servers_clock(
    rater_client, trials, votes, late, sentence
):
    for trial in trials[:votes]:
        post(rater_client, body(trial, 2))
    ago(seconds=late)
    for answer in (
        undo(rater_client, trials[0]),
        post(rater_client, body(trials[0], 4, again=True)),
        post(rater_client, body(trials[0], 4, after_ms=0)),  # a page of the version before
    ):
        assert answer.status_code == 409
        assert sentence in answer.json()["error"]
        assert answer.json()["trials"][0]["token"] == trials[votes].token
    assert not Revision.objects.exists()
    assert not Rating.objects.exclude(taken_back_at=None).exists()


def test_a_vote_that_was_not_taken_back_is_not_given_anew(rater_client, trials):
    post(rater_client, body(trials[0], 2))
    assert post(rater_client, body(trials[0], 4, again=True)).status_code == 409
    assert Rating.objects.get().score == 2


def test_taking_back_twice_is_taking_back_once_and_at_the_first_time(rater_client, trials):
    post(rater_client, body(trials[0], 2))
    assert undo(rater_client, trials[0]).status_code == 200
    first = Rating.objects.get().taken_back_at
    ago(seconds=20)
    assert undo(rater_client, trials[0]).status_code == 200
    assert Rating.objects.get().taken_back_at == first
    assert Rating.objects.get().score == 2, "it counts until it is given anew"


def test_a_vote_can_be_taken_back_once(rater_client, trials):
    post(rater_client, body(trials[0], 2))
    undo(rater_client, trials[0])
    post(rater_client, body(trials[0], 4, again=True))
    undo(rater_client, trials[0])
    assert post(rater_client, body(trials[0], 5, again=True)).status_code == 409
    assert Rating.objects.get().score == 4


def test_the_very_last_vote_can_be_taken_back_too(rater_client, trials):
    for trial in trials:
        post(rater_client, body(trial, 3))
    assert undo(rater_client, trials[-1]).status_code == 200
    assert post(rater_client, body(trials[-1], 5, again=True)).status_code == 200


def test_a_study_can_ask_for_no_undo_and_a_closed_one_takes_none(rater_client, trials, open_study):
    post(rater_client, body(trials[0], 2))
    Study.objects.update(undo_seconds=0)
    assert undo(rater_client, trials[0]).status_code == 409
    Study.objects.update(undo_seconds=5)
    studies.close(open_study)
    assert undo(rater_client, trials[0]).status_code == 403
    assert not Rating.objects.exclude(taken_back_at=None).exists()


def test_a_clock_that_was_set_back_takes_no_undo_from_anybody(rater_client, trials):
    post(rater_client, body(trials[0], 2))
    ago(hours=-1)
    assert undo(rater_client, trials[0]).status_code == 200
    assert post(rater_client, body(trials[0], 4, again=True)).status_code == 200
    assert Revision.objects.get().after_ms == 0


def test_nobody_takes_anothers_vote_back(rater_client, trials, open_study):
    other = sessions.enrol(links.invite(open_study, 1)[0])
    theirs = Trial.objects.get(rater=other, position=0)
    fetched(other)
    cast(other, token=theirs.token, score=3, client_id=uuid.uuid4())
    assert undo(rater_client, theirs).status_code == 404
