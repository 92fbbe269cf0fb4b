"""All of a study that can be published, as one zip: the same votes give the same bytes."""

from __future__ import annotations

import hashlib
import io
import json
import platform
import zipfile
from collections.abc import Collection, Mapping, Sequence
from importlib.metadata import version
from typing import Any

import pandas as pd
from django.db.models import Count, Max

from benchmarks.progress import Count as Steps
from benchmarks.progress import Progress, counted
from sr_models import SCALE
from study.analysis import heads, layout, marks, render, tables
from study.analysis.report import Report
from study.desk import exports, nameless, shown
from study.desk.codebook import HAS_ORIGINAL, SET_MEASURES, codebook
from study.desk.exports import Kind
from study.desk.measures import Measured, measured, of_whole_sets
from study.models import Dataset, Deed, Session, Study, Trial
from study.rating import texts

ONLY_IF_SET = (
    *("researcher", "institution", "contact", "ethics", "storage"),
    *("calibration_set", "calibration_left_out"),
)
"""Settings that studies had to do without at first: an archive of those is what it was."""


def archive(study: Study, *, kind: Kind, progress: Progress = False) -> bytes:
    """The zip; ``progress`` hears of its steps. Raises ``ValueError`` while there are no ratings of
    that kind.
    """
    with counted(2 + len(exports.FIGURES), progress) as steps:
        return _made(study, kind, steps)


def _made(study: Study, kind: Kind, steps: Steps) -> bytes:
    steps.at("computing the figures of the analysis")
    found = exports.report(study, kind=kind)
    if found is None:
        raise ValueError(f"{study.slug} has no ratings of {kind} yet; there is nothing to export")
    steps.step()
    steps.at("writing the tables")
    values = measured(study)
    votes = exports.raw(study, kind=kind, values=values)  # read once: half a second for the paper's
    frames = {
        "ratings.csv": tables.ratings_table(votes),
        "plan.csv": _plan(study, kind),
        "sessions.csv": _sessions(study, kind),
        "stimuli.csv": _stimuli(study, values),
        "deeds.csv": nameless.deeds(study),
    }
    if values.of_sets:
        frames[SET_MEASURES] = _set_measures(study)
    frames["codebook.csv"] = codebook(study, frames, kind, values)
    written = {
        "README.txt": _readme(study, kind, list(frames), _options(frames, kind, values)),
        "versions.txt": _versions(),
        "method.md": _method(study, kind, found, votes),
        "tables/table.tex": tables.to_latex(
            exports.mos(study, kind=kind, votes=votes), values.known
        ),
    }
    written |= {name: layout.csv(frame.assign(raters_kind=kind)) for name, frame in frames.items()}
    files = {
        marks.file_name(kind, name): _marked(kind, name, text).encode()
        for name, text in written.items()
    }
    for form in ("csv", "json", "latex", "markdown", "xlsx"):
        for name, content in render.files(found, form).items():
            files[f"tables/{name}"] = content
    steps.step()
    for name in steps.each(list(exports.FIGURES), lambda name: f"drawing {name}"):
        for form in ("svg", "pdf"):
            try:
                drawn = exports.figure(study, kind=kind, name=name, form=form, votes=votes)
            except ValueError:  # nothing measured, or no cell with every method: no such figure
                continue
            files[marks.file_name(kind, f"figures/{name}.{form}")] = drawn
    return _zip(files, marks.file_name(kind, "SHA256SUMS"))


def mark(study: Study, *, kind: Kind) -> str:
    """Which state of the study an archive is of: votes, plans, and what was done at the desk.

    That a file was taken away makes no other archive of it; the next deed does.
    """
    raters = {"rater__study": study, "rater__simulated": kind == "simulated"}
    counts = [
        rows.order_by().aggregate(Count("pk"), Max("pk"))
        for rows in (
            Trial.objects.filter(**raters),
            Session.objects.filter(**raters),
            study.deeds.exclude(kind=Deed.Kind.TOOK),
        )
    ]
    votes = exports.mark(study, kind=kind)
    told = (votes, study.state, study.closed_at, [list(each.values()) for each in counts])
    state = hashlib.sha256(repr(told).encode()).hexdigest()
    return f"{votes.partition('-')[0]}-{state[:24]}"


