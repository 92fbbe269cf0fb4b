"""What this server measures of a vote itself, and what it refuses on that ground."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from study.desk import rehearsal, studies
from study.models import Rater, Rating, Session, Study, Trial
from tests.rating.way import go_on


def post(client, trial, score=3, **more):
    told = {"trial": trial.token, "score": score, "id": str(uuid.uuid4()), "response_ms": 400}
    return client.post(
        reverse("vote"), json.dumps({**told, **more}), content_type="application/json"
    )


def fetch(client, *trials: Trial) -> None:
    for trial in trials:
        assert client.get(reverse("image", args=[trial.token])).status_code == 200


def sent(ago: float, *trials: Trial) -> None:
    """As if the images had been sent so many seconds ago."""
    then = timezone.now() - timedelta(seconds=ago)
    Trial.objects.filter(pk__in=[trial.pk for trial in trials]).update(delivered_at=then)


def test_a_vote_without_its_viewing_time_is_refused(rater_client, trials):
    sent(9, *trials)
    answer = post(rater_client, trials[0], response_ms=None)
    assert (answer.status_code, answer.json()["error"][:11]) == (400, "response_ms")
    assert not Rating.objects.exists()


def test_an_image_that_was_never_sent_takes_no_vote(rater_client, trials):
    answer = post(rater_client, trials[0])
    assert answer.status_code == 409
    assert answer.json()["trials"][0]["token"] == trials[0].token, "the page shows it once more"
    assert not Rating.objects.exists()
    fetch(rater_client, trials[0])
    sent(2, trials[0])
    assert post(rater_client, trials[0]).status_code == 200


def test_the_time_from_delivery_to_vote_is_stored_beside_the_browsers_word(rater_client, trials):
    sent(7, trials[0])
    post(rater_client, trials[0], response_ms=2345)
    stored = Rating.objects.get()
    assert stored.response_ms == 2345
    assert 7000 <= stored.since_delivery_ms < 60_000


def test_a_script_gets_no_further_than_images_can_be_seen(rater_client, rater, trials):
    """It fetches everything it may and votes at once, on and on, whatever times it claims."""
    Study.objects.update(shortest_view_ms=5000)
    fetch(rater_client, *trials[:5])
    sent(10.5, *trials[:5])
    answers = [post(rater_client, trial, response_ms=5000) for trial in trials[:5]]
    assert [answer.status_code for answer in answers] == [200, 200, 400, 409, 409]
    assert "long enough" in answers[2].json()["error"]
    rater.refresh_from_db()
    assert rater.position == 2


def test_votes_that_waited_in_a_browser_arrive_in_a_burst(rater_client, trials):
    """Five images were there, then the network was not for as long as looking at them took."""
    Study.objects.update(shortest_view_ms=5000)
    sent(5 * 5, *trials[:5])
    answers = [post(rater_client, trial, response_ms=5000) for trial in trials[:5]]
    assert [answer.status_code for answer in answers] == [200] * 5
    fetch(rater_client, trials[5])
    assert post(rater_client, trials[5], response_ms=5000).status_code == 400


def test_no_more_time_is_claimed_than_there_was(rater_client, trials):
    sent(4, *trials)
    answer = post(rater_client, trials[0], response_ms=900_000)
    assert answer.status_code == 400
    assert answer.json()["error"].endswith("as long as that.")
    assert not Rating.objects.exists()
    assert post(rater_client, trials[0], response_ms=4900).status_code == 200, "clocks differ"


@pytest.mark.parametrize("what", ["delivered", "shown", "latest vote", "all"])
def test_a_clock_that_was_set_back_refuses_nobody_and_makes_no_negative_time(
    rater_client, trials, what
):
    sent(60, *trials)
    later = timezone.now() + timedelta(hours=25)
    if what in ("delivered", "all"):
        Trial.objects.update(delivered_at=later)
    if what in ("shown", "all"):
        Session.objects.update(shown_until=later)
    if what in ("latest vote", "all"):
        Session.objects.update(seen_at=later)
    assert post(rater_client, trials[0], response_ms=500_000).status_code == 200
    stored, session = Rating.objects.get(), Session.objects.get()
    assert stored.since_delivery_ms >= 0
    assert session.active_ms >= 0
    for trial in trials[1:]:  # they waited in the browser and come in a burst
        assert post(rater_client, trial).status_code == 200


def test_a_vote_that_comes_years_later_is_counted_within_its_column(rater_client, trials):
    sent(3 * 365 * 86_400, trials[0])
    assert post(rater_client, trials[0]).status_code == 200
    assert Rating.objects.get().since_delivery_ms == 2**31 - 1


def test_examples_and_checks_of_the_calibration_are_measured_too(come):
    client = come(calibrate=True, shortest_view_ms=5000)
    client.post(reverse("start"))
    go_on(client)
    first, second = Trial.objects.order_by("position")[:2]

    def answer(trial):
        return post(client, trial, trial.anchor, response_ms=5000).status_code

    assert answer(first) == 409
    fetch(client, first, second)
    assert answer(first) == 400
    sent(5.5, first, second)
    assert answer(first) == 200
    assert answer(second) == 400


def test_simulated_raters_are_sent_no_images(draft_study):
    studies.open_(draft_study)
    (played,) = rehearsal.rehearse(draft_study, raters=1, seed=3)
    assert played.simulated
    assert Rater.objects.get().stage == Rater.Stage.FINISHED
    assert Rating.objects.count() == 6
    assert set(Rating.objects.values_list("since_delivery_ms", "trial__delivered_at")) == {
        (None, None)
    }
