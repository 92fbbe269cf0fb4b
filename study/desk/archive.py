"""All of a study that can be published, as one zip: the same votes give the same bytes."""

from __future__ import annotations

import hashlib
import io
import json
import platform
import zipfile
from importlib.metadata import version
from typing import Any

import pandas as pd
from django.db.models import Count, Max

from study.analysis import render, tables
from study.analysis.report import Report
from study.desk import exports
from study.desk.exports import Kind
from study.models import Deed, Session, Study, Trial

CODEBOOK = {
    "rater": "R001, R002 ... for people, S001 ... for simulated raters; no name was ever asked",
    "set": "set of source images", "image": "source image", "method": "what made the image",
    "score": "5 excellent, 4 good, 3 fair, 2 poor, 1 bad (ACR, ITU-T P.910)",
    "simulated": "true if a program gave the rating", "raters_kind": "people or simulated",
    "response_ms": "milliseconds from the image painted to the answer, as the browser tells",
    "since_delivery_ms": "milliseconds from the image being sent, ahead of its turn, to the "
    "answer's arrival, as the server measured; empty before it did",
    "device_pixel_ratio": "device pixels to a CSS pixel; the image was shown pixel by pixel",
    "viewport_width": "window, CSS pixels", "viewport_height": "window, CSS pixels",
    "shown_width": "image as shown, CSS pixels", "shown_height": "image as shown, CSS pixels",
    "zoom": "the browser's zoom, 1 for 100 %", "browser": "family of the browser",
    "received_at": "time of the server, UTC", "client_id": "made by the browser for this vote",
    "session": "number of the sitting, from 1", "position": "place in the rater's order, from 0",
    "repeat": "true for a declared retest: for the retest report alone",
    "stimulus_sha256": "SHA-256 of the image file that was shown",
    "psnr": "PSNR of Y, dB, 4 px cut; empty where infinite", "ssim": "SSIM (Wang)",
    "ssim_daala": "SSIM (daala, as in Ledig et al.)", "lpips": "LPIPS 0.1, AlexNet",
}  # fmt: skip


def archive(study: Study, *, kind: Kind) -> bytes:
    """The zip. Raises ``ValueError`` while there are no ratings of that kind."""
    found = exports.report(study, kind=kind)
    if found is None:
        raise ValueError(f"{study.slug} has no ratings of {kind} yet; there is nothing to export")
    raw = exports.ratings(study, kind=kind)
    shown = exports.mos(study, kind=kind)
    files = {
        "README.txt": _readme(study, kind),
        "method.md": _method(study, kind, found),
        "ratings.csv": raw,
        "codebook.csv": _codebook(raw.split("\n", 1)[0].split(",")),
        "plan.csv": _plan(study, kind),
        "sessions.csv": _sessions(study, kind),
        "stimuli.csv": _stimuli(study),
        "versions.txt": _versions(),
        "tables/table.csv": tables.to_csv(shown),
        "tables/table.tex": tables.to_latex(shown),
    }
    binary: dict[str, bytes] = {}
    for form in ("csv", "json", "latex", "markdown", "xlsx"):
        for name, content in render.files(found, form).items():
            binary.setdefault(f"tables/{name}", content)
    for name in exports.FIGURES:
        for form in ("svg", "pdf"):
            try:
                drawn = exports.figure(study, kind=kind, name=name, form=form)
            except ValueError:  # nothing measured, or no cell with every method: no such figure
                continue
            binary[f"figures/{name}.{form}"] = drawn
    return _zip({name: text.encode() for name, text in files.items()} | binary)


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


