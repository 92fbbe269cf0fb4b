"""Two studies compared: the same images, rated by other people, in another place, at another time.

Compared is what both have: a stimulus with the same set, image, method and pixels. The raters are
the sample, and those of two studies are taken to be different people. How two laboratories are held
against each other by correlation, error and a straight line follows ITU-T P.1401 and Pinson et al.
2012, "The influence of subjects and environment on audiovisual subjective tests".
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.special import stdtr, stdtrit

from study.analysis.bootstrap import LEVEL as LIMITS
from study.analysis.opinion import CONFIDENCE, FORMAL_RATERS
from study.analysis.report import plain
from study.analysis.scores import Floats, Ints
from study.analysis.significance import holm

STIMULUS = ["set", "image", "method"]
COLUMNS = ("rater", *STIMULUS, "checksum", "score")
LEVEL = 0.05
FEWEST = 3
"""Points of which a correlation says something."""
DRAWS = 1000
NORMAL = 1.959964
"""The normal distribution's 97.5th percentile."""
ALL = "all"


class Estimate(NamedTuple):
    """A mean over images and raters."""

    mean: float
    variance: float
    """Of the mean, over raters drawn anew; NaN where the votes do not tell."""
    raters: int


class Difference(NamedTuple):
    """Of two independent means: b less a, its 95 % interval, Welch's two-sided p and its df."""

    value: float
    low: float
    high: float
    p: float
    df: float


def estimate(matrix: Floats) -> Estimate:
    """The mean opinion of a group of images, raters by images, NaN where a rater saw none.

    Every image counts the same, however many votes it has. The variance is that over raters, whose
    votes hang together: the sum of squares of what each rater adds to the mean (linearisation, as
    Woodruff 1971; Cameron and Miller 2015), an image's deviations widened by √(n/(n-1)). Where all
    raters saw all images it is s²/R, with s the SD (ddof 1) of the R raters' means. NaN where an
    image has fewer than two votes.

    >>> found = estimate(np.array([[1.0, 2.0], [3.0, 4.0], [2.0, 3.0]]))
    >>> found.mean, round(found.variance, 4), found.raters
    (2.5, 0.3333, 3)
    """
    seen = ~np.isnan(matrix)
    n = seen.sum(axis=0)
    mos = np.where(seen, matrix, 0).sum(axis=0) / n
    variance = np.nan
    if (n > 1).all():
        share = np.sqrt(n / (n - 1)) / (n * len(n))
        variance = float(((np.where(seen, matrix - mos, 0) * share).sum(axis=1) ** 2).sum())
    return Estimate(float(mos.mean()), variance, int(seen.any(axis=1).sum()))


def difference(a: Estimate, b: Estimate) -> Difference:
    """``b`` less ``a``: Welch's interval and test (1947), df after Satterthwaite, R - 1 each.

    No interval and no p (NaN) where a variance is not known, or where nothing varies.

    >>> found = difference(Estimate(3.0, 0.04, 10), Estimate(3.5, 0.02, 20))
    >>> round(found.low, 3), round(found.high, 3), round(found.p, 4), round(found.df, 1)
    (-0.014, 1.014, 0.0561, 18.1)
    """
    value, variance = b.mean - a.mean, a.variance + b.variance
    if not variance > 1e-18:  # nor is NaN
        return Difference(value, np.nan, np.nan, np.nan, np.nan)
    df = variance**2 / (a.variance**2 / (a.raters - 1) + b.variance**2 / (b.raters - 1))
    error = math.sqrt(variance)
    half = float(stdtrit(df, (1 + CONFIDENCE) / 2)) * error
    p = 2 * float(stdtr(df, -abs(value) / error))
    return Difference(value, value - half, value + half, p, df)


def pearson(x: Floats, y: Floats) -> float:
    """Pearson's r; NaN for fewer than three points, or where one does not vary."""
    x, y = x - x.mean(), y - y.mean()
    spread = float((x * x).sum() * (y * y).sum())
    if len(x) < FEWEST or spread < 1e-18:
        return float("nan")
    return float(np.clip((x * y).sum() / np.sqrt(spread), -1, 1))


def ranks(values: Floats) -> Floats:
    """Ranks from 1, ties averaged.

    >>> ranks(np.array([3.0, 1.0, 3.0])).tolist()
    [2.5, 1.0, 2.5]
    """
    _, place, counts = np.unique(values.round(10), return_inverse=True, return_counts=True)
    found: Floats = (np.cumsum(counts) - (counts - 1) / 2)[place]
    return found


def spearman(x: Floats, y: Floats) -> float:
    """Spearman's rank correlation, ties averaged: `pearson` of the ranks."""
    return pearson(ranks(x), ranks(y))


