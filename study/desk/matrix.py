"""Sets by methods: what is made, what is missing, what is due, and what there cannot be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings

from benchmarks import catalogue as files
from benchmarks import datasets, methods, outputs
from benchmarks.cases import output_size
from benchmarks.datasets import Manifest
from benchmarks.measures import COMPUTED
from benchmarks.methods import Method
from study.desk import jobs
from study.models import Job
from study.models.deeds import By


@dataclass(frozen=True)
class Cell:
    """What there is by a method of a set."""

    set: str
    method: str
    images: int = 0
    made: int = 0
    outdated: int = 0
    """Outputs that are there, of what the method, the set or their file was before."""
    unmeasured: tuple[str, ...] = ()
    """Titles of measures that outputs lack and could have here."""
    due: Job | None = None
    """What makes it, if that was asked for."""
    short: str = ""
    """Why there cannot be any, in two words; empty if there can be."""
    why: str = ""
    """The same as a sentence."""

    @property
    def lacks(self) -> bool:
        """Whether there is anything to make or to measure that nobody has asked for yet."""
        return not self.short and not self.due and bool(self.made < self.images or self.unmeasured)


@dataclass(frozen=True)
class Row:
    """A set by all methods; of one whose images are not there, ``why`` and no cells."""

    name: str
    title: str
    images: int
    cells: list[Cell] = field(default_factory=list)
    why: str = ""

    @property
    def shipped(self) -> bool:
        """Whether its images are known by their pixels, so that any copy will do."""
        return self.name in datasets.SHIPPED

    @property
    def lacks(self) -> bool:
        """Whether anything of it can be made."""
        return any(cell.lacks for cell in self.cells)


@dataclass(frozen=True)
class Matrix:
    """Every set by every method."""

    rows: list[Row]
    methods: list[dict[str, Any]]
    """As `catalogue.everything` has them, with ``can``: whether anything by it can be made."""

    @property
    def outdated(self) -> bool:
        """Whether anything is to be made anew."""
        return any(cell.outdated for row in self.rows for cell in row.cells)

    @property
    def lacks(self) -> bool:
        """Whether anything can be made."""
        return any(row.lacks for row in self.rows)


def matrix(found: files.Catalogue) -> Matrix:
    """Of ``found``, which is all that `catalogue.everything` says of this site."""
    known = methods.methods(Path(settings.METHODS_DIR))
    told = {(row["set"], row["method"]): row for row in found["outputs"]}
    every, due = [known[row["name"]] for row in found["methods"]], _due()
    rows = []
    for row in found["sets"]:
        mine = [name for name in dict.fromkeys(name for name, _ in told) if _base(name, row)]
        if row["there"] < row["images"]:
            rows.append(Row(row["name"], row["title"], row["images"], why=_not_here(row)))
            continue
        for name in mine or [row["name"]]:
            of = datasets.manifest(name, Path(settings.BENCHMARKS_DIR))
            cells = [_cell(of, each, told.get((name, each.name)), due) for each in every]
            rows.append(Row(name, of.title, len(of.images), cells))
    columns = [
        row | {"can": any(line.cells[place].lacks for line in rows if line.cells)}
        for place, row in enumerate(found["methods"])
    ]
    return Matrix(rows, columns)


def make(shown: Matrix, sets: Sequence[str], methods_: Sequence[str], *, by: By) -> list[Job]:
    """Ask for what is missing of ``methods_`` over ``sets``; of all, where none are named.

    One job for all that can be asked for together. Empty if nothing is missing.
    """
    wanted: dict[str, list[str]] = {}
    for row in shown.rows:
        for cell in row.cells:
            meant = (not sets or cell.set in sets) and (not methods_ or cell.method in methods_)
            if cell.lacks and meant:
                wanted.setdefault(cell.set, []).append(cell.method)
    if not wanted:
        return []
    all_methods = list(dict.fromkeys(name for some in wanted.values() for name in some))
    if _together(wanted, all_methods):
        return [jobs.ask(Job.Kind.GENERATE, by=by, sets=[*wanted], methods=all_methods)]
    groups: dict[tuple[str, ...], list[str]] = {}
    for name, some in wanted.items():
        groups.setdefault(tuple(some), []).append(name)
    return [
        jobs.ask(Job.Kind.GENERATE, by=by, sets=names, methods=[*some])
        for some, names in groups.items()
    ]


def _together(sets: Iterable[str], names: Sequence[str]) -> bool:
    """Whether `outputs.generate` takes them at once: it refuses what cannot be made of a set."""
    folders = {
        "benchmarks_dir": Path(settings.BENCHMARKS_DIR), "methods_dir": Path(settings.METHODS_DIR),
    }  # fmt: skip
    try:
        outputs.pairs(sets, names, **folders)
    except ValueError:
        return False
    return True


def _due() -> dict[tuple[str, str], Job]:
    asked = Job.objects.due().filter(kind=Job.Kind.GENERATE)
    return {
        (name, method): job
        for job in asked
        for name in job.what.get("sets", ())
        for method in job.what.get("methods", ())
    }


def _base(name: str, row: dict[str, Any]) -> bool:
    return datasets.base_of(name, Path(settings.BENCHMARKS_DIR)) == row["name"]


def _not_here(row: dict[str, Any]) -> str:
    said = f"{row['there']} of {row['images']} images are on this server"
    return f"{said}."


def _cell(
    of: Manifest, method: Method, told: dict[str, Any] | None, due: dict[tuple[str, str], Job]
) -> Cell:
    if short := _short(of, method):
        return Cell(of.name, method.name, short=short, why=method.cannot(of).partition(";")[0])
    if told is None or told["lacks"]:
        why = told["lacks"] if told else method.lacks() or "its weights are missing"
        return Cell(of.name, method.name, short="cannot be made", why=why)
    made = told["made"]
    lacking = made < told["images"]
    unmeasured = tuple(
        COMPUTED[name].title
        for name, number in told["measured"].items()
        if number < min(made, _fit(of, name)) and _can_measure(name)
    )
    job = due.get((of.name, method.name)) if lacking or unmeasured else None
    return Cell(of.name, method.name, told["images"], made, told["outdated"], unmeasured, job)


def _short(of: Manifest, method: Method) -> str:
    """Why there can be no outputs of a set by it, for a cell."""
    if not method.covers(of.name):
        return "not brought"
    if method.is_original and not of.references:
        return "no originals"
    return "" if method.is_for(of) else f"only x{method.scale}"


def _fit(of: Manifest, name: str) -> int:
    """How many outputs of a set are large enough for a measure."""
    return sum(min(output_size(of, entry)) >= COMPUTED[name].least for entry in of.images)


def _can_measure(name: str) -> bool:
    """Whether a measure can be computed here: the networks of some may be missing."""
    network = COMPUTED[name].network
    if network is None or settings.FETCH_WEIGHTS:
        return True
    folder = settings.PERCEPTUAL_WEIGHTS_DIR
    return bool(folder) and Path(folder, network.file).is_file()
