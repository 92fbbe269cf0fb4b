"""The commands: what they print, and one clear line for whatever is wrong."""

from __future__ import annotations

import io
import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError

from study.desk import studies
from study.management import plain
from study.models import Rating, Study

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments, **options) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out, stderr=out, **options)
    return out.getvalue()


def test_create_study_makes_an_open_study_of_a_preset(settings, generated, db):
    settings.OUTPUTS_DIR = generated / "outputs"
    methods = ["nearest", "bicubic", "hr"]
    said = run("create_study", "mine", "--sets", "Samples", "--methods", *methods)
    study = Study.objects.get(slug="mine")
    assert study.state == Study.State.OPEN
    assert study.stimuli.count() == 15
    assert "manage.py invite mine" in said


def test_invite_prints_links_that_work(open_study, client, tmp_path, settings):
    settings.SITE_URL = "https://study.example.org"
    links = run("invite", "small", "3").split()
    assert len(links) == 3
    assert links[0].startswith("https://study.example.org/r/")
    assert client.get(links[0].removeprefix("https://study.example.org")).status_code == 302
    out = tmp_path / "links.csv"
    run("invite", "small", "2", "--out", str(out))
    assert [line.split(",")[0] for line in out.read_text().splitlines()] == ["number", "4", "5"]


def test_rehearsed_raters_come_near_the_papers_scores_and_are_marked(open_study):
    run("rehearse", "small", "--raters", "26", "--seed", "0")
    assert Rating.objects.count() == 26 * 6
    assert not Rating.objects.filter(trial__rater__simulated=False).exists()
    rows = {
        row["method"]: row
        for row in json.loads(run("results", "small", "--raters", "simulated", "--format", "json"))[
            "table"
        ]
    }
    assert {row["raters_kind"] for row in rows.values()} == {"simulated"}
    # Two scenes and 26 raters: the paper's BSD100 MOS 1.11, 1.47, 4.46 within what that allows.
    for method, mos in (("nearest", 1.11), ("bicubic", 1.47), ("hr", 4.46)):
        assert rows[method]["mos"] == pytest.approx(mos, abs=0.35)
    assert "SIMULATED" in run("results", "small", "--raters", "simulated")
    assert "no ratings of people" in run("results", "small")


def test_a_rehearsal_can_be_replayed(open_study):
    def scores():
        ratings = Rating.objects.order_by("trial__rater__number", "trial__position")
        return list(ratings.values_list("trial__stimulus", "score"))

    run("rehearse", "small", "--raters", "3", "--seed", "5")
    first = scores()
    run("rehearse", "small", "--raters", "3", "--seed", "5", "--replace")
    assert scores() == first
    run("rehearse", "small", "--raters", "3", "--seed", "6", "--replace")
    assert scores() != first


@pytest.mark.parametrize("form", ["table", "csv", "json", "latex", "markdown"])
def test_results_has_every_format(open_study, form):
    run("rehearse", "small", "--raters", "2")
    said = run("results", "small", "--raters", "simulated", "--format", form)
    assert "Bicubic" in said
    assert "imulated" in said.lower()


WRONG = [
    (["create_study", "small"], "already"),
    (["create_study", "no good"], "letters, digits, hyphens"),
    (["create_study", "s", "--preset", "paper"], "unknown preset 'paper'; there are quick, "),
    (["create_study", "s", "--sets", "Set6"], "Set6"),
    (["create_study", "s", "--sets", "Samples", "--methods", "lanczos"], "lanczos"),
    (["create_study", "s", "--sets", "Set5"], "generate"),
    (["create_study", "s", "--sets", "Samples", "--methods", "hr", "--researcher", "x"], "'x'"),
    (["invite", "none", "1"], "no study 'none'; studies: small"),
    (["invite", "small", "0"], "1 to 1000"),
    (["invite", "small", "2", "--out", "no/such/folder/f.csv"], "is not a folder"),
    (["results", "none"], "no study 'none'"),
    (["rehearse", "none"], "no study 'none'"),
    (["rehearse", "small", "--raters", "0"], "1 to 1000"),
    (["rehearse", "small", "--seed", "-1"], "from 0 up"),
    (["open_study", "none"], "no study 'none'"),
    (["close_study", "none"], "no study 'none'"),
]