def _marked(kind: Kind, name: str, text: str) -> str:
    """A text that says by itself if the raters were simulated; tables do in every row."""
    if name.endswith(".md"):
        return marks.headings(kind, text)
    return marks.first_line(kind, text) if name.endswith(".txt") else text


def _zip(files: dict[str, bytes], sums: str) -> bytes:
    """A zip without a clock in it, its files by name, their checksums in ``sums`` among them."""
    files[sums] = "".join(
        f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files)
    ).encode()
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive_file:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive_file.writestr(entry, files[name])
    return made.getvalue()


def _readme(study: Study, kind: Kind, tables_: Sequence[str], options: str) -> str:
    about = {
        "ratings.csv": "every rating, one row each",
        "codebook.csv": "what the columns of these files hold",
        "method.md": "what ITU-T P.910 asks to state: raters, instructions, display, rules",
        "plan.csv": "who was to see what in which order",
        "sessions.csv": "the seeds of these orders, and the gaps that they keep",
        "stimuli.csv": "the images by checksum, with their measures",
        SET_MEASURES: "measures of all images of a set by a method together",
        "deeds.csv": "what was done to the study and when, looks at its results among it",
        "tables/": "the analysis: CSV, JSON, LaTeX (package booktabs), Markdown, a workbook",
        "figures/": "SVG and PDF",
        "versions.txt": "what computed it",
        "SHA256SUMS": "checksums of these files: sha256sum -c on it",
    }
    named = {
        name if name.endswith("/") else marks.file_name(kind, name): about[name]
        for name in about
        if name != SET_MEASURES or name in tables_
    }
    width, images = max(map(len, named)), _images(study)
    lines = "\n".join(f"{name.ljust(width)}  {what}" for name, what in named.items())
    ratings = marks.file_name(kind, "ratings.csv")
    return f"""{" ".join(study.title.split())}

Ratings by {marks.WORDS[kind]}.

{lines}
{"".join(f"{line}{chr(10)}" for line in ["", "Images", *images] if images)}
`python manage.py analyse {ratings}{options}` gives the same tables again,
without a database.
"""


def _method(study: Study, kind: Kind, found: Report, frame: pd.DataFrame) -> str:
    """What a report has to state, with the figures of this study."""
    n = found["counts"]
    flagged = [row for row in found["raters"] if row["flags"]]
    looks = [
        f"- {look.at:%Y-%m-%d %H:%M} UTC, {look.extent} ratings: "
        + layout.prose(f"{look.get_kind_display().lower()} {look.looked_at}")
        for look in Deed.objects.early_looks(study)
    ]
    gaps = Session.objects.filter(rater__study=study, rater__simulated=kind == "simulated")
    kept = sorted(set(gaps.values_list("gap", flat=True)))
    rules = "\n".join(
        f"- {field.verbose_name}: {layout.prose(_said(getattr(study, field.name)))}"
        for field in Study._meta.concrete_fields
        if field.name in (*Study.FROZEN, *Study.DECLARED)
        and field.name not in ("instructions", "consent", "texts")
        and (field.name not in ONLY_IF_SET or getattr(study, field.name))
    )
    images = [f"- {line}" for line in _images(study)]
    return f"""# {layout.prose(study.title)}: method

Raters: {n["raters"]}, {marks.WORDS[kind]}. Planned: {study.planned_raters}.
{"Informal: fewer than 15 raters (ITU-R BT.500)." if n["raters"] < 15 else ""}
Ratings: {n["ratings"]} of {n["stimuli"]} stimuli; double votes left out: {n["left_out"]}.
Opened: {study.opened_at}. Closed: {study.closed_at or "not yet"}.
Stimuli frozen at opening, SHA-256 over their checksums: `{study.stimuli_sha256}`.

{"".join(f"{line}{chr(10)}" for line in ["## Images", *images, ""] if images)}## Method of rating
Absolute category rating {_reference(study)}: one image at a time, five categories,
5 excellent, 4 good, 3 fair, 2 poor, 1 bad. No hint of the method. Random order for each rater.
Others between two images of one source, as kept: {", ".join(map(str, kept)) or "unknown"}.

## Instructions
{_text(study, "instructions")}

## Consent
{_text(study, "consent")}

## Display
Each image was shown pixel by pixel on the rater's own screen.
Device pixel ratios: {_counted(frame, "device_pixel_ratio")}.
Browsers: {_counted(frame, "browser")}.
Windows, CSS pixels: {_range(frame, "viewport_width")} by {_range(frame, "viewport_height")}.
Median time to an answer: {_median(frame, "response_ms")} ms.

## Rules set before the first vote
{rules}

## Raters that a rule flags
Nobody is dropped: every figure counts all raters, without them is
{marks.file_name(kind, "tables/screening.csv")}.
{chr(10).join(f"- {row['rater']}: {'; '.join(row['flags'])}" for row in flagged) or "None."}

## Looks at the means before the study was closed for good, downloads among them
{chr(10).join(looks) or "None."}

## Rules and conventions of the analysis
{chr(10).join(f"- {layout.prose(note)}" for note in found["notes"])}
"""


