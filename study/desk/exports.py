"""What leaves a study: its ratings and measures as tables, for the pure analysis to work on.

People and simulated raters never meet: every function here takes the kind it is asked for.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from functools import cache, lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from django.db.models import Count, F, Max, Sum

from benchmarks.published import LEDIG2017
from sr_models import SCALE
from sr_models.methods import ORIGINAL
from study.analysis import figures, layout, reading, render, tables
from study.analysis import report as analysis
from study.analysis.measures import OURS
from study.analysis.scores import Scores
from study.desk.measures import Measured, measured, measures_mark
from study.models import Dataset, Deed, Rater, Rating, Study

Kind = Literal["people", "simulated"]

TABLE_FORMATS = {
    "txt": "table", "csv": "csv", "json": "json", "tex": "latex", "md": "markdown", "xlsx": "xlsx"
}  # fmt: skip
"""File name extension to the format of :func:`table`."""
FIGURE_FORMATS: dict[str, figures.Format] = {"svg": "svg", "pdf": "pdf", "png": "png"}
FIGURES = {"distribution": "scores", "ranks": "ranks", "measures": "measures"}
"""What can be drawn, and what it is a figure of."""
PACKAGES = ("django", "numpy", "pandas", "scipy", "matplotlib")
"""What figures are computed and drawn with, beside this project."""
COLUMNS = ("rater", "set", "image", "method", "score", "simulated")
ENLARGED_BY = "enlarged_by"


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
    frame = pd.DataFrame(rows, columns=None if rows else list(COLUMNS))
    return frame[[*COLUMNS, *(name for name in frame.columns if name not in COLUMNS)]]


def measures_frame(study: Study, values: Measured | None = None) -> pd.DataFrame:
    """One row a stimulus, in table order: set, image, method, title, then psnr, ssim, ssim_daala,
    lpips and whatever else is known of images.

    ``values`` are those of :func:`measured`, here and below, where they are at hand.
    """
    names = {
        "set": "source__dataset__name",
        "image": "source__name",
        "method": "method__name",
        "title": "method__title",
    }
    stimuli = study.stimuli.order_by("source__dataset", "method__place", "source__name")
    none: dict[int, float] = {}
    columns = dict.fromkeys(OURS, none) | (values or measured(study)).of_images
    rows = [
        # Written as missing wherever it leaves: the error is zero, and no ratio to it a figure.
        (*known, *(None if math.isinf(of.get(pk, 0)) else of.get(pk) for of in columns.values()))
        for pk, *known in stimuli.values_list("pk", *names.values())
    ]
    return pd.DataFrame(rows, columns=[*names, *columns])


def measures_of_images(values: Measured) -> list[str]:
    """The columns of `measures_frame` and `raw` that hold measures."""
    return list(dict.fromkeys([*OURS, *values.of_images]))


def raw(study: Study, *, kind: Kind, values: Measured | None = None) -> pd.DataFrame:
    """`ratings_frame` with the measures of each stimulus: all that the analysis knows of them.

    Where a set of the study is at another scale than four, `ENLARGED_BY` says each image's.
    """
    votes = ratings_frame(study, kind=kind)
    measures = measures_frame(study, values).drop(columns="title")
    votes = votes.merge(measures, on=["set", "image", "method"], how="left", validate="many_to_one")
    scales = {each.name: each.scale for each in datasets_of(study)}
    if set(scales.values()) - {SCALE}:  # else archives of before would not stay as they are
        votes[ENLARGED_BY] = votes["set"].map(scales)
    return votes


def report(study: Study, *, kind: Kind) -> analysis.Report | None:
    """The whole analysis of one kind of raters, or None while nobody has rated.

    It is that of `manage.py analyse` on the exported ratings, figure by figure, with the table of
    :func:`mos` and the study beside it. This process remembers the latest until a vote changes.
    """
    return _report(study.pk, kind, mark(study, kind=kind))


@cache
def engine() -> str:
    """What computes: a checksum of the code and of the libraries that figures come from."""
    parts = [f"{name} {version(name)}" for name in PACKAGES]
    for folder in (Path(analysis.__file__).parent, Path(__file__).parent):
        parts += [path.read_text() for path in sorted(folder.glob("*.py"))]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def mark(study: Study, *, kind: Kind) -> str:
    """Which state of the votes, and of all else that is computed with, the study is in; cheap.

    Letters, digits and a hyphen, before which stands how often anybody's answers were deleted.
    """
    ratings = Rating.objects.of(study, simulated=kind == "simulated").order_by()
    votes = ratings.aggregate(Count("pk"), Max("pk"), sum=Sum(F("score") * F("pk")))
    shown = list(study.stimuli.order_by("pk").values_list("pk", "method__title"))
    told = (study.title, study.planned_raters, study.least_correlation, list(votes.values()))
    sets = [(each.name, each.scale, each.references) for each in datasets_of(study)]
    state = hashlib.sha256(
        repr((engine(), told, shown, sets, measures_mark(study))).encode()
    ).hexdigest()
    return f"{deletions(study)}{state[:24]}"


def deletions(study: Study) -> str:
    """How a :func:`mark` begins: how often anybody's answers were deleted, and a hyphen."""
    return f"{Deed.objects.filter(study=study, kind=Deed.Kind.ERASED).count()}-"


