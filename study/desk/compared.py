"""Two studies held against each other: for the page, the files and the command.

It is quick to compute from the votes, so that no file is kept: each process remembers the latest
comparisons until a vote of either study changes.
"""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import pandas as pd

from study.analysis import compare, compare_figure, marks
from study.analysis.figures import Format
from study.desk import exports
from study.desk.exports import Kind
from study.models import Rating, Study

FIGURES: dict[str, Format] = {"svg": "svg", "pdf": "pdf", "png": "png"}
FORMATS = ("csv", "json", *FIGURES)
"""As what a comparison is taken away."""
COLUMNS = (
    *("set", "method", "images", "raters_a", "raters_b", "mos_a", "mos_b", "difference"),
    *("low", "high", "p", "p_holm", "differs", "note"),
)


@dataclass(frozen=True)
class Side:
    """One of the two: a study, and whose ratings of it."""

    study: Study
    kind: Kind

    @property
    def mark(self) -> str:
        """Which state its votes are in."""
        return exports.mark(self.study, kind=self.kind)


def votes(side: Side) -> pd.DataFrame:
    """One row a vote, retests left out: rater, set, image, method, checksum, score."""
    simulated = side.kind == "simulated"
    rows = Rating.objects.counted().of(side.study, simulated=simulated)
    cells = rows.filter(trial__repeat=False).order_by("trial__rater__number", "trial__position")
    frame = pd.DataFrame(
        cells.values_list("trial__rater__number", "trial__stimulus", "score"),
        columns=["rater", "stimulus", "score"],
    )
    names = {
        "stimulus": "pk", "set": "source__dataset__name", "image": "source__name",
        "method": "method__name", "checksum": "sha256",
    }  # fmt: skip
    shown = side.study.stimuli.order_by("source__dataset", "method__place", "source__name")
    stimuli = pd.DataFrame(shown.values_list(*names.values()), columns=[*names])
    # In the order of tables, which is that of what is said of methods.
    found = stimuli.merge(frame, on="stimulus", how="inner")
    return found[list(compare.COLUMNS)]


def comparison(a: Side, b: Side) -> dict[str, Any]:
    """`study.analysis.compare.compare` of two sides, with what its sentences need."""
    return _comparison(a.study.pk, a.kind, a.mark, b.study.pk, b.kind, b.mark)


@lru_cache(maxsize=4)
def _comparison(a: int, kind_a: Kind, _a: str, b: int, kind_b: Kind, _b: str) -> dict[str, Any]:
    sides = [Side(Study.objects.get(pk=pk), kind) for pk, kind in ((a, kind_a), (b, kind_b))]
    found = compare.compare(*map(votes, sides))
    return {"sides": _named(sides), **found, "notes": compare.notes(found)}


def _named(sides: list[Side]) -> dict[str, dict[str, str]]:
    return {
        name: {"study": side.study.slug, "title": side.study.title, "rated_by": side.kind}
        for name, side in zip("ab", sides, strict=True)
    }


def kind_of_both(a: Side, b: Side) -> Kind:
    """What a file is marked as: one side of simulated raters makes all of it theirs."""
    return "simulated" if "simulated" in (a.kind, b.kind) else "people"


def file_name(a: Side, b: Side, form: str) -> str:
    """How the file is called: it names both studies, and simulated raters."""
    name = f"{a.study.slug}-against-{b.study.slug}.{form}"
    return marks.file_name(kind_of_both(a, b), name)


def file(a: Side, b: Side, form: str) -> bytes:
    """A comparison as one of `FORMATS`: csv has the methods, json all, the others the figure.

    Raises ``ValueError`` for a figure of nothing in common.
    """
    if form == "csv":
        return to_csv(a, b).encode()
    if form == "json":
        return to_json(a, b).encode()
    return _figure(a.study.pk, a.kind, a.mark, b.study.pk, b.kind, b.mark, FIGURES[form])


def to_json(a: Side, b: Side) -> str:
    """All of it; every object in it says if a side had simulated raters, and ``sides`` which."""
    marked = marks.rows(kind_of_both(a, b), comparison(a, b))
    return json.dumps(marked, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def to_csv(a: Side, b: Side) -> str:
    """The methods, one row each; every row says who rated A, who rated B, and the mark of both."""
    text = io.StringIO()
    kinds = {"rated_by_a": a.kind, "rated_by_b": b.kind, "raters_kind": kind_of_both(a, b)}
    writer = csv.DictWriter(text, [*COLUMNS, *kinds], lineterminator="\n")
    writer.writeheader()
    for row in comparison(a, b)["methods"]:
        writer.writerow({name: row[name] for name in COLUMNS} | kinds)
    return text.getvalue()


@lru_cache(maxsize=8)
def _figure(a: int, kind_a: Kind, _a: str, b: int, kind_b: Kind, _b: str, form: Format) -> bytes:
    found = _comparison(a, kind_a, _a, b, kind_b, _b)
    of_a, of_b = Study.objects.get(pk=a), Study.objects.get(pk=b)
    return compare_figure.against(
        found,
        names=[of_a.title, of_b.title],
        kinds=[kind_a, kind_b],
        order=exports.order(of_a),
        titles=exports.titles(of_a),
        format=form,
    )
