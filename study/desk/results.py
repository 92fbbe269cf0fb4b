"""What the researcher's page shows of a study: the report, laid out for reading."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db.models import Avg, Count, Q

from sr_models import SCALE
from sr_models.methods import ORIGINAL
from study.analysis import power, render, tables, verdicts
from study.analysis.measures import OURS, Measures
from study.analysis.report import plain
from study.desk import exports
from study.desk.exports import Kind
from study.desk.measures import measured
from study.desk.terms import TERMS
from study.models import Dataset, Deed, Rater, Session, Stimulus, Study, Trial

REFUSALS = {
    "vision": "vision",
    "plates": "colour plates",
    "calibration": "calibration",
    "": "a reason that was deleted with the answers",
}
LISTED = 100
"""Raters in the table of raters on the page at most; all are in its files."""
ALWAYS = {"psnr": "PSNR, dB", "ssim_daala": "SSIM, daala", "ssim": "SSIM, Wang"}
"""Measures that have a column though nothing is measured, where there are originals, and what is
above it; others follow."""


def page(study: Study, *, kind: Kind, found: dict[str, Any] | None) -> dict[str, Any]:
    """The context of the page: how far the study is, and ``found``, what :func:`computed` gave."""
    found = found or {}
    measures = found.get("measures", _described(OURS))  # a file of an earlier version
    for section in found.get("sections", []):
        section["columns"] = _columns(section["rows"], measures, section.get("references", True))
    return {
        "study": study,
        "kind": kind,
        "kinds": exports.kinds(study),
        "progress": progress(study, kind),
        "calibration": calibration(study) if kind == "people" else None,
        "looks": Deed.objects.early_looks(study),
        "originals": any(each.get("references", True) for each in found.get("sections", [])),
        "faults": faults(study),
        "terms": TERMS,
        **found,
        "listed": _listed(found.get("raters", [])),
    }


def _listed(raters: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """All of them, or of many those who are flagged first."""
    if len(raters) <= LISTED:
        return raters
    return sorted(raters, key=lambda row: not row["flags"])[:LISTED]


def faults(study: Study) -> list[str]:
    """What is wrong with images of the study, found when they were to be shown."""
    shown = Q(studystimulus__study=study) | Q(anchor__study=study)
    found = Stimulus.objects.filter(shown).exclude(fault="").distinct()
    return [f"{each}: {each.fault}" for each in found.select_related("source__dataset", "method")]


def page_json(study: Study, kind: Kind) -> bytes:
    """What the page shows of the votes, as JSON: computed once, shown to many."""
    return json.dumps(plain(computed(study, kind=kind))).encode()


def computed(study: Study, *, kind: Kind) -> dict[str, Any]:
    """What the page shows of the votes; nothing if the study shows no images."""
    if not study.stimuli.exists():
        return {"sections": [], "notes": []}
    found = exports.report(study, kind=kind)
    shown, known = exports.mos(study, kind=kind), measured(study).known
    rows = found["table"] if found else tables.records(shown)
    sets = {each.name: each for each in exports.datasets_of(study)}
    sections = [
        _section(str(name), [dict(row) for row in rows if row["set"] == name], found, known)
        | _about(sets[str(name)], sets.values())
        for name in dict.fromkeys(row["set"] for row in rows)
    ]
    return {
        "raters_kind": kind,
        "headline": tables.headline(shown),
        "remarks": tables.notes(shown),
        "measures": _described(known),
        "sections": sections,
        "paired": any(section["matrix"] for section in sections),
        "alike": any(section["has_like_best"] for section in sections),
        "few_pairs": any(section["some_too_few"] for section in sections),
        "too_few": _once(sections),
        "counted": found["counts"]["ratings"] if found else 0,
        **(_whole(study, found, known) if found else {"notes": []}),
    }


def _once(sections: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """That a set has too few raters, each sentence once, with the sets unless it is all of them."""
    said: dict[str, list[str]] = {}
    for section in sections:
        if section["too_few"]:
            said.setdefault(section["too_few"], []).append(section["name"])
    return [
        {"said": sentence, "sets": [] if len(names) == len(sections) else names}
        for sentence, names in said.items()
    ]


def progress(study: Study, kind: Kind) -> dict[str, Any]:
    """How far the raters are, and what share of the planned number has finished."""
    raters = Rater.objects.filter(study=study, simulated=kind == "simulated")
    main = Trial.objects.filter(rater__in=raters, kind=Trial.Kind.MAIN)
    # Two passes and no DISTINCT: joined, each rater would be counted once for each of their trials.
    counts: dict[str, Any] = raters.aggregate(
        raters=Count("pk"), finished=Count("pk", filter=Q(finished_at__isnull=False))
    ) | main.aggregate(ratings=Count("rating"), expected=Count("pk"))
    counts["planned"] = study.planned_raters
    return counts


def calibration(study: Study) -> dict[str, Any] | None:
    """How people came through screening and calibration; None where the study has neither.

    ``passed``: raters by the attempt at which they passed the check; ``mistakes``: of those who
    passed, the mean number of anchors judged more than a point off.
    """
    if not (study.calibrate or study.screens):
        return None
    people = Rater.objects.filter(study=study, simulated=False)
    judged = Session.objects.filter(rater__in=people, calibration=True, passed=True)
    refused = people.filter(stage=Rater.Stage.SCREENED_OUT).values_list("refusal")
    return {
        "calibrates": study.calibrate,
        "passed": list(judged.values_list("number").annotate(Count("pk")).order_by("number")),
        "mistakes": judged.aggregate(Avg("mistakes"))["mistakes__avg"],
        "checks": study.calibration_checks,
        "refused": [
            {"reason": REFUSALS.get(reason, reason), "raters": raters}
            for reason, raters in refused.annotate(Count("pk")).order_by("refusal")
        ],
    }


def _described(known: Measures) -> list[dict[str, Any]]:
    """What the page has to know of measures to show them."""
    return [
        {"name": name, "title": measure.title, "decimals": measure.decimals}
        for name, measure in known.items()
    ]


def _about(of: Dataset, every: Iterable[Dataset]) -> dict[str, Any]:
    """What a set is, ``told`` where any of the study's is at another scale than four or has no
    originals.
    """
    unusual = any(each.scale != SCALE or not each.references for each in every)
    told = f"x{of.scale}, {'with' if of.references else 'without'} originals" if unusual else ""
    return {"references": of.references, "told": told}


def _columns(
    rows: list[dict[str, Any]], measures: list[dict[str, Any]], references: bool
) -> list[dict[str, Any]]:
    """The columns of measures of one set's table; gives every row its cells in them.

    One that no row has a figure for is left out, unless it is one of those that are always there
    where there are originals.
    """
    described = {each["name"]: each for each in measures}
    known = [name for name in described if any(row.get(name) is not None for row in rows)]
    columns = [
        described[name] | {"title": ALWAYS.get(name, described[name]["title"])}
        for name in dict.fromkeys([*(ALWAYS if references else ()), *known])
    ]
    for row in rows:
        row["cells"] = [
            {
                "value": row.get(column["name"]),
                "decimals": column["decimals"],
                "best": row.get(f"best_{column['name']}"),
                "infinite": column["name"] == "psnr" and row["is_original"],
            }
            for column in columns
        ]
    return columns


def _section(
    name: str, rows: list[dict[str, Any]], found: dict[str, Any] | None, known: Measures
) -> dict[str, Any]:
    """One set's table and pairs."""
    tested = [
        row
        for row in (found["pairs"] if found else [])
        if row["set"] == name and row["unit"] == "raters" and row["n"]
    ]
    pairs = {(row["a"], row["b"]): row for row in verdicts.judged(tested)}
    rivals = [row for row in rows if row["method"] != ORIGINAL]
    ways = {"mos": True} | {measure: each.higher_is_better for measure, each in known.items()}
    for column, higher in ways.items():
        figures = [row[column] for row in rivals if row[column] is not None]
        best = (max if higher else min)(figures) if figures else None
        for row in rivals:
            row[f"best_{column}"] = row[column] is not None and row[column] == best
    winner = next((row["method"] for row in rivals if row["best_mos"]), None)
    for row in rows:
        row["is_original"] = row["method"] == ORIGINAL
        pair = _pair(pairs, winner, row["method"]) if winner else None
        row["like_best"] = bool(
            pair and pair["can_differ"] and not pair["differs"] and not row["is_original"]
        )
    return {
        "name": name,
        "rows": rows,
        "has_published": any(row["published_mos"] is not None for row in rows),
        "has_like_best": any(row["like_best"] and not row["best_mos"] for row in rows),
        "matrix": _matrix(rows, pairs) if any(row["n"] > 1 for row in tested) else [],
        "too_few": verdicts.too_few(max((row["n"] for row in tested), default=0), len(tested)),
        "some_too_few": sum(not row["can_differ"] for row in pairs.values()),
        "unmarked": sum(row["unmarked"] for row in pairs.values()),
        "pairs": len(pairs),
    }


