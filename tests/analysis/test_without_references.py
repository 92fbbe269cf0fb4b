"""Scores of images without an original, and at other scales: what is assumed of them, and said."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from study.analysis import figures, reading, report, screening, tables
from study.analysis.measures import OURS, Measure

NEAREST = "anchors: nearest neighbour gets 3.00 on average, more than one step from 1"
ORIGINAL = "anchors: the original gets 3.00 on average, more than one step from 5"


def votes(scales: dict[str, int | None], *, hr: tuple[str, ...] = ()) -> pd.DataFrame:
    """Two raters who find everything fair but bicubic, by set; ``hr``: sets that show it."""
    rows = [
        {"rater": rater, "set": name, "image": image, "method": method,
         "score": {"bicubic": 4, "fine": 2}.get(method, 3), "enlarged_by": scale,
         "psnr": 30.0 + len(image) if name in hr else None}
        for name, scale in scales.items()
        for rater in ("a", "b")
        for image in ("x", "yy", "zzz")
        for method in ("nearest", "bicubic", "fine", *(["hr"] if name in hr else []))
    ]  # fmt: skip
    return pd.DataFrame(rows)


def flags(frame: pd.DataFrame) -> set[str]:
    found = report.analyse(reading.of_table(frame), draws=10)
    return {flag for row in found["raters"] for flag in row["flags"] if "anchors" in flag}


@pytest.mark.parametrize(("scale", "is_anchor"), [(2, False), (3, False), (4, True), (8, True)])
def test_nearest_neighbour_is_a_1_only_where_it_enlarges_by_four_or_more(scale, is_anchor):
    assert flags(votes({"some": scale})) == ({NEAREST} if is_anchor else set())
    both = reading.of_table(votes({"at": scale, "usual": 4}))
    anchors = both.stimuli[screening.worst_anchors(both)]
    assert set(anchors["set"]) == ({"at", "usual"} if is_anchor else {"usual"})
    notes = report.analyse(both, draws=10)["notes"]
    assert any("from a factor of 4 up" in note for note in notes) != is_anchor


def test_ratings_that_say_no_scale_are_taken_for_the_papers():
    frame = votes({"some": None})
    assert flags(frame) == flags(frame.drop(columns="enlarged_by")) == {NEAREST}


def test_what_a_set_has_no_reference_for_is_missing_there_alone_and_said():
    found = report.analyse(reading.of_table(votes({"one": 4, "two": 4}, hr=("one",))), draws=10)
    dmos = {(row["set"], row["method"]): row["dmos"] for row in found["methods"]}
    assert dmos["one", "bicubic"] == 6.0
    assert dmos["two", "bicubic"] is None
    assert {row["set"] for row in found["objective"]} == {"one"}
    assert "No stimulus of two is a hidden reference: no DMOS there, and no rule about the " \
        "original." in found["notes"]  # fmt: skip
    assert "No measure has a figure of two: nothing to correlate with there." in found["notes"]
    assert any(note.startswith("objective: ") for note in found["notes"])
    assert {f for row in found["raters"] for f in row["flags"]} >= {ORIGINAL, NEAREST}


def test_where_no_image_has_a_figure_nothing_is_said_of_correlations():
    found = report.analyse(reading.of_table(votes({"two": 4})), draws=10)
    assert found["objective"] == []
    assert "No image quality measures are given: nothing to correlate with." in found["notes"]
    assert not any("objective: " in note or "No measure has" in note for note in found["notes"])


ORDER = ("nearest", "bicubic", "fine", "hr")


def table(**known: Measure) -> pd.DataFrame:
    frame = votes({"one": 4, "two": 2}, hr=("one",)).assign(simulated=False)
    images = frame.drop_duplicates(["set", "image", "method"])[["set", "image", "method", "psnr"]]
    images = images.assign(ssim=images["psnr"] / 40, ssim_daala=images["psnr"] / 40, lpips=0.1)
    images.loc[images["set"] == "two", "lpips"] = None
    images = images.assign(**dict.fromkeys(known, np.nan))
    return tables.mos_table(
        frame.drop(columns=["enlarged_by", "psnr"]), images, order=ORDER,
        known={**OURS, **known}, without_references=["two"],
    )  # fmt: skip


def test_a_table_says_once_that_a_set_has_no_originals_and_not_what_needs_one():
    shown = table(dists=Measure("DISTS", needs_reference=True), niqe=Measure("NIQE"))
    notes = tables.notes(shown)
    assert f"two has {tables.NO_ORIGINALS}." in notes
    of_two = set(shown[shown["set"] == "two"]["note"])
    assert len(of_two) == 1
    assert "NIQE not measured" in next(iter(of_two))
    assert "DISTS" not in next(iter(of_two)).replace(tables.NO_ORIGINALS, "")
    assert all("DISTS, NIQE not measured" in n for n in shown[shown["set"] == "one"]["note"])


def test_a_figure_says_where_there_are_no_originals_and_leaves_out_what_has_no_figure():
    points = pd.DataFrame(
        [(name, method, 3.0 + m, 30.0 + m if name == "one" else np.nan, 50.0 + m)
         for name in ("two", "one") for m, method in enumerate(("a", "b"))],
        columns=["set", "method", "mos", "psnr", "niqe"],
    )  # fmt: skip

    def drawn(labels: dict[str, str], **options) -> bytes:
        return figures.against_measures(points, labels=labels, **options)

    def axes(svg: bytes) -> int:
        return svg.count(b'id="axes_')

    both, without = {"psnr": "PSNR", "niqe": "NIQE"}, {"without_references": ["two"]}
    assert axes(drawn(both)) == axes(drawn(both, **without)) == 4
    assert drawn(both) != drawn(both, **without)
    assert axes(drawn({"psnr": "PSNR"})) == 2
    assert axes(drawn({"psnr": "PSNR"}, **without)) == 1
    with pytest.raises(ValueError, match="there is no measured and rated image to draw yet"):
        figures.against_measures(points[:2], labels={"psnr": "PSNR"}, **without)