def rank_correlations(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Spearman's and Kendall's tau-b (1945) of each row of x with that of y; ties are no order.

    NaN where a row does not vary.

    >>> rho, tau = rank_correlations(np.array([[1.0, 2, 3, 3]]), np.array([[1.0, 3, 2, 4]]))
    >>> rho.round(4).tolist(), tau.round(4).tolist()
    ([0.6325], [0.5477])
    """
    of_x, of_y = (np.sign((v[:, :, None] - v[:, None, :]).round(10)) for v in (x, y))
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = (of_x**2).sum(axis=(1, 2)) * (of_y**2).sum(axis=(1, 2))
        tau: Floats = (of_x * of_y).sum(axis=(1, 2)) / np.sqrt(spread)
        # A rank is half the sum of its row of signs, but for a constant.
        rank_x, rank_y = of_x.sum(axis=2), of_y.sum(axis=2)
        spread = (rank_x**2).sum(axis=1) * (rank_y**2).sum(axis=1)
        rho: Floats = (rank_x * rank_y).sum(axis=1) / np.sqrt(spread)
    return rho, tau


def compare(a: pd.DataFrame, b: pd.DataFrame, *, draws: int = DRAWS) -> dict[str, Any]:
    """Two studies held against each other, as plain data; what cannot be computed is None.

    ``a`` and ``b``: one row a vote, one vote a rater and stimulus, with `COLUMNS`.

    images: how many stimuli each has, how many are ``common``, and how many have the same names
    but other pixels. methods: a row for each set and method that both have, on common images:
    mos_a, mos_b, difference (b less a), low, high, p (Welch on raters), p_holm over the methods of
    the set, differs (p_holm below 0.05), note. ranks: for each set Spearman and Kendall of the
    methods' MOS, 95 % by drawing the raters of both anew. fit: for each set, and all together if
    there are several, over stimuli: Pearson and Spearman with Fisher's interval, rmse (of b less
    a), bias (its mean), slope and intercept of the least-squares line b = slope·a + intercept and
    rmse_line about it (N - 2). stimuli: the points of all that. Raises ``ValueError`` for a missing
    column.
    """
    for votes in (a, b):
        if missing := [name for name in COLUMNS if name not in votes.columns]:
            raise ValueError(f"the votes have no column {missing[0]!r}; they need {COLUMNS}")
    shown_a, shown_b = (_stimuli(votes) for votes in (a, b))
    both = shown_a.merge(shown_b, on=STIMULUS, how="inner", suffixes=("_a", "_b"), sort=False)
    same = both["checksum_a"] == both["checksum_b"]
    common, other = both[same].reset_index(drop=True), both[~same]
    of_a, of_b = (_matrix(votes, common) for votes in (a, b))
    methods, used = [], {}
    for set_name, method in both[["set", "method"]].drop_duplicates().itertuples(index=False):
        cell = (common["set"] == set_name) & (common["method"] == method)
        codes = np.flatnonzero(cell.to_numpy())
        changed = int(((other["set"] == set_name) & (other["method"] == method)).sum())
        row, kept = _method(of_a[:, codes], of_b[:, codes], changed)
        methods.append({"set": set_name, "method": method, **row})
        used[set_name, method] = codes[kept]
    sets = list(dict.fromkeys(row["set"] for row in methods))
    for set_name in sets:
        _correct([row for row in methods if row["set"] == set_name])
    points = common[STIMULUS].assign(mos_a=_means(of_a), mos_b=_means(of_b))
    fits = [_fit(name, points[points["set"] == name]) for name in sets]
    found = {
        "images": {
            "a": len(shown_a), "b": len(shown_b), "common": len(common), "other": len(other)
        },
        "raters": {"a": int(a["rater"].nunique()), "b": int(b["rater"].nunique())},
        "methods": methods,
        "ranks": [_ranks(name, methods, used, of_a, of_b, draws) for name in sets],
        "fit": fits + ([_fit(ALL, points)] if len(sets) > 1 else []),
        "stimuli": points.to_dict("records"),
    }  # fmt: skip
    told: dict[str, Any] = plain(found)
    return told


def notes(found: dict[str, Any]) -> list[str]:
    """What is compared, and what is taken for granted, in sentences."""
    n = found["images"]
    said = [
        f"Compared are the {n['common']} stimuli that both studies show with the same set, image, "
        f"method and pixels, of {n['a']} in A and {n['b']} in B that were rated."
    ]
    if n["other"]:
        said.append(
            f"{n['other']} more have the same names but other pixels in A than in B: they are "
            "different stimuli, and left out."
        )
    return [
        *said,
        "Every image counts the same. Where images have unequal numbers of votes, MOS here differs "
        "a little from a study's own table.",
        "The raters are the sample, and those of A and B are taken to be different people: nothing "
        "here tells whether somebody took part in both. If so, intervals are wider and p higher "
        "than they need be.",
        "Interval and p: Welch's t on raters' means, where raters saw different images on what "
        "each adds to the mean. p is corrected after Holm over the methods of a set.",
        "Stricter raters, another screen or other company in the study shift all methods alike. "
        "That the order of methods holds is told by the rank correlations.",
        "Intervals of rank correlations draw the raters of both studies anew, 1000 times; those "
        "over images are Fisher's, which takes images for independent, as ITU-T P.1401 does, and "
        "are too narrow where versions of few photographs are compared.",
        "Slope and intercept: the line of least squares, B = slope · A + intercept. Noise in A "
        "makes the slope flatter. RMSE is the root of the mean square of B − A; about the line, "
        "with N − 2.",
    ]


def _stimuli(votes: pd.DataFrame) -> pd.DataFrame:
    return votes[[*STIMULUS, "checksum"]].drop_duplicates(STIMULUS)


def _matrix(votes: pd.DataFrame, common: pd.DataFrame) -> Floats:
    """Raters by the common stimuli, NaN for no vote."""
    place = {key: n for n, key in enumerate(common[STIMULUS].itertuples(index=False, name=None))}
    groups = votes.groupby(STIMULUS, sort=False)  # numbered as they come, as in _stimuli
    own = _stimuli(votes)[STIMULUS].itertuples(index=False, name=None)
    known = [place.get(key, -1) for key in own]
    column = np.array([*known, -1], dtype=np.int64)[groups.ngroup().to_numpy(dtype=np.int64)]
    mine, score = column >= 0, votes["score"].to_numpy(dtype=np.float64)
    rater, names = pd.factorize(votes["rater"].to_numpy()[mine])
    matrix = np.full((len(names), len(common)), np.nan)
    matrix[rater, column[mine]] = score[mine]
    return matrix


def _means(matrix: Floats) -> Floats:
    seen = ~np.isnan(matrix)
    means: Floats = np.where(seen, matrix, 0).sum(axis=0) / seen.sum(axis=0)
    return means


def _method(a: Floats, b: Floats, changed: int) -> tuple[dict[str, Any], Ints]:
    """The row of one method on one set, and which of its images it is of."""
    said = [f"{_count(changed, 'image')} with other pixels in B left out"] if changed else []
    votes = np.minimum((~np.isnan(a)).sum(axis=0), (~np.isnan(b)).sum(axis=0))
    firm = np.flatnonzero(votes > 1)
    kept = firm if len(firm) else np.arange(len(votes))
    if len(kept) < len(votes):
        left = len(votes) - len(kept)
        said.append(f"{_count(left, 'image')} with a single vote in A or B left out")
    row: dict[str, Any] = {"images": len(kept), "raters_a": 0, "raters_b": 0}
    empty = dict.fromkeys(("mos_a", "mos_b", "difference", "low", "high", "p", "p_holm"))
    if not len(kept):
        said.append("no image in common")
        return {**row, **empty, "differs": None, "note": "; ".join(said)}, kept
    of_a, of_b = estimate(a[:, kept]), estimate(b[:, kept])
    found = difference(of_a, of_b)
    if not len(firm):
        said.append("no interval and no test: they take two raters for an image in each study")
    elif np.isnan(found.p):
        said.append("no interval and no test: the raters of each study agree wholly")
    elif min(of_a.raters, of_b.raters) < FORMAL_RATERS:
        said.append(f"informal: fewer than {FORMAL_RATERS} raters (ITU-R BT.500)")
    row |= {
        "raters_a": of_a.raters, "raters_b": of_b.raters, "mos_a": of_a.mean, "mos_b": of_b.mean,
        "difference": found.value, "low": found.low, "high": found.high, "p": found.p,
        "p_holm": np.nan, "differs": None, "note": "; ".join(said),
    }  # fmt: skip
    return row, kept


def _count(n: int, what: str) -> str:
    return f"{n} {what}{'s' * (n != 1)}"


def _correct(rows: list[dict[str, Any]]) -> None:
    """Write Holm's p of the methods of a set into their rows."""
    tested = [row for row in rows if row["p"] is not None and not np.isnan(row["p"])]
    for row, p in zip(tested, holm([row["p"] for row in tested]), strict=True):
        row["p_holm"], row["differs"] = float(p), bool(p < LEVEL)


