"""Measures of whole sets beside those of images: read, correlated over methods, drawn."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from django.core.management import CommandError, call_command

from study.analysis import cells, figures, measures, reading, report
from study.analysis.measures import OURS
from tests.analysis.conftest import votes

METHODS = ["nearest", "bicubic", "srcnn", "srgan", "hr"]
OF_METHOD = {"nearest": 9.5, "bicubic": 7.25, "srcnn": 5.0, "srgan": 1.5, "hr": 0.0}


def ratings(simulated=False) -> pd.DataFrame:
    """Three raters, four images; a method's score is its place, each image half a step better."""
    return votes(
        [
            (f"r{n}", f"i{k}", method, min(5, 1 + place + (n + k) % 2))
            for n in range(3)
            for k in range(4)
            for place, method in enumerate(METHODS)
        ],
        simulated=simulated,
    )


def test_a_figure_of_a_set_correlates_as_the_same_figure_of_every_image_does_over_methods():
    of_sets = {"fid": {("Set5", method): value for method, value in OF_METHOD.items()}}
    table = ratings().assign(same=lambda rows: rows["method"].map(OF_METHOD))
    scores = reading.of_table(table, measures=["same"], of_sets=of_sets)
    rows = report.analyse(scores)["objective"]
    assert [(row["measure"], row["level"], row["n"]) for row in rows] == [
        ("same", "image", 16), ("same", "method", 4), ("fid", "method", 4)
    ]  # fmt: skip
    assert {**rows[1], "measure": "fid"} == rows[2]
    assert rows[2]["spearman"] == -1


def test_methods_without_a_figure_of_their_set_are_left_out():
    of_sets = {"fid": {("Set5", "bicubic"): 1.0, ("Set14", "srgan"): 2.0}, "kid": {}}
    (row,) = report.analyse(reading.of_table(ratings(), of_sets=of_sets))["objective"]
    assert (row["measure"], row["n"], row["note"]) == ("fid", 1, "fewer than 3 methods")
    alone = report.analyse(reading.of_table(ratings(), of_sets=of_sets))
    assert not any("quality measures" in note for note in alone["notes"])


def test_figures_of_sets_are_read_beside_anybodys_ratings(tmp_path, capsys):
    ratings().drop(columns="simulated").to_csv(tmp_path / "r.csv", index=False)
    lines = [f"{method};Set5;fid;{str(value).replace('.', ',')}" for method, value in
             OF_METHOD.items()]  # fmt: skip
    (tmp_path / "f.csv").write_text("\n".join(["Method;Set;Measure;Value", *lines]))
    call_command("analyse", str(tmp_path / "r.csv"), set_measures=tmp_path / "f.csv")
    assert re.search(r"(?m)^fid +Set5 +method +4 ", capsys.readouterr().out)
    (tmp_path / "f.csv").write_text("set,method,measure,value\nSet9,bicubic,fid,1\n")
    with pytest.raises(CommandError, match="are of Set9/bicubic; rated are Set5/bicubic, Set5/hr"):
        call_command("analyse", str(tmp_path / "r.csv"), set_measures=tmp_path / "f.csv")
    for text, sentence in (
        ("Set5,bicubic,fid,x", "line 2: 'x' is no finite number"),
        ("Set5,hr,fid,1\nSet5,hr,fid,1", "line 3: fid of Set5/hr is given twice"),
    ):
        (tmp_path / "f.csv").write_text(f"set,method,measure,value\n{text}\n")
        with pytest.raises(ValueError, match=sentence):
            measures.read_of_sets(tmp_path / "f.csv")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty; it needs a header line with set, value"),
        (b"\xef\xbb\xbf \n\n", "is empty"),
        (b"set,value\n\n", "has a header line and no rows"),
        (b"set,worth\na,1", "column 'value' is missing; it needs set, value and has set, worth"),
        (b"set,value,Value\na,1,2", "the column 'value' is there twice"),
        (b"set,value\na,1,5\nb,2\nc,3,5", "lines 2, 4 have not the 2 cells of the header "
         r"\(a comma before"),
        (b"\x89PNG\r\n\x1a\n\0\0", "is no text in UTF-8; save the table as CSV"),
        ("set,value\nä,1".encode("latin-1"), "is no text in UTF-8"),
        ("set,value\na,1".encode("utf-16"), "is no text in UTF-8"),
        (b'set,value\n"a,1', "is no table of cells"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_such_table_gets_one_sentence(tmp_path, content, sentence):
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=sentence) as error:
        cells.read(path, ("set", "value"))
    assert "\n" not in str(error.value)


