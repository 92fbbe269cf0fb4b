"""Whether methods differ: paired tests with a correction, effect sizes, ranks, one omnibus test.

The paper tests with Wilcoxon's signed ranks over (rater, image) cells and corrects nothing. Cells
of one rater are alike, so the same test on the raters' own mean differences stands beside it: that
is the one to report. Both are corrected by Holm over all pairs of a set.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import Literal

import numpy as np
import pandas as pd
from scipy.special import chdtrc, ndtr

from study.analysis.scores import Floats, Scores

ZeroMethod = Literal["wilcox", "pratt"]
Blocks = Literal["auto", "complete", "pairwise"]

ALPHA = 0.05
"""A difference counts as shown if its p, after Holm, is below."""
EXACT_UP_TO = 50
"""Differences up to which the exact distribution is used, if there are no ties and no zeros."""
COMPLETE_SHARE = 1 / 3
"""Cells with all methods are used alone if they hold at least this share of a set's votes."""
PAIR_COLUMNS = [
    *("a", "b", "set", "unit", "n", "n_zero", "statistic", "p", "p_holm", "rank_biserial"),
    *("mean_difference", "won", "tied", "lost"),
]


@dataclass(frozen=True)
class SignedRanks:
    """A signed-rank test: ``n`` differences, ``n_zero`` of them 0; ``statistic`` min(R+, R-);
    ``p`` two-sided; ``rank_biserial`` (R+ - R-)/(R+ + R-), -1..1, positive where d > 0 prevails.
    """

    n: int
    n_zero: int
    statistic: float
    p: float
    rank_biserial: float


def wilcoxon(differences: Floats, *, zero_method: ZeroMethod = "wilcox") -> SignedRanks:
    """Wilcoxon's signed-rank test of paired differences, two-sided; NaN are left out.

    zero_method: ``wilcox`` drops zeros before ranking, ``pratt`` ranks them and then drops them.
    p is exact for up to `EXACT_UP_TO` differences without ties and zeros, else from the normal
    approximation with correction for ties and none for continuity, as SciPy has it. Where every
    difference is 0 there is nothing that speaks for a difference: p is 1.

    Wilcoxon 1945; Pratt 1959; the effect size is that of Kerby 2014.

    >>> wilcoxon(np.array([1.0, 2.0, 3.0, 4.0, -5.0])).p
    0.625
    """
    d = differences[~np.isnan(differences)]
    size = np.abs(d)
    n, zeros = len(d), int((size == 0).sum())
    if n == zeros:
        return SignedRanks(n, zeros, 0.0, 1.0, 0.0)
    if zero_method == "wilcox":
        d, size = d[size > 0], size[size > 0]
    _, place, counts = np.unique(size, return_inverse=True, return_counts=True)
    rank = (np.cumsum(counts) - (counts - 1) / 2)[place]
    up, down = float(rank[d > 0].sum()), float(rank[d < 0].sum())
    m = len(d)
    if zero_method == "pratt" and zeros:
        counts = counts[1:]
    tied = bool((counts > 1).any())
    if m <= EXACT_UP_TO and not zeros and not tied:
        p = _exact(min(up, down), m)
    else:
        dropped = zeros if zero_method == "pratt" else 0
        mean = (m * (m + 1) - dropped * (dropped + 1)) / 4
        variance = m * (m + 1) * (2 * m + 1) - dropped * (dropped + 1) * (2 * dropped + 1)
        ties = float((counts.astype(np.float64) ** 3 - counts).sum())
        z = (up - mean) / np.sqrt(variance / 24 - ties / 48)
        p = float(2 * ndtr(-abs(z)))
    return SignedRanks(n, zeros, min(up, down), p, (up - down) / (up + down))