def _ranks(
    name: str,
    methods: list[dict[str, Any]],
    used: dict[tuple[str, str], Ints],
    a: Floats,
    b: Floats,
    draws: int,
) -> dict[str, Any]:
    """How alike the methods of a set are ordered in both studies."""
    rows = [row for row in methods if row["set"] == name and row["mos_a"] is not None]
    row: dict[str, Any] = {"set": name, "methods": len(rows), "note": ""}
    names = [f"{which}{end}" for which in ("spearman", "kendall") for end in ("", "_low", "_high")]
    row |= dict.fromkeys(names)
    if len(rows) < FEWEST:
        return row | {"note": f"fewer than {FEWEST} methods in common: an order says nothing"}
    x, y = (np.array([[each[key] for each in rows]]) for key in ("mos_a", "mos_b"))
    row["spearman"], row["kendall"] = (float(each[0]) for each in rank_correlations(x, y))
    if np.isnan(row["kendall"]):
        return row | {"note": "all methods have the same MOS in a study: there is no order"}
    if len({each["images"] for each in rows}) > 1:
        row["note"] = "methods have different numbers of images in common"
    if min(each[key] for each in rows for key in ("raters_a", "raters_b")) < 2:
        return row | {"note": "no interval: it takes two raters in each study"}
    codes = [used[name, each["method"]] for each in rows]
    rng = np.random.default_rng(0)
    drawn_a, drawn_b = (_drawn(side, codes, draws, rng) for side in (a, b))
    whole = ~(np.isnan(drawn_a).any(axis=1) | np.isnan(drawn_b).any(axis=1))
    found = rank_correlations(drawn_a[whole], drawn_b[whole])
    for which, values in zip(("spearman", "kendall"), found, strict=True):
        known = values[~np.isnan(values)]
        if len(known) > 1:
            low, high = np.percentile(known, LIMITS)
            row |= {f"{which}_low": float(low), f"{which}_high": float(high)}
    return row


