"""What is computed from votes is computed once, elsewhere if it takes long, and kept for all."""

from __future__ import annotations

import json
import uuid

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from study.desk import claims, computed, exports, jobs, links, rehearsal, studies, work
from study.models import Deed, Job, Trial
from study.models.deeds import By
from study.rating import sessions
from study.site.computed import folder, forget
from tests.rating.way import cast
from tests.serving import our_site


def vote(rater, score: int = 3, count: int = 6) -> None:
    due = Trial.objects.filter(rater=rater, rating=None).order_by("position")
    for trial in list(due)[:count]:
        cast(rater, token=trial.token, score=score, client_id=uuid.uuid4())


@pytest.fixture
def voted(open_study):
    vote(sessions.enrol(links.invite(open_study, 1)[0]))
    return open_study


@pytest.fixture
def large(voted, settings, monkeypatch):
    """The small study, of a size at which requests compute nothing."""
    monkeypatch.setattr(computed, "SMALL", 0)
    for name, value in {**our_site(), "VAR_DIR": str(settings.VAR_DIR)}.items():
        monkeypatch.setenv(name, value)
    return voted


@pytest.fixture
def researcher(voted, owner):
    studies.close(voted)
    client = Client()
    client.force_login(owner)
    return client


def page(client, **query) -> str:
    return client.get(reverse("study", args=["small"]), query).content.decode()


@pytest.mark.django_db(transaction=True)
def test_a_large_study_is_computed_by_another_process_once_for_everybody(large, researcher):
    before = exports._report.cache_info().misses
    made = computed.ask(large, kind="people", name=computed.PAGE, patience=120)
    assert made
    assert made.current
    assert exports._report.cache_info().misses == before, "not in the process of the request"
    assert json.loads(made.path.read_bytes())["counted"] == 6
    written = made.path.stat().st_mtime_ns
    assert "3.00" in page(researcher)
    again = computed.ask(large, kind="people", name=computed.PAGE, patience=0)
    assert again
    assert again.path.stat().st_mtime_ns == written, "not made twice"
    for name in exports.FIGURES:
        address = reverse("figure", args=["small", name, "svg"])
        assert researcher.get(address, {"of": made.mark}).content.startswith(b"<?xml")


def test_while_something_is_computed_nothing_else_is_and_the_page_shows_the_last(large, researcher):
    computed.make(large, kind="people", names=computed.ON_PAGE)
    studies.open_(large)
    other = sessions.enrol(links.invite(large, 1)[0])
    vote(other, score=5)
    studies.close(large)
    with computed._alone(large, "people"):
        shown = page(researcher)
        assert "Figures\n    of 6 ratings, computed" in shown
        assert "3.00" in shown
        assert "4.00" not in shown
        ready = reverse("ready", args=["small", computed.PAGE])
        told = researcher.get(ready).json()
        assert told["current"] is False
        assert f'data-mark="{told["mark"]}"' in shown
        archive = researcher.get(reverse("archive", args=["small"]))
        assert archive.status_code == 202
        assert b"It is being made" in archive.content
    computed.make(large, kind="people", names=computed.ON_PAGE)
    assert researcher.get(ready).json()["current"] is True
    assert "4.00" in page(researcher)


def test_a_first_page_says_that_its_figures_are_being_computed(large, researcher, monkeypatch):
    monkeypatch.setattr(computed, "PATIENCE", 0)
    with computed._alone(large, "people"):
        assert "The\n    figures are being computed" in page(researcher)


def test_figures_of_people_do_not_wait_for_those_of_a_rehearsal_of_the_same_study(voted):
    with computed._alone(voted, "simulated"):
        assert computed._at_work(voted, "simulated")
        assert not computed._at_work(voted, "people")
        assert computed.ask(voted, kind="people", name=computed.PAGE, patience=0)


def test_nothing_computed_outlives_the_deletion_of_answers_that_are_in_it(voted):
    computed.make(voted, kind="people", names=[computed.PAGE])
    made = computed.last(voted, kind="people", name=computed.PAGE)
    rater = voted.rater_set.get()
    late = made.path.read_bytes()
    sessions.withdraw(rater, erase=True)
    Deed.objects.create(kind=Deed.Kind.ERASED, study=voted)
    forget(voted.pk)
    assert not list(folder(voted.pk).rglob("*.json"))
    made.path.parent.mkdir(parents=True)
    made.path.write_bytes(late)  # a process that had begun before ends now
    assert computed.last(voted, kind="people", name=computed.PAGE) is None
    computed.make(voted, kind="people", names=[computed.PAGE])
    assert not made.path.exists(), "swept away with the next computation"