def scores(study: Study, *, kind: Kind, values: Measured | None = None) -> Scores | None:
    """The votes of one kind of raters for the analysis, or None while nobody has rated."""
    values = values or measured(study)
    frame = raw(study, kind=kind, values=values)
    if frame.empty:
        return None
    return reading.of_table(frame, measures=measures_of_images(values), of_sets=values.of_sets)


@lru_cache(maxsize=2)
def _report(pk: int, kind: Kind, mark: str) -> analysis.Report | None:
    study = Study.objects.get(pk=pk)
    votes = scores(study, kind=kind)
    if votes is None:
        return None
    found = analysis.analyse(votes, correlation_threshold=study.least_correlation)
    found["raters_kind"] = kind
    found["table"] = tables.records(mos(study, kind=kind))
    return found


def mos(study: Study, *, kind: Kind, votes: pd.DataFrame | None = None) -> pd.DataFrame:
    """The table of :func:`study.analysis.tables.mos_table` for one kind of raters.

    Declared repeats are for the retest report and do not count here. ``votes`` are those of
    :func:`raw`, where they are at hand. Raises ``ValueError`` if the study has no stimuli.
    """
    values = measured(study)
    measures = measures_frame(study, values)
    if measures.empty:
        raise ValueError(f"study {study.slug} has no stimuli; there is nothing to tabulate")
    votes = ratings_frame(study, kind=kind) if votes is None else votes
    if "repeat" in votes:
        votes = votes[~votes["repeat"].astype(bool)]
    published = {cell: known.mos for cell, known in LEDIG2017.items() if known.mos is not None}
    return tables.mos_table(
        votes[list(COLUMNS)],
        measures.drop(columns="title"),
        order=order(study),
        titles=titles(study),
        published=published,
        known=values.known,
        of_sets=values.of_sets,
        without_references=without_references(study),
    )


def files(study: Study, *, kind: Kind, form: str, sets: Sequence[str] = ()) -> dict[str, bytes]:
    """All tables of a study in one format, by file name. Raises as :func:`mos` does."""
    found = report(study, kind=kind)
    if found is None:
        raise ValueError(f"{study.slug} has no ratings of {kind} yet")
    return render.files(only(found, sets), form)


def only(found: analysis.Report, sets: Sequence[str]) -> analysis.Report:
    """The report on some of its sets; rows that belong to no set stay. All for none given.

    Raises ``ValueError`` for a set that was not rated.
    """
    if not sets:
        return found
    known = sorted({row["set"] for row in found["stimuli"]})
    for name in sets:
        if name not in known:
            raise ValueError(f"there is no rated set {name!r}; there are {', '.join(known)}")

    def kept(value: Any) -> Any:
        if isinstance(value, list):
            return [
                kept(row) for row in value
                if not (isinstance(row, dict) and "set" in row and row["set"] not in sets)
            ]  # fmt: skip
        return value

    stays = [row["set"] in sets for row in found["stimuli"]]
    chosen = {key: kept(value) for key, value in found.items()}
    chosen["screening"] = [
        {key: kept(value) for key, value in rule.items()} for rule in found["screening"]
    ]
    if found["subject_model"]:
        psi = ("psi", "psi_se", "psi_low", "psi_high")
        chosen["subject_model"] = found["subject_model"] | {
            key: [v for v, stay in zip(found["subject_model"][key], stays, strict=True) if stay]
            for key in psi
        }
    note = f"Tables of {', '.join(sets)} only; raters, agreement and SOS are over all sets."
    chosen["notes"] = [note, *found["notes"]]
    return chosen


