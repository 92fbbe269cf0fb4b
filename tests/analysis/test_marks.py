"""Nothing that is made of simulated raters' votes passes for people's, in any format."""

from __future__ import annotations

import io

import pandas as pd
import pytest
from django.core.management import CommandError, call_command

from study.analysis import figures, layout, marks, reading, render, report, tables
from study.analysis.measures import OURS
from tests.analysis.conftest import COLUMNS, votes
from tests.marked import MARK, mentions, unmarked

METHODS = ("nearest", "bicubic", "srgan", "hr")
MEASURES = ["psnr", "ssim", "ssim_daala", "lpips"]


def ratings(*, simulated: bool, raters: int = 4) -> pd.DataFrame:
    """All images by all methods, with measures and retests; the last rater is a careless one."""
    first = "S" if simulated else "R"
    rows = [
        (
            f"{first}{n:03d}",
            image,
            method,
            1 + (n + m + i) % 2 + m if n < raters else 1 + (3 * i + m) % 5,
        )
        for n in range(1, raters + 1)
        for i, image in enumerate("uvwxyz")
        for m, method in enumerate(METHODS)
    ]
    again = [(*row[:3], min(5, row[3] + 1)) for row in rows[::3]]
    table = pd.concat([votes(rows), votes(again)], keys=[False, True], names=["repeat"])
    table = table.reset_index("repeat").assign(simulated=simulated)
    place = table["method"].map(METHODS.index)
    for k, measure in enumerate(MEASURES):
        table[measure] = 20.0 + place + table["image"].map("uvwxyz".index) * (k + 1) / 10
    return table[[*COLUMNS, "repeat", *MEASURES]]


def of(table: pd.DataFrame) -> report.Report:
    found = report.analyse(reading.of_table(table), draws=50)
    assert found["retest"]
    assert found["screening"][1]["methods"], "all tables are there"
    return found


def everything(*, simulated: bool) -> dict[str, bytes]:
    """Every table in every format and every figure, by file name."""
    table = ratings(simulated=simulated)
    found = of(table)
    made: dict[str, bytes] = {}
    for form in render.FORMATS:
        made |= {f"{form}/{name}": content for name, content in render.files(found, form).items()}
    kind = found["raters_kind"]
    measured = table[["set", "image", "method", *MEASURES]].drop_duplicates()
    shown = tables.mos_table(
        table.loc[~table["repeat"], COLUMNS], measured, order=METHODS, titles={}
    )
    for form, suffix in (("table", "txt"), ("csv", "csv"), ("json", "json"), ("latex", "tex")):
        text = tables.RENDERERS[form](shown)
        made[marks.file_name(kind, f"mos/table.{suffix}")] = text.encode()
    points = pd.DataFrame(found["stimuli"]).merge(
        measured, left_on=["set", "content", "method"], right_on=["set", "image", "method"]
    )
    ranks = {"Set5": {row["method"]: row["mean_rank"] for row in found["methods"]}}
    labels = {name: measure.title for name, measure in OURS.items()}
    drawings: tuple[figures.Format, ...] = ("svg", "pdf", "png")
    for style in drawings:
        for name, drawn in (
            ("distribution", figures.distribution(table[COLUMNS], order=METHODS, format=style)),
            ("ranks", figures.mean_ranks(ranks, order=METHODS, simulated=simulated, format=style)),
            ("measures", figures.against_measures(
                points, labels=labels, simulated=simulated, format=style)),
        ):  # fmt: skip
            made[marks.file_name(kind, f"figures/{name}.{style}")] = drawn
    return made


def test_every_row_title_sheet_and_figure_of_simulated_raters_says_so():
    made = everything(simulated=True)
    assert len(made) > 40
    assert [part for name, content in made.items() for part in unmarked(name, content)] == []


def test_nothing_of_people_is_marked():
    made = everything(simulated=False)
    assert [part for name, content in made.items() for part in mentions(name, content)] == []
    for name, content in made.items():
        if name.endswith(("csv", "json", "txt", "md", "tex")):
            assert b"simulated" not in content.lower(), name


def test_the_check_itself_finds_whatever_is_not_marked():
    """People's files under names of simulated raters': every one of them is told."""
    for name, content in everything(simulated=False).items():
        named = marks.file_name("simulated", name)
        assert unmarked(named, content), name
    assert unmarked("SIMULATED-new.docx", b"SIMULATED") == [
        "SIMULATED-new.docx: nobody reads such files here"
    ]


