"""What leaves a study: its ratings and measures as tables, for the pure analysis to work on.

People and simulated raters never meet: every function here takes the kind it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import pandas as pd
from django.db.models import Count, Q

from benchmarks.published import LEDIG2017
from study.analysis import figures, tables
from study.models import Rater, Rating, Study

Kind = Literal["people", "simulated"]
Verb = Callable[[Study], object]

TABLE_FORMATS = {"txt": "table", "csv": "csv", "json": "json", "tex": "latex"}
"""File name extension to the format of :func:`table`."""
FIGURE_FORMATS: dict[str, figures.Format] = {"svg": "svg", "pdf": "pdf", "png": "png"}


def kinds(study: Study) -> list[Kind]:
    """Which kinds of raters the study has: people first."""
    found = set(Rater.objects.filter(study=study).values_list("simulated", flat=True).distinct())
    both: tuple[tuple[Kind, bool], ...] = (("people", False), ("simulated", True))
    return [kind for kind, simulated in both if simulated in found]


def ratings_frame(study: Study, *, kind: Kind) -> pd.DataFrame:
    """One row a rating: rater, set, image, method, score, simulated, then how it was given."""
    simulated = kind == "simulated"
    rows = Rating.objects.cells(study, simulated=simulated)
    prefix = "S" if simulated else "R"
    for row in rows:
        row["rater"] = f"{prefix}{row.pop('number'):03d}"
        row["simulated"] = simulated
        row["received_at"] = row["received_at"].isoformat(timespec="milliseconds")
    columns = ["rater", "set", "image", "method", "score", "simulated"]
    frame = pd.DataFrame(rows, columns=None if rows else columns)
    return frame[columns + [name for name in frame.columns if name not in columns]]


def measures_frame(study: Study) -> pd.DataFrame:
    """One row a stimulus: set, image, method, psnr, ssim, ssim_daala, lpips, in table order."""
    names = {
        "set": "source__dataset__name",
        "image": "source__name",
        "method": "method__name",
        "title": "method__title",
    }
    measures = ["psnr", "ssim", "ssim_daala", "lpips"]
    stimuli = study.stimuli.order_by("source__dataset", "method__place", "source__name")
    rows = stimuli.values_list(*names.values(), *measures)
    return pd.DataFrame(list(rows), columns=[*names, *measures])


def mos(study: Study, *, kind: Kind) -> pd.DataFrame:
    """The table of :func:`study.analysis.tables.mos_table` for one kind of raters.

    Declared repeats are for the retest report and do not count here. Raises ``ValueError`` if the
    study has no stimuli.
    """
    measures = measures_frame(study)
    if measures.empty:
        raise ValueError(f"study {study.slug} has no stimuli; there is nothing to tabulate")
    votes = ratings_frame(study, kind=kind)
    if "repeat" in votes:
        votes = votes[~votes["repeat"].astype(bool)]
    titles = dict(zip(measures["method"], measures["title"], strict=True))
    published = {cell: known.mos for cell, known in LEDIG2017.items() if known.mos is not None}
    return tables.mos_table(
        votes[["rater", "set", "image", "method", "score", "simulated"]],
        measures.drop(columns="title"),
        order=_order(study),
        titles=titles,
        published=published,
    )


def table(study: Study, *, kind: Kind, form: str) -> str:
    """The MOS table as text: ``form`` is table, csv, json or latex. Raises as :func:`mos` does."""
    return tables.RENDERERS[form](mos(study, kind=kind))


def ratings(study: Study, *, kind: Kind) -> str:
    """Every rating as CSV, with how it was given; simulated ones say so in every row."""
    return tables.ratings_csv(ratings_frame(study, kind=kind))


def figure(study: Study, *, kind: Kind, form: str) -> bytes:
    """The distribution of the scores as SVG, PDF or PNG. Raises ``ValueError`` without ratings."""
    titles = dict(study.stimuli.values_list("method__name", "method__title").distinct())
    return figures.distribution(
        ratings_frame(study, kind=kind),
        order=_order(study),
        titles=titles,
        sets=_sets(study),
        format=FIGURE_FORMATS[form],
    )


def page(study: Study, *, kind: Kind) -> dict[str, Any]:
    """What the researcher's page shows of one kind of raters."""
    raters = Rater.objects.filter(study=study, simulated=kind == "simulated")
    progress = raters.aggregate(
        raters=Count("pk", distinct=True),
        finished=Count("pk", filter=Q(finished_at__isnull=False), distinct=True),
        ratings=Count("trial__rating", filter=Q(trial__kind="main")),
        expected=Count("trial", filter=Q(trial__kind="main")),
    )
    context: dict[str, Any] = {
        "study": study,
        "kind": kind,
        "kinds": kinds(study),
        "progress": progress,
        "figure": None,
        "notes": [],
        "sections": [],
    }
    if not study.stimuli.exists():
        return context
    result = mos(study, kind=kind)
    rows = tables.records(result)
    for row in rows:
        row["is_original"] = row["method"] == "hr"
    context["notes"] = tables.notes(result)
    context["headline"] = tables.headline(result)
    context["sections"] = [
        _section(str(name), [row for row in rows if row["set"] == name])
        for name in dict.fromkeys(row["set"] for row in rows)
    ]
    return context


def _section(name: str, rows: list[dict[str, object]]) -> dict[str, Any]:
    """One set's part of the page; a column that no row has a figure for is left out."""
    return {
        "name": name,
        "rows": rows,
        "has_lpips": any(row["lpips"] is not None for row in rows),
        "has_published": any(row["published_mos"] is not None for row in rows),
    }


def invitations(study: Study, absolute: Callable[[str], str]) -> list[dict[str, Any]]:
    """Each invitation with its link and how far its rater is; ``absolute`` completes a path."""
    total = study.stimuli.count()
    return [
        {
            "number": invitation.number,
            "url": absolute(invitation.get_absolute_url()),
            "status": _status(invitation),
            "position": getattr(invitation, "position", None) or 0,
            "total": total,
        }
        for invitation in study.invitations.with_progress()
    ]


def _status(invitation: Any) -> str:
    if invitation.revoked_at is not None:
        return "revoked"
    if invitation.finished_at is not None:
        return "finished"
    if invitation.position is not None:
        return "rating"
    return "not opened" if invitation.opened_at is None else "invited"


def _order(study: Study) -> list[str]:
    names = study.stimuli.order_by("method__place").values_list("method__name", flat=True)
    return list(dict.fromkeys(names))


def _sets(study: Study) -> list[str]:
    names = study.stimuli.order_by("source__dataset").values_list(
        "source__dataset__name", flat=True
    )
    return list(dict.fromkeys(names))
