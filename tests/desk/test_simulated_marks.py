"""Whatever a rehearsal leaves says that no person is behind it: pages, files, lists and jobs."""

from __future__ import annotations

import io
import json
import re
import zipfile
from pathlib import PurePosixPath

import pytest
from django.contrib import admin
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from study.desk import computed, exports, jobs, raters, rehearsal, work
from study.models import Deed, Job, Rater, Rating, Screening, Session, Study, Trial
from study.models.deeds import By
from tests.marked import MARK, unmarked


@pytest.fixture
def rehearsed(open_study) -> Study:
    """The small study, whose only raters are simulated."""
    list(rehearsal.rehearse(open_study, raters=3, seed=1))
    return open_study


@pytest.fixture
def researcher(owner) -> Client:
    client = Client()
    client.force_login(owner)
    return client


def address(name: str) -> str:
    """Where a computed file is taken away."""
    stem, _, extension = name.rpartition(".")
    if name in (computed.ARCHIVE, "ratings.csv"):
        return reverse({computed.ARCHIVE: "archive"}.get(name, "ratings"), args=["small"])
    if stem == "results":
        return reverse("results", args=["small", extension])
    return reverse("figure", args=["small", stem, extension])


def parts(name: str, content: bytes) -> list[tuple[str, bytes]]:
    """A file, or those in it if it is an archive."""
    if not name.endswith(".zip"):
        return [(name, content)]
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        return [(each, file.read(each)) for each in file.namelist()]


def test_every_file_that_can_be_asked_for_says_so_in_its_name_and_in_every_part(
    rehearsed, researcher
):
    left = []
    for name in computed.names():
        if name in (computed.PAGE, computed.BY_IMAGE):
            computed.make(rehearsed, kind="simulated", names=[name])
            made = computed.last(rehearsed, kind="simulated", name=name)
            assert made
            assert json.loads(made.path.read_bytes())["raters_kind"] == "simulated"
            assert made.path.parents[1].name == "simulated"
            continue
        answer = researcher.get(address(name), {"raters": "simulated"})
        assert answer.status_code == 200, name
        called = re.findall('filename="(.+)"', answer["Content-Disposition"])[0]
        assert MARK in called, name
        for part, content in parts(name, answer.content):
            own = PurePosixPath(part).name
            left += unmarked(own if own.startswith(MARK) else f"{MARK}-{own}", content)
            if name.endswith(".zip"):
                assert MARK in own, part
    assert left == []


@pytest.mark.parametrize("query", [{}, {"raters": "simulated"}])
def test_the_page_says_so_in_its_title_above_all_and_at_every_section(rehearsed, researcher, query):
    page = researcher.get(reverse("study", args=["small"]), query).content.decode()
    assert page.split("<title>")[1].startswith("SIMULATED: ")
    before, after = page.split("<strong>Simulated raters.</strong>")
    assert "<h2" not in before, "above every figure"
    for section in ("progress", "scores", "downloads"):
        heading = after.split(f'<h2 id="{section}">')[1].split("</h2>")[0]
        assert "simulated" in heading, section
    taken = re.findall(r'<li><a href="([^"]+)">', after.split('id="downloads"')[1])
    assert taken
    assert all(each.endswith("?raters=simulated") for each in taken)
    drawn = re.findall(r'src="(/studies/small/figures/[^"]+)"', after)
    assert drawn
    for figure in drawn:
        assert "raters=simulated" in figure


def test_where_there_are_people_nothing_of_simulated_raters_is_shown_unasked(
    rehearsed, researcher, rater, owner
):
    page = researcher.get(reverse("study", args=["small"])).content.decode()
    assert "SIMULATED" not in page
    assert "Show the results" in page or "Nobody has rated yet" in page
    listed = researcher.get(reverse("studies")).context["studies"]
    assert [(each.raters, each.last_vote) for each in listed] == [(1, None)]


def test_a_file_that_is_waited_for_says_so(rehearsed, researcher, monkeypatch):
    monkeypatch.setattr(computed, "SMALL", 0)
    monkeypatch.setattr(computed, "PATIENCE", 0)
    with computed._alone(rehearsed, "simulated"):
        page = researcher.get(reverse("results", args=["small", "csv"]), {"raters": "simulated"})
    assert page.status_code == 202
    assert page.content.decode().split("<title>")[1].startswith("SIMULATED: ")
    assert '<h1>Your file <span class="tag">simulated</span></h1>' in page.content.decode()


def test_jobs_say_so_and_lead_to_the_simulated_side_of_the_page(rehearsed, researcher):
    asked = [
        jobs.ask(Job.Kind.ARCHIVE, by=By(), study=rehearsed, raters="simulated"),
        jobs.ask(Job.Kind.REHEARSE, by=By(), study=rehearsed, raters=2, seed=3),
    ]
    for job in asked:
        done = work.carry_out(job.pk, explain=str)
        assert done
        assert done.state == Job.State.DONE, done.told
        assert "simulated raters" in done.wish
        assert "simulated raters" in done.told
        assert done.result.endswith("?raters=simulated")
        assert "simulated raters" in researcher.get(done.get_absolute_url()).content.decode()


def test_commands_say_so(rehearsed, tmp_path, capsys):
    call_command("rehearse", "small", raters=1, replace=True)
    call_command("compute", "small", raters="simulated", only=["results.csv"])
    call_command("archive", "small", raters="simulated", out=tmp_path / "small.zip")
    for line in capsys.readouterr().out.splitlines():
        assert "simulated" in line
    for form, begins in (("table", "title"), ("markdown", "title"), ("latex", "title")):
        call_command("results", "small", raters="simulated", format=form)
        assert MARK in capsys.readouterr().out, (form, begins)
    call_command("results", "small", raters="simulated", format="csv", out=tmp_path)
    files = [path for path in tmp_path.iterdir() if path.suffix == ".csv"]
    assert files
    assert [left for path in files for left in unmarked(path.name, path.read_bytes())] == []


def test_the_log_says_so(rehearsed):
    raters.told(Rater.objects.all()[0])
    assert (
        Deed.objects.get(kind=Deed.Kind.REHEARSED).get_kind_display().endswith("simulated raters")
    )
    assert "simulated yes" in Deed.objects.get(kind=Deed.Kind.TOLD).told


def test_every_list_of_the_admin_that_has_rows_of_raters_says_so(rehearsed, admin_client):
    Screening.objects.create(rater=Rater.objects.all()[0], answers={})
    of_raters = {Rater, Screening, Session, Trial, Rating}
    for model, pages in admin.site._registry.items():
        names = {field.name for field in model._meta.fields}
        if model in of_raters or names & {"rater", "trial", "rating"}:
            assert "simulated" in pages.list_display, model
    for model in of_raters:
        address = reverse(f"admin:study_{model._meta.model_name}_changelist")
        page = admin_client.get(address).content.decode()
        assert "field-simulated" in page, model


def test_kinds_never_share_a_file(rehearsed):
    assert exports.kinds(rehearsed) == ["simulated"]
    with pytest.raises(ValueError, match="no ratings of people"):
        computed.make(rehearsed, kind="people", names=[computed.ARCHIVE])
