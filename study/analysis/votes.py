"""Scores from single votes: which count, what is set aside, and what is assumed, said aloud."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

from study.analysis.scores import ACR, EVERYTHING, Flags, Floats, Ints, Scores

SCALES = ((1, 5), (1, 7), (1, 9), (0, 10), (1, 10), (1, 11), (-3, 3), (0, 100), (1, 100))
"""Rating scales in use, narrowest first; the first that holds all scores is assumed."""


def of_votes(
    votes: pd.DataFrame,
    *,
    scale: tuple[float, float] | None = None,
    methods: Sequence[str] | None = None,
    sets: Sequence[str] | None = None,
    measures: Sequence[str] = (),
    reference: str | None = None,
    keep_order: bool = False,
) -> Scores:
    """Scores from one row a vote: rater, stimulus, score, and if there are such: set, content,
    method, is_reference, enlarged_by (the scale of the image), repetition, retest.

    Within ``repetition`` (a number or name: a declared repetition, all of them count) the first
    vote of a rater on a stimulus counts, in the order of rows. Rows with ``retest`` true are
    compared with the first vote and count for nothing else. Rows without a score are missing
    cells. ``scale`` is the lowest and the highest score; by default the narrowest of `SCALES`.
    ``methods`` and ``sets`` give an order (default: natural order of names); ``reference`` names
    the method that is the hidden reference. ``measures`` are columns that hold one number for each
    stimulus. ``keep_order`` keeps raters and stimuli in the order in which they appear.

    Raises ``ValueError`` with one sentence for a table without votes, an empty name, a score that
    is no number or off the given scale, or a stimulus with two contents, methods or sets.

    >>> votes = pd.DataFrame({"rater": ["a", "b", "b"], "stimulus": "x", "score": [3, 4, 5]})
    >>> some = of_votes(votes)
    >>> some.matrix.tolist(), some.scale
    ([[3.0], [4.0]], (1.0, 5.0))
    >>> some.notes[0]
    '1 repeated vote was left out: where a rater votes twice on a stimulus and no repetition is
    declared, the first vote counts.'
    """
    notes: list[str] = []
    score = _numbers(votes["score"])
    given = ~np.isnan(score)
    if not given.all():
        blank = int((~given).sum())
        notes.append(f"{blank} {_plural('row', blank)} without a score: missing cells, no votes.")
        votes, score = votes[given], score[given]
    if not len(votes):
        raise ValueError("there are no votes: the table has no row with a score")
    rater, raters = _codes(votes, "rater", keep_order)
    stimulus, names = _codes(votes, "stimulus", keep_order)
    stimuli, order = _stimuli(votes, stimulus, names, reference, methods, sets)
    retest = _truths(votes["retest"]) if "retest" in votes else np.zeros(len(votes), dtype=bool)
    repetition = np.zeros(len(votes), dtype=np.int64)
    if "repetition" in votes:
        repetition, _ = _codes(votes, "repetition", False)
    scale = _scale(score, scale, votes, notes)

    # lexsort is stable: within equal keys the order of rows stays.
    place = np.lexsort((repetition, rater, stimulus, retest))
    key = np.column_stack([retest, stimulus, rater, repetition])[place]
    first = np.ones(len(place), dtype=bool)
    first[1:] = (key[1:] != key[:-1]).any(axis=1)
    left_out = np.bincount(stimulus[place[~first]], minlength=len(names))
    if left_out.sum():
        n = int(left_out.sum())
        notes.append(
            f"{n} repeated {_plural('vote', n)} {'was' if n == 1 else 'were'} left out: where a "
            "rater votes twice on a stimulus and no repetition is declared, the first vote counts."
        )
    kept = place[first]
    again, counted = kept[retest[kept]], kept[~retest[kept]]
    if not len(counted):
        raise ValueError("there are no votes: all rows are retests")
    if len(again):
        notes.append(
            f"{len(again)} {_plural('vote', len(again))} of declared retests count in the retest "
            "report alone."
        )
    retests = _retests(rater, stimulus, score, counted, again)
    if (repetition != repetition[0]).any():
        notes.append(
            "Declared repetitions all count as votes; cells of paired tests hold their means."
        )
    rated = np.zeros(len(names), dtype=bool)
    rated[stimulus[counted]] = True
    everything = Scores(
        raters=raters,
        stimuli=stimuli.assign(left_out=left_out),
        rater=rater[counted],
        stimulus=stimulus[counted],
        score=score[counted],
        response_ms=(_numbers(votes["response_ms"])[counted] if "response_ms" in votes else None),
        scale=scale,
        retests=retests,
        measures=_measures(votes, stimulus, names, measures),
        methods=order[0],
        sets=order[1],
        notes=tuple(notes),
    )
    silent = set(range(len(raters))) - set(everything.rater.tolist())
    # A rater or stimulus of retests alone has no vote that counts.
    if silent or not rated.all():
        everything = everything.without([raters[code] for code in silent])
    return everything


def natural(name: str) -> list[tuple[int, int, str]]:
    """A key that sorts numbers within names by their value.

    >>> sorted(["p10", "p9", "p1"], key=natural)
    ['p1', 'p9', 'p10']
    """
    parts = re.split(r"(\d+)", name)
    numbers = [(0, int(p), "") if p.isdecimal() else (1, 0, p) for p in parts if p]
    return [*numbers, (2, 0, name)]


def guess_scale(score: Floats) -> tuple[float, float]:
    """The narrowest of `SCALES` that holds all scores, else their range.

    >>> guess_scale(np.array([0.0, 7.5]))
    (0.0, 10.0)
    """
    low, high = float(score.min()), float(score.max())
    for bottom, top in SCALES:
        if bottom <= low and high <= top:
            return float(bottom), float(top)
    return low, high


def _scale(
    score: Floats, scale: tuple[float, float] | None, votes: pd.DataFrame, notes: list[str]
) -> tuple[float, float]:
    if scale is None:
        low, high = guess_scale(score)
        if (low, high) != ACR:
            notes.append(
                f"The scale is assumed to go from {low:g} to {high:g}, after the scores found; "
                "--scale says otherwise."
            )
        return low, high
    low, high = map(float, scale)
    if not low < high:
        raise ValueError(f"a scale from {low:g} to {high:g} has no extent; give lowest and highest")
    off = (score < low) | (score > high)
    if off.any():
        row = int(np.argmax(off))
        raise ValueError(
            f"the score of rater '{votes['rater'].iloc[row]}' for "
            f"'{votes['stimulus'].iloc[row]}' is {score[row]:g}, off the scale from {low:g} to "
            f"{high:g}"
        )
    return low, high


WORDS = {"bad": 1.0, "poor": 2.0, "fair": 3.0, "good": 4.0, "excellent": 5.0}


def _numbers(column: pd.Series) -> Floats:
    """Scores as numbers, NaN where the cell is empty; the five ACR words are numbers too."""
    if pd.api.types.is_numeric_dtype(column):
        found = column.to_numpy(dtype=np.float64, na_value=math.nan)
    else:
        text = column.astype("string").str.strip().fillna("")
        words = text.str.lower().map(WORDS)
        numbers = pd.to_numeric(text.str.replace(",", "."), errors="coerce")
        found = numbers.fillna(words).to_numpy(dtype=np.float64, na_value=math.nan)
        blank = text.str.lower().isin(["", "nan", "na", "n/a", "null", "none", "-"]).to_numpy()
        wrong = np.isnan(found) & ~blank
        if wrong.any():
            row = int(np.argmax(wrong))
            raise ValueError(
                f"the score in row {row + 1} is '{column.iloc[row]}'; a score is a number"
            )
    if np.isinf(found).any():
        row = int(np.argmax(np.isinf(found)))
        raise ValueError(f"the score in row {row + 1} is infinite; a score is a finite number")
    return found


def _codes(votes: pd.DataFrame, column: str, keep_order: bool) -> tuple[Ints, list[str]]:
    """Each row's code and the names by code."""
    codes, values = pd.factorize(votes[column])
    names = [_name(value) for value in values]
    if (codes < 0).any() or "" in names:
        empty = codes < 0
        if "" in names:
            empty |= codes == names.index("")
        row = int(np.argmax(empty))
        raise ValueError(
            f"the column of the {column} is empty in {int(empty.sum())} of {len(votes)} rows, "
            f"first in row {row + 1}; every vote needs one"
        )
    if len(set(names)) < len(names):  # 1 and "1" are one name
        merged = list(dict.fromkeys(names))
        codes = np.array([merged.index(name) for name in names])[codes]
        names = merged
    if keep_order:
        return codes.astype(np.int64), names
    order = sorted(range(len(names)), key=lambda code: natural(names[code]))
    place = np.empty(len(names), dtype=np.int64)
    place[order] = np.arange(len(names))
    return place[codes], [names[code] for code in order]


