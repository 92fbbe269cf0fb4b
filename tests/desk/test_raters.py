"""An admin tells or deletes one rater's data on request, and it is written down."""

from __future__ import annotations

import json
import uuid

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from study.desk import archive, links, raters, rehearsal, studies
from study.models import Deed, Rater, Rating, Screening, Session, Trial
from study.models.deeds import By, note
from study.rating import sessions, votes
from tests.desk.test_archive import unpacked
from tests.rating.way import SCREENS, answers, cast, go_on, vote


@pytest.fixture
def answered(draft_study):
    """A rater who was screened and has voted twice, one vote given anew."""
    studies.set_protocol(draft_study, {**SCREENS, "consent": "I *agree*."})
    draft_study.save()
    studies.open_(draft_study)
    client = Client()
    client.get(links.invite(draft_study, 1)[0].get_absolute_url())
    client.post(reverse("start"))
    client.post(reverse("screening"), answers())
    go_on(client)
    rater = Rater.objects.get()
    vote(rater, 4)
    trial = vote(rater, 2)
    votes.take_back(rater, token=trial.token)
    votes.revise(rater, token=trial.token, score=5, client_id=uuid.uuid4())
    return rater


def told(capsys, *arguments: str) -> dict:
    call_command("export_rater", *arguments)
    return json.loads(capsys.readouterr().out)


def test_everything_that_is_stored_is_told(answered, capsys):
    data = told(capsys, "small", "R001")
    assert (data["study"], data["rater"]["label"]) == ("small", "R001")
    assert data["agreed to"]["text"] == "I *agree*."
    assert data["screening"][0]["answers"]["vision"] == "corrected"
    assert [row["id"] for row in data["sessions"]] == list(
        Session.objects.values_list("pk", flat=True)
    )
    trials = list(Trial.objects.order_by("position").select_related("stimulus__method"))
    assert [t["method"] for t in data["trials"]] == [t.stimulus.method.name for t in trials]
    assert [t["rating"]["score"] for t in data["trials"][:2]] == [4, 5]
    assert data["trials"][1]["revision"]["original_score"] == 2
    assert data["trials"][2]["rating"] is None
    assert [row["kind"] for row in data["log"]] == ["told"]
    for model in (Rater, Trial, Session, Rating, Screening):
        fields = {f.attname for f in model._meta.concrete_fields} - {
            "rater_id", "study_id", "invitation_id", "consent_id", "instructions_id", "trial_id",
            "stimulus_id", "token",
        }  # fmt: skip
        rows = {
            Rater: data["rater"], Trial: data["trials"][0], Session: data["sessions"][0],
            Rating: data["trials"][0]["rating"], Screening: data["screening"][0],
        }  # fmt: skip
        assert fields <= set(rows[model]), model


def test_it_is_a_look_unless_there_are_no_ratings_or_nobody_is_behind_them(answered):
    study = answered.study
    raters.told(sessions.enrol(links.invite(study, 1)[0]))
    list(rehearsal.rehearse(study, raters=1, seed=1))
    raters.told(Rater.objects.get(simulated=True))
    assert not Deed.objects.looks(study).exists()
    raters.told(answered)
    look = Deed.objects.early_looks(study).get()
    assert look.details == {"rater": "R001", "state": "open", "ratings": 2}
    said = unpacked(archive.archive(study, kind="people"))["method.md"].decode()
    assert "with 2 ratings: exported the data of one rater R001" in said
    note(Deed.Kind.TOLD, by=By(), study=study, rater="R002")
    assert Deed.objects.looks(study).count() == 2, "one of before, which does not say how many"


def test_what_opens_doors_is_not_told(answered):
    text = raters.told(answered).decode()
    tokens = [answered.invitation.token, *Trial.objects.values_list("token", flat=True)]
    assert not [token for token in tokens if token in text]


def test_of_others_nothing_is_told(answered, capsys):
    other = sessions.enrol(links.invite(answered.study, 1)[0])
    raters.told(other)
    links.revoke(answered.invitation)
    data = told(capsys, "small", "r1")
    assert [row["kind"] for row in data["log"]] == ["revoked", "told"]
    assert "R002" not in json.dumps(data)


def test_a_file_is_written_where_one_is_asked_for(answered, tmp_path, capsys):
    call_command("export_rater", "small", "R001", "--out", str(tmp_path / "r1.json"))
    assert json.loads((tmp_path / "r1.json").read_text())["rater"]["label"] == "R001"
    with pytest.raises(CommandError, match="cannot be written"):
        call_command("export_rater", "small", "R001", "--out", str(tmp_path / "no" / "r1.json"))
    assert Deed.objects.filter(kind=Deed.Kind.TOLD).count() == 1


def test_what_is_deleted_is_all_of_one_rater_and_it_is_written_down(answered, capsys):
    other = sessions.enrol(links.invite(answered.study, 1)[0])
    sessions.passed_screening(other)
    call_command("delete_rater", "small", "R001")
    assert "2 answers" in capsys.readouterr().out
    answered.refresh_from_db()
    assert answered.erased
    assert not Rating.objects.exists()
    assert set(Trial.objects.values_list("rater", flat=True)) <= {other.pk}
    deed = Deed.objects.get(kind=Deed.Kind.ERASED)
    assert deed.details == {"rater": "R001", "answers": 2}
    assert deed.account.startswith("command line")
    with pytest.raises(CommandError, match="deleted before"):
        call_command("delete_rater", "small", "R001")


def test_a_simulated_rater_is_told_and_deleted_as_simulated(open_study, capsys):
    list(rehearsal.rehearse(open_study, raters=2, seed=1))
    person = sessions.enrol(links.invite(open_study, 1)[0])
    cast(person, token=Trial.objects.filter(rater=person)[0].token, score=3, client_id=uuid.uuid4())
    data = told(capsys, "small", "S001")
    assert (data["rater"]["simulated"], data["link"], len(data["trials"])) == (True, None, 6)
    call_command("delete_rater", "small", "S001")
    left = Rating.objects.values_list("trial__rater__simulated", "trial__rater__number").distinct()
    assert set(left) == {(True, 2), (False, 1)}


@pytest.mark.parametrize("name", ["", "3", "R", "R0", "X001", "R001 R002", "R9999999999"])
def test_what_is_no_rater_is_said_in_a_sentence(open_study, name):
    for command in ("export_rater", "delete_rater"):
        with pytest.raises(CommandError, match="is no rater; they are called R001"):
            call_command(command, "small", name)
        with pytest.raises(CommandError, match="study small has no rater R007"):
            call_command(command, "small", "r007")
