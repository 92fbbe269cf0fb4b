"""Mean Opinion Scores with intervals, from single ratings.

A stimulus is one (set, image, method). Ratings may be of any design: raters who saw a part of the
stimuli, missing votes and unequal numbers are normal. What cannot be computed is missing (NaN),
and the column ``note`` of the same row says why.
"""

from __future__ import annotations

from typing import Literal, TypeVar

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from study.analysis.scores import Floats, Ints, Scores
from study.analysis.votes import of_votes

RatersKind = Literal["people", "simulated", "nobody"]
Number = TypeVar("Number", float, pd.Series)

KEYS = ("rater", "set", "image", "method")
COLUMNS = (*KEYS, "score", "simulated")
SCORES = (1, 2, 3, 4, 5)
CONFIDENCE = 0.95
INTERVAL = "95 % CI, t over raters' means"
# Below this number of observers ITU-R BT.500 calls a study informal.
FORMAL_RATERS = 15


def check_ratings(ratings: pd.DataFrame) -> pd.DataFrame:
    """The same ratings in plain types: texts, whole scores, booleans; further columns are kept.

    Raises ``ValueError`` for a missing column, an empty cell, a score that is not one of 1..5, a
    ``simulated`` that is neither true nor false, and for people mixed with simulated raters.
    """
    for column in COLUMNS:
        if column not in ratings.columns:
            raise ValueError(
                f"the ratings have no column '{column}'; they need {', '.join(COLUMNS)} "
                f"and have {', '.join(map(str, ratings.columns)) or 'none'}"
            )
    for key in KEYS:
        empty = ratings[key].isna() | (ratings[key].astype(str) == "")
        if empty.any():
            raise ValueError(
                f"the ratings' column '{key}' is empty in {empty.sum()} of {len(ratings)} rows, "
                f"first in row {_first(empty)}; every rating needs one"
            )
    score = pd.to_numeric(ratings["score"], errors="coerce")
    wrong = ~score.isin(SCORES)
    if wrong.any():
        rating = ratings.iloc[_first(wrong) - 1]
        raise ValueError(
            f"the score of rater '{rating['rater']}' for {rating['set']}/{rating['image']}/"
            f"{rating['method']} (row {_first(wrong)}) is '{rating['score']}'; "
            "a score is one of 1, 2, 3, 4, 5"
        )
    unclear = ~ratings["simulated"].isin([True, False])
    if unclear.any():
        raise ValueError(
            f"the ratings' column 'simulated' holds '{ratings.loc[unclear, 'simulated'].iloc[0]}' "
            f"in row {_first(unclear)}; it is true or false"
        )
    simulated = ratings["simulated"].astype(bool)
    if simulated.nunique() > 1:
        raise ValueError(
            f"the ratings mix people ({(~simulated).sum()} ratings) with simulated raters "
            f"({simulated.sum()} ratings); give either, never both"
        )
    plain = {key: ratings[key].astype(str) for key in KEYS}
    return ratings.assign(**plain, score=score.astype(np.int64), simulated=simulated).reset_index(
        drop=True
    )


def raters_kind(ratings: pd.DataFrame) -> RatersKind:
    """Who rated: ``people``, ``simulated`` raters, or ``nobody`` yet. Errors: `check_ratings`."""
    simulated = check_ratings(ratings)["simulated"]
    if simulated.empty:
        return "nobody"
    return "simulated" if simulated.iloc[0] else "people"


