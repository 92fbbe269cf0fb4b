"""The whole analysis of one set of scores: every table, and every rule that was applied."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from study.analysis import (
    bootstrap,
    marks,
    objective,
    opinion,
    power,
    reliability,
    screening,
    significance,
    subjects,
    verdicts,
)
from study.analysis.scores import Flags, Floats, Scores
from study.analysis.significance import Blocks, ZeroMethod

Report = dict[str, Any]


def analyse(
    scores: Scores,
    *,
    correlation_threshold: float = screening.LEAST_CORRELATION,
    blocks: Blocks = "auto",
    zero_method: ZeroMethod = "wilcox",
    draws: int = bootstrap.DRAWS,
    further_flags: Mapping[str, Sequence[str]] | None = None,
) -> Report:
    """Everything that the scores say, as plain data for `to_json`; missing figures are None.

    Keys: raters_kind (people, simulated, or None where the ratings do not say), stimuli, methods,
    pairs, omnibus, raters, subject_model, agreement, sos_a, retest, objective, screening (for each
    rule the methods without the raters whom it rejects), power (the smallest difference that this
    number of raters can show), scale, counts and notes.
    ``further_flags`` are reasons against a rater, by name, from elsewhere than the scores.
    """
    stimuli = opinion.stimulus_opinions(scores)
    model = subjects.subject_model(scores) if len(scores.raters) > 1 else None
    bt = screening.bt500(scores)
    correlation = screening.correlations(scores)
    reasons = screening.flags(scores, bt, correlation, threshold=correlation_threshold)
    for i, name in enumerate(scores.raters):
        reasons[i] += (further_flags or {}).get(name, [])
    tested = [name for name in scores.sets if len(scores.methods_of(name)) > 1]
    pairs = [
        significance.pairs(scores, name, blocks=blocks, zero_method=zero_method) for name in tested
    ]
    report: Report = {
        "raters_kind": scores.raters_kind,
        "stimuli": _stimuli(stimuli),
        "methods": methods_with_intervals(scores, draws=draws),
        "pairs": [row for table in pairs for row in table.to_dict("records")],
        "omnibus": [o for name in tested if (o := significance.omnibus(scores, name))],
        "raters": _raters(scores, model, bt, correlation, reasons, correlation_threshold),
        "subject_model": _model(model),
        "agreement": _agreement(scores),
        "sos_a": reliability.sos_a(scores),
        "retest": reliability.retest(scores),
        "objective": objective.against_measures(scores, stimuli["mos"].to_numpy()),
        "screening": [
            _without(scores, rule, rejected, draws)
            for rule, rejected in (
                ("BT.500", bt.rejected),
                (
                    f"correlation below {correlation_threshold:g}",
                    correlation < correlation_threshold,
                ),
            )
        ],
        "power": [row for table in pairs for row in power.smallest_differences(scores, table)],
        "scale": list(scores.scale),
        "counts": {
            "ratings": len(scores),
            "raters": len(scores.raters),
            "stimuli": len(stimuli),
            "left_out": int(scores.stimuli["left_out"].sum()),
        },
    }
    report["notes"] = notes(scores, report, model, bt, tested, zero_method, blocks, draws)
    return plain(report)


def empty(notes: Sequence[str]) -> Report:
    """The report while there are no ratings: the same keys, and why they are empty."""
    lists = ("stimuli", "methods", "pairs", "omnibus", "raters", "objective", "screening", "power")
    single = ("raters_kind", "subject_model", "sos_a", "retest", "scale")
    agreement = dict.fromkeys(
        ("alpha_ordinal", "alpha_interval", "icc_a1", "icc_ak", "icc_raters", "icc_stimuli")
    )
    counts = dict.fromkeys(("ratings", "raters", "stimuli", "left_out"), 0)
    return {
        **{key: [] for key in lists},
        **dict.fromkeys(single),
        "agreement": agreement,
        "counts": counts,
        "notes": list(notes),
    }


def methods_with_intervals(scores: Scores, *, draws: int) -> list[dict[str, Any]]:
    """One row for each method and set: MOS, its three intervals, mean rank, DMOS."""
    if not scores.methods:
        return []
    rows = []
    opinions = opinion.method_opinions(scores)
    for set_name in scores.sets:
        ranks = significance.mean_ranks(scores, set_name)
        low, high = bootstrap.interval(bootstrap.method_draws(scores, set_name, draws=draws))
        of_set = opinions[opinions["set"] == set_name].to_dict("records")
        for m, row in enumerate(of_set):
            alone = row["raters"] < 2
            rows.append(
                {
                    "method": row["method"],
                    "set": set_name,
                    "n": row["ratings"],
                    "raters": row["raters"],
                    "contents": row["images"],
                    "mos": row["mos"],
                    "sd": row["sd"],
                    "ci_low": row["ci_low"],
                    "ci_high": row["ci_high"],
                    "ci_bootstrap_low": None if alone else low[m],
                    "ci_bootstrap_high": None if alone else high[m],
                    "ci_pooled_low": row["mos"] - row["pooled_half_width"],
                    "ci_pooled_high": row["mos"] + row["pooled_half_width"],
                    "mean_rank": ranks.get(row["method"]),
                    "dmos": row["dmos"],
                    "left_out": row["left_out"],
                    "note": row["note"],
                }
            )
    return rows


def _stimuli(table: pd.DataFrame) -> list[dict[str, Any]]:
    shown = table.rename(columns={"ratings": "n"})
    columns = [
        *("stimulus", "set", "content", "method", "n", "mos", "sd", "se", "ci_low", "ci_high"),
        *("dmos", "left_out"),
    ]
    return shown[columns].to_dict("records")  # type: ignore[return-value]


def _raters(
    scores: Scores,
    model: subjects.SubjectModel | None,
    bt: screening.Bt500,
    correlation: Floats,
    reasons: list[list[str]],
    threshold: float,
) -> list[dict[str, Any]]:
    n = np.bincount(scores.rater, minlength=len(scores.raters))
    mean = np.bincount(scores.rater, scores.score, len(scores.raters)) / n
    return [
        {
            "rater": name,
            "n": n[i],
            "mean": mean[i],
            "bias": model.bias[i] if model else None,
            "inconsistency": model.inconsistency[i] if model else None,
            "correlation": correlation[i],
            "bt500_p": bt.p[i],
            "bt500_q": bt.q[i],
            "bt500_rejected": bt.rejected[i],
            "correlation_rejected": bool(correlation[i] < threshold),
            "flags": reasons[i],
        }
        for i, name in enumerate(scores.raters)
    ]


def _model(model: subjects.SubjectModel | None) -> dict[str, Any] | None:
    if model is None:
        return None
    low, high = model.interval()
    return {
        "psi": model.psi,
        "psi_se": model.psi_se,
        "psi_low": low,
        "psi_high": high,
        "bias": model.bias,
        "inconsistency": model.inconsistency,
        "iterations": model.iterations,
    }


def _agreement(scores: Scores) -> dict[str, Any]:
    found = reliability.icc(scores.matrix)
    return {
        "alpha_ordinal": reliability.krippendorff(scores.matrix, ordinal=True),
        "alpha_interval": reliability.krippendorff(scores.matrix, ordinal=False),
        "icc_a1": found.a1 if found else None,
        "icc_ak": found.ak if found else None,
        "icc_raters": found.raters if found else None,
        "icc_stimuli": found.stimuli if found else None,
    }


def _without(scores: Scores, rule: str, flagged: Flags, draws: int) -> dict[str, Any]:
    """The method table and the pairs without the raters that a rule rejects."""
    rejected = [name for name, bad in zip(scores.raters, flagged, strict=True) if bad]
    found: dict[str, Any] = {"rule": rule, "rejected": rejected, "methods": [], "pairs": []}
    if not rejected or len(rejected) == len(scores.raters):
        return found
    rest = scores.without(rejected)
    tested = [name for name in rest.sets if len(rest.methods_of(name)) > 1]
    tables = [significance.pairs(rest, name, units=("raters",)) for name in tested]
    found["methods"] = methods_with_intervals(rest, draws=draws)
    found["pairs"] = [row for table in tables for row in table.to_dict("records")]
    return found


def notes(
    scores: Scores,
    report: Report,
    model: subjects.SubjectModel | None,
    bt: screening.Bt500,
    tested: list[str],
    zero_method: ZeroMethod,
    blocks: Blocks,
    draws: int,
) -> list[str]:
    """Every rule, exclusion and convention of an analysis, one sentence or two each."""
    low, high = scores.scale
    raters = len(scores.raters)
    found = [
        *[f"{marks.SIMULATED}: a program gave these ratings."]
        * (scores.raters_kind == "simulated"),
        *scores.notes,
        "interval: a stimulus has MOS ± t(0.975, N-1)·SD/√N over its N votes; a method has "
        "MOS ± t(0.975, R-1)·S/√R, S the SD of its R raters' own means (raters are the sample). "
        "ci_pooled takes all votes for independent and is too narrow; ci_bootstrap draws raters "
        f"and contents again, {draws} times, seed 0, percentiles 2.5 and 97.5.",
        "ddof: standard deviations are those of a sample (ddof 1), in BT.500 too; the subject "
        "model's inconsistency has divisor n (ddof 0), as in ITU-T P.910 Annex E.",
        f"zero_method: Wilcoxon's test has zero_method {zero_method}; p is exact for up to "
        f"{significance.EXACT_UP_TO} differences without ties and zeros, else normal with "
        "correction for ties and none for continuity. p_holm corrects over the pairs of a set, "
        "for each unit.",
    ]
    for name in tested:
        if significance.uses_complete_cells(scores, name, blocks):
            cells = len(significance.complete_cells(scores, name))
            found.append(
                f"Pairs of {_set(name)} by cells use the {cells} (rater, content) cells in which "
                "every method was rated, mean ranks too; by raters they use the means of all votes."
            )
        else:
            found.append(
                f"Pairs of {_set(name)} by cells use, for each pair, all cells that have both"
                + (
                    ", as asked for."
                    if blocks == "pairwise"
                    else ": too few cells hold every method, so that there are no mean ranks."
                )
            )
    found += verdicts.notes(report["pairs"])
    if raters < opinion.FORMAL_RATERS:
        found.append(f"Informal: fewer than {opinion.FORMAL_RATERS} raters (ITU-R BT.500).")
    if raters < 2:
        found.append("One rater: no interval over raters, no test, no agreement, no subject model.")
    if not scores.methods:
        found.append("No method is named: there are no methods and pairs to compare.")
    elif not tested:
        found.append("Each set has one method: there are no pairs to compare.")
    if bt.unanimous:
        found.append(
            f"BT.500 skips {bt.unanimous} of {len(scores.stimuli)} stimuli on which all votes "
            "agree: with S = 0 every vote would lie outside."
        )
    population = screening.bt500(scores, ddof=0)
    if (population.rejected != bt.rejected).any():
        names = ", ".join(np.array(scores.raters, dtype=object)[population.rejected]) or "nobody"
        found.append(f"BT.500 with the population's SD (ddof 0) would reject {names}.")
    if model and model.collapsed:
        found.append(
            f"The subject model follows {', '.join(model.collapsed)} exactly (inconsistency at its "
            f"floor {subjects.LEAST_INCONSISTENCY:g}): too few raters or votes for it, do not use "
            "its psi."
        )
    marked = scores.stimuli["reference"].to_numpy(dtype=bool)
    references = int(marked.sum())
    if references:
        found.append(
            f"DMOS: mean of u - u(hidden reference) + {high:g} per rater and content; values above "
            f"{high:g} stay, none is crushed. {references} stimuli are references."
        )
    if scores.methods or references:
        missing = "" if references else "No hidden reference is named: no DMOS."
        found += [missing] * bool(missing)
    lacking = [name for name in scores.sets if not marked[scores.of_set(name)].any()]
    if references and lacking:
        found.append(
            f"No stimulus of {', '.join(lacking)} is a hidden reference: no DMOS there, and no "
            "rule about the original."
        )
    worst = screening.worst_anchors(scores)
    if (worst != (scores.stimuli["method"] == screening.WORST_ANCHOR)).any():
        found.append(
            f"Nearest neighbour is expected to get {low:g} from a factor of "
            f"{screening.WORST_FROM} up; below it no rule is about it."
        )
    found.append(
        f"SOS: S² = a(-MOS² + {low + high:g} MOS - {low * high:g}) on the scale {low:g} to "
        f"{high:g}, sample variances."
    )
    agreement = report["agreement"]
    if agreement["icc_raters"]:
        found.append(
            f"ICC over {agreement['icc_raters']} raters and {agreement['icc_stimuli']} stimuli "
            "without a missing cell; alpha over all cells that can be paired."
        )
    else:
        found.append("No ICC: fewer than two raters by two stimuli have all cells, or none varies.")
    if report["retest"] is None:
        found.append("No declared retests.")
    known = np.zeros(len(scores.stimuli), dtype=bool)
    if len(scores.measures.columns):
        known = np.isfinite(scores.measures.to_numpy(dtype=np.float64)).any(axis=1)
    if not known.any() and not scores.of_sets:
        found.append("No image quality measures are given: nothing to correlate with.")
    else:
        found.append(
            "objective: Pearson after a logistic fit of four parameters (kept in the draws), "
            f"Spearman, Kendall's tau-b; {objective.DRAWS} draws of images (per method: of raters "
            "and images). The original and infinite figures are left out."
        )
        compared = {row["set"] for row in report["objective"]}
        unknown = [
            name
            for name in scores.sets
            if name not in compared and not known[scores.of_set(name)].any()
        ]
        if unknown:
            found.append(
                f"No measure has a figure of {', '.join(unknown)}: nothing to correlate with there."
            )
    for rule in report["screening"]:
        rejected, name = rule["rejected"], rule["rule"]
        if not rejected:
            found.append(f"Screening by {name} rejects nobody.")
            continue
        many = len(rejected) > raters / 2
        found.append(
            f"Screening by {name} would reject {len(rejected)} of {raters} raters: "
            f"{', '.join(rejected)}. Nobody is dropped: all figures count every rater, `screening` "
            "holds the methods without them."
            + " A rule that rejects more than half says more about the rule."
            * many
        )
    return found


def _set(name: str) -> str:
    return "the ratings" if name == "all" else name


def plain(value: Any) -> Any:
    """Lists, dictionaries, texts and numbers; NaN and infinite numbers become None."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return [plain(item) for item in value.tolist()]
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def to_json(report: Report) -> str:
    """The whole report as text; every object in it says who rated."""
    marked = marks.rows(report["raters_kind"], report)
    return json.dumps(marked, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
