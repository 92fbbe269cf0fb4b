"""Researchers see their own studies, and the figures are those of the analysis."""

from __future__ import annotations

import csv
import io
import json
import uuid

import pytest
from django.test import Client
from django.urls import reverse

from study.desk import links, rehearsal
from study.models import Deed, Invitation, Rater, Study, Trial
from study.rating import sessions
from tests.rating.way import cast

PAGES = [
    ("study", ["small"]),
    ("results", ["small", "csv"]),
    ("results", ["small", "json"]),
    ("results", ["small", "tex"]),
    ("ratings", ["small"]),
    ("results", ["small", "md"]),
    ("results", ["small", "xlsx"]),
    ("figure", ["small", "distribution", "svg"]),
    ("figure", ["small", "distribution", "pdf"]),
    ("figure", ["small", "ranks", "svg"]),
    ("figure", ["small", "measures", "png"]),
    ("archive", ["small"]),
]


@pytest.fixture
def votes(open_study):
    """Two people: the first gives 1 3 5 by method, the second 2 3 4."""
    scores = [{"nearest": 1, "bicubic": 3, "hr": 5}, {"nearest": 2, "bicubic": 3, "hr": 4}]
    for invitation, given in zip(links.invite(open_study, 2), scores, strict=True):
        rater = sessions.enrol(invitation)
        for trial in Trial.objects.filter(rater=rater).order_by("position"):
            score = given[trial.stimulus.method.name]
            cast(rater, token=trial.token, score=score, client_id=uuid.uuid4())


@pytest.fixture
def researcher(owner):
    client = Client()
    client.force_login(owner)
    client.post(reverse("look", args=["small"]))
    return client


def table(client, **query):
    answer = client.get(reverse("results", args=["small", "json"]), query)
    return {row["method"]: row for row in json.loads(answer.content)["table"]}


@pytest.mark.parametrize(("name", "args"), PAGES)
def test_only_the_owner_sees_a_study(name, args, owner, outsider, votes):
    address = reverse(name, args=args)
    assert Client().get(address).status_code == 302, "a visitor is asked to sign in"
    stranger = Client()
    stranger.force_login(outsider)
    assert stranger.get(address).status_code == 404
    client = Client()
    client.force_login(owner)
    if name != "study":
        refused = client.get(address, follow=True)
        assert b"show the results on this page first" in refused.content
    client.post(reverse("look", args=["small"]))
    assert client.get(address).status_code == 200


def test_an_outsider_changes_nothing(outsider, open_study):
    client = Client()
    client.force_login(outsider)
    invitation = links.invite(open_study, 1)[0]
    for name, args in (
        ("close_study", []), ("open_study", []), ("invite", []), ("revoke", [invitation.number]),
        ("look", []),
    ):  # fmt: skip
        assert client.post(reverse(name, args=["small", *args]), {"count": 3}).status_code == 404
    open_study.refresh_from_db()
    assert open_study.state == Study.State.OPEN
    assert open_study.invitations.filter(revoked_at=None).count() == 1
    assert not Deed.objects.looks(open_study).exists()


def test_a_rater_sees_no_results(rater_client):
    for name, args in PAGES:
        assert rater_client.get(reverse(name, args=args)).status_code == 302


def test_the_table_holds_mos_interval_and_measures(researcher, votes):
    rows = table(researcher)
    assert list(rows) == ["nearest", "bicubic", "hr"]
    nearest = rows["nearest"]
    assert nearest["mos"] == 1.5
    # Two raters with means 1 and 2: SD 0.7071, t(0.975, 1) = 12.706, half-width 6.353.
    assert nearest["ci_half_width"] == pytest.approx(6.3531, abs=1e-4)
    assert (nearest["raters"], nearest["ratings"], nearest["images"]) == (2, 4, 2)
    assert nearest["raters_kind"] == "people"
    shown = Study.objects.get().stimuli.filter(method__name="nearest")
    psnr = shown.filter(measures__measure__name="psnr").values_list("measures__value", flat=True)
    assert nearest["psnr"] == pytest.approx(sum(psnr) / 2)
    assert rows["hr"]["psnr"] is None