def first_votes(ratings: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Each rater's first vote on each stimulus, and the later ones, which are left out.

    First is first in the order of rows. Errors: `check_ratings`.
    """
    ratings = check_ratings(ratings)
    repeated = ratings.duplicated(subset=list(KEYS))
    return ratings[~repeated], ratings[repeated]


def half_width(sd: Number, n: Number) -> Number:
    """Half the 95 % interval of a mean of ``n`` values with sample SD ``sd``: t(0.975, n-1) SD/√n.

    NaN for n below 2, which says nothing about the spread.

    >>> round(float(half_width(1.0, 26)), 4)
    0.4039
    """
    # scipy.stats has the same quantile and takes a second to import. With no degree of freedom
    # it is NaN, which is what is meant.
    width: Number = stdtrit(n - 1, (1 + CONFIDENCE) / 2) * sd / np.sqrt(n)
    return width


def of_ratings(ratings: pd.DataFrame) -> Scores:
    """The votes of a study as `Scores`; a stimulus is one (set, image, method).

    A column ``repeat`` marks declared retests, which do not count as votes. Errors:
    `check_ratings`; ``ValueError`` where there is none.
    """
    ratings = check_ratings(ratings)
    stimulus = ratings["set"] + "/" + ratings["image"] + "/" + ratings["method"]
    votes = ratings.rename(columns={"image": "content", "repeat": "retest"})
    columns = ["rater", "set", "content", "method", "score"]
    columns += ["retest"] if "retest" in votes else []
    return of_votes(votes[columns].assign(stimulus=stimulus), scale=(SCORES[0], SCORES[-1]))


def by_stimulus(ratings: pd.DataFrame) -> pd.DataFrame:
    """The opinion of each stimulus of a study: `stimulus_opinions` of its ratings.

    Errors: `check_ratings`. Empty for no ratings.

    >>> votes = pd.DataFrame({"rater": ["a", "b", "c"], "score": [3, 4, 5]})
    >>> votes = votes.assign(set="Set5", image="baby", method="srgan", simulated=False)
    >>> by_stimulus(votes)[["mos", "sd", "ci_half_width"]].round(4).values.tolist()
    [[4.0, 1.0, 2.4841]]
    """
    if check_ratings(ratings).empty:
        return pd.DataFrame(columns=STIMULUS_COLUMNS)
    return stimulus_opinions(of_ratings(ratings)).rename(columns={"content": "image"})


def by_method(ratings: pd.DataFrame) -> pd.DataFrame:
    """The opinion of each method on each set: `method_opinions` of the ratings of a study.

    Errors: `check_ratings`. Empty for no ratings.

    >>> votes = pd.DataFrame({"rater": ["a", "a", "b", "b"], "image": ["x", "y", "x", "y"]})
    >>> votes = votes.assign(set="Set5", method="srgan", score=[3, 5, 3, 2], simulated=False)
    >>> by_method(votes)[["raters", "ratings", "mos", "ci_half_width"]].round(2).values.tolist()
    [[2.0, 4.0, 3.25, 9.53]]
    """
    if check_ratings(ratings).empty:
        return pd.DataFrame(columns=METHOD_COLUMNS)
    return method_opinions(of_ratings(ratings))


def score_counts(ratings: pd.DataFrame) -> pd.DataFrame:
    """How often each method got each score: index (set, method), sorted; columns 1..5.

    Repeated votes do not count. Errors: `check_ratings`.
    """
    votes, _ = first_votes(ratings)
    counts = votes.groupby(["set", "method", "score"]).size().unstack("score", fill_value=0)
    return counts.reindex(columns=list(SCORES), fill_value=0).astype(np.int64)


def stimulus_opinions(scores: Scores) -> pd.DataFrame:
    """The opinion of each stimulus, in the order of ``scores.stimuli``.

    Columns: stimulus, set, content, method, ratings (their number N), mos (mean), sd (ddof 1),
    se (SD/√N), ci_low and ci_high (mos ± t(0.975, N-1)·SD/√N; not cut at the ends of the scale),
    ci_half_width, dmos, left_out (repeated votes that do not count), note.

    dmos is the mean over the raters of DV = u - u(hidden reference of the same content) + highest
    score (ITU-T P.910, ACR-HR); values above the highest score stay; NaN without a reference.
    """
    n = len(scores.stimuli)
    table = scores.stimuli[["stimulus", "set", "content", "method"]].copy()
    count, mean, sd = _mean_and_sd(scores.score, scores.stimulus, n)
    table["ratings"], table["mos"], table["sd"] = count, mean, sd
    with np.errstate(invalid="ignore", divide="ignore"):
        table["se"] = table["sd"] / np.sqrt(count)
    table = _with_interval(table, half_width(table["sd"], table["ratings"]))
    differential = differential_scores(scores)
    table["dmos"] = _column_means(
        np.where(np.isnan(differential), 0, differential), ~np.isnan(differential)
    )
    table["left_out"] = scores.stimuli["left_out"]
    table["note"] = [_note(*row) for row in zip(count, table["left_out"], strict=True)]
    return table


def method_opinions(scores: Scores) -> pd.DataFrame:
    """The opinion of each method on each set: one row for each (set, method), in their order.

    Columns: set, method, raters, ratings, images (those that were rated), mos (mean of all
    ratings), sd (of all ratings, ddof 1), ci_low, ci_high, ci_half_width, pooled_half_width, dmos,
    left_out, note.

    The raters are the sample: the interval is mos ± t(0.975, R-1)·S/√R with S the SD (ddof 1) of
    the R raters' own mean scores. Taking all ratings for independent is pseudo-replication, and too
    narrow by a factor of about three: ``pooled_half_width`` is there to show it. The interval is
    not cut at the ends of the scale.
    """
    rows = []
    differential = differential_scores(scores)
    of_stimulus = scores.stimuli["method"].to_numpy()
    for set_name in scores.sets:
        codes = scores.of_set(set_name)
        means = scores.rater_means(set_name)
        for m, method in enumerate(scores.methods_of(set_name)):
            stimuli = codes[of_stimulus[codes] == method]
            votes = np.isin(scores.stimulus, stimuli)
            (count,), (mean,), (sd,) = _mean_and_sd(
                scores.score[votes], np.zeros(votes.sum(), dtype=np.int64), 1
            )
            own = means[~np.isnan(means[:, m]), m]
            half = half_width(float(np.std(own, ddof=1)), len(own)) if len(own) > 1 else np.nan
            dv = differential[:, stimuli]
            rows.append(
                {
                    "set": set_name,
                    "method": method,
                    "raters": len(own),
                    "ratings": int(count),
                    "images": int(scores.stimuli["content"].iloc[stimuli].nunique()),
                    "mos": mean,
                    "sd": sd,
                    "ci_low": mean - half,
                    "ci_high": mean + half,
                    "ci_half_width": half,
                    "pooled_half_width": half_width(float(sd), int(count)) if count > 1 else np.nan,
                    "dmos": float(np.nanmean(dv)) if (~np.isnan(dv)).any() else np.nan,
                    "left_out": int(scores.stimuli["left_out"].iloc[stimuli].sum()),
                }
            )
    table = pd.DataFrame(rows, columns=METHOD_COLUMNS[:-1])
    table["note"] = [
        _note(raters, left_out, formal=FORMAL_RATERS)
        for raters, left_out in zip(table["raters"], table["left_out"], strict=True)
    ]
    return table


def differential_scores(scores: Scores) -> Floats:
    """DV = u - u(hidden reference of the same set and content) + highest score, or NaN.

    Returns raters by stimuli. Where a content has several references, the first is taken.
    """
    stimuli, matrix = scores.stimuli, scores.matrix
    references: dict[tuple[object, ...], int] = {}
    for j, (is_reference, *key) in enumerate(
        zip(stimuli["reference"], stimuli["set"], stimuli["content"], strict=True)
    ):
        if is_reference:
            references.setdefault(tuple(key), j)
    of_stimulus = [
        references.get(key, -1) for key in zip(stimuli["set"], stimuli["content"], strict=True)
    ]
    known = np.array(of_stimulus, dtype=np.int64)
    differential = np.full_like(matrix, np.nan)
    has = known >= 0
    differential[:, has] = matrix[:, has] - matrix[:, known[has]] + scores.scale[1]
    return differential


STIMULUS_COLUMNS = [
    *("stimulus", "set", "image", "method", "ratings", "mos", "sd", "se", "ci_low", "ci_high"),
    *("ci_half_width", "dmos", "left_out", "note"),
]
METHOD_COLUMNS = [
    *("set", "method", "raters", "ratings", "images", "mos", "sd", "ci_low", "ci_high"),
    *("ci_half_width", "pooled_half_width", "dmos", "left_out", "note"),
]


def _mean_and_sd(score: Floats, group: Ints, groups: int) -> tuple[Ints, Floats, Floats]:
    """Number, mean and SD (ddof 1; NaN for one) of the scores in each group."""
    n = np.bincount(group, minlength=groups)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.bincount(group, weights=score, minlength=groups) / n
        squares = np.bincount(group, weights=(score - mean[group]) ** 2, minlength=groups)
        sd = np.sqrt(squares / np.where(n > 1, n - 1, np.nan))
    return n, mean, sd


def _column_means(sums: Floats, known: Floats) -> Floats:
    with np.errstate(invalid="ignore"):
        means: Floats = sums.sum(axis=0) / known.sum(axis=0)
    return means


def _with_interval(table: pd.DataFrame, half: pd.Series) -> pd.DataFrame:
    return table.assign(ci_low=table["mos"] - half, ci_high=table["mos"] + half, ci_half_width=half)


def _note(raters: int, left_out: int, formal: int = 0) -> str:
    remarks = []
    if raters == 1:
        remarks.append("no interval: one rater")
    if raters < formal:
        remarks.append(f"informal: fewer than {formal} raters (ITU-R BT.500)")
    if left_out:
        remarks.append(f"repeated votes left out, the first counts: {left_out}")
    return "; ".join(remarks)


def _first(rows: pd.Series) -> int:
    """The number of the first true row, counted from 1 as people count."""
    return int(np.argmax(rows.to_numpy())) + 1
