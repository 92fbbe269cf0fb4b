"""How far the raters agree: with each other, and with themselves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr

from study.analysis.scores import Floats, Scores
from study.analysis.significance import wilcoxon

EQUIVALENCE = 0.25
"""A mean retest difference within this many score steps counts as none."""


def krippendorff(matrix: Floats, *, ordinal: bool) -> float:
    """Krippendorff's alpha of raters by stimuli, NaN where a cell is missing.

    alpha = 1 - D_o/D_e with squared differences (interval). The ordinal metric is the interval
    metric on ranks over all pairable values: the number of values between two categories, half of
    those in both included, is the difference of their mean ranks. Stimuli with one vote cannot be
    paired and are left out. NaN where no two values differ, or nothing can be paired.

    Krippendorff 2011, "Computing Krippendorff's alpha-reliability".

    >>> votes = np.array([[1.0, 2, 3, np.nan], [1, 2, 4, 4]])
    >>> round(krippendorff(votes, ordinal=False), 4)
    0.878
    """
    known = ~np.isnan(matrix)
    paired = known.sum(axis=0) > 1
    known, values = known[:, paired], matrix[:, paired].T
    unit, _ = np.nonzero(known.T)
    x = values[known.T]
    if ordinal:
        _, place, counts = np.unique(x, return_inverse=True, return_counts=True)
        x = (np.cumsum(counts) - (counts - 1) / 2)[place]
    n = len(x)
    if n < 2:
        return float("nan")
    m = np.bincount(unit)
    mean = np.bincount(unit, x) / m
    within = np.bincount(unit, (x - mean[unit]) ** 2)
    # Pairs of a unit of m values: Σ(x_i - x_j)² = 2m·SS, each weighted by 1/(m - 1).
    observed = float((2 * m * within / (m - 1)).sum()) / n
    expected = 2 * float(((x - x.mean()) ** 2).sum()) / (n - 1)
    return float("nan") if expected <= 1e-12 else 1 - observed / expected


@dataclass(frozen=True)
class Icc:
    """ICC(A,1) and ICC(A,k) of ``raters`` raters on ``stimuli`` stimuli, none missing."""

    a1: float
    ak: float
    raters: int
    stimuli: int


def icc(matrix: Floats) -> Icc | None:
    """Intraclass correlation, two-way random, absolute agreement, single and mean rating.

    It needs all cells: the raters who rated every stimulus are taken; if these are fewer than two,
    the stimuli that every rater rated. None if fewer than 2 by 2 are left or nothing varies.

    McGraw and Wong 1996: ICC(A,1) = (MSR - MSE)/(MSR + (k-1)MSE + k(MSC - MSE)/n), ICC(A,k) =
    (MSR - MSE)/(MSR + (MSC - MSE)/n) for n stimuli and k raters.
    """
    known = ~np.isnan(matrix)
    x = matrix[known.all(axis=1)]
    if len(x) < 2:
        x = matrix[:, known.all(axis=0)]
    k, n = x.shape
    if k < 2 or n < 2:
        return None
    mean = x.mean()
    of_stimulus, of_rater = x.mean(axis=0), x.mean(axis=1)
    msr = k * float(((of_stimulus - mean) ** 2).sum()) / (n - 1)
    msc = n * float(((of_rater - mean) ** 2).sum()) / (k - 1)
    rest = x - of_stimulus[None] - of_rater[:, None] + mean
    mse = float((rest**2).sum()) / ((n - 1) * (k - 1))
    single, average = msr + (k - 1) * mse + k * (msc - mse) / n, msr + (msc - mse) / n
    if min(single, abs(average)) <= 1e-12:
        return None
    return Icc((msr - mse) / single, (msr - mse) / average, k, n)


def sos_a(scores: Scores, *, ddof: int = 1) -> float:
    """The a of the SOS hypothesis, S² = a(-MOS² + (L + H)MOS - L·H) on a scale from L to H.

    Least squares through the origin on the variances of the stimuli that have two votes at least;
    for 1..5 that is a(-MOS² + 6 MOS - 5). NaN if no stimulus lies inside the scale. About 0.1 to
    0.3 in image quality; 1 would be votes at both ends alone. Hoßfeld, Schatz and Egger 2011.
    """
    j, u, stimuli = scores.stimulus, scores.score, len(scores.stimuli)
    n = np.bincount(j, minlength=stimuli)
    mean = np.bincount(j, u, stimuli) / n
    squares = np.bincount(j, (u - mean[j]) ** 2, stimuli)
    several = n > 1
    variance = squares[several] / (n[several] - ddof)
    low, high = scores.scale
    parabola = -(mean[several] ** 2) + (low + high) * mean[several] - low * high
    weight = float((parabola**2).sum())
    return float("nan") if weight <= 1e-12 else float((parabola * variance).sum() / weight)


def weighted_kappa(first: Floats, second: Floats) -> float:
    """Cohen's kappa with quadratic weights: 1 for agreement, 0 for what chance would give.

    1 - Σ(x - y)²/Σ of the same over all combinations of a first with a second score (Cohen 1968).
    NaN where neither varies and both are the same.

    >>> weighted_kappa(np.array([1.0, 2, 3, 4]), np.array([1.0, 2, 3, 5])).__round__(4)
    0.9286
    """
    observed = float(((first - second) ** 2).mean())
    expected = float(first.var() + second.var() + (first.mean() - second.mean()) ** 2)
    return float("nan") if expected <= 1e-12 else 1 - observed / expected


def tost(differences: Floats, margin: float = EQUIVALENCE) -> float:
    """P of the two one-sided t tests that the mean difference lies within ± ``margin``.

    Small p shows equivalence; absence of significance in another test does not (Schuirmann 1987).
    NaN for fewer than two differences; for differences that are all the same 0 or 1.
    """
    n = len(differences)
    if n < 2:
        return float("nan")
    mean, se = float(differences.mean()), float(differences.std(ddof=1) / np.sqrt(n))
    if se <= 1e-12:
        return 0.0 if abs(mean) < margin else 1.0
    return float(stdtr(n - 1, (abs(mean) - margin) / se))


def retest(scores: Scores) -> dict[str, object] | None:
    """How a stimulus rated again by declaration was rated the second time; None without any.

    Keys: n (pairs), raters, exact, within_one (shares), kappa_weighted (quadratic weights),
    mean_difference (second - first), wilcoxon_p (over the pairs), tost_p (over the raters' mean
    differences; over the pairs where one rater alone was retested), tost_margin, equivalent
    (tost_p < 0.05, or None).
    """
    pairs = scores.retests
    if not len(pairs):
        return None
    first = pairs["first"].to_numpy(dtype=np.float64)
    second = pairs["second"].to_numpy(dtype=np.float64)
    d = second - first
    codes = pairs["rater"].to_numpy(dtype=np.int64)
    n = np.bincount(codes)
    of_rater = (np.bincount(codes, d) / np.maximum(n, 1))[n > 0]
    step = (scores.scale[1] - scores.scale[0]) / 4
    margin = EQUIVALENCE * step
    p = tost(of_rater if len(of_rater) > 1 else d, margin)
    return {
        "n": len(d),
        "raters": len(of_rater),
        "exact": float((d == 0).mean()),
        "within_one": float((np.abs(d) <= step).mean()),
        "kappa_weighted": weighted_kappa(first, second),
        "mean_difference": float(d.mean()),
        "wilcoxon_p": wilcoxon(d).p,
        "tost_p": p,
        "tost_margin": margin,
        "equivalent": None if np.isnan(p) else bool(p < 0.05),
    }
