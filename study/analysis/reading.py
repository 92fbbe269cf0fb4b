"""Files of ratings as people have them: long form with guessed column names, or a matrix."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from study.analysis import heads
from study.analysis.measures import OfSets
from study.analysis.scores import Scores
from study.analysis.votes import of_votes

MISSING = ("", "nan", "na", "n/a", "null", "none", "-")
"""How an empty cell of a matrix may be written."""
REFERENCES = ("hr", "reference", "ref", "original", "hidden_reference", "ground_truth", "gt")
"""Methods whose name says that they are the hidden reference."""


def read(
    path: Path,
    *,
    columns: Mapping[str, str] | None = None,
    matrix: bool = False,
    scale: tuple[float, float] | None = None,
    measures: Sequence[str] | None = None,
    of_sets: OfSets | None = None,
    reference: str | None = None,
    raters: str | None = None,
) -> Scores:
    """The scores in a file. ``columns`` names columns where the guess would be wrong.

    Where the file says whether people or simulated raters gave its ratings it is read for one of
    the two: ``raters`` chooses in a file that holds both. Raises ``ValueError`` or ``OSError`` with
    one sentence for a file that cannot be understood, and for ``of_sets`` of nothing in it.
    """
    text = _text(path)
    if matrix:
        if raters is not None:
            raise ValueError("a matrix does not say who rated; leave out --raters")
        votes = _long(text, path)
        return _with(of_sets, of_votes(votes, scale=scale, keep_order=True))
    scores = of_table(
        _table(text, path), columns=columns, scale=scale, measures=measures, reference=reference,
        raters=raters,
    )  # fmt: skip
    return _with(of_sets, scores)


def _with(of_sets: OfSets | None, scores: Scores) -> Scores:
    """The scores and figures of whole sets, which are of some that was rated."""
    cells = {cell for of_measure in (of_sets or {}).values() for cell in of_measure}
    rated = {(name, method) for name in scores.sets for method in scores.methods_of(name)}
    if cells and not cells & rated:
        raise ValueError(
            f"measures of whole sets are of {', '.join(map('/'.join, sorted(cells)))}; rated are "
            f"{', '.join(map('/'.join, sorted(rated))) or 'no sets by methods'}"
        )
    return replace(scores, of_sets=of_sets or {})


def of_table(
    table: pd.DataFrame,
    *,
    columns: Mapping[str, str] | None = None,
    scale: tuple[float, float] | None = None,
    measures: Sequence[str] | None = None,
    of_sets: OfSets | None = None,
    reference: str | None = None,
    methods: Sequence[str] | None = None,
    sets: Sequence[str] | None = None,
    raters: str | None = None,
) -> Scores:
    """Scores from a table in long form, one row a vote, whatever its columns are called.

    ``measures``: columns that hold them, in this order, guessed by default; ``of_sets``: figures
    of whole sets, which no column holds. ``raters`` (people or simulated) as for :func:`read`.
    """
    found = heads.guess([str(name) for name in table.columns], columns or {})
    table, raters_kind, left = _of_one_kind(table, raters, aside=set(found.values()))
    votes = pd.DataFrame(index=table.index)
    for role in ("rater", "set", "content", "method", "stimulus"):
        if role in found:
            votes[role] = table[found[role]]
    for role in ("repetition", "retest", "is_reference", "enlarged_by", "score", "response_ms"):
        if role in found:
            votes[role] = table[found[role]]
    said = [f"{role}: {name}" for role, name in found.items()]
    notes = [f"Columns read: {', '.join(said)}."]
    if "stimulus" not in votes:
        parts = [role for role in ("set", "content", "method") if role in votes]
        votes["stimulus"] = _joined(votes, parts)
        notes.append(f"A stimulus is one ({', '.join(parts)}).")
    elif "set" in votes and votes.groupby("stimulus")["set"].nunique().max() > 1:
        # The same file name may stand in two sets.
        votes["stimulus"] = _joined(votes, ["set", "stimulus"])
    if "method" in votes and votes["method"].isna().all():
        votes = votes.drop(columns="method")
    known = {heads.plain_name(name): str(name) for name in table.columns}
    if measures is None:
        measures = heads.guess_measures(list(known.values()))
    for name in measures:
        if name not in table.columns:
            raise ValueError(heads.absent(name, "measure", list(known.values())))
        votes[name] = table[name]
    if reference is None and "method" in votes and "is_reference" not in votes:
        named = [m for m in votes["method"].dropna().unique() if str(m).lower() in REFERENCES]
        reference = str(named[0]) if len(named) == 1 else None
    elif reference is not None:
        there = sorted({str(m) for m in votes["method"].dropna()}) if "method" in votes else []
        if reference not in there:
            raise ValueError(
                f"the reference '{reference}' is no method of the table; there are: "
                f"{', '.join(there) or 'none'}"
            )
    for name in heads.UNCOUNTED:
        if name in known:
            aside = table[known[name]].astype(str).str.lower().isin(["1", "1.0", "true", "yes"])
            if aside.any():
                votes = votes[~aside]
                notes.append(f"{int(aside.sum())} votes with {known[name]} are not analysed.")
    scores = of_votes(
        votes, scale=scale, measures=measures, reference=reference, methods=methods, sets=sets
    )
    return replace(
        scores, notes=(*notes, *left, *scores.notes), raters_kind=raters_kind,
        of_sets=of_sets or {},
    )  # fmt: skip


def _of_one_kind(
    table: pd.DataFrame, raters: str | None, *, aside: set[str]
) -> tuple[pd.DataFrame, str | None, list[str]]:
    """The rows of people, or of simulated raters, which of them, and what was left aside.

    Columns in ``aside`` are read for something else. Raises ``ValueError`` for a value that says
    neither, for columns that contradict each other, and for both kinds without a choice.
    """
    named = [
        name
        for name in table.columns
        if str(name) not in aside and heads.plain_name(name) in heads.KINDS
    ]
    if not named:
        if raters is not None:
            raise ValueError(
                f"no column says who rated, so that --raters {raters} cannot choose; there are: "
                f"{', '.join(map(str, table.columns))}. It is called raters_kind or simulated"
            )
        return table, None, []
    kinds = [_kinds(table[name], name) for name in named]
    differs = np.any([(kind != kinds[0]).to_numpy() for kind in kinds], axis=0)
    if differs.any():
        row = int(np.argmax(differs))
        said = " and ".join(f"'{table[name].iloc[row]}' in '{name}'" for name in named)
        raise ValueError(f"row {row + 1} says {said}; either people or a simulated rater gave it")
    people = int((kinds[0] == "people").sum())
    count = {"people": people, "simulated": len(table) - people}
    both = f"{count['people']} ratings of people and {count['simulated']} of simulated raters"
    if raters is None and all(count.values()):
        raise ValueError(
            f"there are {both}, which are never pooled; choose by --raters people or "
            "--raters simulated"
        )
    kind = raters or str(kinds[0].iloc[0])
    if not count[kind]:
        raise ValueError(f"there are {both}: none for --raters {kind}")
    other = "people" if kind == "simulated" else "simulated"
    words = {"people": "people", "simulated": "simulated raters"}[other]
    left = [f"{count[other]} ratings of {words} are left aside."] * (count[other] > 0)
    return table[kinds[0] == kind].reset_index(drop=True), kind, left


def _kinds(column: pd.Series, name: object) -> pd.Series:
    """Who gave each rating, people or simulated."""
    meaning = heads.KINDS[heads.plain_name(name)]
    known = column.astype("string").str.strip().str.lower().map(meaning)
    unclear = known.isna().to_numpy()
    if unclear.any():
        row = int(np.argmax(unclear))
        value = column.iloc[row]
        said = "is empty" if pd.isna(value) else f"holds '{value}'"
        either = "people or simulated" if "kind" in heads.plain_name(name) else "true or false"
        raise ValueError(f"the column '{name}' {said} in row {row + 1}; it is {either}")
    return known.astype(str)


def _joined(votes: pd.DataFrame, parts: Sequence[str]) -> pd.Series:
    """Texts like ``Set5/baby/srgan``, made once for each combination that occurs."""
    number, unique = pd.factorize(pd.MultiIndex.from_frame(votes[list(parts)].astype(object)))
    texts = np.array(["/".join(map(str, combination)) for combination in unique], dtype=object)
    return pd.Series(texts[number], index=votes.index)


def _text(path: Path) -> str:
    if path.is_dir():
        raise ValueError(f"{path} is a folder; give a CSV file of ratings")
    if not path.exists():
        raise ValueError(f"there is no file {path}")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        text = path.read_text(encoding="latin-1")
    if not text.strip():
        raise ValueError(f"{path} is empty; it needs a header line and one row a rating")
    if "\0" in text:
        raise ValueError(f"{path} is no text; ratings are read from CSV files")
    return text


def _separator(line: str) -> str:
    """What separates the cells: the likeliest of comma, semicolon, tab and bar."""
    return max(",;\t|", key=line.count)


def _table(text: str, path: Path) -> pd.DataFrame:
    separator = _separator(text.split("\n", 1)[0])
    try:
        table = pd.read_csv(
            io.StringIO(text),
            sep=separator,
            decimal="," if separator == ";" else ".",
            keep_default_na=True,
            low_memory=False,
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise ValueError(f"{path} is no table: {str(error).strip()}") from error
    if table.empty:
        raise ValueError(f"{path} has a header line and no ratings")
    return table


def _long(text: str, path: Path) -> pd.DataFrame:
    """A matrix of stimuli (rows) by raters (columns) in long form.

    A first row or a first column of names is used as such; columns headed like a stimulus, content,
    method or set say so of their row, and means or SDs of others are left aside. A row without any
    cell starts the matrix of the next repetition, as in the data of ITU-T P.910's demonstration.
    """
    separator = _separator(text.split("\n", 1)[0])
    rows = [
        [cell.strip().strip('"') for cell in line.split(separator)]
        for line in text.rstrip().splitlines()
    ]
    header = rows[0] if any(_is_name(cell) for cell in rows[0][1:]) else None
    body = rows[1:] if header else rows
    width = len(rows[0])
    roles = _attributes(header, body)
    raters = [k for k in range(width) if k not in roles]
    names = [header[k] if header else str(i + 1) for i, k in enumerate(raters)]
    _once(names, "column", path)
    parts, repetition, place = [], 0, 0
    said: list[str] = []
    for number, row in enumerate(body, start=2 if header else 1):
        if not any(row):
            repetition, place = repetition + 1, 0
            continue
        if len(row) != width:
            raise ValueError(
                f"row {number} of {path} has {len(row)} cells, the first has {width}; "
                "a matrix has one column a rater"
            )
        place += 1
        attributes = {role: row[k] for k, role in roles.items() if role}
        attributes.setdefault("stimulus", str(place))
        said += [attributes["stimulus"]] if not repetition else []
        scores = [row[k] for k in raters]
        votes = {"rater": names, "repetition": repetition, "score": scores, **attributes}
        parts.append(pd.DataFrame(votes))
    if not parts or not names:
        raise ValueError(f"{path} holds no row of scores")
    _once(said, "row", path)
    return pd.concat(parts, ignore_index=True)


ASIDE = (
    "mos",
    "mean",
    "sd",
    "std",
    "stdev",
    "var",
    "variance",
    "ci",
    "ci95",
    "se",
    "dmos",
    "index",
)
"""Headings of a matrix's columns that hold no votes."""


