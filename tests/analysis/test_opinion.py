"""Mean opinions: by hand in small cases, and properties of all."""

from __future__ import annotations

import math
import random

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from study.analysis import opinion
from tests.analysis.conftest import COLUMNS, votes

# Hypothesis' time limit fails on a busy machine, not on a fault.
unhurried = settings(deadline=None, max_examples=50)
RATINGS = st.lists(
    st.tuples(
        st.sampled_from("abcde"),
        st.sampled_from(["baby", "bird", "head"]),
        st.sampled_from(["bicubic", "srgan"]),
        st.integers(1, 5),
    ),
    min_size=1,
    max_size=60,
    unique_by=lambda vote: vote[:3],
)


def test_a_stimulus_by_hand():
    (row,) = opinion.by_stimulus(
        votes([("a", "x", "m", 2), ("b", "x", "m", 4), ("c", "x", "m", 5), ("d", "x", "m", 5)])
    ).to_dict("records")
    assert row["mos"] == 4.0
    assert row["sd"] == pytest.approx(math.sqrt(2), abs=1e-15)  # (4 + 0 + 1 + 1) / 3 = 2
    assert row["se"] == pytest.approx(math.sqrt(2) / 2, abs=1e-15)
    # t(0.975, 3) = 3.182446305284263 in any table of Student's t.
    assert row["ci_half_width"] == pytest.approx(3.182446305284263 / math.sqrt(2), abs=1e-9)
    assert (row["ci_low"], row["ci_high"]) == (4 - row["ci_half_width"], 4 + row["ci_half_width"])


def test_a_method_by_hand_in_a_partial_design():
    """Raters' means 4, 2 and 3 (SD 1); the mean of the four ratings is 3.25, not 3."""
    (row,) = opinion.by_method(
        votes([("a", "x", "m", 3), ("a", "y", "m", 5), ("b", "x", "m", 2), ("c", "z", "m", 3)])
    ).to_dict("records")
    assert (row["raters"], row["ratings"], row["images"], row["mos"]) == (3, 4, 3, 3.25)
    # With two degrees of freedom t(p) = (2p - 1) / √(2p(1 - p)), which SciPy meets to ten digits.
    t = 0.95 / math.sqrt(2 * 0.975 * 0.025)
    assert row["ci_half_width"] == pytest.approx(t / math.sqrt(3), abs=1e-9)


def test_sets_are_kept_apart():
    both = pd.concat([votes([("a", "x", "m", 1)]), votes([("a", "x", "m", 5)], set_name="Set14")])
    assert opinion.by_method(both)[["set", "mos"]].to_numpy().tolist() == [
        ["Set5", 1.0],
        ["Set14", 5.0],
    ]


def test_one_rater_has_no_interval_and_the_reason_is_given():
    ratings = votes([("a", "x", "m", 3), ("a", "y", "m", 5)])
    method = opinion.by_method(ratings).iloc[0]
    assert method["mos"] == 4.0
    assert math.isnan(method["ci_half_width"])
    assert method["note"].split("; ") == [
        "no interval: one rater",
        "informal: fewer than 15 raters (ITU-R BT.500)",
    ]
    stimuli = opinion.by_stimulus(ratings)
    assert stimuli[["sd", "se", "ci_low", "ci_high", "ci_half_width"]].isna().all(axis=None)
    assert (stimuli["note"] == "no interval: one rater").all()


def test_fifteen_raters_are_a_formal_study():
    rows = [(f"r{n}", "x", "m", 1 + n % 5) for n in range(15)]
    assert opinion.by_method(votes(rows))["note"].item() == ""
    assert "informal" in opinion.by_method(votes(rows[:14]))["note"].item()


def test_no_ratings_give_empty_tables():
    nothing = pd.DataFrame(columns=COLUMNS)
    assert opinion.by_stimulus(nothing).empty
    assert opinion.by_method(nothing).empty
    assert opinion.score_counts(nothing).empty
    assert opinion.raters_kind(nothing) == "nobody"


def test_unanimous_raters_have_an_interval_of_no_width():
    row = opinion.by_method(votes([("a", "x", "m", 5), ("b", "x", "m", 5), ("c", "x", "m", 5)]))
    assert row[["mos", "sd", "ci_half_width"]].iloc[0].tolist() == [5.0, 0.0, 0.0]


def test_the_first_of_repeated_votes_counts():
    ratings = votes(
        [("a", "x", "m", 2), ("a", "x", "m", 5), ("b", "x", "m", 4), ("a", "x", "m", 1)]
    )
    kept, left_out = opinion.first_votes(ratings)
    assert kept["score"].tolist() == [2, 4]
    assert left_out["score"].tolist() == [5, 1]
    row = opinion.by_method(ratings).iloc[0]
    assert (row["mos"], row["left_out"]) == (3.0, 2)
    assert "repeated votes left out, the first counts: 2" in row["note"]


def test_counts_of_scores():
    counts = opinion.score_counts(
        votes([("a", "x", "m", 2), ("b", "x", "m", 2), ("c", "x", "m", 5)])
    )
    assert counts.to_dict("index") == {("Set5", "m"): {1: 0, 2: 2, 3: 0, 4: 0, 5: 1}}


