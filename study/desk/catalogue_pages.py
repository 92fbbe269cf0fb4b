"""What the pages of one set and of one method tell."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from django.conf import settings

from benchmarks import catalogue as files
from benchmarks import datasets, methods
from benchmarks.files import file_hash
from benchmarks.measures import COMPUTED
from study.desk import catalogue, matrix, pictures
from study.desk.pictures import Picture

FIRST = 4
"""Images of a set that stand for it, and examples of a method."""


def first_pictures(row: dict[str, Any]) -> list[Picture]:
    """Some images of a set that are there; ``row`` is that of `catalogue.everything`."""
    if not row["there"]:
        return []
    found = pictures.of_set(row["name"])
    return [each for each in found[: 4 * FIRST] if each.path.is_file()][:FIRST]


def of_set(name: str) -> dict[str, Any]:
    """A set, also at another scale. Raises ``ValueError`` for one that is not known."""
    of = datasets.manifest(name, Path(settings.BENCHMARKS_DIR))
    found = catalogue.everything(anew=False)
    shown = matrix.matrix(found)
    row = next(row for row in found["sets"] if row["name"] == (of.base or of.name))
    line = next((line for line in shown.rows if line.name == of.name), None)
    cells = line.cells if line else []
    return {
        "name": of.name,
        "title": of.title,
        "row": row | {"scale": of.scale, "lr": row["lr"]},
        "line": line,
        "base": of.base,
        "own": of.name not in datasets.SHIPPED and not of.base,
        "pictures": [(each, each.path.is_file()) for each in pictures.of_set(of.name)],
        "figures": _figures([(cell, _title(found, "methods", cell.method)) for cell in cells]),
        "tooltip": "methods",
    }


def of_method(name: str) -> dict[str, Any]:
    """A method. Raises ``ValueError`` for one that is not known."""
    methods.chosen([name], Path(settings.METHODS_DIR))
    found = catalogue.everything(anew=False)
    row = next(row for row in found["methods"] if row["name"] == name)
    own = {each.name for each in methods.own_methods(Path(settings.METHODS_DIR))}
    cells = [
        (cell, line.name)
        for line in matrix.matrix(found).rows
        for cell in line.cells
        if cell.method == name
    ]
    return {
        "name": name,
        "title": row["title"],
        "row": row,
        "own": name in own,
        "figures": _figures(cells),
        "examples": _examples(name, [cell for cell, _ in cells if cell.made]),
    }


def told(name: str, *, of_set: bool) -> dict[str, str]:
    """What is told of a set, or of a method, and can be told otherwise."""
    if of_set:
        of = datasets.manifest(name, Path(settings.BENCHMARKS_DIR))
        return {"title": of.title, "license": of.license}
    (method,) = methods.chosen([name], Path(settings.METHODS_DIR))
    return {"title": method.title, "license": method.license, "source": method.source}


def _title(found: files.Catalogue, what: str, name: str) -> str:
    return next(row["title"] for row in found[what] if row["name"] == name)


def _figures(cells: list[tuple[matrix.Cell, str]]) -> dict[str, Any]:
    """A row for each of ``cells``, with its label, and the measures that any of them has."""
    known = methods.methods(Path(settings.METHODS_DIR))
    means = []
    for cell, _ in cells:
        of = datasets.manifest(cell.set, Path(settings.BENCHMARKS_DIR))
        whole = cell.images and cell.made == cell.images
        means.append(
            files.means(Path(settings.OUTPUTS_DIR), of, known[cell.method], checksum=file_hash)
            if whole
            else {}
        )
    shown = [each for each in COMPUTED.values() if any(each.name in some for some in means)]
    rows = [
        (cell, label, [_said(some.get(each.name), each.decimals) for each in shown])
        for (cell, label), some in zip(cells, means, strict=True)
    ]
    return {"measures": shown, "rows": rows}


def _said(value: float | None, decimals: int) -> str:
    if value is None:
        return "–"
    return f"{value:.{decimals}f}" if math.isfinite(value) else "∞"


def _examples(name: str, cells: list[matrix.Cell]) -> list[dict[str, Any]]:
    """Outputs beside bicubic ones and the originals: of each set one, until there are enough."""
    found: list[dict[str, Any]] = []
    for place in range(FIRST):
        for cell in cells:
            made = pictures.of_outputs(name, cell.set)
            if place < len(made) and len(found) < FIRST:
                found.append(_beside(name, cell.set, made[place]))
    return found


def _beside(name: str, of: str, made: Picture) -> dict[str, Any]:
    def same(some: list[Picture]) -> Picture | None:
        return next((each for each in some if each.name == made.name), None)

    references = datasets.manifest(of, Path(settings.BENCHMARKS_DIR)).references
    return {
        "set": of,
        "made": made,
        "bicubic": same(pictures.of_outputs("bicubic", of)) if name != "bicubic" else None,
        "original": same(pictures.of_set(of)) if references and name != "hr" else None,
    }
