"""The largest disagreements are those that a plain look at all votes finds, on real scores too."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest, kendalltau

from study.analysis import disagreements, opinion, reading, reliability
from study.analysis.disagreements import LEAST_DIFFERENCE, LEAST_VOTES
from tests.analysis.conftest import COLUMNS


def of(votes: dict[tuple[str, str], list[int]], figures=None, *, set_name="Set5"):
    """Scores from (image, method) to what raters 0, 1, 2 ... gave, with a measure ``psnr``."""
    rows = [
        (f"R{rater}", set_name, image, method, score, False)
        for (image, method), given in votes.items()
        for rater, score in enumerate(given)
    ]
    frame = pd.DataFrame(rows, columns=COLUMNS)
    frame["psnr"] = [(figures or {}).get((row.image, row.method)) for row in frame.itertuples()]
    return reading.of_table(frame, measures=["psnr"])


@pytest.fixture(scope="module")
def real(generated_images):
    """AVT's votes on generated images, with a measure that knows nothing of them."""
    ratings, _ = generated_images
    cells = ratings[["image", "method"]].drop_duplicates()
    cells["psnr"] = np.random.default_rng(7).normal(30, 3, len(cells)).round(2)
    return reading.of_table(ratings.merge(cells, on=["image", "method"]), measures=["psnr"])


def plain(scores) -> pd.DataFrame:
    """The votes that count, one row each."""
    stimuli = scores.stimuli.iloc[scores.stimulus].reset_index(drop=True)
    psnr = scores.measures["psnr"].to_numpy()[scores.stimulus]
    return stimuli.assign(rater=scores.rater, score=scores.score, psnr=psnr)


def contested(scores, **options):
    stimuli = opinion.stimulus_opinions(scores)
    return disagreements.contested(
        stimuli, reliability.sos_a(scores), scale=scores.scale, **options
    )


def test_counts_of_scores_are_what_was_pressed():
    scores = of({("baby", "srgan"): [1, 5, 5, 3], ("baby", "bicubic"): [2]})
    counts = dict(
        zip(scores.stimuli["method"], disagreements.score_counts(scores).tolist(), strict=True)
    )
    assert counts == {"srgan": [1, 0, 1, 0, 2], "bicubic": [0, 1, 0, 0, 0]}


# ---- Raters with each other ----


def test_the_most_contested_versions_have_the_largest_sd(real):
    groups = plain(real).groupby(["content", "method"])["score"]
    sd = groups.std()[groups.size() >= LEAST_VOTES].sort_values(ascending=False)
    found = contested(real)
    assert [row["sd"] for row in found] == pytest.approx(sd.head(len(found)).tolist())
    assert len(found) == disagreements.KEPT
    for row in found:
        assert row["sd"] == pytest.approx(sd[row["content"], row["method"]])
        room = -(row["mos"] ** 2) + 6 * row["mos"] - 5
        assert row["expected"] ** 2 == pytest.approx(reliability.sos_a(real) * room)


