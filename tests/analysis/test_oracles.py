"""The core's statistics against those of well-known libraries, on random ratings."""

from __future__ import annotations

import warnings

import krippendorff
import numpy as np
import pandas as pd
import pingouin
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import ttost_paired

from study.analysis import objective, reliability, screening, significance
from study.analysis.votes import of_votes

unhurried = settings(deadline=None, max_examples=40)
SEEDS = st.integers(0, 2**32 - 1)


def ratings(seed, raters=8, stimuli=12, missing=0.2):
    """Random scores 1..5 with something in common, some cells missing."""
    rng = np.random.default_rng(seed)
    felt = rng.normal(3, 1, stimuli) + rng.normal(0, 0.8, (raters, stimuli))
    matrix = np.clip(np.rint(felt), 1, 5)
    matrix[rng.random(matrix.shape) < missing] = np.nan
    return matrix


def of_matrix(matrix):
    i, j = np.nonzero(~np.isnan(matrix))
    return of_votes(pd.DataFrame({"rater": i, "stimulus": j, "score": matrix[i, j]}), scale=(1, 5))


@unhurried
@given(seed=SEEDS, n=st.integers(1, 60), zero_method=st.sampled_from(["wilcox", "pratt"]),
       continuous=st.booleans())  # fmt: skip
def test_wilcoxon_is_that_of_scipy(seed, n, zero_method, continuous):
    rng = np.random.default_rng(seed)
    d = rng.normal(0.3, 1, n) if continuous else rng.integers(-3, 5, n).astype(float)
    found = significance.wilcoxon(d, zero_method=zero_method)
    assert found.n_zero == (d == 0).sum()
    if not d.any():
        assert (found.p, found.rank_biserial) == (1.0, 0.0)
        return
    tied = len(np.unique(np.abs(d))) < n or (d == 0).any()
    method = "approx" if tied or n > significance.EXACT_UP_TO else "exact"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = stats.wilcoxon(d, zero_method=zero_method, method=method)
    assert found.statistic == expected.statistic
    assert found.p == pytest.approx(expected.pvalue, rel=1e-9, abs=1e-300)


