"""Two studies held against each other: for the page, the files and the command.

It is quick to compute from the votes, so that no file is kept: each process remembers the latest
comparisons until a vote of either study changes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import pandas as pd
from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Count, Exists, OuterRef

from study.analysis import compare, compare_figure, layout, marks, render
from study.analysis.figures import Format
from study.desk import exports
from study.desk.exports import Kind
from study.models import Rater, Rating, Right, Study, StudyStimulus

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


def others(study: Study, user: User | AnonymousUser) -> list[Study]:
    """The studies that ``user`` may read, that were rated and show stimuli of this one: how many is
    ``common``, the most first. The study itself is among them if it has raters of both kinds.
    """
    mine = StudyStimulus.objects.filter(study=study).values("stimulus")
    shared = StudyStimulus.objects.filter(stimulus__in=mine).values("study")
    common = dict(shared.annotate(n=Count("pk")).values_list("study", "n"))
    rated = Study.objects.allowing(user, Right.READ).filter(
        Exists(Rater.objects.filter(study=OuterRef("pk"))), pk__in=list(common)
    )
    found = [one for one in rated if one != study or len(exports.kinds(study)) > 1]
    for one in found:
        one.common = common[one.pk]  # type: ignore[attr-defined]
    return sorted(found, key=lambda one: (-common[one.pk], -one.pk))


def page(a: Side, b: Side) -> dict[str, Any]:
    """The comparison as the page lays it out: by set, titles for names, figures in words."""
    found, titles = comparison(a, b), exports.titles(a.study)
    sections = []
    for order in found["ranks"]:
        rows = [
            {**row, **_row(row, titles)} for row in found["methods"] if row["set"] == order["set"]
        ]
        notes = {row["note"] for row in rows}
        sections.append(
            {
                "name": order["set"],
                "rows": rows,
                "told": notes.pop() if len(notes) == 1 else "",
                "remarks": bool(notes),  # of some methods, not of all alike
                "ranks": {**order, **_correlations(order, "spearman", "kendall")},
            }
        )
    figures = ("bias", "rmse", "slope", "intercept", "rmse_line")
    fit = [
        {**row, **_correlations(row, "pearson", "spearman")}
        | {f"{name}_said": "–" if row[name] is None else _minus(row[name]) for name in figures}
        for row in found["fit"]
    ]
    return {
        **found,
        "sections": sections,
        "fit": fit,
        "order_remarks": any(order["note"] for order in found["ranks"]),
        "fit_remarks": any(row["note"] for row in fit),
        "untested": any(row["p"] is None for row in found["methods"]),
        "simulated": kind_of_both(a, b) == "simulated",
    }


def _row(row: dict[str, Any], titles: dict[str, str]) -> dict[str, str]:
    return {
        "title": titles.get(row["method"], row["method"]),
        "signed": "" if row["difference"] is None else _signed(row["difference"]),
        "interval": ""
        if row["low"] is None
        else f"{_signed(row['low'])} to {_signed(row['high'])}",
        "p_said": "" if row["p_holm"] is None else render.p_value(row["p_holm"]),
    }


def _correlations(row: dict[str, Any], *names: str) -> dict[str, str]:
    said = {}
    for name in names:
        value, low, high = (row[key] for key in (name, f"{name}_low", f"{name}_high"))
        interval = "" if low is None else f" [{_minus(low)}, {_minus(high)}]"
        said[f"{name}_said"] = "–" if value is None else f"{_minus(value)}{interval}"
    return said


def _signed(value: float) -> str:
    """
    >>> _signed(0.346), _signed(-0.004)
    ('+0.35', '0.00')
    """
    return _minus(value) if round(value, 2) <= 0 else f"+{value:.2f}"


def _minus(value: float) -> str:
    return f"{round(value, 2) + 0.0:.2f}".replace("-", "−")


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
    rows = pd.DataFrame(comparison(a, b)["methods"], columns=list(COLUMNS))
    kinds = {"rated_by_a": a.kind, "rated_by_b": b.kind, "raters_kind": kind_of_both(a, b)}
    return layout.csv(rows.assign(**kinds))


def to_text(a: Side, b: Side) -> str:
    """All but single images, to be read on a terminal."""
    shown, kind = page(a, b), kind_of_both(a, b)
    parts = [
        marks.title(side.kind, f"{name}: {side.study.title}") for name, side in (("A", a), ("B", b))
    ]
    heads = ["Method", "A", "B", "B - A", "95 % CI", "p (Holm)", "Images", "Raters", "Note"]
    for section in shown["sections"]:
        rows = [
            [row["title"], *(_two(row[side]) for side in ("mos_a", "mos_b")), row["signed"],
             row["interval"], row["p_said"], str(row["images"]),
             f"{row['raters_a']}, {row['raters_b']}", row["note"]]
            for row in section["rows"]
        ]  # fmt: skip
        order = section["ranks"]
        said = f"Order of {order['methods']} methods: Spearman {order['spearman_said']}, "
        said += f"Kendall {order['kendall_said']}"
        parts += ["", marks.title(kind, section["name"]), layout.aligned(heads, rows, (0, 8))]
        parts += [f"{said}; {order['note']}" if order["note"] else said]
    heads = ["Set", "N", "Pearson", "Spearman", "B - A", "RMSE", "Slope", "Intercept", "Note"]
    rows = [
        [row["set"], str(row["n"]), row["pearson_said"], row["spearman_said"],
         *(row[f"{name}_said"] for name in ("bias", "rmse", "slope", "intercept")), row["note"]]
        for row in shown["fit"]
    ]  # fmt: skip
    if rows:
        parts += ["", marks.title(kind, "Single images"), layout.aligned(heads, rows, (0, 8))]
    return "\n".join([*parts, "", *shown["notes"], ""])


def _two(value: float | None) -> str:
    return "" if value is None else _minus(value)


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