def _matrix(
    rows: list[dict[str, Any]], pairs: dict[tuple[str, str], dict[str, Any]]
) -> list[dict[str, Any]]:
    """For each method its difference to every other, with p after Holm."""
    return [
        {
            "title": row["title"],
            "cells": [_compared(_pair(pairs, row["method"], other["method"])) for other in rows],
        }
        for row in rows
    ]


def _pair(pairs: dict[tuple[str, str], dict[str, Any]], a: str, b: str) -> dict[str, Any] | None:
    """The pair seen from ``a``, or None."""
    if (a, b) in pairs:
        return pairs[a, b]
    turned = pairs.get((b, a))
    if turned is None:
        return None
    return turned | {"mean_difference": _minus(turned["mean_difference"])}


def _compared(pair: dict[str, Any] | None) -> dict[str, Any] | None:
    if pair is None or pair["p_holm"] is None:
        return None
    return {
        "difference": _signed(pair["mean_difference"]),
        "p": render.p_value(pair["p_holm"]) if pair["can_differ"] else "",
        "significant": pair["differs"],
        "unmarked": pair["unmarked"],
    }


def _signed(value: float) -> str:
    """A difference with its sign, unless it is none of what is shown.

    >>> _signed(-0.25), _signed(-0.001)
    ('−0.25', '0.00')
    """
    said = f"{value:+.2f}".replace("-", "−")
    return said if round(value, 2) else said[1:]