def _exact(statistic: float, n: int) -> float:
    """P(min(R+, R-) <= statistic) under the null hypothesis, ranks 1..n with random signs."""
    ways = np.zeros(n * (n + 1) // 2 + 1)
    ways[0] = 1
    for rank in range(1, n + 1):
        ways[rank:] = ways[rank:] + ways[:-rank]
    return float(min(1.0, 2 * ways[: int(statistic) + 1].sum() / 2.0**n))


def signed_rank_p(differences: Floats) -> Floats:
    """`wilcoxon` of many samples of one length at once: the p values, one for each last axis.

    Zeros are dropped; there is no NaN among the differences.

    >>> signed_rank_p(np.array([[1.0, 2.0, 3.0, 4.0, -5.0], [0.0, 0.0, 0.0, 0.0, 0.0]])).tolist()
    [0.625, 1.0]
    """
    size = np.abs(differences)
    order = np.argsort(size, axis=-1, kind="stable")
    size = np.take_along_axis(size, order, axis=-1)
    sign = np.sign(np.take_along_axis(differences, order, axis=-1))
    n, place = size.shape[-1], np.arange(size.shape[-1])
    other = size[..., 1:] != size[..., :-1]
    edge = np.ones((*size.shape[:-1], 1), dtype=bool)
    first = np.maximum.accumulate(np.where(np.concatenate([edge, other], -1), place, 0), -1)
    ends = np.where(np.concatenate([other, edge], -1), place, n)[..., ::-1]
    last = np.minimum.accumulate(ends, -1)[..., ::-1]
    zeros = (sign == 0).sum(-1)
    m = (n - zeros).astype(np.float64)
    rank = (first + last) / 2 + 1 - zeros[..., None]
    up, down = np.where(sign > 0, rank, 0).sum(-1), np.where(sign < 0, rank, 0).sum(-1)
    # Sum over ties of (t^3 - t), each tie of t counted t times t^2 - 1.
    ties = np.where(sign != 0, (last - first + 1.0) ** 2 - 1, 0).sum(-1)
    variance = m * (m + 1) * (2 * m + 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        z = (up - m * (m + 1) / 4) / np.sqrt(variance / 24 - ties / 48)
    p: Floats = np.where(m == 0, 1.0, 2 * ndtr(-np.abs(z)))
    if n <= EXACT_UP_TO:
        exact = (zeros == 0) & (ties == 0)
        p[exact] = _all_exact(n)[np.minimum(up, down)[exact].astype(np.int64)]
    return p


@lru_cache(maxsize=EXACT_UP_TO)
def _all_exact(n: int) -> Floats:
    """`_exact` of every statistic that ``n`` differences can have."""
    return np.array([_exact(statistic, n) for statistic in range(n * (n + 1) // 2 + 1)])


def holm(p: Sequence[float] | Floats) -> Floats:
    """P values adjusted by Holm 1979: they hold the family-wise error whatever depends on what.

    >>> holm([0.01, 0.04, 0.03]).round(3).tolist()
    [0.03, 0.06, 0.06]
    """
    values = np.asarray(p, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    adjusted = np.empty_like(values)
    steps = values[order] * np.arange(len(values), 0, -1)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(steps)) if len(values) else steps
    return adjusted


def friedman(blocks: Floats) -> tuple[float, int, float, float]:
    """Friedman's test of k methods on n complete blocks (n by k), corrected for ties.

    Returns the statistic, degrees of freedom k - 1, p (chi squared) and Kendall's W (0..1, the
    statistic over n(k - 1)). Blocks in which all methods are tied say nothing: with none other
    the statistic is 0 and p is 1. NaN for fewer than 2 blocks or 2 methods.

    >>> statistic, df, p, w = friedman(np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]]))
    >>> statistic, df, round(p, 4), w
    (4.0, 2, 0.1353, 1.0)
    """
    n, k = blocks.shape
    if n < 2 or k < 2:
        return np.nan, max(k - 1, 0), np.nan, np.nan
    ranks = ordinal_ranks(blocks)
    ties = 0.0
    for m in range(k):
        # Sum over ties of (t^3 - t), each tie of t counted t times t^2 - 1.
        ties += float(((blocks[:, [m]] == blocks).sum(axis=1).astype(np.float64) ** 2 - 1).sum())
    correction = 1 - ties / (n * k * (k * k - 1))
    if correction <= 1e-12:
        return 0.0, k - 1, 1.0, 0.0
    squares = float((ranks.sum(axis=0) ** 2).sum())
    statistic = (12 / (n * k * (k + 1)) * squares - 3 * n * (k + 1)) / correction
    return statistic, k - 1, float(chdtrc(k - 1, statistic)), statistic / (n * (k - 1))


def ordinal_ranks(blocks: Floats) -> Floats:
    """Rank of each method in each row, 1 for the highest score, ties averaged.

    >>> ordinal_ranks(np.array([[5.0, 1.0, 5.0, 3.0]])).tolist()
    [[1.5, 4.0, 1.5, 3.0]]
    """
    ranks = np.empty(blocks.shape)
    for m in range(blocks.shape[1]):
        own = blocks[:, [m]]
        ranks[:, m] = (blocks > own).sum(axis=1) + ((blocks == own).sum(axis=1) + 1) / 2
    return ranks


def complete_cells(scores: Scores, set_name: str) -> Floats:
    """The (rater, content) cells of a set in which all its methods were rated: cells by methods."""
    cells = scores.cells(set_name)
    flat = cells.reshape(-1, cells.shape[2])
    return flat[~np.isnan(flat).any(axis=1)]


def mean_ranks(scores: Scores, set_name: str) -> dict[str, float]:
    """Each method's mean rank over the complete cells, as in the paper's figure 10; may be empty.

    1 is best, ties averaged. Empty where too few cells hold every method, see
    `uses_complete_cells`: a rank among two is no rank among twelve.
    """
    cells = complete_cells(scores, set_name)
    if not len(cells) or not uses_complete_cells(scores, set_name):
        return {}
    return dict(
        zip(scores.methods_of(set_name), ordinal_ranks(cells).mean(axis=0).tolist(), strict=True)
    )


def uses_complete_cells(scores: Scores, set_name: str, blocks: Blocks = "auto") -> bool:
    """Whether the pairs of a set are compared on the same cells, those that hold every method."""
    if blocks != "auto":
        return blocks == "complete"
    votes = int(scores.counts[:, scores.of_set(set_name)].sum())
    methods = len(scores.methods_of(set_name))
    return len(complete_cells(scores, set_name)) * methods >= COMPLETE_SHARE * votes


def pairs(
    scores: Scores,
    set_name: str,
    *,
    blocks: Blocks = "auto",
    zero_method: ZeroMethod = "wilcox",
    units: Sequence[str] = ("cells", "raters"),
) -> pd.DataFrame:
    """Every pair of methods of a set, tested on cells and on raters, with `PAIR_COLUMNS`.

    unit ``cells``: differences of a rater's scores on one content. By default all pairs use the
    same cells, those in which every method was rated, if these hold a third of the votes;
    otherwise each pair uses all cells that it has (``blocks``).
    unit ``raters``: differences of a rater's mean scores. Holm's family is the pairs of the set,
    for each unit. won, tied, lost: shares of the units in which ``a`` is rated above, like or
    below ``b``. A pair without a common unit has n 0 and no p.
    """
    methods = scores.methods_of(set_name)
    tables = []
    for unit in units:
        values = (
            _cells(scores, set_name, blocks) if unit == "cells" else (scores.rater_means(set_name))
        )
        rows = [
            _pair(values[:, i] - values[:, j], zero_method)
            | {"a": methods[i], "b": methods[j], "set": set_name, "unit": unit}
            for i, j in combinations(range(len(methods)), 2)
        ]
        p = np.array([row["p"] for row in rows], dtype=np.float64)
        tested = np.flatnonzero(~np.isnan(p))
        for k, adjusted in zip(tested, holm(p[tested]), strict=True):
            rows[k]["p_holm"] = float(adjusted)
        tables += rows
    return pd.DataFrame(tables, columns=PAIR_COLUMNS)


def _cells(scores: Scores, set_name: str, blocks: Blocks) -> Floats:
    if uses_complete_cells(scores, set_name, blocks):
        return complete_cells(scores, set_name)
    grid = scores.cells(set_name)
    return grid.reshape(-1, grid.shape[2])


def _pair(differences: Floats, zero_method: ZeroMethod) -> dict[str, object]:
    # As they are, as SciPy and R take them: equal means give an exact zero (a division is rounded
    # correctly), but differences equal on paper, 3/27 by another way, may lose their tie.
    d = differences[~np.isnan(differences)]
    if not len(d):
        return {"n": 0, "n_zero": 0, "statistic": np.nan, "p": np.nan, "p_holm": np.nan}
    found = wilcoxon(d, zero_method=zero_method)
    return {
        "n": found.n,
        "n_zero": found.n_zero,
        "statistic": found.statistic,
        "p": found.p,
        "p_holm": np.nan,
        "rank_biserial": found.rank_biserial,
        "mean_difference": float(d.mean()),
        "won": float((d > 0).mean()),
        "tied": float((d == 0).mean()),
        "lost": float((d < 0).mean()),
    }


def omnibus(scores: Scores, set_name: str) -> dict[str, object] | None:
    """Friedman's test on the raters' means of a set, with Kendall's W; None if it cannot be done.

    Keys: set, unit, n (raters who saw every method), methods, statistic, df, p, kendall_w.
    """
    means = scores.rater_means(set_name)
    means = means[~np.isnan(means).any(axis=1)]
    if means.shape[0] < 2 or means.shape[1] < 3:
        return None
    statistic, df, p, w = friedman(means)
    return {
        "set": set_name,
        "unit": "raters",
        "n": len(means),
        "methods": means.shape[1],
        "statistic": statistic,
        "df": df,
        "p": p,
        "kendall_w": w,
    }