def test_ratings_that_do_not_say_who_gave_them_are_called_neither():
    found = of(ratings(simulated=True).drop(columns="simulated"))
    assert found["raters_kind"] is None
    for form in render.FORMATS:
        for name, content in render.files(found, form).items():
            assert mentions(name, content) == []
            assert b"raters_kind" not in content.replace(b'"raters_kind": null', b"")


def exported(*, simulated: bool) -> pd.DataFrame:
    """As our own files have it: after a journey through CSV."""
    text = tables.ratings_csv(ratings(simulated=simulated))
    return pd.read_csv(io.StringIO(text))


@pytest.fixture
def both(tmp_path):
    """The ratings of two of our archives in one file."""
    path = tmp_path / "both.csv"
    table = pd.concat([exported(simulated=False), exported(simulated=True).iloc[:60]])
    table.to_csv(path, index=False)
    return path


def test_people_and_simulated_raters_in_one_file_are_not_pooled(both, tmp_path):
    people = len(exported(simulated=False))
    with pytest.raises(CommandError) as refused:
        call_command("analyse", str(both), format="csv", out=tmp_path / "out")
    assert str(refused.value) == (
        f"there are {people} ratings of people and 60 of simulated raters, which are never "
        "pooled; choose by --raters people or --raters simulated"
    )
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", ["people", "simulated"])
def test_one_of_both_is_analysed_as_if_it_had_come_alone(both, tmp_path, kind):
    call_command("analyse", str(both), raters=kind, format="csv", out=tmp_path / "chosen")
    chosen = pd.read_csv(both)
    chosen[chosen["raters_kind"] == kind].to_csv(tmp_path / "alone.csv", index=False)
    call_command("analyse", str(tmp_path / "alone.csv"), format="csv", out=tmp_path / "alone")
    files = {path.name: path.read_bytes() for path in (tmp_path / "alone").iterdir()}
    assert len(files) > 9
    for path in (tmp_path / "chosen").iterdir():
        if not path.name.endswith("notes.csv"):  # which say how many others were left aside
            assert path.read_bytes() == files[path.name], path.name
        else:
            assert b"are left aside" in path.read_bytes()
        assert path.name.startswith(MARK) == (kind == "simulated")


@pytest.mark.parametrize("form", render.FORMATS)
def test_a_file_of_simulated_raters_alone_is_marked_everywhere(tmp_path, form):
    exported(simulated=True).to_csv(tmp_path / "r.csv", index=False)
    call_command("analyse", str(tmp_path / "r.csv"), format=form, out=tmp_path / "out")
    for path in (tmp_path / "out").iterdir():
        assert unmarked(path.name, path.read_bytes()) == []


@pytest.mark.parametrize("column", ["simulated", "Simulated", "is_simulated"])
@pytest.mark.parametrize(
    ("yes", "no"),
    [("true", "false"), ("True", "False"), ("TRUE", "FALSE"), ("1", "0"), ("1.0", "0.0"),
     ("yes", "no"), (" Y ", "n"), ("WAHR", "FALSCH")],
)  # fmt: skip
def test_ways_to_say_who_rated(tmp_path, column, yes, no):
    path = tmp_path / "r.csv"
    rows = f"rater,image,score,{column}\na,x,3,{no}\nb,x,4,{no}\ns,x,1,{yes}\n"
    path.write_text(rows)
    with pytest.raises(ValueError, match="2 ratings of people and 1 of simulated raters"):
        reading.read(path)
    assert reading.read(path, raters="people").raters == ["a", "b"]
    assert reading.read(path, raters="simulated").raters == ["s"]
    path.write_text(rows.replace(f",{no}", f",{yes}"))
    assert reading.read(path).raters_kind == "simulated"
    path.write_text(rows.replace(f",{yes}", f",{no}"))
    assert reading.read(path).raters_kind == "people"