@pytest.mark.parametrize("column", COLUMNS)
def test_a_missing_column_is_named(column):
    with pytest.raises(ValueError, match=rf"no column '{column}'; they need rater, set, .*have "):
        opinion.by_method(votes([("a", "x", "m", 2)]).drop(columns=column))


@pytest.mark.parametrize("score", [0, 6, 2.5, -1, math.nan, None, "good", math.inf])
def test_a_score_off_the_scale_is_named(score):
    ratings = votes([("a", "x", "m", 2), ("b", "x", "m", 3)]).astype({"score": object})
    ratings.loc[1, "score"] = score
    with pytest.raises(
        ValueError, match=r"rater 'b' for Set5/x/m \(row 2\) is '.*'; a score is one"
    ):
        opinion.by_method(ratings)


@pytest.mark.parametrize("empty", [None, math.nan, ""])
@pytest.mark.parametrize("column", ["rater", "set", "image", "method"])
def test_a_rating_without_a_rater_or_stimulus_is_refused(column, empty):
    ratings = votes([("a", "x", "m", 2), ("b", "x", "m", 3)])
    ratings.loc[1, column] = empty
    with pytest.raises(ValueError, match=rf"'{column}' is empty in 1 of 2 rows, first in row 2"):
        opinion.by_method(ratings)


@pytest.mark.parametrize("flag", ["False", "no", math.nan])
def test_an_unclear_kind_of_rater_is_refused(flag):
    ratings = votes([("a", "x", "m", 2)]).assign(simulated=[flag])
    with pytest.raises(ValueError, match=r"'simulated' holds '.*' in row 1; it is true or false"):
        opinion.by_method(ratings)


@pytest.mark.parametrize(
    "function",
    [opinion.by_stimulus, opinion.by_method, opinion.score_counts, opinion.raters_kind],
)
def test_people_and_simulated_raters_are_never_mixed(function):
    people, programs = [("a", "x", "m", 2), ("b", "x", "m", 2)], [("c", "x", "m", 3)]
    both = pd.concat([votes(people), votes(programs, simulated=True)])
    with pytest.raises(
        ValueError, match=r"people \(2 ratings\) with simulated raters \(1 ratings\)"
    ):
        function(both)


def test_the_given_table_is_left_alone():
    ratings = votes([("a", "x", "m", 2), ("a", "x", "m", 3)]).astype({"score": float})
    before = ratings.copy()
    opinion.by_method(ratings)
    pd.testing.assert_frame_equal(ratings, before)


@unhurried
@given(rows=RATINGS)
def test_opinions_stay_on_the_scale_and_inside_their_interval(rows):
    for table in (opinion.by_method(votes(rows)), opinion.by_stimulus(votes(rows))):
        assert table["mos"].between(1, 5).all()
        known = table[table["ci_half_width"].notna()]
        assert (known["ci_low"] <= known["mos"]).all()
        assert (known["mos"] <= known["ci_high"]).all()
        assert (table["ci_half_width"].isna() == table["note"].str.contains("no interval")).all()


@unhurried
@given(rows=RATINGS, seed=st.integers(0, 1000))
def test_the_order_of_rows_changes_not_one_bit(rows, seed):
    shuffled = random.Random(seed).sample(rows, len(rows))
    for function in (opinion.by_method, opinion.by_stimulus, opinion.score_counts):
        pd.testing.assert_frame_equal(
            function(votes(shuffled)), function(votes(rows)), check_exact=True
        )


@unhurried
@given(rows=RATINGS)
def test_a_rater_who_never_voted_changes_nothing(rows):
    """Nor does a method that nobody saw: categories without rows are no rows."""
    silent = votes(rows).astype(
        {
            "rater": pd.CategoricalDtype([*"abcde", "silent"]),
            "method": pd.CategoricalDtype(["bicubic", "srgan", "unseen"]),
        }
    )
    for function in (opinion.by_method, opinion.by_stimulus, opinion.score_counts):
        pd.testing.assert_frame_equal(function(silent), function(votes(rows)))


@unhurried
@given(rows=RATINGS)
def test_names_of_raters_do_not_matter(rows):
    table = opinion.by_method(votes(rows))
    renamed = [(f"rater {ord('z') - ord(name)}", *rest) for name, *rest in rows]
    other = opinion.by_method(votes(renamed))
    assert other["mos"].tolist() == table["mos"].tolist()
    assert np.allclose(other["ci_half_width"], table["ci_half_width"], atol=1e-12, equal_nan=True)


@unhurried
@given(rows=RATINGS)
def test_counts_and_means_agree(rows):
    counts = opinion.score_counts(votes(rows))
    table = opinion.by_method(votes(rows)).set_index(["set", "method"])
    assert (counts.sum(axis=1) == table["ratings"]).all()
    mean = counts.mul(list(opinion.SCORES), axis=1).sum(axis=1) / counts.sum(axis=1)
    assert mean.tolist() == table["mos"].tolist()