def _zip(files: dict[str, bytes]) -> bytes:
    """A zip without a clock in it, its files by name, their checksums among them."""
    files["SHA256SUMS"] = "".join(
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


def _readme(study: Study, kind: Kind) -> str:
    return f"""{study.title}

Ratings by {tables.WORDS[kind]}.

ratings.csv    every rating, one row each; codebook.csv says what its columns hold
method.md      what ITU-T P.910 asks a report to state: raters, instructions, display, rules
plan.csv       who was to see what in which order; sessions.csv has the seeds and kept gaps
stimuli.csv    the images by checksum, with their measures
tables/        the analysis: CSV, JSON, LaTeX (package booktabs), Markdown, a workbook
figures/       SVG and PDF
versions.txt   what computed it
SHA256SUMS     checksums of these files: sha256sum -c SHA256SUMS

`python manage.py analyse ratings.csv` gives the same tables again, without a database.
"""


def _method(study: Study, kind: Kind, found: Report) -> str:
    """What a report has to state, with the figures of this study."""
    n = found["counts"]
    frame = exports.ratings_frame(study, kind=kind)
    flagged = [row for row in found["raters"] if row["flags"]]
    looks = [
        f"- {look.at:%Y-%m-%d %H:%M} UTC, at {look.details['ratings']} ratings"
        for look in Deed.objects.early_looks(study)
    ]
    gaps = Session.objects.filter(rater__study=study, rater__simulated=kind == "simulated")
    kept = sorted(set(gaps.values_list("gap", flat=True)))
    rules = "\n".join(
        f"- {field.verbose_name}: {getattr(study, field.name)}"
        for field in Study._meta.concrete_fields
        if field.name in (*Study.FROZEN, *Study.DECLARED) and field.name != "instructions"
    )
    return f"""# {study.title}: method

Raters: {n["raters"]}, {tables.WORDS[kind]}. Planned: {study.planned_raters}.
{"Informal: fewer than 15 raters (ITU-R BT.500)." if n["raters"] < 15 else ""}
Ratings: {n["ratings"]} of {n["stimuli"]} stimuli; double votes left out: {n["left_out"]}.
Opened: {study.opened_at}. Closed: {study.closed_at or "not yet"}.
Stimuli frozen at opening, SHA-256 over their checksums: `{study.stimuli_sha256}`.

## Method of rating
Absolute category rating with hidden reference (ITU-T P.910): one image at a time, five categories,
5 excellent, 4 good, 3 fair, 2 poor, 1 bad. No hint of the method. Random order for each rater.
Others between two images of one source, as kept: {", ".join(map(str, kept)) or "unknown"}.

## Instructions
{study.instructions or "The standard text of this software."}

## Display
Each image was shown pixel by pixel on the rater's own screen.
Device pixel ratios: {_counted(frame, "device_pixel_ratio")}.
Browsers: {_counted(frame, "browser")}.
Windows, CSS pixels: {_range(frame, "viewport_width")} by {_range(frame, "viewport_height")}.
Median time to an answer: {_median(frame, "response_ms")} ms.

## Rules set before the first vote
{rules}

## Raters that a rule flags
Nobody is dropped: every figure counts all raters, tables/screening.csv is without them.
{chr(10).join(f"- {row['rater']}: {'; '.join(row['flags'])}" for row in flagged) or "None."}

## Looks at the means while the study was open
{chr(10).join(looks) or "None."}

## Rules and conventions of the analysis
{chr(10).join(f"- {note}" for note in found["notes"])}
"""


def _counted(frame: pd.DataFrame, column: str) -> str:
    if column not in frame:
        return "unknown"
    values = frame[column].astype("string").fillna("").replace("", "unknown")
    named = {str(value): n for value, n in values.value_counts().items()}
    return ", ".join(f"{name} ({n} ratings)" for name, n in sorted(named.items()))


def _range(frame: pd.DataFrame, column: str) -> str:
    known = frame[column].dropna() if column in frame else pd.Series(dtype=float)
    return f"{known.min():.0f} to {known.max():.0f}" if len(known) else "unknown"


def _median(frame: pd.DataFrame, column: str) -> str:
    known = frame[column].dropna() if column in frame else pd.Series(dtype=float)
    return f"{known.median():.0f}" if len(known) else "unknown"


def _codebook(columns: list[str]) -> str:
    rows = [(name, CODEBOOK.get(name, "")) for name in columns]
    return pd.DataFrame(rows, columns=["column", "meaning"]).to_csv(
        index=False, lineterminator="\n"
    )


def _plan(study: Study, kind: Kind) -> str:
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


def _sessions(study: Study, kind: Kind) -> str:
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


def _with_label(frame: pd.DataFrame, kind: Kind) -> str:
    prefix = "S" if kind == "simulated" else "R"
    frame["rater"] = [f"{prefix}{number:03d}" for number in frame["rater"]]
    return frame.to_csv(index=False, lineterminator="\n")


def _stimuli(study: Study) -> str:
    names: dict[str, Any] = {
        "set": "source__dataset__name", "image": "source__name", "method": "method__name",
        "sha256": "sha256", "width": "width", "height": "height",
    }  # fmt: skip
    stimuli = study.stimuli.order_by("source__dataset", "method__place", "source__name")
    rows = stimuli.values_list(*names.values(), *exports.MEASURES)
    frame = pd.DataFrame(list(rows), columns=[*names, *exports.MEASURES])
    return frame.to_csv(index=False, lineterminator="\n")


def _versions() -> str:
    lines = [f"python {platform.python_version()}"]
    return "\n".join([*lines, *(f"{name} {version(name)}" for name in exports.PACKAGES)]) + "\n"
