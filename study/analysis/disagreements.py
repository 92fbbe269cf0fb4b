"""Images worth looking at: where raters disagree, where a measure contradicts them, and where the
order of methods is another than on the whole set.

They are examples, found by looking at everything and keeping the largest. No p here is corrected
for that: it says that a difference on one image is more than a few raters' chance, and no more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import bdtr

from study.analysis.scores import Floats, Ints, Scores
from study.analysis.significance import ALPHA

LEAST_VOTES = 5
"""Ratings of one image by one method from which their scatter or mean says something of it."""
LEAST_DIFFERENCE = 0.5
"""Points of MOS by which raters have to prefer a version that a measure puts below the other."""
KEPT = 12
"""Examples of a kind that are kept, of each measure where there are several."""
FEWEST_METHODS = 3
"""Of which an order is one: two are in the same or in the other."""

Row = dict[str, Any]


def score_counts(scores: Scores) -> Floats:
    """How many votes each stimulus got of each whole score from the lowest to the highest.

    Stimuli by scores; a scale of five has five columns. Votes between whole scores count for the
    nearest.
    """
    low, high = scores.scale
    steps = round(high - low) + 1
    column = np.clip(np.round(scores.score - low), 0, steps - 1).astype(np.int64)
    cells = np.bincount(scores.stimulus * steps + column, minlength=len(scores.stimuli) * steps)
    return cells.reshape(-1, steps).astype(np.float64)


def sign_test(up: Floats, down: Floats) -> Floats:
    """p of the exact two-sided sign test: so uneven a count of + and - by chance; no zeros in it.

    With fewer than six signs no p is below 0.05; without any it is 1. (Dixon and Mood 1946)

    >>> sign_test(np.array([6, 5, 9, 0]), np.array([0, 0, 1, 0])).round(4).tolist()
    [0.0312, 0.0625, 0.0215, 1.0]
    """
    n = up + down
    p: Floats = np.minimum(1.0, 2 * bdtr(np.minimum(up, down), n.astype(np.int64), 0.5))
    return np.where(n > 0, p, 1.0)


def kendall_tau(a: Floats, b: Floats) -> float:
    """Kendall's tau-b of two orders; NaN where either has all equal. (Kendall 1945)

    >>> kendall_tau(np.array([1.0, 2.0, 3.0]), np.array([1.0, 3.0, 2.0]))
    0.3333333333333333
    >>> kendall_tau(np.array([1.0, 2.0]), np.array([2.0, 2.0]))
    nan
    """
    first, second = (np.triu(np.sign(x[:, None] - x[None]), 1) for x in (a, b))
    both = np.sqrt(np.abs(first).sum() * np.abs(second).sum())
    return float((first * second).sum() / both) if both else float("nan")


def contested(
    stimuli: pd.DataFrame, sos_a: float | None, *, scale: tuple[float, float], kept: int = KEPT
) -> list[Row]:
    """The stimuli on which raters disagree most: the largest SD of the votes on one, ddof 1.

    ``stimuli``: those of `opinion.stimulus_opinions`. Of at least `LEAST_VOTES` votes; equal SD by
    the number of votes, then in table order; none whose votes all agree, and at most a quarter of
    all. ``expected`` is the SD
    that the study's scatter gives at this MOS, √(a(-MOS² + (L+H)·MOS - L·H)): in the middle of a
    scale there is more room to disagree than at its ends. (Hoßfeld et al. 2011)
    """
    enough = stimuli[(stimuli["ratings"] >= LEAST_VOTES) & (stimuli["sd"] > 0)]
    kept = min(kept, -(-len(stimuli) // 4))
    order = enough.sort_values(["sd", "ratings"], ascending=False, kind="stable").head(kept)
    low, high = scale
    found = []
    for row in order.to_dict("records"):
        room = -(row["mos"] ** 2) + (low + high) * row["mos"] - low * high
        expected = None if sos_a is None else float(np.sqrt(max(sos_a * room, 0)))
        found.append(
            {key: row[key] for key in ("set", "content", "method", "sd", "mos")}
            | {"n": int(row["ratings"]), "expected": expected}
        )
    return found


def contradicted(
    scores: Scores, better: Mapping[str, bool], *, kept: int = KEPT
) -> dict[str, dict[str, Any]]:
    """Versions of one image that raters and a measure put the other way round, by measure.

    ``better``: for each measure to look at whether more is better; others are passed over. Of two
    versions of a content, a is above b for raters if the mean of u(a) - u(b), over raters who rated
    both, is at least `LEAST_DIFFERENCE` and `sign_test` of these differences is below 0.05. A
    measure contradicts where its figure of a is worse than that of b. The hidden reference and
    what is not finite are left out; of one content the strongest pair is kept.

    ``strength`` is the smaller of |MOS a - MOS b| and |measure a - measure b|, each over its SD
    over the versions of the set: both have to differ clearly. Rows by strength, then in table
    order. Beside ``rows`` stand ``told_apart``, how many pairs of versions raters tell apart, and
    ``against``, in how many of these the measure says the reverse (equal figures count for none).
    """
    found: dict[str, dict[str, Any]] = {}
    known = [name for name in better if name in scores.measures.columns]
    for name in known:
        rows: list[Row] = []
        told = against = 0
        for set_name in scores.sets:
            pairs, apart = _contradictions(scores, set_name, name, better[name])
            told, against, rows = told + apart, against + len(pairs), rows + pairs
        if told:
            strongest: dict[tuple[str, str], Row] = {}
            for row in sorted(rows, key=lambda row: -row["strength"]):
                strongest.setdefault((row["set"], row["content"]), row)
            shown = list(strongest.values())[:kept]
            found[name] = {"told_apart": told, "against": against, "rows": shown}
    return found


def _contradictions(
    scores: Scores, set_name: str, measure: str, higher: bool
) -> tuple[list[Row], int]:
    """All of them in a set, and how many pairs of versions with figures raters tell apart."""
    contents, methods, cells = _rivals(scores, set_name)
    figures = _figures(scores, set_name, measure, contents, methods)
    means = _means(cells)
    spread, own = _sd(np.where(np.isfinite(figures), means, np.nan)), _sd(figures)
    found, told = [], 0
    if not (spread > 0 and own > 0):
        return [], 0
    for a, b in combinations(range(len(methods)), 2):
        mean, p, n = _paired(cells[:, :, a] - cells[:, :, b])
        by = figures[:, a] - figures[:, b] if higher else figures[:, b] - figures[:, a]
        apart = np.isfinite(by) & (np.abs(mean) >= LEAST_DIFFERENCE) & (p < ALPHA)
        told += int(apart.sum())
        for c in np.flatnonzero(apart & (by * mean < 0)):
            above, below = (a, b) if mean[c] > 0 else (b, a)
            found.append(
                {
                    "measure": measure,
                    "set": set_name,
                    "content": contents[c],
                    "a": methods[above],
                    "b": methods[below],
                    "mos_a": means[c, above],
                    "mos_b": means[c, below],
                    "difference": abs(mean[c]),
                    "n": n[c],
                    "p": p[c],
                    "figure_a": figures[c, above],
                    "figure_b": figures[c, below],
                    "strength": float(min(abs(mean[c]) / spread, abs(by[c]) / own)),
                }
            )
    return found, told


def reordered(scores: Scores, *, kept: int = KEPT) -> list[Row]:
    """The images on which the order of methods is least like that of their whole set.

    Of images with at least `LEAST_VOTES` votes by each of at least three methods, the hidden
    reference aside: ``tau`` is `kendall_tau` of the methods' MOS on the image with their MOS on the
    set, lowest first; equal ones by the largest reversal, then in table order. An image that has
    all equal has no order. The largest reversal is that of the two methods ``a`` (above on the
    set) and ``b`` (above on the image) with the largest ``reversal``, the smaller of the two
    differences; ``p`` is `sign_test` of the raters who rated both on this image. Without a
    reversal a and b are None. ``methods``: those compared, the best on the set first.
    """
    found: list[Row] = []
    for set_name in scores.sets:
        contents, methods, cells = _rivals(scores, set_name)
        if len(methods) < FEWEST_METHODS:
            continue
        means, votes = _means(cells), (~np.isnan(cells)).sum(axis=0)
        place = [scores.methods_of(set_name).index(method) for method in methods]
        sums, counts = (
            scores.by_method(set_name, x).sum(axis=0) for x in (scores.sums, scores.counts)
        )
        whole = sums[place] / counts[place]
        for c, content in enumerate(contents):
            there = np.flatnonzero(votes[c] >= LEAST_VOTES).astype(np.int64)
            if len(there) < FEWEST_METHODS:
                continue
            tau = kendall_tau(means[c, there], whole[there])
            if np.isnan(tau):
                continue
            row = {
                "set": set_name,
                "content": content,
                "tau": tau,
                "methods": [methods[m] for m in there[np.argsort(-whole[there], kind="stable")]],
            }
            found.append(row | _reversal(means[c], whole, there, methods, cells[:, c]))
    found.sort(key=lambda row: (row["tau"], -(row["reversal"] or 0)))
    return [row for row in found if row["a"] is not None][:kept]


def _reversal(
    means: Floats, whole: Floats, there: Ints, methods: Sequence[str], cells: Floats
) -> Row:
    """The two methods whose order is turned most, see `reordered`."""
    best: Row = {"a": None, "b": None, "reversal": None, "p": None}
    for a in there:
        for b in there:
            size = min(whole[a] - whole[b], means[b] - means[a])
            if size > (best["reversal"] or 0):
                _, p, n = _paired(cells[:, [b]] - cells[:, [a]])
                best = {
                    "a": methods[a], "b": methods[b], "reversal": float(size), "p": float(p[0]),
                    "n": int(n[0]), "mos_a": float(means[a]), "mos_b": float(means[b]),
                    "whole_a": float(whole[a]), "whole_b": float(whole[b]),
                }  # fmt: skip
    return best


def _rivals(scores: Scores, set_name: str) -> tuple[list[str], list[str], Floats]:
    """Contents, methods without the reference, and the cells: raters by contents by methods."""
    of_set = scores.stimuli.iloc[scores.of_set(set_name)]
    contents = [str(each) for each in pd.factorize(of_set["content"])[1]]
    references = set(of_set.loc[of_set["reference"].astype(bool), "method"])
    methods = scores.methods_of(set_name)
    keep = [m for m, method in enumerate(methods) if method not in references]
    return contents, [methods[m] for m in keep], scores.cells(set_name)[:, :, keep]


def _figures(
    scores: Scores, set_name: str, measure: str, contents: Sequence[str], methods: Sequence[str]
) -> Floats:
    """A measure's figures, contents by methods; NaN for what it has no finite one of."""
    codes = scores.of_set(set_name)
    of_set = scores.stimuli.iloc[codes]
    values = scores.measures[measure].to_numpy(dtype=np.float64)[codes]
    table: Floats = np.full((len(contents), len(methods)), np.nan)
    row = pd.Index(contents).get_indexer(pd.Index(of_set["content"].astype(str)))
    column = pd.Index(methods).get_indexer(pd.Index(of_set["method"]))
    known = (column >= 0) & np.isfinite(values)
    table[row[known], column[known]] = values[known]
    return table


def _means(cells: Floats) -> Floats:
    """Means over raters, NaN where nobody rated."""
    with np.errstate(invalid="ignore"):
        means: Floats = np.nansum(cells, axis=0) / (~np.isnan(cells)).sum(axis=0)
    return means


def _paired(differences: Floats) -> tuple[Floats, Floats, Floats]:
    """Mean, p of the sign test, and number, over raters, of each column of differences."""
    n = (~np.isnan(differences)).sum(axis=0)
    up, down = (differences > 0).sum(axis=0), (differences < 0).sum(axis=0)
    with np.errstate(invalid="ignore"):
        mean: Floats = np.nansum(differences, axis=0) / n
    return mean, sign_test(up, down), n


def _sd(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(known.std(ddof=1)) if len(known) > 1 else 0.0