def _images(study: Study) -> list[str]:
    """What the sets are and how their LR images came to be; nothing where all are as in the paper:
    originals, and LR images made of them by MATLAB's bicubic at a quarter.
    """
    sets = exports.datasets_of(study)
    came = shown.lr_came_with(study)
    if not came and all(each.scale == SCALE and each.references for each in sets):
        return []
    return [f"{each.name}: x{each.scale}; {_lr(each, came)}." for each in sets]


def _lr(of: Dataset, came: Collection[str]) -> str:
    if not of.references:
        return (
            "its images are enlarged as they are. There are no originals: no PSNR, SSIM, LPIPS and "
            "DISTS, no hidden reference, no DMOS"
        )
    if of.name in came:
        return "the LR images came with the set"
    return f"the LR images were made of the originals by MATLAB's bicubic at 1/{of.scale}"


def _reference(study: Study) -> str:
    """Whether there was a hidden reference, as far as that hangs on the sets."""
    have = [each.references for each in exports.datasets_of(study)]
    if all(have):
        return "with hidden reference (ITU-T P.910)"
    where = ", where there are originals" if any(have) else ""
    return f"with{'' if any(have) else 'out'} hidden reference (ITU-T P.910){where}"


def _counted(frame: pd.DataFrame, column: str) -> str:
    if column not in frame:
        return "unknown"
    values = frame[column].astype("string").fillna("").replace("", "unknown")
    named = {str(value): n for value, n in values.value_counts().items()}
    return ", ".join(f"{layout.prose(name)} ({n} ratings)" for name, n in sorted(named.items()))


