"""What must not matter does not, and whatever comes gives a result or a reason."""

from __future__ import annotations

import json
import random

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from study.analysis import reading, render, report

unhurried = settings(deadline=None, max_examples=30)
VOTES = st.lists(
    st.tuples(
        st.sampled_from(["r1", "r2", "r10", "r11", "r3"]),
        st.sampled_from(["Set5", "Set14"]),
        st.sampled_from(["baby", "bird", "head"]),
        st.sampled_from(["bicubic", "srgan", "hr"]),
        st.integers(1, 5),
    ),
    min_size=1,
    max_size=70,
    unique_by=lambda vote: vote[:4],
)
COLUMNS = ["rater", "set", "image", "method", "score"]


def frame(votes):
    return pd.DataFrame(votes, columns=COLUMNS)


def analyse(table):
    return report.analyse(reading.of_table(table), draws=50)


@unhurried
@given(votes=VOTES, seed=st.integers(0, 1000))
def test_the_order_of_rows_changes_not_one_bit(votes, seed):
    shuffled = random.Random(seed).sample(votes, len(votes))
    assert report.to_json(analyse(frame(shuffled))) == report.to_json(analyse(frame(votes)))


@unhurried
@given(votes=VOTES)
def test_a_file_given_twice_changes_only_the_number_left_out(votes):
    once, twice = analyse(frame(votes)), analyse(frame(votes + votes))
    assert twice["counts"]["left_out"] == len(votes)
    for key in ("pairs", "omnibus", "subject_model", "agreement", "sos_a", "raters"):
        assert twice[key] == once[key]
    assert [row["mos"] for row in twice["stimuli"]] == [row["mos"] for row in once["stimuli"]]


@unhurried
@given(votes=VOTES)
def test_names_do_not_matter(votes):
    """Names that keep their order: all figures are the same to the last bit."""
    new = {"Set5": "A1", "Set14": "A2", "baby": "c1", "bird": "c2", "head": "c3"}
    new |= {"bicubic": "m1", "hr": "m2", "srgan": "m3"}
    new |= {"r1": "1", "r2": "2", "r3": "3", "r10": "10", "r11": "11"}
    renamed = [tuple(new.get(cell, cell) for cell in vote) for vote in votes]
    ours = analyse(frame(votes))
    theirs = report.analyse(
        reading.of_table(frame(renamed), reference="m2" if "hr" in frame(votes)["method"].to_numpy()
                         else None), draws=50,
    )  # fmt: skip
    for key in ("agreement", "sos_a", "subject_model"):
        assert theirs[key] == ours[key]
    for key, figures in (
        ("methods", ("mos", "ci_low", "ci_bootstrap_low", "mean_rank", "dmos")),
        ("pairs", ("n", "p", "p_holm", "rank_biserial")),
        ("stimuli", ("mos", "sd", "ci_high", "dmos")),
    ):
        for one, other in zip(theirs[key], ours[key], strict=True):
            assert [one[figure] for figure in figures] == [other[figure] for figure in figures]


@unhurried
@given(votes=VOTES)
def test_rows_without_a_score_are_missing_cells(votes):
    table = frame(votes).astype({"score": float})
    more = table.assign(rater="silent", score=np.nan)
    ours, theirs = analyse(table), analyse(pd.concat([table, more]))
    assert theirs["methods"] == ours["methods"]
    assert [row["rater"] for row in theirs["raters"]] == [row["rater"] for row in ours["raters"]]


@unhurried
@given(votes=VOTES, step=st.sampled_from([2.0, 0.5, 25.0]), shift=st.sampled_from([0.0, 3.0]))
def test_another_scale_scales_means_and_leaves_ranks(votes, step, shift):
    table = frame(votes)
    other = table.assign(score=table["score"] * step + shift)
    scale = (1 * step + shift, 5 * step + shift)
    ours = report.analyse(reading.of_table(table, scale=(1, 5)), draws=50)
    theirs = report.analyse(reading.of_table(other, scale=scale), draws=50)
    for one, two in zip(ours["methods"], theirs["methods"], strict=True):
        assert two["mos"] == pytest.approx(one["mos"] * step + shift)
        assert two["mean_rank"] == one["mean_rank"]
    for figure in ("alpha_ordinal", "alpha_interval", "icc_a1"):
        one, two = ours["agreement"][figure], theirs["agreement"][figure]
        assert two == one or two == pytest.approx(one, abs=1e-6)
    assert theirs["sos_a"] == pytest.approx(ours["sos_a"], abs=1e-9) or ours["sos_a"] is None


@unhurried
@given(votes=VOTES)
def test_whatever_comes_gives_figures_or_reasons(votes):
    found = analyse(frame(votes))
    json.loads(report.to_json(found))  # no NaN, or this raises
    for form in ("table", "csv", "latex", "markdown"):
        assert "nan" not in render.text(found, form).lower()
    for row in found["methods"]:
        assert 1 <= row["mos"] <= 5
        assert (row["ci_low"] is None) == (row["raters"] < 2)
        if row["ci_low"] is None:
            assert "one rater" in row["note"]
    for row in found["pairs"]:
        assert (row["p"] is None) == (row["n"] == 0)
        if row["n"]:
            assert 0 <= row["p"] <= row["p_holm"] <= 1
            assert -1 <= row["rank_biserial"] <= 1
            assert row["won"] + row["tied"] + row["lost"] == pytest.approx(1)
    assert len(found["raters"]) == len({vote[0] for vote in votes})


CUBE = [(f"r{r}", "Set5", f"i{i}", m) for r in range(6) for i in range(4) for m in ("a", "b", "hr")]
DEGENERATE = {
    "all the same": (lambda r, i, m: 3, "No ICC"),
    "unanimous": (lambda r, i, m: {"a": 1, "b": 2, "hr": 5}[m], "BT.500 skips 12 of 12"),
    "one rater": (lambda r, i, m: i + 1 if r == 0 else None, "One rater: no interval"),
    "one method": (lambda r, i, m: r % 5 + 1 if m == "a" else None, "Each set has one method"),
    "few raters": (lambda r, i, m: (r * i) % 5 + 1, "Informal: fewer than 15 raters"),
    "nobody saw two methods": (
        lambda r, i, m: 1 + i if m == ("a", "b", "hr")[r % 3] else None, "too few cells"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", DEGENERATE)
def test_degenerate_ratings_give_a_clear_sentence(case):
    score, sentence = DEGENERATE[case]
    rows = [
        (*row, given)
        for row in CUBE
        if (given := score(int(row[0][1:]), int(row[2][1:]), row[3])) is not None
    ]
    found = analyse(frame(rows))
    json.loads(report.to_json(found))
    assert any(sentence in note for note in found["notes"]), found["notes"]
    assert "nan" not in render.text(found, "table").lower()
