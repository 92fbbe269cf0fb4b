"""Measures of a method on a set, beside the published ones, as text, CSV, JSON or LaTeX."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from statistics import fmean
from typing import TypeVar

from benchmarks import methods as methods_
from benchmarks.measures import COMPUTED
from benchmarks.outputs import Output, generated, read_outputs
from benchmarks.published import AGAINST, Published

T = TypeVar("T")


@dataclass(frozen=True)
class Row:
    """Means over the images of a set. PSNR is infinite for the original; None: not known.

    ``published_ssim`` is to be compared with ``ssim_daala``, not with ``ssim`` (Wang's).
    """

    set: str
    method: str
    title: str
    images: int
    measures: Mapping[str, float | None]
    published_psnr: float | None
    published_ssim: float | None

    def plain(self) -> dict[str, str | int | float | None]:
        """The row as files have it: a column a measure."""
        return {
            "set": self.set,
            "method": self.method,
            "images": self.images,
            **self.measures,
            "published_psnr": self.published_psnr,
            "published_ssim": self.published_ssim,
        }


def summarise(
    outputs: Iterable[Output],
    published: Mapping[tuple[str, str], Published],
    *,
    titles: Mapping[str, str],
) -> list[Row]:
    """One row for each set and method, in the order of ``outputs``, which are grouped by both."""
    rows = []
    for (set_name, method), group in groupby(outputs, key=lambda each: (each.set, each.method)):
        images = list(group)
        measures: dict[str, float | None] = {}
        for name in COMPUTED:
            values = [image.measures[name].value for image in images if name in image.measures]
            # A mean over some of the images would pass for one over all.
            measures[name] = fmean(values) if len(values) == len(images) else None
        theirs = published.get((set_name, method))
        rows.append(
            Row(
                set_name,
                method,
                titles.get(method, method),
                len(images),
                measures,
                published_psnr=theirs.psnr if theirs else None,
                published_ssim=theirs.ssim if theirs else None,
            )
        )
    return rows


BESIDE = {"psnr": ("published_psnr", 2), "ssim_daala": ("published_ssim", 4)}
"""Which column others' figures stand beside, and its decimals."""
ORDER = ("psnr", "ssim_daala", "ssim")
"""First in the readable table; the others follow as the table of measures has them."""


def _shown() -> list[str]:
    return [*ORDER, *(name for name in COMPUTED if name not in ORDER)]


def _headings() -> list[str]:
    found = ["Set", "Method", "Images"]
    for name in _shown():
        found += [COMPUTED[name].title, *["published"] * (name in BESIDE)]
    return found


def _cells(row: Row, *, infinite: str, unknown: str) -> list[str]:
    """A row under `_headings`, rounded as the paper rounds."""

    def figure(value: float | None, digits: int) -> str:
        if value is None:
            return unknown
        return f"{value:.{digits}f}" if math.isfinite(value) else infinite

    cells = [row.set, row.title, str(row.images)]
    for name in _shown():
        cells.append(figure(row.measures[name], COMPUTED[name].decimals))
        if name in BESIDE:
            published, digits = BESIDE[name]
            cells.append(figure(getattr(row, published), digits))
    return cells


def as_table(rows: Sequence[Row]) -> str:
    """Columns for a terminal, words to the left and figures to the right."""
    lines = [_headings(), *(_cells(row, infinite="inf", unknown="-") for row in rows)]
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
    writer.writerow(rows[0].plain())
    writer.writerows(row.plain().values() for row in rows)
    return text.getvalue().rstrip("\n")


def as_json(rows: Sequence[Row]) -> str:
    """A list of objects at full precision; null where a figure is not known or infinite."""
    objects = [
        {key: None if value == math.inf else value for key, value in row.plain().items()}
        for row in rows
    ]
    return json.dumps(objects, indent=2, allow_nan=False)


def as_latex(rows: Sequence[Row]) -> str:
    """A ``tabular`` with the rules of booktabs."""
    body = [_headings(), *(_cells(row, infinite=r"$\infty$", unknown="--") for row in rows)]
    head, *lines = (" & ".join(cells) + r" \\" for cells in body)
    inside = [r"\toprule", head, r"\midrule", *lines, r"\bottomrule"]
    columns = f"ll{'r' * (len(body[0]) - 2)}"
    return "\n".join([rf"\begin{{tabular}}{{{columns}}}", *inside, r"\end{tabular}"])


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
    benchmarks_dir: Path | None = None,
    methods_dir: Path | None = None,
) -> str:
    """Measures of what has been generated, beside those that ``against`` published, as one text.

    All sets and methods that there is anything of, unless they are named; ``form`` is a key of
    `FORMATS`. Raises ``ValueError`` for a name that is not known, and for outputs that are missing.
    """
    render = _one_of(FORMATS, "format", form)
    published = _one_of(AGAINST, "published table", against)
    places = {"benchmarks_dir": benchmarks_dir, "methods_dir": methods_dir}
    outputs: list[Output] = []
    for name, some in generated(outputs_dir, sets=sets, methods=methods, **places).items():
        outputs += read_outputs(
            outputs_dir,
            sets=[name],
            methods=some,
            benchmarks_dir=benchmarks_dir,
            methods_dir=methods_dir,
        )
    known = methods_.methods(methods_dir)
    return render(
        summarise(outputs, published, titles={name: each.title for name, each in known.items()})
    )


def _one_of(known: Mapping[str, T], what: str, name: str) -> T:
    if name not in known:
        others = f"there {'are' if len(known) > 1 else 'is'} {', '.join(known)}"
        raise ValueError(f"there is no {what} {name!r}; {others}")
    return known[name]