def test_what_cannot_be_made_is_told_to_those_who_wait_and_tried_again_later(
    large, researcher, monkeypatch
):
    monkeypatch.setattr(exports, "report", lambda *args, **kwargs: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        computed.make(large, kind="people", names=[computed.PAGE])
    with pytest.raises(computed.Failed, match=r"page\.json of small could not be made"):
        computed.ask(large, kind="people", name=computed.PAGE)
    assert "could not be made" in page(researcher)
    monkeypatch.undo()
    computed.make(large, kind="people", names=[computed.PAGE])
    assert computed.last(large, kind="people", name=computed.PAGE).current


def test_only_the_latest_states_are_kept(open_study):
    for seed in range(5):
        list(rehearsal.rehearse(open_study, raters=1, seed=seed, replace=True))
        computed.make(open_study, kind="simulated", names=[computed.PAGE])
    states = [each for each in (folder(open_study.pk) / "simulated").iterdir() if each.is_dir()]
    assert len(states) == 1 + computed.KEPT


def test_an_archive_is_the_same_by_command_and_by_page_and_both_are_noted(
    voted, researcher, tmp_path, capsys
):
    call_command("archive", "small", out=tmp_path / "small.zip")
    taken = researcher.get(reverse("archive", args=["small"]))
    assert taken.content == (tmp_path / "small.zip").read_bytes()
    told = Deed.objects.filter(kind=Deed.Kind.TOOK).values_list("account", "details__file")
    (by_command, first), (by_page, second) = told
    assert (first, second) == ("archive.zip", "archive.zip")
    assert by_command.startswith("command line")
    assert by_page == "owner"
    with pytest.raises(CommandError, match="no ratings of simulated"):
        call_command("archive", "small", out=tmp_path / "s.zip", raters="simulated")
    assert not (tmp_path / "s.zip").exists()


# ---- Looks ----


def looks(study) -> list[str]:
    return [look.details.get("file", "page") for look in Deed.objects.early_looks(study)]


def test_close_read_and_open_again_is_a_look_and_stays_one(voted, owner):
    client = Client()
    client.force_login(owner)
    client.post(reverse("close_study", args=["small"]), {"sure": "yes"})
    assert "3.00" in page(client)
    page(client)
    client.get(reverse("ratings", args=["small"]))
    voted.refresh_from_db()
    assert looks(voted) == [], "the study is closed: no look is early"
    client.post(reverse("open_study", args=["small"]), {"sure": "yes"})
    voted.refresh_from_db()
    assert looks(voted) == ["page", "ratings.csv"]
    assert "3.00" not in page(client), "what was seen then does not show what is new now"
    client.post(reverse("close_study", args=["small"]), {"sure": "yes"})
    voted.refresh_from_db()
    assert looks(voted) == ["page", "ratings.csv"], "closed again, they stay what they were"
    assert "ratings.csv" in page(client)


def test_each_download_and_each_session_is_a_look_of_its_own(voted, owner):
    for _ in range(2):
        client = Client()
        client.force_login(owner)
        client.post(reverse("look", args=["small"]))
        for _ in range(2):
            page(client)
            client.get(reverse("results", args=["small", "csv"]))
    assert looks(voted) == ["page", "results.csv", "results.csv"] * 2


def test_the_list_of_ratings_in_the_admin_is_a_look(voted, admin_client):
    admin_client.get(reverse("admin:study_rater_changelist"))
    assert looks(voted) == []
    for _ in range(2):
        admin_client.get(reverse("admin:study_rating_changelist"))
    assert looks(voted) == ["page"]
    assert Deed.objects.early_looks(voted).get().account == "admin"


def test_the_archive_of_a_large_study_is_a_job_if_a_worker_is_there(large, researcher, owner):
    claims.show_worker()
    waiting = researcher.get(reverse("archive", args=["small"])).content.decode()
    job = Job.objects.get()
    assert (job.kind, job.asked_by, job.study) == (Job.Kind.ARCHIVE, owner, large)
    assert f'id="job-{job.pk}"' in waiting
    ready = reverse("ready", args=["small", computed.ARCHIVE])
    assert researcher.get(ready).json()["mark"] == ""
    assert Job.objects.count() == 1
    jobs.cancel(job, by=By())
    assert "cancelled" in researcher.get(ready).json()["problem"]
    assert Job.objects.count() == 1, "a page that waits does not ask for it again"
    Job.objects.all().delete()
    researcher.get(ready)
    assert work.carry_out(Job.objects.get().pk, explain=str).state == Job.State.DONE
    answer = researcher.get(reverse("archive", args=["small"]))
    assert answer["Content-Type"] == "application/zip"
