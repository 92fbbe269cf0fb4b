"""What a study publishes is whole, the same each time, and analysed again gives the same tables."""

from __future__ import annotations

import csv
import getpass
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
from openpyxl import load_workbook

from study.analysis import layout, marks, render
from study.desk import archive, exports, links, rehearsal, studies
from study.models import Dataset, Deed, Method, Rating, SourceImage, Study, Trial
from study.models.deeds import By, note
from study.rating import sessions
from tests.marked import mentions, unmarked
from tests.rating.way import cast

RAW = ("ratings", "plan", "sessions", "stimuli", "deeds")


@pytest.fixture
def rehearsed(open_study):
    list(rehearsal.rehearse(open_study, raters=5, seed=1))
    return open_study


@pytest.fixture
def voted(open_study):
    """Three people, answers by method, two of them finished."""
    for invitation, votes in zip(links.invite(open_study, 3), (6, 6, 2), strict=True):
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
        "stimuli.csv", "deeds.csv", "versions.txt", "tables/table.csv", "tables/analysis.json",
        "tables/analysis.tex", "tables/analysis.xlsx", "tables/pairs.csv",
        "figures/distribution.pdf", "figures/ranks.svg", "figures/measures.pdf",
    ):  # fmt: skip
        assert files[marks.file_name("simulated", name)], name
    for line in files.pop("SIMULATED-SHA256SUMS").decode().splitlines():
        checksum, name = line.split("  ")
        assert hashlib.sha256(files.pop(name)).hexdigest() == checksum
    assert not files, "every file has a checksum"


def test_every_vote_and_every_column_is_explained(rehearsed):
    files = unpacked(archive.archive(rehearsed, kind="simulated"))
    votes = rows(files["SIMULATED-ratings.csv"])
    assert len(votes) == Rating.objects.count() == 30
    assert {vote["raters_kind"] for vote in votes} == {"simulated"}
    book = rows(files["SIMULATED-codebook.csv"])
    assert all(row["meaning"] for row in book), "no column without a meaning"
    described = {row["file"] for row in book}
    assert {f"SIMULATED-{name}.csv" for name in RAW} == described
    for name in described:
        columns = [row["column"] for row in book if row["file"] == name]
        assert columns == files[name].decode().split("\n")[0].split(","), name
    assert "since_delivery_ms" in votes[0]
    planned = rows(files["SIMULATED-plan.csv"])
    assert [row["stimulus_sha256"] for row in planned] == [v["stimulus_sha256"] for v in votes]
    seeds = {row["rater"]: row["seed"] for row in rows(files["SIMULATED-sessions.csv"])}
    assert len(seeds) == 5
    assert "SIMULATED" in files["SIMULATED-method.md"].decode()
    assert rehearsed.stimuli_sha256 in files["SIMULATED-method.md"].decode()


def test_the_exported_ratings_analysed_again_give_the_same_figures(rehearsed, tmp_path):
    files = unpacked(archive.archive(rehearsed, kind="simulated"))
    (tmp_path / "ratings.csv").write_bytes(files["SIMULATED-ratings.csv"])
    call_command("analyse", str(tmp_path / "ratings.csv"), format="csv", out=tmp_path)
    for name in ("stimuli", "methods", "pairs", "omnibus", "raters", "subject_model", "agreement",
                 "objective", "notes"):  # fmt: skip
        mine = (tmp_path / f"SIMULATED-{name}.csv").read_bytes()
        assert mine == files[f"tables/SIMULATED-{name}.csv"], name


def test_latex_has_no_sign_that_plain_latex_lacks(rehearsed):
    text = unpacked(archive.archive(rehearsed, kind="simulated"))[
        "tables/SIMULATED-analysis.tex"
    ].decode()
    assert text.isascii()
    opened = re.findall(r"\\begin\{(\w+\*?)\}", text)
    assert sorted(opened) == sorted(re.findall(r"\\end\{(\w+\*?)\}", text))
    for tabular in re.findall(r"\\begin\{tabular\}\{(\w+)\}(.*?)\\end", text, re.DOTALL):
        cells = re.sub(r"\\[&%#_{}$]", "", tabular[1])
        body = [line for line in cells.splitlines() if line.endswith(r"\\")]
        assert {line.count("&") for line in body} == {len(tabular[0]) - 1}
    assert layout.escape("a_b & 5 % ψ²") == r"a\_b \& 5 \% $\psi$$^2$"


def test_every_part_of_a_simulated_archive_says_so(rehearsed):
    files = unpacked(archive.archive(rehearsed, kind="simulated"))
    assert len(files) > 30
    assert [part for name, content in files.items() for part in unmarked(name, content)] == []


@pytest.mark.parametrize("form", render.FORMATS)
def test_every_part_of_simulated_results_says_so(rehearsed, tmp_path, form, capsys):
    call_command("results", "small", raters="simulated", format=form, out=tmp_path / "out")
    for path in (tmp_path / "out").iterdir():
        assert unmarked(path.name, path.read_bytes()) == []
    if form not in render.BINARY:
        capsys.readouterr()
        call_command("results", "small", raters="simulated", format=form)
        suffix = {"latex": "tex", "markdown": "md", "table": "txt"}.get(form, form)
        assert unmarked(f"SIMULATED-said.{suffix}", capsys.readouterr().out.encode()) == []


