"""Two studies held against each other: by hand, by SciPy, and where there is little or nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from study.analysis import compare

IMAGES, METHODS = [f"i{n}" for n in range(6)], ["a", "b", "c", "d"]


def votes(
    raters: int, *, seed: int, shift: float = 0.0, prefix: str = "r", of: str = "Set5"
) -> pd.DataFrame:
    """Every rater on every image by every method: better from a to d."""
    rng = np.random.default_rng(seed)
    rows = [
        (f"{prefix}{r}", of, image, method, f"{image}{method}",
         int(np.clip(round(1.6 + 0.7 * m + shift + rng.normal(0, 0.8)), 1, 5)))
        for r in range(raters)
        for image in IMAGES
        for m, method in enumerate(METHODS)
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=list(compare.COLUMNS))


def means(of: pd.DataFrame, method: str) -> pd.Series:
    return of[of["method"] == method].groupby("rater")["score"].mean()


def test_complete_designs_give_welchs_t_on_raters_means_as_scipy_has_it():
    a, b = votes(26, seed=1), votes(15, seed=2, shift=0.4, prefix="q")
    found = compare.compare(a, b)
    raw = []
    for row in found["methods"]:
        of_a, of_b = means(a, row["method"]), means(b, row["method"])
        right = stats.ttest_ind(of_b, of_a, equal_var=False)
        interval = right.confidence_interval()
        assert row["mos_a"] == pytest.approx(of_a.mean())
        assert row["difference"] == pytest.approx(of_b.mean() - of_a.mean())
        assert (row["low"], row["high"]) == pytest.approx((interval.low, interval.high))
        assert row["p"] == pytest.approx(right.pvalue)
        assert (row["raters_a"], row["raters_b"], row["images"]) == (26, 15, 6)
        assert row["note"] == ""
        raw.append(row["p"])
    ordered = sorted(raw)
    steps = np.maximum.accumulate([p * (4 - k) for k, p in enumerate(ordered)])
    right = {p: min(1.0, step) for p, step in zip(ordered, steps, strict=True)}
    assert [row["p_holm"] for row in found["methods"]] == pytest.approx([right[p] for p in raw])
    assert [row["differs"] for row in found["methods"]] == [right[p] < 0.05 for p in raw]


def test_stimuli_and_methods_correlate_as_scipy_says():
    a, b = votes(8, seed=3), votes(9, seed=4, prefix="q")
    found = compare.compare(a, b)
    points = pd.DataFrame(found["stimuli"])
    keys = compare.STIMULUS
    for side, of in (("mos_a", a), ("mos_b", b)):
        by_hand = of.groupby(keys)["score"].mean().reindex(pd.MultiIndex.from_frame(points[keys]))
        assert points[side].to_numpy() == pytest.approx(by_hand.to_numpy())
    (fit,) = found["fit"]
    x, y = points["mos_a"], points["mos_b"]
    r = stats.pearsonr(x, y)
    interval = r.confidence_interval()
    line = stats.linregress(x, y)
    assert fit["n"] == 24
    assert fit["pearson"] == pytest.approx(r.statistic)
    assert (fit["pearson_low"], fit["pearson_high"]) == pytest.approx(tuple(interval), rel=1e-5)
    assert fit["spearman"] == pytest.approx(stats.spearmanr(x, y).statistic)
    assert (fit["slope"], fit["intercept"]) == pytest.approx((line.slope, line.intercept))
    assert fit["rmse"] == pytest.approx(np.sqrt(((y - x) ** 2).mean()))
    assert fit["bias"] == pytest.approx((y - x).mean())
    residual = y - line.slope * x - line.intercept
    assert fit["rmse_line"] == pytest.approx(np.sqrt((residual**2).sum() / 22))
    (ranks,) = found["ranks"]
    of_a = [row["mos_a"] for row in found["methods"]]
    of_b = [row["mos_b"] for row in found["methods"]]
    assert ranks["methods"] == 4
    assert ranks["spearman"] == pytest.approx(stats.spearmanr(of_a, of_b).statistic)
    assert ranks["kendall"] == pytest.approx(stats.kendalltau(of_a, of_b).statistic)
    assert -1 <= ranks["kendall_low"] <= ranks["kendall"] <= ranks["kendall_high"] <= 1


def test_tied_methods_take_tau_b_and_averaged_ranks():
    x, y = np.array([1.0, 2, 2, 4, 5]), np.array([1.0, 3, 3, 2, 5])
    rho, tau = compare.rank_correlations(x[None], y[None])
    assert rho[0] == pytest.approx(stats.spearmanr(x, y).statistic)
    assert tau[0] == pytest.approx(stats.kendalltau(x, y).statistic)
    assert compare.spearman(x, y) == pytest.approx(rho[0])


def test_raters_who_saw_other_images_do_not_make_a_difference():
    """In A most saw the poor image and in B most the good one; both find them equal."""
    rows = [("good", 5, 3, 12), ("poor", 1, 12, 3)]
    sides = []
    for side in (0, 1):
        of = [
            (f"{image}{n}", "s", image, "m", image, score)
            for image, score, *raters in rows
            for n in range(raters[side])
        ]
        sides.append(pd.DataFrame(of, columns=list(compare.COLUMNS)))
    (row,) = compare.compare(*sides)["methods"]
    assert (row["mos_a"], row["mos_b"], row["difference"]) == (3, 3, 0)
    assert sides[0]["score"].mean() != sides[1]["score"].mean()


def test_a_partial_design_has_nearly_the_spread_that_its_studies_have():
    """Ten of sixty raters see each image: the standard error is that of many such studies."""
    rng = np.random.default_rng(0)
    found, said = [], []
    for _ in range(400):
        matrix = np.full((60, 12), np.nan)
        strict, images = rng.normal(0, 0.5, 60), np.linspace(1, 5, 12)
        for r in range(60):
            seen = rng.choice(12, 2, replace=False)
            matrix[r, seen] = images[seen] + strict[r] + rng.normal(0, 0.7, 2)
        of = compare.estimate(matrix)
        found.append(of.mean)
        said.append(of.variance)
    assert np.mean(said) == pytest.approx(np.var(found, ddof=1), rel=0.15)


def test_what_has_other_pixels_is_left_out_and_said():
    a, b = votes(3, seed=1), votes(3, seed=2)
    b.loc[(b["method"] == "d"), "checksum"] = "other"
    b.loc[(b["method"] == "c") & (b["image"] == "i0"), "checksum"] = "other"
    found = compare.compare(a, b)
    assert found["images"] == {"a": 24, "b": 24, "common": 17, "other": 7}
    rows = {row["method"]: row for row in found["methods"]}
    assert rows["c"]["images"] == 5
    assert "1 image with other pixels in B left out" in rows["c"]["note"]
    assert rows["d"]["mos_a"] is None
    assert rows["d"]["note"] == "6 images with other pixels in B left out; no image in common"
    assert found["ranks"][0]["methods"] == 3
    assert "different numbers of images" in found["ranks"][0]["note"]
    assert any(
        "7 more have the same names but other pixels" in said for said in compare.notes(found)
    )


@pytest.mark.parametrize(("of_a", "of_b"), [(1, 3), (3, 1), (1, 1)])
def test_with_one_rater_there_is_a_difference_without_interval(of_a, of_b):
    found = compare.compare(votes(of_a, seed=1), votes(of_b, seed=2))
    row = found["methods"][0]
    assert row["difference"] == pytest.approx(row["mos_b"] - row["mos_a"])
    assert [row[key] for key in ("low", "high", "p", "p_holm", "differs")] == [None] * 5
    assert "no interval and no test" in row["note"]
    assert found["ranks"][0]["spearman"] is not None
    assert found["ranks"][0]["spearman_low"] is None


def test_few_raters_are_informal_and_raters_who_agree_wholly_are_not_tested():
    assert "informal" in compare.compare(votes(3, seed=1), votes(3, seed=2))["methods"][0]["note"]
    a = votes(3, seed=1).assign(score=3)
    found = compare.compare(a, a)
    assert "agree wholly" in found["methods"][0]["note"]
    assert "there is no order" in found["ranks"][0]["note"]
    assert "nothing to correlate" in found["fit"][0]["note"]
    assert found["fit"][0]["rmse"] == 0


def test_two_methods_have_no_order_and_two_stimuli_no_correlation():
    a = votes(3, seed=1)
    few = a[a["method"].isin(["a", "b"]) & (a["image"] == "i0")]
    found = compare.compare(few, few)
    assert found["ranks"][0] | {"note": ""} == {
        "set": "Set5", "methods": 2, "note": "", "spearman": None, "spearman_low": None,
        "spearman_high": None, "kendall": None, "kendall_low": None, "kendall_high": None,
    }  # fmt: skip
    assert "an order says nothing" in found["ranks"][0]["note"]
    assert found["fit"][0]["pearson"] is None
    assert "fewer than 3 stimuli" in found["fit"][0]["note"]


def test_studies_with_nothing_in_common_and_with_several_sets():
    other = votes(3, seed=1, of="Set14")
    nothing = compare.compare(votes(3, seed=1), other)
    assert nothing["methods"] == nothing["ranks"] == nothing["fit"] == nothing["stimuli"] == []
    both = pd.concat([votes(3, seed=1), other])
    found = compare.compare(both, both)
    assert [row["set"] for row in found["fit"]] == ["Set5", "Set14", "all"]
    assert compare.compare(other[:0], other[:0])["images"]["common"] == 0
    with pytest.raises(ValueError, match="no column 'checksum'"):
        compare.compare(other.drop(columns="checksum"), other)


def test_each_difference_is_corrected_within_its_set_alone():
    a = pd.concat([votes(5, seed=1), votes(5, seed=3, of="Set14")])
    b = pd.concat([votes(5, seed=2), votes(5, seed=4, of="Set14")])
    both = compare.compare(a, b)["methods"]
    alone = compare.compare(votes(5, seed=1), votes(5, seed=2))["methods"]
    assert [row["p_holm"] for row in both[:4]] == [row["p_holm"] for row in alone]