def table(study: Study, *, kind: Kind, form: str, sets: Sequence[str] = ()) -> str:
    """The study's results as one text.

    ``form`` is table, csv, json, latex or markdown; before the first rating the table of what
    will be rated. Raises as :func:`mos` does, and for a format that is no text.
    """
    found = report(study, kind=kind)
    shown, measures = mos(study, kind=kind), measured(study).known
    if sets:
        found = only(found, sets) if found else None
        shown = shown[shown["set"].isin(list(sets))].reset_index(drop=True)
    if shown.empty:
        raise ValueError(f"there is no set {', '.join(sets)} in {study.slug}")
    if form == "csv":
        return tables.to_csv(shown)
    if form == "json":
        nothing = analysis.empty([f"Nobody has rated yet: {kind}."])
        return analysis.to_json(found or nothing | {"table": tables.records(shown)})
    if found is None:
        return tables.RENDERERS["table" if form == "markdown" else form](shown, measures)
    if form == "markdown":
        return f"{layout.fenced(tables.to_text(shown, measures))}\n\n{render.to_markdown(found)}"
    if form in ("table", "latex"):
        return tables.RENDERERS[form](shown, measures) + "\n" + render.text(found, form)
    return render.text(found, form)


def ratings(study: Study, *, kind: Kind) -> str:
    """Every rating as CSV, with how it was given; simulated ones say so in every row."""
    return tables.ratings_csv(raw(study, kind=kind))


def figure(
    study: Study, *, kind: Kind, name: str, form: str, votes: pd.DataFrame | None = None
) -> bytes:
    """One of `FIGURES` as SVG, PDF or PNG; ``votes`` are those of :func:`raw`, where at hand.

    Raises ``ValueError`` without what it would show.
    """
    found, simulated = report(study, kind=kind), kind == "simulated"
    if found is None:
        raise ValueError("there are no ratings to draw yet")
    style: dict[str, Any] = {"titles": titles(study), "format": FIGURE_FORMATS[form]}
    if name == "ranks":
        ranks: dict[str, dict[str, float]] = {one: {} for one in sets_of(study)}
        for row in found["methods"]:
            if row["mean_rank"] is not None:
                ranks[row["set"]][row["method"]] = row["mean_rank"]
        return figures.mean_ranks(ranks, order=order(study), simulated=simulated, **style)
    if name == "measures":
        stimuli = pd.DataFrame(found["stimuli"]).rename(columns={"content": "image"})
        values = measured(study)
        frame = measures_frame(study, values)
        for measure, of_sets in values.of_sets.items():
            cells = zip(frame["set"], frame["method"], strict=True)
            frame[measure] = [of_sets.get(cell) for cell in cells]
        frame = frame[frame["method"] != ORIGINAL]  # its figures are no measurement
        points = frame.merge(
            stimuli[["set", "image", "method", "mos"]], on=["set", "image", "method"]
        )
        labels = {measure: each.title for measure, each in values.known.items()}
        return figures.against_measures(
            points,
            labels=labels,
            of_sets=values.of_sets,
            simulated=simulated,
            without_references=without_references(study),
            **style,
        )
    votes = ratings_frame(study, kind=kind) if votes is None else votes
    return figures.distribution(votes, order=order(study), sets=sets_of(study), **style)


def order(study: Study) -> list[str]:
    """The study's methods in the order of tables."""
    names = study.stimuli.order_by("method__place").values_list("method__name", flat=True)
    return list(dict.fromkeys(names))


def titles(study: Study) -> dict[str, str]:
    """What the methods are called."""
    return dict(study.stimuli.values_list("method__name", "method__title").distinct())


def sets_of(study: Study) -> list[str]:
    """The study's sets in the order of tables."""
    return [each.name for each in datasets_of(study)]


def datasets_of(study: Study) -> list[Dataset]:
    """The same as rows."""
    rows = Dataset.objects.filter(sources__stimuli__studystimulus__study=study)
    return list(rows.distinct().order_by("pk"))


def without_references(study: Study) -> list[str]:
    """Those of them whose images have no originals."""
    return [each.name for each in datasets_of(study) if not each.references]