@pytest.mark.parametrize("form", exports.FIGURE_FORMATS)
@pytest.mark.parametrize("name", exports.FIGURES)
def test_every_figure_of_simulated_raters_says_so(rehearsed, name, form):
    drawn = exports.figure(rehearsed, kind="simulated", name=name, form=form)
    assert unmarked(f"SIMULATED-{name}.{form}", drawn) == []


def test_nothing_in_an_archive_of_people_speaks_of_simulated_raters(voted):
    list(rehearsal.rehearse(voted, raters=3, seed=1))
    files = unpacked(archive.archive(voted, kind="people"))
    assert [part for name, content in files.items() for part in mentions(name, content)] == []
    for name in RAW:
        assert {row["raters_kind"] for row in rows(files[f"{name}.csv"])} == {"people"}


def test_the_log_is_in_the_archive_without_names(voted, owner, outsider):
    """Whoever did a deed has a number there: staff did not agree to be published."""
    owner.email, owner.last_name = "mail@owner.org", "von Owner"
    owner.save()
    mine, theirs = By(owner, "owner", "192.0.2.7"), By(outsider, "outsider", "192.0.2.8")
    studies.look(voted, by=mine)
    studies.close(voted, by=theirs)
    studies.look(voted, by=mine, file="ratings.csv")
    told = {"researchers": ["owner"], "told": "mail@owner.org (owner)", "break_minutes": [10, 5]}
    note(Deed.Kind.CHANGED, by=theirs, study=voted, **told)
    note(Deed.Kind.SIGNED_IN, by=mine)
    files = unpacked(archive.archive(voted, kind="people"))
    log = rows(files["deeds.csv"])
    done = [(row["deed"], row["by"]) for row in log]
    assert done[-4:] == [
        ("looked", "account 1"), ("closed", "account 2"), ("took", "account 1"),
        ("changed", "account 2"),
    ]  # fmt: skip
    assert ("opened", "command line") in done
    assert json.loads(log[-1]["details"]) == {
        "researchers": ["account 1"], "told": "account 1 (account 1)", "break_minutes": [10, 5]
    }  # fmt: skip
    assert json.loads(log[-2]["details"])["ratings"] == 14
    for name, content in files.items():
        for told_by in (b"owner", b"outsider", b"192.0.2", getpass.getuser().encode() + b")"):
            assert told_by not in content, name


def test_early_looks_are_told_with_what_was_seen(voted, owner):
    by = By(owner, "owner")
    studies.look(voted, by=by)
    studies.look(voted, by=by, file="ratings.csv")
    method = unpacked(archive.archive(voted, kind="people"))["method.md"].decode()
    looks = method.split("## Looks at the means")[1].split("\n\n")[0].splitlines()[1:]
    assert [re.sub(r"^- [-0-9: ]+ UTC, ", "", look) for look in looks] == [
        "at 14 ratings: saw results", "at 14 ratings: took a file ratings.csv"
    ]  # fmt: skip


def test_names_of_others_do_nothing_in_any_file(voted):
    """Names come from folders and browsers of others: no program that opens a file obeys them."""
    evil = (
        '=HYPERLINK("http:evil","x")',
        "@SUM(1+1)",
        "+cmd|' C'!A0",
        "-2+3",
        "[1cm]",
        "![x](http:y)",
    )
    Study.objects.filter(pk=voted.pk).update(title="=1+1 <script>", instructions="# Not ours\n=1+1")
    for place, source in enumerate(SourceImage.objects.order_by("pk")):
        SourceImage.objects.filter(pk=source.pk).update(name=f"{evil[place % len(evil)]} {place}")
    Dataset.objects.update(name="@SUM(1+1)")
    for place, method in enumerate(Method.objects.order_by("pk")):
        Method.objects.filter(pk=method.pk).update(title=evil[place % len(evil)])
    Rating.objects.update(browser="=1+1")
    voted.refresh_from_db()
    exports._report.cache_clear()
    files = unpacked(archive.archive(voted, kind="people"))
    for name, content in files.items():
        if name.endswith(".csv"):
            cells = [cell for row in csv.reader(io.StringIO(content.decode())) for cell in row]
            active = [c for c in cells if c[:1] in "=+-@\t" and c and layout.harmless(c) != c]
            assert active == [], name
        if name.endswith(".xlsx"):
            book = load_workbook(io.BytesIO(content))
            kinds = {cell.data_type for sheet in book for row in sheet.iter_rows() for cell in row}
            assert kinds <= {"s", "inlineStr", "n", "b"}, "no cell is a formula"
        if name.endswith(".tex"):
            assert not re.search(r"\\\\\s*[\[*]", content.decode()), (
                "a bracket is no option of a row"
            )
        if name.endswith(".md"):
            assert "<script>" not in content.decode()
            assert "\n# Not ours" not in content.decode()
            assert not re.search(r"(?<!\\)\[x(?<!\\)\]\(", content.decode())
    assert "'=HYPERLINK" in files["plan.csv"].decode()
    assert "'=1+1" in files["ratings.csv"].decode()


def test_unfinished_raters_count_with_what_they_gave(voted):
    found = exports.report(voted, kind="people")
    assert found["counts"]["ratings"] == 14
    assert found["counts"]["raters"] == 3
    assert {row["rater"]: row["n"] for row in found["raters"]} == {"R001": 6, "R002": 6, "R003": 2}


def test_a_new_vote_is_in_the_next_report(voted):
    before = exports.report(voted, kind="people")
    rater = sessions.enrol(links.invite(voted, 1)[0])
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