@pytest.mark.parametrize(
    ("columns", "cells", "raters", "sentence"),
    [
        ("simulated", "maybe", None, "column 'simulated' holds 'maybe' in row 2; it is true or"),
        ("simulated", "", None, "column 'simulated' is empty in row 2; it is true or false"),
        ("raters_kind", "robots", None, "'robots' in row 2; it is people or simulated"),
        ("simulated,raters_kind", "true,people", None, "row 2 says 'True' in 'simulated' and"),
        ("simulated", "false", "simulated", "2 ratings of people and 0 of .*: none for --raters"),
        ("seat", "4", "people", "no column says who rated, so that --raters people cannot choose"),
    ],
)
def test_who_rated_is_not_guessed(tmp_path, columns, cells, raters, sentence):
    path = tmp_path / "r.csv"
    first = {"simulated": "false", "raters_kind": "people", "seat": "3"}
    given = ",".join(first[name] for name in columns.split(","))
    path.write_text(f"rater,image,score,{columns}\na,x,3,{given}\nb,x,4,{cells}\n")
    with pytest.raises(ValueError, match=sentence) as refused:
        reading.read(path, raters=raters)
    assert "\n" not in str(refused.value)


def test_a_column_that_is_named_for_something_else_says_nothing_of_raters(tmp_path):
    path = tmp_path / "r.csv"
    path.write_text("rater,image,score,simulated\na,x,3,fog\nb,x,4,rain\n")
    some = reading.read(path, columns={"method": "simulated"})
    assert some.methods == ("fog", "rain")
    assert some.raters_kind is None


def test_a_matrix_does_not_say_who_rated(tmp_path):
    (tmp_path / "m.csv").write_text("1,2\n3,4\n")
    with pytest.raises(ValueError, match="a matrix does not say who rated; leave out --raters"):
        reading.read(tmp_path / "m.csv", matrix=True, raters="people")


HOSTILE = [
    "=1+1", "+cmd|' C'!A0", "-2+3", "@SUM(1+1)", '=HYPERLINK("http:evil","x")', "\t=1+1", "＝1+1",
    "a;=1+1", "a\n=1+1", "a\r=1+1", 'a"b', "a,b", "a|b", "![x](http:evil)", "<script>", "# x",
    "```", r"\input{x}", "[2cm]", "*", "$x$ & 5 % _ ^ ~",
]  # fmt: skip


def test_no_cell_acts_as_a_formula_and_every_name_stays_a_cell():
    frame = pd.DataFrame({"name": HOSTILE, "=figure": [-1.5, *range(len(HOSTILE) - 1)]})
    text = layout.csv(frame)
    back = pd.read_csv(io.StringIO(text))
    assert len(back) == len(HOSTILE)
    assert back["'=figure"].tolist() == frame["=figure"].tolist(), "negative numbers stay numbers"
    assert "-1.5\n" in text
    for sign in "=+-@＝":
        assert not any(cell.startswith(sign) for cell in back["name"])
        for before in ";\t\n\r":
            assert before + sign not in "".join(back["name"])
    assert [layout.harmless(x) for x in ("-1.5", "+3e-4", -2, None)] == ["-1.5", "+3e-4", -2, None]


def test_hostile_names_are_literal_in_every_format():
    from openpyxl import load_workbook

    names = [name for name in HOSTILE if name.strip() == name]
    rows = [
        (f"{names[(n + 5) % len(names)]} {n}", image, method, 1 + (n + k + i) % 5)
        for n in range(3)
        for i, image in enumerate(names[:4])
        for k, method in enumerate(names)
    ]
    found = report.analyse(reading.of_table(votes(rows, set_name="[2cm]")), draws=20)
    book = load_workbook(io.BytesIO(render.files(found, "xlsx")["analysis.xlsx"]))
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    assert {cell.data_type for cell in cells} <= {"s", "inlineStr", "n", "b"}, "none is a formula"
    assert set(names) - {"a\r=1+1"} <= {cell.value for cell in cells}
    for name, content in render.files(found, "csv").items():
        for _, column in pd.read_csv(io.BytesIO(content), dtype=str).items():
            begins = column.dropna().str.extract(r"(?:^|[;\t\n\r])([=+@＝]|-(?!\d))")[0]
            assert begins.isna().all(), name
    markdown = render.text(found, "markdown")
    lines = markdown.splitlines()
    assert all(line.startswith(("## ", "|", "- ", "", "36")) for line in lines)
    assert sum(line.startswith("#") for line in lines) == markdown.count("\n\n## ")
    for active in ("![x](", "<script>", "\n```", "| a|b"):
        assert active not in markdown
    latex = render.text(found, "latex")
    assert r"\input" not in latex
    for ends in latex.split(r" \\" + "\n")[1:]:
        assert not ends.lstrip().startswith(("[", "*"))
    plain = render.text(found, "table")
    assert "\t" not in plain
    assert "\r" not in plain