@pytest.mark.parametrize(("arguments", "sentence"), WRONG, ids=[" ".join(a) for a, _ in WRONG])
def test_bad_input_gives_one_clear_line_and_changes_nothing(
    open_study, settings, generated, arguments, sentence
):
    settings.OUTPUTS_DIR = generated / "outputs"
    with pytest.raises(CommandError) as error:
        run(*arguments)
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)
    assert Study.objects.count() == 1
    assert not open_study.invitations.exists()


def test_a_closed_study_is_not_rehearsed_and_invites_nobody(open_study):
    studies.close(open_study)
    for arguments in (["rehearse", "small"], ["invite", "small", "1"]):
        with pytest.raises(CommandError, match="is closed"):
            run(*arguments)


@pytest.mark.parametrize("wrong", [["--raters", "0"], ["--seed", "-1"], []])
def test_a_rehearsal_that_is_refused_replaces_nothing(open_study, wrong):
    run("rehearse", "small", "--raters", "2")
    before = list(Rating.objects.order_by("pk").values_list("pk", "score"))
    if not wrong:
        studies.close(open_study)
    with pytest.raises(CommandError):
        run("rehearse", "small", "--replace", *wrong)
    assert list(Rating.objects.order_by("pk").values_list("pk", "score")) == before


def test_the_command_line_ends_with_one_line_and_a_status(tmp_path):
    environment = {**os.environ, "VAR_DIR": str(tmp_path)}
    call = [sys.executable, "manage.py"]
    subprocess.run([*call, "migrate", "-v0"], cwd=ROOT, env=environment, check=True)
    ended = subprocess.run(
        [*call, "results", "none"],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 1
    assert ended.stderr == "CommandError: there is no study 'none'; studies: none yet\n"


BROKEN = {
    "a folder": (lambda path: path.mkdir(), "is a folder; it names a file"),
    "text": (lambda path: path.write_text("dear diary " * 100), "it is no database"),
    "nothing": (lambda path: path.touch(), "run manage.py migrate"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_database_that_cannot_be_used_is_one_line(tmp_path, kind):
    path = tmp_path / "study.sqlite3"
    spoil, sentence = BROKEN[kind]
    spoil(path)
    ended = subprocess.run(
        [sys.executable, "manage.py", "results", "none"],
        cwd=ROOT, env={**os.environ, "VAR_DIR": str(tmp_path), "DATABASE": str(path)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 1
    assert len(ended.stderr.splitlines()) == 1
    assert str(path) in ended.stderr
    assert sentence in ended.stderr


def test_a_database_that_is_kept_locked_is_one_line(tmp_path):
    """SQLite's own word for it, without the twenty seconds that a command waits."""
    path = tmp_path / "some.sqlite3"
    with sqlite3.connect(path, isolation_level=None) as first:
        first.execute("BEGIN EXCLUSIVE")
        with pytest.raises(sqlite3.OperationalError) as error:
            sqlite3.connect(path, timeout=0).execute("CREATE TABLE t (c)")
    assert "try again" in plain.sentence(OperationalError(*error.value.args))


def test_a_mistake_of_the_program_is_not_passed_off_as_the_disks():
    with pytest.raises(OperationalError, match="syntax error"):
        plain.sentence(OperationalError("near: syntax error"))


def test_starting_the_site_imports_no_torch():
    code = (
        "import sys, study.wsgi, study.urls;"
        "sys.exit(any(m in sys.modules for m in ('torch', 'matplotlib', 'skimage')))"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