def test_few_votes_and_votes_that_agree_contest_nothing():
    few = of({("baby", m): [1, 5] * (LEAST_VOTES // 2) for m in ("a", "b", "c", "d")})
    assert contested(few) == []
    agreed = of({("baby", m): [3] * LEAST_VOTES for m in ("a", "b", "c", "d")})
    assert contested(agreed) == []


def test_equal_sd_comes_by_the_number_of_votes_and_then_in_table_order():
    votes = {(image, "a"): [1, 5, 1, 5, 1, 5] for image in ("baby", "bird", "woman")}
    votes |= {("head", "a"): [1, 5] * 6} | {(f"other{n}", "a"): [3] * 6 for n in range(12)}
    found = contested(of(votes))
    assert [row["content"] for row in found] == ["baby", "bird", "woman", "head"]
    assert found[0]["n"] == 6


# ---- A measure with raters ----


def by_hand(scores) -> tuple[int, set[tuple[str, frozenset[str]]]]:
    """Pairs that raters tell apart, and which of them the measure turns round."""
    votes = plain(scores)
    votes = votes[~votes["reference"].astype(bool)]
    told, turned = 0, set()
    for content, of_image in votes.groupby("content"):
        table = of_image.pivot_table(index="rater", columns="method", values="score")
        psnr = of_image.groupby("method")["psnr"].first()
        for a, b in combinations(table.columns, 2):
            d = (table[a] - table[b]).dropna()
            signs = (int((d > 0).sum()), int((d < 0).sum()))
            if abs(d.mean()) < LEAST_DIFFERENCE or not sum(signs):
                continue
            if binomtest(signs[0], sum(signs)).pvalue < 0.05:
                told += 1
                if (psnr[a] - psnr[b]) * d.mean() < 0:
                    turned.add((str(content), frozenset((a, b))))
    return told, turned


def test_a_measure_contradicts_raters_where_each_pair_looked_at_by_itself_says_so(real):
    found = disagreements.contradicted(real, {"psnr": True, "lpips": False}, kept=10_000)
    told, turned = by_hand(real)
    assert set(found) == {"psnr"}, "what is not measured is passed over"
    assert (found["psnr"]["told_apart"], found["psnr"]["against"]) == (told, len(turned))
    rows = found["psnr"]["rows"]
    assert {(row["content"], frozenset((row["a"], row["b"]))) for row in rows} <= turned
    assert len(rows) == len({content for content, _ in turned}), "one of each image"
    strengths = [row["strength"] for row in rows]
    assert strengths == sorted(strengths, reverse=True)
    for row in rows:
        assert row["mos_a"] > row["mos_b"]
        assert row["figure_a"] < row["figure_b"]


def test_where_less_is_better_the_measure_is_read_the_other_way(real):
    higher = disagreements.contradicted(real, {"psnr": True})["psnr"]
    lower = disagreements.contradicted(real, {"psnr": False})["psnr"]
    assert higher["against"] + lower["against"] == higher["told_apart"]


VOTES = {
    ("baby", "a"): [4] * 8, ("baby", "b"): [2] * 8, ("bird", "a"): [3] * 8,
    ("bird", "b"): [3] * 8, ("bird", "hr"): [5] * 8, ("baby", "hr"): [5] * 8,
}  # fmt: skip


def contradictions(votes, figures):
    found = disagreements.contradicted(of(votes, figures), {"psnr": True})
    return [(row["content"], row["a"], row["b"]) for row in found.get("psnr", {"rows": []})["rows"]]


def test_the_original_equal_figures_and_infinite_ones_contradict_nobody():
    figures = {("baby", "a"): 20.0, ("baby", "b"): 30.0, ("bird", "a"): 25.0, ("bird", "b"): 26.0}
    assert contradictions(VOTES, figures) == [("baby", "a", "b")]
    assert contradictions(VOTES, figures | {("baby", "hr"): 1.0}) == [("baby", "a", "b")]
    assert contradictions(VOTES, figures | {("baby", "a"): 30.0}) == []
    assert contradictions(VOTES, figures | {("baby", "b"): float("inf")}) == []


def test_five_raters_contradict_no_measure_and_six_do():
    figures = {("baby", "a"): 20.0, ("baby", "b"): 30.0, ("bird", "a"): 25.0, ("bird", "b"): 26.0}
    for raters, found in ((5, []), (6, [("baby", "a", "b")])):
        votes = {cell: given[:raters] for cell, given in VOTES.items()}
        assert contradictions(votes, figures) == found


# ---- An image with the whole set ----


def test_the_order_of_an_image_is_compared_with_that_of_its_set_as_scipy_does(real):
    votes = plain(real)
    votes = votes[~votes["reference"].astype(bool)]
    whole = votes.groupby("method")["score"].mean()
    found = disagreements.reordered(real, kept=10_000)
    assert found
    for row in found:
        own = votes[votes["content"] == row["content"]].groupby("method")["score"].mean()
        there = row["methods"]
        expected = kendalltau(own[there], whole[there]).statistic
        assert row["tau"] == pytest.approx(expected)
        turned = max(
            min(whole[a] - whole[b], own[b] - own[a]) for a in there for b in there if a != b
        )
        assert row["reversal"] == pytest.approx(turned)
        assert whole[row["a"]] > whole[row["b"]]
        assert own[row["b"]] > own[row["a"]]
    taus = [row["tau"] for row in found]
    assert taus == sorted(taus)


def test_two_methods_few_votes_and_equal_means_have_no_order():
    two = {("baby", "a"): [1] * 6, ("baby", "b"): [5] * 6, ("bird", "a"): [5] * 6}
    two |= {("bird", "b"): [4] * 6}
    assert disagreements.reordered(of(two)) == []
    few = {(image, m): [n] * 4 for image in ("baby", "bird") for n, m in enumerate("abc", 1)}
    assert disagreements.reordered(of(few)) == []
    equal = {("baby", m): [3] * 6 for m in "abc"} | {
        ("bird", m): [n] * 6 for n, m in enumerate("abc", 1)
    }
    assert disagreements.reordered(of(equal)) == []


def test_a_turned_image_comes_first_with_the_two_methods_that_change_places():
    votes = {
        (image, method): [score] * 6
        for image in ("baby", "bird", "head")
        for score, method in enumerate("abc", 1)
    }
    votes |= {("woman", m): [s] * 6 for s, m in ((4, "a"), (2, "b"), (1, "c"))}
    (row,) = disagreements.reordered(of(votes))
    assert (row["content"], row["tau"], row["a"], row["b"]) == ("woman", -1.0, "c", "a")
    assert row["methods"] == ["c", "b", "a"]
    assert (row["n"], row["p"]) == (6, 0.03125)
