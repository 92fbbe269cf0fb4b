"""Mean Opinion Scores with intervals, from single ratings.

A stimulus is one (set, image, method). Ratings may be of any design: raters who saw a part of the
stimuli, missing votes and unequal numbers are normal. What cannot be computed is missing (NaN),
and the column ``note`` of the same row says why.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeVar

import numpy as np
import pandas as pd
from scipy.special import stdtrit

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


def by_stimulus(ratings: pd.DataFrame) -> pd.DataFrame:
    """The opinion of each stimulus: one row for each (set, image, method), sorted.

    Columns: set, image, method, ratings (their number N), mos (mean, 1..5), sd (ddof 1),
    se (SD/√N), ci_low and ci_high (mos ± t(0.975, N-1)·SD/√N; not cut at 1 or 5),
    ci_half_width, left_out (repeated votes that do not count), note. Errors: `check_ratings`.

    >>> votes = pd.DataFrame({"rater": ["a", "b", "c"], "score": [3, 4, 5]})
    >>> votes = votes.assign(set="Set5", image="baby", method="srgan", simulated=False)
    >>> by_stimulus(votes)[["mos", "sd", "ci_half_width"]].round(4).values.tolist()
    [[4.0, 1.0, 2.4841]]
    """
    votes, repeated = first_votes(ratings)
    keys = ["set", "image", "method"]
    table = _mean_and_sd(votes, keys)
    table["se"] = table["sd"] / np.sqrt(table["ratings"])
    table = _with_interval(table, half_width(table["sd"], table["ratings"]))
    table["left_out"] = _sizes(repeated, keys, table.index)
    table["note"] = [_note(*row) for row in zip(table["ratings"], table["left_out"], strict=True)]
    return table.reset_index()


def by_method(ratings: pd.DataFrame) -> pd.DataFrame:
    """The opinion of each method on each set: one row for each (set, method), sorted.

    Columns: set, method, raters, ratings, images (those that were rated), mos (mean of all ratings,
    1..5), sd (of all ratings, ddof 1), ci_low, ci_high, ci_half_width, left_out, note. Errors:
    `check_ratings`.

    The raters are the sample: the interval is mos ± t(0.975, R-1)·S/√R with S the SD (ddof 1) of
    the R raters' own mean scores. Taking all ratings for independent would be pseudo-replication,
    and too narrow by a factor of about three. The interval is not cut at 1 or 5.

    >>> votes = pd.DataFrame({"rater": ["a", "a", "b", "b"], "image": ["x", "y", "x", "y"]})
    >>> votes = votes.assign(set="Set5", method="srgan", score=[3, 5, 3, 2], simulated=False)
    >>> by_method(votes)[["raters", "ratings", "mos", "ci_half_width"]].round(2).values.tolist()
    [[2.0, 4.0, 3.25, 9.53]]
    """
    votes, repeated = first_votes(ratings)
    keys = ["set", "method"]
    rater_means = votes.groupby([*keys, "rater"])["score"].mean().groupby(level=keys)
    table = _mean_and_sd(votes, keys)
    table.insert(0, "raters", rater_means.count())
    table.insert(2, "images", votes.groupby(keys)["image"].nunique())
    table = _with_interval(table, half_width(rater_means.std(), table["raters"]))
    table["left_out"] = _sizes(repeated, keys, table.index)
    table["note"] = [
        _note(raters, left_out, formal=FORMAL_RATERS)
        for raters, left_out in zip(table["raters"], table["left_out"], strict=True)
    ]
    return table.reset_index()


def score_counts(ratings: pd.DataFrame) -> pd.DataFrame:
    """How often each method got each score: index (set, method), sorted; columns 1..5.

    Repeated votes do not count. Errors: `check_ratings`.
    """
    votes, _ = first_votes(ratings)
    counts = votes.groupby(["set", "method", "score"]).size().unstack("score", fill_value=0)
    return counts.reindex(columns=list(SCORES), fill_value=0).astype(np.int64)


def _mean_and_sd(votes: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """Number, mean and SD (ddof 1; NaN for one) of the scores in each group."""
    scores = votes.assign(square=votes["score"] ** 2).groupby(list(keys))
    n, total, squares = scores.size(), scores["score"].sum(), scores["square"].sum()
    # Whole numbers up to the last division: the order of the rows cannot change a bit.
    variance = (n * squares - total**2) / (n * (n - 1)).where(n > 1)
    return pd.DataFrame({"ratings": n, "mos": total / n, "sd": np.sqrt(variance)})


def _with_interval(table: pd.DataFrame, half: pd.Series) -> pd.DataFrame:
    return table.assign(ci_low=table["mos"] - half, ci_high=table["mos"] + half, ci_half_width=half)


def _sizes(votes: pd.DataFrame, keys: Sequence[str], index: pd.Index) -> pd.Series:
    return votes.groupby(list(keys)).size().reindex(index, fill_value=0).astype(np.int64)


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