def test_every_vote_is_in_the_raw_export(researcher, votes):
    text = researcher.get(reverse("ratings", args=["small"])).content.decode()
    rows = list(csv.DictReader(line for line in io.StringIO(text) if not line.startswith("#")))
    assert len(rows) == 12
    assert {row["rater"] for row in rows} == {"R001", "R002"}
    assert {(r["method"], r["score"]) for r in rows if r["rater"] == "R001"} == {
        ("nearest", "1"), ("bicubic", "3"), ("hr", "5")
    }  # fmt: skip


def test_people_and_simulated_raters_are_never_mixed(researcher, votes, open_study):
    list(rehearsal.rehearse(open_study, raters=3, seed=1))
    people, simulated = table(researcher), table(researcher, raters="simulated")
    assert (people["nearest"]["raters"], simulated["nearest"]["raters"]) == (2, 3)
    assert {row["raters_kind"] for row in simulated.values()} == {"simulated"}
    page = researcher.get(reverse("study", args=["small"]), {"raters": "simulated"})
    assert b"imulated" in page.content
    for name, args in PAGES[1:]:
        answer = researcher.get(reverse(name, args=args), {"raters": "simulated"})
        assert "SIMULATED" in answer["Content-Disposition"]
    assert researcher.get(reverse("study", args=["small"]), {"raters": "all"}).status_code == 404


def test_a_study_that_nobody_rated_has_a_page_and_a_table(researcher):
    page = researcher.get(reverse("study", args=["small"]))
    assert page.status_code == 200
    assert b"nan" not in page.content.lower().replace(b"finance", b"")
    assert table(researcher)["nearest"]["mos"] is None
    assert (
        researcher.get(reverse("figure", args=["small", "distribution", "svg"])).status_code == 404
    )


def test_a_study_with_one_rater_has_no_interval_and_says_why(researcher, rater, trials):
    for trial in trials:
        cast(rater, token=trial.token, score=3, client_id=uuid.uuid4())
    row = table(researcher)["nearest"]
    assert (row["mos"], row["ci_half_width"]) == (3.0, None)
    assert "one rater" in row["note"]


def test_the_owner_invites_revokes_closes_and_opens(researcher, open_study):
    researcher.post(reverse("invite", args=["small"]), {"count": 2})
    assert open_study.invitations.count() == 2
    researcher.post(reverse("revoke", args=["small", 1]), {"sure": "yes"})
    assert Invitation.objects.get(number=1).revoked_at
    page = researcher.get(reverse("raters", args=["small"])).content.decode()
    assert Invitation.objects.get(number=2).get_absolute_url() in page
    researcher.post(reverse("close_study", args=["small"]), {"sure": "yes"})
    open_study.refresh_from_db()
    assert open_study.state == Study.State.CLOSED
    refused = researcher.post(reverse("invite", args=["small"]), {"count": 2})
    assert b"is closed" in refused.content
    researcher.post(reverse("open_study", args=["small"]), {"sure": "yes"})
    open_study.refresh_from_db()
    assert open_study.state == Study.State.OPEN


def test_the_overview_says_how_many_links_there_are_and_holds_none(researcher, open_study):
    assert "Nobody has been invited yet" in text_of_study(researcher)
    opened, revoked, *rest = links.invite(open_study, 4)
    Client().get(opened.get_absolute_url())
    links.revoke(revoked)
    text = text_of_study(researcher)
    assert "4 links, 2 not opened yet" in text
    assert not [each for each in (opened, *rest) if each.token in text]


def text_of_study(client) -> str:
    return client.get(reverse("study", args=["small"])).content.decode()


def test_the_list_counts_people_only(researcher, votes, open_study):
    list(rehearsal.rehearse(open_study, raters=2, seed=1))
    study = researcher.get(reverse("studies")).context["studies"][0]
    assert (study.raters, study.finished) == (2, 2)
    people = Rater.objects.filter(study=open_study, simulated=False)
    assert study.last_vote == people.latest("seen_at").seen_at