def _name(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def _truths(column: pd.Series) -> Flags:
    """A column of flags, however it is written."""
    text = column.astype(str).str.strip().str.lower()
    flags: Flags = text.isin(["1", "1.0", "true", "yes", "y", "t", "x"]).to_numpy(dtype=bool)
    return flags


def _stimuli(
    votes: pd.DataFrame,
    stimulus: Ints,
    names: list[str],
    reference: str | None,
    methods: Sequence[str] | None,
    sets: Sequence[str] | None,
) -> tuple[pd.DataFrame, tuple[tuple[str, ...], tuple[str, ...]]]:
    """The table of stimuli, and the order of methods and of sets."""
    first = np.full(len(names), len(votes), dtype=np.int64)
    np.minimum.at(first, stimulus, np.arange(len(votes)))
    table = pd.DataFrame({"stimulus": pd.Series(names, dtype=object)})
    orders: dict[str, tuple[str, ...]] = {"method": (), "set": (EVERYTHING,)}
    for column, default in (("set", EVERYTHING), ("content", None), ("method", None)):
        if column not in votes:
            values: list[str | None] = (
                list(names) if column == "content" else [default] * len(names)
            )
            table[column] = pd.Series(values, dtype=object)
            continue
        codes, known = _codes(votes, column, False)
        of_stimulus = codes[first]
        if (of_stimulus[stimulus] != codes).any():
            row = int(np.argmax(of_stimulus[stimulus] != codes))
            j = stimulus[row]
            raise ValueError(
                f"the stimulus '{names[j]}' has two values of {column}: "
                f"'{known[of_stimulus[j]]}' and '{known[codes[row]]}' (row {row + 1})"
            )
        table[column] = pd.Series([known[code] for code in of_stimulus], dtype=object)
        if column in orders:
            orders[column] = tuple(known)
    for column, wanted in (("method", methods), ("set", sets)):
        if wanted is not None:
            stray = [name for name in orders[column] if name not in wanted]
            if stray:
                raise ValueError(
                    f"the {column} '{stray[0]}' is rated, but not among: {', '.join(wanted)}"
                )
            orders[column] = tuple(name for name in wanted if name in orders[column])
    is_reference = np.zeros(len(names), dtype=bool)
    if reference is not None:
        is_reference = (table["method"] == reference).to_numpy(dtype=bool)
    elif "is_reference" in votes:
        is_reference = _truths(votes["is_reference"].iloc[first])
    table["reference"] = is_reference
    if "enlarged_by" in votes:
        table["enlarged_by"] = pd.to_numeric(
            votes["enlarged_by"].iloc[first], errors="coerce"
        ).to_numpy(dtype=np.float64)
    return table, (orders["method"], orders["set"])


def _retests(
    rater: Ints, stimulus: Ints, score: Floats, counted: Ints, again: Ints
) -> pd.DataFrame:
    """First and second score wherever a stimulus was rated again by declaration."""
    votes = pd.DataFrame(
        {
            "rater": rater[np.r_[counted, again]],
            "stimulus": stimulus[np.r_[counted, again]],
            "score": score[np.r_[counted, again]],
        }
    )
    twice = votes[votes.duplicated(["rater", "stimulus"], keep=False)]
    number = twice.groupby(["rater", "stimulus"]).cumcount()
    pairs = twice[number == 0].merge(twice[number == 1], on=["rater", "stimulus"])
    return pairs.rename(columns={"score_x": "first", "score_y": "second"})


def _measures(
    votes: pd.DataFrame, stimulus: Ints, names: list[str], columns: Sequence[str]
) -> pd.DataFrame:
    """One row a stimulus; the mean of what its rows say, which should be one number."""
    table = pd.DataFrame(index=range(len(names)))
    for column in columns:
        values = pd.to_numeric(votes[column], errors="coerce").astype(np.float64)
        by_stimulus = values.groupby(stimulus)
        low, high = by_stimulus.min(), by_stimulus.max()
        if (high > low + 1e-9).any():
            j = int(np.argmax((high > low + 1e-9).to_numpy()))
            raise ValueError(
                f"the measure {column} of the stimulus '{names[j]}' is {low.iloc[j]:g} in one row "
                f"and {high.iloc[j]:g} in another; a measure belongs to the stimulus"
            )
        table[column] = by_stimulus.first().reindex(range(len(names)))
    return table


def _plural(word: str, n: int) -> str:
    return word if n == 1 else f"{word}s"