def _attributes(header: list[str] | None, body: list[list[str]]) -> dict[int, str]:
    """Which columns of a matrix hold no votes: what each says of its row, empty for nothing."""
    found: dict[int, str] = {}
    for k, head in enumerate(header or []):
        plain = heads.plain_name(head)
        for role in ("stimulus", "content", "method", "set"):
            if plain in heads.NAMES[role] and role not in found.values():
                found[k] = role
                break
        if plain in ASIDE:
            found[k] = ""
    texts = any(_is_name(row[0]) for row in body)
    if 0 not in found and (texts or (header and not header[0])):
        found[0] = "stimulus"
    if found and "stimulus" not in found.values():
        first = [k for k, role in found.items() if role == "content"]
        if first and len({row[first[0]] for row in body if any(row)}) == len(body):
            found[first[0]] = "stimulus"
    return found


def _once(names: list[str], what: str, path: Path) -> None:
    twice = next((name for k, name in enumerate(names) if name in names[:k]), None)
    if twice is not None:
        raise ValueError(f"two {what}s of {path} are called '{twice}'; each has a name of its own")


def _number(cell: str) -> bool:
    try:
        float(cell.replace(",", "."))
    except ValueError:
        return False
    return True


def _is_name(cell: str) -> bool:
    return bool(cell) and not _number(cell) and cell.lower() not in MISSING