def _drawn(matrix: Floats, codes: list[Ints], draws: int, rng: np.random.Generator) -> Floats:
    """Means of each method with the raters drawn anew: draws by methods."""
    raters = len(matrix)
    weights = rng.multinomial(raters, np.full(raters, 1 / raters), size=draws).astype(np.float64)
    found = np.empty((draws, len(codes)))
    for column, some in enumerate(codes):
        of = matrix[:, some]
        seen = (~np.isnan(of)).astype(np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            means = (weights @ np.nan_to_num(of)) / (weights @ seen)
            # An image of which a draw has no vote is left out of that draw.
            known = ~np.isnan(means)
            found[:, column] = np.where(known, means, 0).sum(axis=1) / known.sum(axis=1)
    return found


def _fit(name: str, points: pd.DataFrame) -> dict[str, Any]:
    """How alike single stimuli are rated in both studies."""
    x, y = points["mos_a"].to_numpy(), points["mos_b"].to_numpy()
    n = len(points)
    row: dict[str, Any] = {"set": name, "n": n, "note": ""}
    names = ("pearson", "pearson_low", "pearson_high", "spearman", "spearman_low", "spearman_high")
    row |= dict.fromkeys((*names, "rmse", "bias", "slope", "intercept", "rmse_line"))
    if not n:
        return row | {"note": "no stimulus in common"}
    row |= {"rmse": float(np.sqrt(((y - x) ** 2).mean())), "bias": float((y - x).mean())}
    if n < FEWEST:
        return row | {"note": f"fewer than {FEWEST} stimuli in common"}
    row |= _interval("pearson", pearson(x, y), n, 1.0)
    row |= _interval("spearman", spearman(x, y), n, 1.06)
    if np.isnan(row["pearson"]):
        return row | {"note": "all stimuli have the same MOS in a study: nothing to correlate"}
    slope = float(((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum())
    intercept = float(y.mean() - slope * x.mean())
    about = float(np.sqrt(((y - slope * x - intercept) ** 2).sum() / (n - 2)))
    return row | {"slope": slope, "intercept": intercept, "rmse_line": about}


def _interval(name: str, r: float, n: int, width: float) -> dict[str, float]:
    """A correlation with Fisher's z ± 1.96·√(width/(N - 3)): 1 for Pearson's, 1.06 for Spearman's
    (Fieller, Hartley and Pearson 1957). None for three points, or where the points are on a line.
    """
    found = {name: r, f"{name}_low": np.nan, f"{name}_high": np.nan}
    if n > FEWEST and abs(r) < 1 - 1e-12:
        half = NORMAL * np.sqrt(width / (n - 3))
        low, high = np.tanh(np.arctanh(r) - half), np.tanh(np.arctanh(r) + half)
        found |= {f"{name}_low": float(low), f"{name}_high": float(high)}
    return found
