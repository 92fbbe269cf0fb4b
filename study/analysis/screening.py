"""Raters who answer unlike the others: found by named rules, never dropped silently."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from study.analysis.scores import Flags, Floats, Ints, Scores

MOST_OUTLIERS = 0.05
ONE_SIDED = 0.3
LEAST_CORRELATION = 0.75
STRAIGHT_LINE_VARIANCE = 0.15
WORST_ANCHOR = "nearest"
"""The method that calibration shows as a 1; the hidden reference is shown as a 5."""
WORST_FROM = 4
"""The factor from which that method is as bad as this: at 2 it is not."""
FASTEST_MS = 1000
"""A rater whose median answer comes sooner than this has hardly looked."""
FEWEST_STIMULI = 5
"""Stimuli that a rater must share with others for a correlation to be judged."""


@dataclass(frozen=True, eq=False)
class Bt500:
    """Votes of each rater above (``p``) and below (``q``) the band of the others; ``rejected``."""

    p: Ints
    q: Ints
    n: Ints
    rejected: Flags
    unanimous: int

    @property
    def outlying(self) -> Floats:
        """Share of outlying votes, (P + Q)/n."""
        share: Floats = (self.p + self.q) / self.n
        return share

    @property
    def balance(self) -> Floats:
        """abs(P - Q)/(P + Q): near 1 for a strict or mild rater, near 0 for an erratic one."""
        with np.errstate(invalid="ignore"):
            balance: Floats = np.abs(self.p - self.q) / (self.p + self.q)
        return balance


def bt500(scores: Scores, *, ddof: int = 1) -> Bt500:
    """The screening of ITU-R BT.500, A1-2.3.1.

    For each stimulus the kurtosis β2 = m4/m2²; e = 2 if 2 <= β2 <= 4, else √20. P_i counts the
    votes of rater i with u >= MOS + e·S, Q_i those with u <= MOS - e·S. Rejected if
    (P + Q)/n > 0.05 and abs(P - Q)/(P + Q) < 0.3. S is the sample SD; ``ddof`` 0 takes the
    population's, which rejects other people. Stimuli on which all agree are skipped: with S = 0
    every vote would lie outside on both sides, and every rater would be rejected.
    """
    j, u, stimuli = scores.stimulus, scores.score, len(scores.stimuli)
    n = np.bincount(j, minlength=stimuli)
    mean = np.bincount(j, u, stimuli) / n
    deviation = u - mean[j]
    m2 = np.bincount(j, deviation**2, stimuli) / n
    m4 = np.bincount(j, deviation**4, stimuli) / n
    low, high = np.full(stimuli, np.inf), np.full(stimuli, -np.inf)
    np.minimum.at(low, j, u)
    np.maximum.at(high, j, u)
    disputed = high > low
    with np.errstate(invalid="ignore", divide="ignore"):
        kurtosis = m4 / m2**2
        band = np.sqrt(m2 * n / (n - ddof)) * np.where(
            (kurtosis >= 2) & (kurtosis <= 4), 2.0, np.sqrt(20.0)
        )
    band = np.where(disputed, band, np.inf)
    raters = len(scores.raters)
    p = np.bincount(scores.rater[u >= (mean + band)[j]], minlength=raters)
    q = np.bincount(scores.rater[u <= (mean - band)[j]], minlength=raters)
    votes = np.bincount(scores.rater, minlength=raters)
    with np.errstate(invalid="ignore"):
        rejected = ((p + q) / votes > MOST_OUTLIERS) & (np.abs(p - q) / (p + q) < ONE_SIDED)
    return Bt500(p, q, votes, rejected, int((~disputed).sum()))


def correlations(scores: Scores, *, with_self: bool = False) -> Floats:
    """Pearson's correlation of each rater's scores with the MOS of all the others.

    NaN for a rater who shares fewer than `FEWEST_STIMULI` stimuli with others, or where one of the
    two does not vary. ``with_self`` leaves the rater in the MOS, as some toolkits do.
    """
    u, n = scores.sums, scores.counts
    total, number = u.sum(axis=0), n.sum(axis=0)
    found = np.full(len(scores.raters), np.nan)
    for i in range(len(found)):
        others = (total, number) if with_self else (total - u[i], number - n[i])
        shared = (n[i] > 0) & (others[1] > 0)
        if shared.sum() < FEWEST_STIMULI:
            continue
        own, theirs = u[i, shared] / n[i, shared], others[0][shared] / others[1][shared]
        found[i] = pearson(own, theirs)
    return found


def pearson(x: Floats, y: Floats) -> float:
    """Pearson's correlation, NaN where one of the two does not vary.

    >>> pearson(np.array([1.0, 2.0, 3.0]), np.array([2.0, 4.0, 7.0])).__round__(4)
    0.9934
    """
    x, y = x - x.mean(), y - y.mean()
    spread = float(np.sqrt((x @ x) * (y @ y)))
    if spread <= 1e-12:
        return float("nan")
    return float(np.clip((x @ y) / spread, -1.0, 1.0))


def variances(scores: Scores) -> Floats:
    """Each rater's variance of scores (divisor n), as share of a five-step scale's unit squared.

    On a scale other than 1..5 it is rescaled to four steps, so that one threshold serves all.
    """
    i, raters = scores.rater, len(scores.raters)
    n = np.bincount(i, minlength=raters)
    mean = np.bincount(i, scores.score, raters) / n
    spread = np.bincount(i, (scores.score - mean[i]) ** 2, raters) / n
    low, high = scores.scale
    rescaled: Floats = spread * (4.0 / (high - low)) ** 2
    return rescaled


def flags(
    scores: Scores, bt: Bt500, correlation: Floats, *, threshold: float = LEAST_CORRELATION
) -> list[list[str]]:
    """For each rater the rules that they break, each as a sentence with its figure."""
    variance = variances(scores)
    found: list[list[str]] = []
    for i in range(len(scores.raters)):
        reasons = []
        if bt.rejected[i]:
            reasons.append(
                f"BT.500: {bt.outlying[i]:.1%} of the votes lie outside the others' band (limit "
                f"{MOST_OUTLIERS:.0%}), on both sides ({bt.p[i]} above, {bt.q[i]} below)"
            )
        if correlation[i] < threshold:
            reasons.append(f"correlation with the others {correlation[i]:.2f}, below {threshold:g}")
        if bt.n[i] > 1 and variance[i] < STRAIGHT_LINE_VARIANCE:
            reasons.append(
                f"straight-lining: variance of the scores {variance[i]:.2f}, below "
                f"{STRAIGHT_LINE_VARIANCE:g}"
            )
        reasons += _fast(scores, i) + _off_anchors(scores, i)
        found.append(reasons)
    return found


def worst_anchors(scores: Scores) -> Flags:
    """Which stimuli are those that a rater is to give the lowest score.

    Where ratings do not say by how much images were enlarged, it is by `WORST_FROM`.
    """
    worst: Flags = (scores.stimuli["method"] == WORST_ANCHOR).to_numpy(dtype=bool)
    if "enlarged_by" in scores.stimuli:
        less = (scores.stimuli["enlarged_by"] < WORST_FROM).to_numpy(dtype=bool)
        worst = worst & ~less
    return worst


def _fast(scores: Scores, i: int) -> list[str]:
    if scores.response_ms is None:
        return []
    own = scores.response_ms[scores.rater == i]
    own = own[~np.isnan(own)]
    if not len(own) or np.median(own) >= FASTEST_MS:
        return []
    return [f"too fast: median answer after {np.median(own):.0f} ms, below {FASTEST_MS} ms"]


def _off_anchors(scores: Scores, i: int) -> list[str]:
    """Anchors rated more than one step off on average: what was shown as a 1, and as a 5."""
    low, high = scores.scale
    step = (high - low) / 4
    anchors = (
        ("the original", scores.stimuli["reference"].to_numpy(), high),
        ("nearest neighbour", worst_anchors(scores), low),
    )
    reasons = []
    for name, stimuli, expected in anchors:
        n = scores.counts[i, stimuli].sum()
        mean = scores.sums[i, stimuli].sum() / n if n else expected
        if abs(mean - expected) > step:
            reasons.append(
                f"anchors: {name} gets {mean:.2f} on average, more than one step from {expected:g}"
            )
    return reasons