def _said(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _text(study: Study, name: str) -> str:
    """What raters read, where it is the study's own: in each language, if there are several."""
    if not study.texts.get(name):
        return _quoted(getattr(study, name))
    return "\n\n".join(
        f"In {language}:\n\n{_quoted(texts.own(study, name, code))}"
        for code, language in texts.LANGUAGES.items()
        if study.language in ("", code)
    )


def _quoted(text: str) -> str:
    """A text of the study's own, none of whose headings is one of ours."""
    return "\n".join(f"> {line}" for line in text.splitlines()) or (
        "The standard text of this software."
    )


def _range(frame: pd.DataFrame, column: str) -> str:
    known = frame[column].dropna() if column in frame else pd.Series(dtype=float)
    return f"{known.min():.0f} to {known.max():.0f}" if len(known) else "unknown"


def _median(frame: pd.DataFrame, column: str) -> str:
    known = frame[column].dropna() if column in frame else pd.Series(dtype=float)
    return f"{known.median():.0f}" if len(known) else "unknown"


def _options(frames: Mapping[str, pd.DataFrame], kind: Kind, values: Measured) -> str:
    """What `analyse` has to be told of measures to find them as the study has them."""
    said, columns = "", exports.measures_of_images(values)
    if heads.guess_measures([str(name) for name in frames["ratings.csv"].columns]) != columns:
        said += f" --measures {' '.join(columns)}"
    if SET_MEASURES in frames:
        said += f" --set-measures {marks.file_name(kind, SET_MEASURES)}"
    return said


def _set_measures(study: Study) -> pd.DataFrame:
    """The figures of whole sets, in the order of tables."""
    rows = [
        (row.dataset.name, row.method.name, row.measure.name, row.value, row.version,
         row.measure.higher_is_better, row.stimuli_sha256)
        for row in of_whole_sets(study)
    ]  # fmt: skip
    columns = ["set", "method", "measure", "value", "version", "higher_is_better"]
    return pd.DataFrame(rows, columns=[*columns, "stimuli_sha256"])


def _plan(study: Study, kind: Kind) -> pd.DataFrame:
    """Every planned trial, rated or not, in order."""
    there = {field.name for field in Trial._meta.concrete_fields}
    names = [name for name in ("position", "kind", "repeat") if name in there]
    trials = Trial.objects.filter(rater__study=study, rater__simulated=kind == "simulated")
    rows = trials.order_by("rater__number", "position").values_list(
        "rater__number",
        "session__number",
        *names,
        "stimulus__source__dataset__name",
        "stimulus__source__name",
        "stimulus__method__name",
        "stimulus__sha256",
    )
    columns = ["rater", "session", *names, "set", "image", "method", "stimulus_sha256"]
    return _with_label(pd.DataFrame(list(rows), columns=columns), kind)


def _sessions(study: Study, kind: Kind) -> pd.DataFrame:
    """The seed of every order, and what the rater's whole order keeps as the planner counted it."""
    sessions = Session.objects.filter(rater__study=study, rater__simulated=kind == "simulated")
    rows = sessions.order_by("rater__number", "pk").values_list(
        "rater__number", "number", "calibration", "seed", "gap", "rater__proof"
    )
    columns = [
        "rater",
        "session",
        "calibration",
        "seed",
        "least_images_between_one_source",
        "proof",
    ]
    frame = pd.DataFrame(list(rows), columns=columns)
    frame["proof"] = [
        json.dumps(proof, sort_keys=True) if proof else "" for proof in frame["proof"]
    ]
    return _with_label(frame, kind)


def _with_label(frame: pd.DataFrame, kind: Kind) -> pd.DataFrame:
    prefix = "S" if kind == "simulated" else "R"
    return frame.assign(rater=[f"{prefix}{number:03d}" for number in frame["rater"]])


def _stimuli(study: Study, values: Measured) -> pd.DataFrame:
    names: dict[str, Any] = {
        "set": "source__dataset__name", "image": "source__name", "method": "method__name",
        "sha256": "sha256", "width": "width", "height": "height",
    }  # fmt: skip
    stimuli = study.stimuli.order_by("source__dataset", "method__place", "source__name")
    frame = pd.DataFrame(list(stimuli.values_list(*names.values())), columns=[*names])
    measures = exports.measures_frame(study, values).drop(columns="title")
    frame = frame.merge(measures, on=["set", "image", "method"], how="left")
    sets = exports.datasets_of(study)
    if any(each.scale != SCALE for each in sets):
        frame[exports.ENLARGED_BY] = frame["set"].map({each.name: each.scale for each in sets})
    if not all(each.references for each in sets):
        frame[HAS_ORIGINAL] = frame["set"].map({each.name: each.references for each in sets})
    return frame


def _versions() -> str:
    lines = [f"python {platform.python_version()}"]
    return "\n".join([*lines, *(f"{name} {version(name)}" for name in exports.PACKAGES)]) + "\n"
