"""Measures of a method on a set, beside the published ones, as text, CSV, JSON or LaTeX."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, fields
from itertools import groupby
from pathlib import Path
from statistics import fmean
from typing import TypeVar

from benchmarks.outputs import Output, generated, read_outputs
from benchmarks.published import AGAINST, Published
from sr_models.methods import METHODS

T = TypeVar("T")


@dataclass(frozen=True)
class Row:
    """Means over the images of a set. PSNR is infinite for the original; None: not known.

    ``published_ssim`` is to be compared with ``ssim_daala``, not with ``ssim`` (Wang's).
    """

    set: str
    method: str
    images: int
    psnr: float
    ssim: float
    ssim_daala: float
    lpips: float | None
    published_psnr: float | None
    published_ssim: float | None


def summarise(
    outputs: Iterable[Output], published: Mapping[tuple[str, str], Published]
) -> list[Row]:
    """One row for each set and method, in the order of ``outputs``, which are grouped by both."""
    rows = []
    for key, group in groupby(outputs, key=lambda output: (output.set, output.method)):
        images = list(group)
        distances = [image.lpips for image in images if image.lpips is not None]
        theirs = published.get(key)
        rows.append(
            Row(
                *key,
                images=len(images),
                psnr=fmean(math.inf if image.psnr is None else image.psnr for image in images),
                ssim=fmean(image.ssim for image in images),
                ssim_daala=fmean(image.ssim_daala for image in images),
                # A mean over some of the images would pass for one over all.
                lpips=fmean(distances) if len(distances) == len(images) else None,
                published_psnr=theirs.psnr if theirs else None,
                published_ssim=theirs.ssim if theirs else None,
            )
        )
    return rows


HEADINGS = (
    *("Set", "Method", "Images", "PSNR", "published"),
    *("SSIM (daala)", "published", "SSIM (Wang)", "LPIPS"),
)


def _cells(row: Row, *, infinite: str, unknown: str) -> list[str]:
    """A row under ``HEADINGS``, rounded as the paper rounds."""

    def figure(value: float | None, digits: int) -> str:
        if value is None:
            return unknown
        return f"{value:.{digits}f}" if math.isfinite(value) else infinite

    return [
        row.set,
        METHODS[row.method].title,
        str(row.images),
        figure(row.psnr, 2),
        figure(row.published_psnr, 2),
        figure(row.ssim_daala, 4),
        figure(row.published_ssim, 4),
        figure(row.ssim, 4),
        figure(row.lpips, 4),
    ]


def as_table(rows: Sequence[Row]) -> str:
    """Columns for a terminal, words to the left and figures to the right."""
    lines = [list(HEADINGS), *(_cells(row, infinite="inf", unknown="-") for row in rows)]
    widths = [max(len(cell) for cell in column) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if place < 2 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    )


def as_csv(rows: Sequence[Row]) -> str:
    """A header and full precision; empty where a figure is not known, ``inf`` where infinite."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(field.name for field in fields(Row))
    writer.writerows(astuple(row) for row in rows)
    return text.getvalue().rstrip("\n")


def as_json(rows: Sequence[Row]) -> str:
    """A list of objects at full precision; null where a figure is not known or infinite."""
    objects = [
        {key: None if value == math.inf else value for key, value in asdict(row).items()}
        for row in rows
    ]
    return json.dumps(objects, indent=2, allow_nan=False)


def as_latex(rows: Sequence[Row]) -> str:
    """A ``tabular`` with the rules of booktabs."""
    body = [list(HEADINGS), *(_cells(row, infinite=r"$\infty$", unknown="--") for row in rows)]
    head, *lines = (" & ".join(cells) + r" \\" for cells in body)
    inside = [r"\toprule", head, r"\midrule", *lines, r"\bottomrule"]
    return "\n".join([r"\begin{tabular}{llrrrrrrr}", *inside, r"\end{tabular}"])


FORMATS: dict[str, Callable[[Sequence[Row]], str]] = {
    "table": as_table,
    "csv": as_csv,
    "json": as_json,
    "latex": as_latex,
}


def quality_table(
    outputs_dir: Path,
    *,
    sets: Iterable[str] | None = None,
    methods: Iterable[str] | None = None,
    form: str = "table",
    against: str = "ledig2017",
) -> str:
    """Measures of what has been generated, beside those that ``against`` published, as one text.

    All sets and methods that there is anything of, unless they are named; ``form`` is a key of
    `FORMATS`. Raises ``ValueError`` for a name that is not known, and for outputs that are missing.
    """
    render = _one_of(FORMATS, "format", form)
    published = _one_of(AGAINST, "published table", against)
    chosen_sets, chosen_methods = generated(outputs_dir, sets=sets, methods=methods)
    outputs = read_outputs(outputs_dir, sets=chosen_sets, methods=chosen_methods)
    return render(summarise(outputs, published))


def _one_of(known: Mapping[str, T], what: str, name: str) -> T:
    if name not in known:
        others = f"there {'are' if len(known) > 1 else 'is'} {', '.join(known)}"
        raise ValueError(f"there is no {what} {name!r}; {others}")
    return known[name]