@unhurried
@given(p=st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_holm_is_that_of_statsmodels(p):
    assert significance.holm(p) == pytest.approx(multipletests(p, method="holm")[1], abs=1e-12)


@unhurried
@given(seed=SEEDS, n=st.integers(2, 30), k=st.integers(3, 8))
def test_friedman_is_that_of_scipy(seed, n, k):
    blocks = np.random.default_rng(seed).integers(1, 6, (n, k)).astype(float)
    statistic, df, p, w = significance.friedman(blocks)
    if (blocks == blocks[:, :1]).all():
        assert (statistic, p, w) == (0.0, 1.0, 0.0)
        return
    expected = stats.friedmanchisquare(*blocks.T)
    assert (statistic, p) == pytest.approx((expected.statistic, expected.pvalue), rel=1e-9)
    assert df == k - 1
    assert w == pytest.approx(statistic / (n * (k - 1)))
    assert 0 <= w <= 1 + 1e-12


@unhurried
@given(seed=SEEDS, missing=st.sampled_from([0.0, 0.2, 0.6]), ordinal=st.booleans())
def test_alpha_is_that_of_krippendorff(seed, missing, ordinal):
    matrix = ratings(seed, missing=missing)
    ours = reliability.krippendorff(matrix, ordinal=ordinal)
    level = "ordinal" if ordinal else "interval"
    assert ours == pytest.approx(krippendorff.alpha(matrix, level_of_measurement=level), rel=1e-9)


@settings(deadline=None, max_examples=10)
@given(seed=SEEDS)
def test_icc_is_that_of_pingouin(seed):
    matrix = ratings(seed, missing=0)
    i, j = np.indices(matrix.shape)
    long = pd.DataFrame({"rater": i.ravel(), "target": j.ravel(), "score": matrix.ravel()})
    table = pingouin.intraclass_corr(long, targets="target", raters="rater", ratings="score")
    table = table.set_index("Type")["ICC"]
    found = reliability.icc(matrix)
    assert (found.a1, found.ak) == pytest.approx((table["ICC(A,1)"], table["ICC(A,k)"]), rel=1e-9)


@unhurried
@given(seed=SEEDS)
def test_spearman_and_kendall_of_drawn_points_are_those_of_scipy(seed):
    """Points drawn several times weigh several times: the same as repeating them."""
    rng = np.random.default_rng(seed)
    x, y = rng.integers(0, 9, 15).astype(float), rng.normal(0, 1, 15).round(1)
    weights = rng.multinomial(15, np.full(15, 1 / 15), size=3).astype(float)
    found = objective.correlations(x, x, objective.order(y, weights))
    for k, weight in enumerate(weights.astype(int)):
        a, b = np.repeat(x, weight), np.repeat(y, weight)
        assert found["spearman"][k] == pytest.approx(stats.spearmanr(a, b).statistic, nan_ok=True)
        assert found["kendall"][k] == pytest.approx(stats.kendalltau(a, b).statistic, nan_ok=True)
        assert found["pearson"][k] == pytest.approx(stats.pearsonr(a, b).statistic, nan_ok=True)
    drawn = objective.correlations_of_draws(x, x, np.array([y, y[::-1]]))
    for k, b in enumerate((y, y[::-1])):
        assert drawn["spearman"][k] == pytest.approx(stats.spearmanr(x, b).statistic)
        assert drawn["kendall"][k] == pytest.approx(stats.kendalltau(x, b).statistic)
        assert drawn["pearson"][k] == pytest.approx(stats.pearsonr(x, b).statistic)


@unhurried
@given(seed=SEEDS, contents=st.integers(1, 4))
def test_points_drawn_together_are_points_drawn_one_by_one(seed, contents):
    """Also where a draw holds one content alone, of which all points are the same."""
    rng = np.random.default_rng(seed)
    content = rng.permutation(np.repeat(np.arange(contents), 3))
    x = rng.normal(30, 5, contents)[content] + rng.choice([0, 1], 1) * rng.normal(
        0, 1, 3 * contents
    )
    y = rng.integers(1, 6, 3 * contents).astype(float)
    weights = rng.multinomial(contents, np.full(contents, 1 / contents), size=20).astype(float)
    together = objective.correlations(x, x, objective.order(y, weights, content))
    apart = objective.correlations(x, x, objective.order(y, weights[:, content]))
    for name, figures in together.items():
        assert figures == pytest.approx(apart[name], rel=1e-12, abs=1e-12, nan_ok=True), name
    for k, weight in enumerate(weights[:, content].astype(int)):
        a, b = np.repeat(x, weight), np.repeat(y, weight)
        varies = np.ptp(a) > 0 and np.ptp(b) > 0
        expected = stats.pearsonr(a, b).statistic if varies else np.nan
        assert together["pearson"][k] == pytest.approx(expected, abs=1e-9, nan_ok=True)


@unhurried
@given(seed=SEEDS, n=st.integers(3, 40))
def test_equivalence_is_that_of_statsmodels(seed, n):
    first, second = np.random.default_rng(seed).normal(3, 1, (2, n))
    expected = ttost_paired(second, first, -0.25, 0.25)[0]
    assert reliability.tost(second - first) == pytest.approx(expected, rel=1e-9)


@unhurried
@given(seed=SEEDS)
def test_kappa_is_that_of_scikit_learn(seed):
    from sklearn.metrics import cohen_kappa_score

    first, second = np.random.default_rng(seed).integers(1, 6, (2, 30))
    expected = cohen_kappa_score(first, second, weights="quadratic")
    assert reliability.weighted_kappa(first.astype(float), second.astype(float)) == pytest.approx(
        expected
    )


@unhurried
@given(seed=SEEDS)
def test_screening_of_a_partial_design_by_the_definition(seed):
    """BT.500 and correlation, rater by rater and stimulus by stimulus, in plain loops."""
    matrix = ratings(seed, raters=7, stimuli=15)
    some = of_matrix(matrix)
    p, q = np.zeros(7), np.zeros(7)
    for column in matrix.T:
        votes = column[~np.isnan(column)]
        if len(votes) and np.ptp(votes) > 0:
            beta = ((votes - votes.mean()) ** 4).mean() / votes.var() ** 2
            band = (2 if 2 <= beta <= 4 else 20**0.5) * votes.std(ddof=1)
            p += column >= votes.mean() + band
            q += column <= votes.mean() - band
    seen = [int(name) for name in some.raters]
    found = screening.bt500(some)
    assert found.p.tolist() == p[seen].tolist()
    assert found.q.tolist() == q[seen].tolist()
    for i, r in zip(seen, screening.correlations(some), strict=True):
        others = pd.DataFrame(np.delete(matrix, i, axis=0)).mean()
        both = ~np.isnan(matrix[i]) & others.notna().to_numpy()
        if both.sum() < screening.FEWEST_STIMULI:
            assert np.isnan(r)
            continue
        expected = pd.Series(matrix[i][both]).corr(pd.Series(others[both].to_numpy()))
        assert r == pytest.approx(expected, nan_ok=True)
