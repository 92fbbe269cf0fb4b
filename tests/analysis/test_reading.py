"""Files of ratings as people have them are understood, or refused with one sentence."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from django.core.management import CommandError, call_command

from study.analysis import heads, reading, report
from study.analysis.votes import natural, of_votes

LONG = "rater,image,method,score\na,x,m,1\nb,x,m,3\na,x,n,5\nb,x,n,4\n"


@pytest.fixture
def read(tmp_path):
    def inner(text, **options):
        path = tmp_path / "ratings.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return reading.read(path, **options)

    return inner


@pytest.mark.parametrize(
    ("columns", "roles"),
    [
        (
            ["Subject ID", "PVS", "HRC", "SRC", "Vote"],
            ["rater", "stimulus", "method", "content", "score"],
        ),
        (["worker_id", "image_id", "algorithm", "rating"], ["rater", "content", "method", "score"]),
        (
            ["observer", "stimulus", "content", "method", "score"],
            ["rater", "stimulus", "content", "method", "score"],
        ),
        (["userId", "video", "MOS_score", "opinion score"], ["rater", "stimulus", None, "score"]),
        (["participant", "file_name", "answer", "dataset"], ["rater", "stimulus", "score", "set"]),
    ],
)  # fmt: skip
def test_columns_are_found_by_their_usual_names(columns, roles):
    found = heads.guess(columns, {})
    expected = {role: column for role, column in zip(roles, columns, strict=True) if role}
    assert found == expected


def test_columns_can_be_given(read):
    text = LONG.replace("rater,image,method,score", "who,what,how,much")
    with pytest.raises(ValueError, match="no column looks like the rater; there are: who, what"):
        read(text)
    given = {"rater": "who", "content": "what", "method": "how", "score": "much"}
    some = read(text, columns=given)
    assert some.matrix.tolist() == [[1, 5], [3, 4]]
    assert some.stimuli["stimulus"].tolist() == ["x/m", "x/n"]
    with pytest.raises(ValueError, match="no column 'wer' for the rater; there are: who"):
        read(text, columns={"rater": "wer"})


@pytest.mark.parametrize(
    "text",
    [
        LONG,
        LONG.replace(",", ";"),
        LONG.replace(",", "\t"),
        "\ufeff" + LONG,
        LONG.replace("\n", "\r\n"),
        LONG + "\n\n",
        LONG.replace(",1\n", ",bad\n").replace(",5\n", ",Excellent\n"),
        LONG.replace(",1\n", ",1.0\n"),
        LONG + "b,x,m,5\n",
        LONG + "c,x,m,\n",
    ],
    ids=["plain", "semicolons", "tabs", "bom", "crlf", "blank lines", "words", "floats",
         "double vote", "missing cell"],
)  # fmt: skip
def test_ways_to_write_the_same_ratings(read, text):
    some = read(text)
    assert some.matrix.tolist() == [[1, 5], [3, 4]]
    assert some.raters == ["a", "b"]


def test_decimal_commas(read):
    assert read("rater;image;score\na;x;1,5\nb;x;3,5\n").matrix.tolist() == [[1.5], [3.5]]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "is empty; it needs a header line"),
        ("rater,image,score\n", "a header line and no ratings"),
        ("rater,image,score\na,x,\n", "no votes: the table has no row with a score"),
        ("rater,image,score\na,x,lots\n", "the score in row 1 is 'lots'; a score is a number"),
        ("rater,image,score\na,x,inf\n", "infinite"),
        ("rater,image,score\n,x,3\n", "the column of the rater is empty in 1 of 1 rows"),
        ("rater,image,score\na,,3\n", "the column of the stimulus is empty in 1 of 1 rows"),
        ("rater,score\na,3\n", "no column says what was rated; there are: rater, score"),
        ("image,score\nx,3\n", "no column looks like the rater"),
        ("rater,image\na,x\n", "no column looks like the score"),
        (
            "rater,stimulus,method,score\na,x,m,3\nb,x,n,3\n",
            "'x' has two values of method",
        ),
        ("rater,image,score\na,x,3\na,b,c,d,e\n", "is no table"),
        (b"\x00\x01\x02", "is no text"),
    ],
)
def test_what_cannot_be_understood_is_refused_with_one_sentence(read, text, sentence):
    with pytest.raises(ValueError, match=sentence) as error:
        read(text)
    assert "\n" not in str(error.value)


def test_a_score_off_a_given_scale_is_named(read):
    with pytest.raises(ValueError, match="rater 'a' for 'x/n' is 5, off the scale from 1 to 4"):
        read(LONG, scale=(1, 4))


@pytest.mark.parametrize(
    ("low", "high", "scale"),
    [(1, 5, (1, 5)), (2, 6, (1, 7)), (0, 10, (0, 10)), (0.5, 99, (0, 100)), (-3, 2, (-3, 3)),
     (-40, 200, (-40, 200))],
)  # fmt: skip
def test_the_scale_is_guessed_and_said(read, low, high, scale):
    some = read(f"rater,image,score\na,x,{low}\nb,x,{high}\n")
    assert some.scale == scale
    said = any("scale is assumed to go" in note for note in some.notes)
    assert said == (scale != (1, 5))
    assert f"on the scale {scale[0]:g} to {scale[1]:g}" in " ".join(report.analyse(some)["notes"])


@pytest.mark.parametrize(
    ("text", "raters", "stimuli"),
    [
        ("1,2\n3,4\n5,\n", ["1", "2"], ["1", "2", "3"]),
        ("ann,bob\n1,2\n3,4\n5,\n", ["ann", "bob"], ["1", "2", "3"]),
        ("stimulus,ann,bob\nz,1,2\ny,3,4\nx,5,\n", ["ann", "bob"], ["z", "y", "x"]),
        ("z,1,2\ny,3,4\nx,5,nan\n", ["1", "2"], ["z", "y", "x"]),
        ("1;2\n3;4\n5;\n", ["1", "2"], ["1", "2", "3"]),
        (
            "PVS,SRC,HRC,s1,s2,MOS\nz,a,m,1,2,1.5\ny,b,m,3,4,3.5\nx,c,m,5,,5\n",
            ["s1", "s2"],
            ["z", "y", "x"],
        ),
        (",ann,bob\n7,1,2\n9,3,4\n3,5,\n", ["ann", "bob"], ["7", "9", "3"]),
    ],
)
def test_matrices_of_stimuli_by_raters(read, text, raters, stimuli):
    some = read(text, matrix=True)
    assert some.raters == raters
    assert some.stimuli["stimulus"].tolist() == stimuli
    assert np.array_equal(some.matrix, [[1, 3, 5], [2, 4, np.nan]], equal_nan=True)


def test_a_matrix_with_a_second_block_holds_repetitions(read):
    some = read("1,2\n3,4\n,\n5,\n3,\n", matrix=True)
    assert some.matrix.tolist() == [[3, 3], [2, 4]]
    assert len(some) == 6
    assert some.retests[["first", "second"]].to_numpy().tolist() == [[1, 5], [3, 3]]


def test_names_of_a_matrix_occur_once(read):
    with pytest.raises(ValueError, match=r"two columns of .* are called 'ann'"):
        read("ann,ann\n1,2\n", matrix=True)
    with pytest.raises(ValueError, match=r"two rows of .* are called 'x'"):
        read("pvs,ann,bob\nx,1,2\nx,3,4\n", matrix=True)


def test_a_matrix_can_name_methods(read):
    some = read("pvs,src,hrc,ann,bob\n1,a,m,1,2\n2,a,n,3,4\n", matrix=True)
    assert some.methods == ("m", "n")
    assert some.stimuli["content"].tolist() == ["a", "a"]


def test_a_ragged_matrix_is_refused(read):
    with pytest.raises(ValueError, match=r"row 2 of .* has 3 cells, the first has 2"):
        read("1,2\n3,4,5\n", matrix=True)


def test_retests_are_set_aside_and_repetitions_count():
    votes = pd.DataFrame({"rater": ["a", "a", "b"], "stimulus": "x", "score": [1, 3, 2]})
    counted = of_votes(votes.assign(repetition=[0, 1, 0]))
    aside = of_votes(votes.assign(retest=[False, True, False]))
    assert (len(counted), len(aside)) == (3, 2)
    assert counted.matrix.tolist() == [[2], [2]]
    assert aside.matrix.tolist() == [[1], [2]]
    for some in (counted, aside):
        assert some.retests[["first", "second"]].to_numpy().tolist() == [[1, 3]]


def test_measures_are_read_and_must_belong_to_the_stimulus(read):
    some = read("rater,image,score,psnr\na,x,3,20\nb,x,4,20\na,y,3,inf\n")
    assert some.measures["psnr"].tolist() == [20.0, np.inf]
    with pytest.raises(ValueError, match="psnr of the stimulus 'x' is 20 in one row and 21"):
        read("rater,image,score,psnr\na,x,3,20\nb,x,4,21\n")


def test_a_method_called_hr_is_the_hidden_reference(read):
    some = read(LONG.replace(",n,", ",HR,"))
    assert some.stimuli["reference"].tolist() == [True, False]
    found = report.analyse(some)
    # DV of m: 1 - 5 + 5 and 3 - 4 + 5.
    assert {row["method"]: row["dmos"] for row in found["methods"]} == {"HR": 5.0, "m": 2.5}


def test_natural_order():
    names = ["r10", "r2", "R1", "2", "10", "a"]
    assert sorted(names, key=natural) == ["2", "10", "R1", "a", "r2", "r10"]


def test_every_format_of_the_command(tmp_path, capsys):
    path = tmp_path / "r.csv"
    path.write_text(LONG)
    for form in ("table", "csv", "json", "latex", "markdown"):
        call_command("analyse", str(path), format=form)
        said = capsys.readouterr().out
        assert "m" in said
        assert "nan" not in said.lower().replace("nance", "")
    for form in ("xlsx", "parquet"):
        with pytest.raises(CommandError, match="say where with --out FOLDER"):
            call_command("analyse", str(path), format=form)
    for form in ("csv", "json", "latex", "markdown", "xlsx", "parquet", "table"):
        out = tmp_path / form
        call_command("analyse", str(path), format=form, out=out)
        first = {file.name: file.read_bytes() for file in out.iterdir()}
        call_command("analyse", str(path), format=form, out=out)
        assert {file.name: file.read_bytes() for file in out.iterdir()} == first
        assert first
    capsys.readouterr()
    whole = json.loads((tmp_path / "json/analysis.json").read_text())
    parquet = pd.read_parquet(tmp_path / "parquet/methods.parquet")
    workbook = pd.read_excel(tmp_path / "xlsx/analysis.xlsx", sheet_name="methods")
    table = pd.read_csv(tmp_path / "csv/methods.csv")
    for frame in (parquet, workbook, table):
        assert frame["mos"].tolist() == [row["mos"] for row in whole["methods"]]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["none.csv"], "there is no file none.csv"),
        (["."], "is a folder"),
        (["r.csv", "--matrix", "--rater", "a"], "a matrix has no column names to give"),
        (["r.csv", "--reference", "gt"], "'gt' is no method of the table; there are: m, n"),
        (["r.csv", "--measures", "vmaf"], "no column 'vmaf' for the measure"),
        (["r.csv", "--scale", "5", "1"], "a scale from 5 to 1 has no extent"),
        (["r.csv", "--out", "r.csv"], "r.csv is a file; --out names a folder"),
    ],
)
def test_the_command_refuses_with_one_line(tmp_path, monkeypatch, arguments, sentence):
    (tmp_path / "r.csv").write_text(LONG)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CommandError, match=sentence) as error:
        call_command("analyse", *arguments)
    assert "\n" not in str(error.value)
    assert [file.name for file in tmp_path.iterdir()] == ["r.csv"]


def test_no_text_acts_as_a_formula(tmp_path, capsys):
    from openpyxl import load_workbook

    path = tmp_path / "r.csv"
    path.write_text(LONG.replace(",m,", ",=1+1,").replace("a,", "@SUM(A1),"))
    for form in ("xlsx", "csv"):
        call_command("analyse", str(path), format=form, out=tmp_path)
    cells = [
        cell
        for sheet in load_workbook(tmp_path / "analysis.xlsx")
        for row in sheet.iter_rows()
        for cell in row
    ]
    assert "=1+1" in {cell.value for cell in cells}
    assert {cell.data_type for cell in cells} <= {"s", "inlineStr", "n", "b"}, (
        "no cell is a formula"
    )
    for name in ("methods", "raters", "pairs"):
        for row in (tmp_path / f"{name}.csv").read_text().splitlines():
            assert not any(cell.startswith(("=", "@", "+")) for cell in row.split(","))
