"""What a study publishes is whole, the same each time, and analysed again gives the same tables."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import uuid
import zipfile

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from study.analysis import layout
from study.desk import archive, exports, rehearsal, studies
from study.models import Deed, Rating, Trial
from study.rating import sessions
from tests.rating.way import cast


@pytest.fixture
def rehearsed(open_study):
    list(rehearsal.rehearse(open_study, raters=5, seed=1))
    return open_study


@pytest.fixture
def voted(open_study):
    """Three people, answers by method, two of them finished."""
    for invitation, votes in zip(studies.invite(open_study, 3), (6, 6, 2), strict=True):
        rater = sessions.enrol(invitation)
        for trial in Trial.objects.filter(rater=rater).order_by("position")[:votes]:
            score = {"nearest": 1, "bicubic": 3, "hr": 5}[trial.stimulus.method.name]
            cast(rater, token=trial.token, score=score, client_id=uuid.uuid4())
    return open_study


def unpacked(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        assert file.testzip() is None
        return {name: file.read(name) for name in file.namelist()}


def rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode())))


def test_the_archive_is_whole_and_the_same_each_time(rehearsed):
    first = archive.archive(rehearsed, kind="simulated")
    exports._report.cache_clear()  # as in another process
    assert archive.archive(rehearsed, kind="simulated") == first
    files = unpacked(first)
    for name in (
        "README.txt", "method.md", "ratings.csv", "codebook.csv", "plan.csv", "sessions.csv",
        "stimuli.csv", "versions.txt", "tables/table.csv", "tables/analysis.json",
        "tables/analysis.tex", "tables/analysis.xlsx", "tables/pairs.csv",
        "figures/distribution.pdf", "figures/ranks.svg", "figures/measures.pdf",
    ):  # fmt: skip
        assert files[name], name
    for line in files.pop("SHA256SUMS").decode().splitlines():
        checksum, name = line.split("  ")
        assert hashlib.sha256(files.pop(name)).hexdigest() == checksum
    assert not files, "every file has a checksum"


def test_every_vote_and_every_column_is_explained(rehearsed):
    files = unpacked(archive.archive(rehearsed, kind="simulated"))
    votes = rows(files["ratings.csv"])
    assert len(votes) == Rating.objects.count() == 30
    assert {vote["raters_kind"] for vote in votes} == {"simulated"}
    meanings = {row["column"]: row["meaning"] for row in rows(files["codebook.csv"])}
    assert list(meanings) == list(votes[0])
    assert all(meanings.values()), "no column without a meaning"
    planned = rows(files["plan.csv"])
    assert [row["stimulus_sha256"] for row in planned] == [v["stimulus_sha256"] for v in votes]
    seeds = {row["rater"]: row["seed"] for row in rows(files["sessions.csv"])}
    assert len(seeds) == 5
    assert "SIMULATED" in files["method.md"].decode()
    assert rehearsed.stimuli_sha256 in files["method.md"].decode()


def test_the_exported_ratings_analysed_again_give_the_same_figures(rehearsed, tmp_path):
    files = unpacked(archive.archive(rehearsed, kind="simulated"))
    (tmp_path / "ratings.csv").write_bytes(files["ratings.csv"])
    call_command("analyse", str(tmp_path / "ratings.csv"), format="csv", out=tmp_path)
    for name in ("stimuli", "methods", "pairs", "omnibus", "raters", "subject_model", "agreement",
                 "objective", "notes"):  # fmt: skip
        assert (tmp_path / f"{name}.csv").read_bytes() == files[f"tables/{name}.csv"], name


def test_latex_has_no_sign_that_plain_latex_lacks(rehearsed):
    text = unpacked(archive.archive(rehearsed, kind="simulated"))["tables/analysis.tex"].decode()
    assert text.isascii()
    opened = re.findall(r"\\begin\{(\w+\*?)\}", text)
    assert sorted(opened) == sorted(re.findall(r"\\end\{(\w+\*?)\}", text))
    for tabular in re.findall(r"\\begin\{tabular\}\{(\w+)\}(.*?)\\end", text, re.DOTALL):
        cells = re.sub(r"\\[&%#_{}$]", "", tabular[1])
        body = [line for line in cells.splitlines() if line.endswith(r"\\")]
        assert {line.count("&") for line in body} == {len(tabular[0]) - 1}
    assert layout.escape("a_b & 5 % ψ²") == r"a\_b \& 5 \% $\psi$$^2$"


def test_unfinished_raters_count_with_what_they_gave(voted):
    found = exports.report(voted, kind="people")
    assert found["counts"]["ratings"] == 14
    assert found["counts"]["raters"] == 3
    assert {row["rater"]: row["n"] for row in found["raters"]} == {"R001": 6, "R002": 6, "R003": 2}


def test_a_new_vote_is_in_the_next_report(voted):
    before = exports.report(voted, kind="people")
    rater = sessions.enrol(studies.invite(voted, 1)[0])
    trial = Trial.objects.filter(rater=rater).first()
    cast(rater, token=trial.token, score=2, client_id=uuid.uuid4())
    after = exports.report(voted, kind="people")
    assert after["counts"]["ratings"] == before["counts"]["ratings"] + 1


def test_means_are_hidden_while_a_study_is_open_and_looks_are_kept(voted, owner):
    client = Client()
    client.force_login(owner)
    page = client.get(reverse("study", args=["small"]))
    assert b"Show the results" in page.content
    for told in (b"3.00", b"Krippendorff", b"distribution.svg", b"ratings.csv"):
        assert told not in page.content
    assert not Deed.objects.looks(voted).exists(), "to open the page is no look"
    page = client.post(reverse("look", args=["small"]), follow=True)
    assert b"3.00" in page.content
    look = Deed.objects.looks(voted).get()
    assert (look.user, look.account, look.details["ratings"]) == (owner, "owner", 14)
    other = Client()
    other.force_login(owner)
    assert b"Show the results" in other.get(reverse("study", args=["small"])).content
    studies.close(voted)
    assert b"3.00" in other.get(reverse("study", args=["small"])).content, "closed: to be seen"
    assert "at 14 ratings" in unpacked(archive.archive(voted, kind="people"))["method.md"].decode()


def test_a_look_from_the_command_line_is_kept_too(voted, capsys):
    call_command("results", "small", format="json")
    said = capsys.readouterr()
    assert json.loads(said.out)["counts"]["ratings"] == 14
    assert "this look at its results is noted" in said.err
    assert Deed.objects.looks(voted).get().user is None
    studies.close(voted)
    call_command("results", "small", format="csv")
    assert Deed.objects.looks(voted).count() == 2, "noted too: it may be opened again"
    assert Deed.objects.early_looks(voted).count() == 1
    studies.open_(voted)
    assert Deed.objects.early_looks(voted).count() == 2, "closed, read, opened again: a look"


def test_a_look_counts_the_ratings_that_are_analysed_and_is_none_before_the_first(
    open_study, rater, trials, owner
):
    Trial.objects.filter(pk=trials[0].pk).update(kind=Trial.Kind.STABILISING)
    for trial in trials[:3]:
        cast(rater, token=trial.token, score=3, client_id=uuid.uuid4())
        call_command("results", "small", format="csv")
    client = Client()
    client.force_login(owner)
    client.post(reverse("look", args=["small"]))
    looks = Deed.objects.looks(open_study).values_list("user", "details__ratings")
    assert list(looks) == [(None, 1), (None, 2), (owner.pk, 2)]


def test_results_go_into_files(voted, tmp_path, capsys):
    studies.close(voted)
    for form, name in (("xlsx", "analysis.xlsx"), ("parquet", "methods.parquet"),
                       ("csv", "table.csv"), ("markdown", "analysis.md")):  # fmt: skip
        call_command("results", "small", format=form, out=tmp_path)
        assert (tmp_path / name).stat().st_size
    for arguments, sentence in (
        ({"format": "parquet"}, "say where with --out"),
        ({"set": ["Set6"]}, "there is no rated set 'Set6'; there are Samples"),
        ({"raters": "simulated", "out": tmp_path}, "has no ratings of simulated"),
    ):
        with pytest.raises(CommandError, match=sentence):
            call_command("results", "small", **arguments)
    capsys.readouterr()
    call_command("results", "small", set=["Samples"], format="json")
    found = json.loads(capsys.readouterr().out)
    assert {row["set"] for row in found["pairs"]} == {"Samples"}