def _minus(value: float | None) -> float | None:
    return None if value is None else -value


def _whole(study: Study, found: dict[str, Any], known: Measures) -> dict[str, Any]:
    """What is about all sets together."""
    names = exports.titles(study)
    by_table = {name: place for place, name in enumerate(exports.sets_of(study))}
    flagged = [row for row in found["raters"] if row["flags"]]
    objective = [
        row | {key: _with_interval(row, key) for key in ("pearson", "spearman", "kendall")}
        | {"label": known[row["measure"]].title}
        for row in sorted(found["objective"], key=lambda row: by_table.get(row["set"], -1))
    ]  # fmt: skip
    return {
        "raters": found["raters"],
        "flagged": len(flagged),
        "objective": objective,
        "screening": _side_by_side(found, names),
        "agreement": found["agreement"],
        "sos_a": found["sos_a"],
        "retest": _retest(found["retest"]),
        "ranked": any(row["mean_rank"] is not None for row in found["methods"]),
        "notes": found["notes"],
        "powers": [
            row | {"planned": study.planned_raters, "planned_difference": _planned(study, row)}
            for row in sorted(found["power"], key=lambda row: by_table.get(row["set"], -1))
            if row["raters"] >= verdicts.least_raters(row["pairs"])
        ],
    }


def _retest(row: dict[str, Any] | None) -> dict[str, Any] | None:
    if row is None:
        return None
    return row | {
        "exact_percent": round(100 * row["exact"]),
        "within_percent": round(100 * row["within_one"]),
        "tost_said": render.p_value(row["tost_p"]),
    }


def _planned(study: Study, row: dict[str, Any]) -> float | None:
    if study.planned_raters < verdicts.least_raters(row["pairs"]):
        return None
    return power.smallest_difference(row["sd_of_differences"], study.planned_raters, row["pairs"])


def _side_by_side(found: dict[str, Any], names: dict[str, str]) -> dict[str, Any] | None:
    """Each method with all raters, and without those whom each rule rejects; None if nobody is."""
    rules = [rule for rule in found["screening"] if rule["methods"]]
    if not rules:
        return None
    without = [{(row["set"], row["method"]): row for row in rule["methods"]} for rule in rules]
    cells = [(row["set"], row["method"]) for row in found["table"]]

    def place(row: Mapping[str, Any]) -> int:
        """As in the table of means."""
        return cells.index((row["set"], row["method"]))

    return {
        "rules": [{"rule": r["rule"], "rejected": r["rejected"]} for r in rules],
        "rows": [
            {
                "set": row["set"],
                "title": names.get(row["method"], row["method"]),
                "all": row,
                "without": [rule.get((row["set"], row["method"])) for rule in without],
            }
            for row in sorted(found["methods"], key=place)
        ],
    }


def _with_interval(row: dict[str, Any], key: str) -> str:
    if row[key] is None:
        return "–"
    said = f"{row[key]:.2f}"
    if row[f"{key}_low"] is not None:
        said += f" ({row[f'{key}_low']:.2f} to {row[f'{key}_high']:.2f})"
    return said.replace("-", "−")