def test_a_table_is_a_file_of_some_size(tmp_path):
    with (tmp_path / "large.csv").open("wb") as file:
        file.truncate(cells.MOST_BYTES + 1)
    with pytest.raises(ValueError, match="has 32 MiB; a table has 32 at most"):
        cells.read(tmp_path / "large.csv", ("set",))
    with pytest.raises(ValueError, match="is a folder"):
        cells.read(tmp_path, ("set",))
    with pytest.raises(OSError, match="nothing"):
        cells.read(tmp_path / "nothing.csv", ("set",))


def test_commas_are_decimal_only_where_they_separate_nothing(tmp_path):
    path = tmp_path / "t.csv"
    for text, numbers in (
        ("set,value\na,-.5e2\nb,1;5", [-50.0, None]),
        ("set;value\na;1,5\nb;1.5\nc;1.234,5", [1.5, 1.5, None]),
        ("set\tvalue\na\t1,5\nb\t 2 ", [1.5, 2.0]),
    ):
        path.write_text(text)
        assert [row.number("value") for row in cells.read(path, ("value",))] == numbers


def points(count: int) -> tuple[pd.DataFrame, dict[str, str]]:
    """Two sets, four methods by three images, with so many measures."""
    names = [*OURS, *(f"m{k}" for k in range(count))][:count]
    rng = np.random.default_rng(0)
    rows = [
        {"set": name, "image": image, "method": method, "mos": 1 + 4 * rng.random()}
        | {measure: rng.random() for measure in names}
        for name in ("Set5", "Set14")
        for image in "abc"
        for method in METHODS[:4]
    ]
    return pd.DataFrame(rows), {name: f"title {name}" for name in names}


def drawn(count: int, **options) -> str:
    table, labels = points(count)
    return figures.against_measures(table, labels=labels, **options).decode()


def size(svg: str) -> tuple[float, float]:
    found = re.search(r'width="([\d.]+)pt" height="([\d.]+)pt"', svg)
    assert found
    return float(found[1]), float(found[2])


def test_many_measures_are_drawn_in_several_rows():
    five, seven = drawn(5), drawn(7)
    (width, height), (narrower, higher) = size(five), size(seven)
    assert narrower < width, "four and three"
    assert higher > 1.5 * height
    for svg, count in ((five, 5), (seven, 7)):
        assert svg.count('id="axes_') == 2 * count, "a panel for each set and measure, no empty one"
    for name in points(7)[1].values():
        assert seven.count(f"<!-- {name} -->") == 2, "each panel says what it shows"
    assert five.count("<!-- title psnr -->") == 1, "below the column"


def test_a_figure_of_a_set_has_no_grey_images_and_names_methods_of_its_own():
    table, labels = points(1)
    table["fid"] = table["method"].map({"bicubic": 2.5, "srgan": 1.0})
    table.loc[table["method"] == "srgan", "psnr"] = np.nan
    labels["fid"] = "FID"
    with_images = figures.against_measures(table, labels=labels).decode()
    whole = figures.against_measures(table, labels=labels, of_sets={"fid"}).decode()
    grey = "#c9c9c9"
    assert with_images.count(grey) > whole.count(grey) > 0
    only = figures.against_measures(table, labels={"fid": "FID"}, of_sets={"fid"}).decode()
    assert grey not in only
    assert "<!-- srgan -->" in whole, "PSNR knows nothing of it, FID does"
