"""Figures of measures that other programs computed, from a table of theirs into the database.

The table is read and held against what is there first; what is wrong is told all at once, and then
nothing is stored.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from django.db import transaction

from benchmarks.measures import COMPUTED, FOREIGN
from study.analysis import cells, heads, tables
from study.desk.codebook import CODEBOOK
from study.desk.measures import Shown, digests, shown
from study.desk.stimuli import ROWS_AT_A_TIME
from study.models import Deed, Measure, SetMeasure, StimulusMeasure, Study
from study.models.deeds import By, by_command, note

COLUMNS = ("set", "image", "method", "measure", "value")
VERSION = "imported"
MOST_SAID = 20
"""Problems that are listed; whoever mends these finds the rest at the next try."""
PLACES = {name: 100 + place for place, name in enumerate(FOREIGN)}
"""Behind those that are computed; the field's in the order of their table."""
LAST = 1000
"""And behind them, by name, those that only their author knows."""


class Cell(NamedTuple):
    """What a figure is about: a stimulus by its key, or all stimuli of a set and method."""

    measure: str
    stimulus: int | None
    whole: tuple[int, int, str] | None = None
    """Keys of set and method, and the checksum over the files."""


@dataclass
class Taken:
    """What came of a table."""

    figures: int = 0
    """New ones and those that took the place of others."""
    replaced: int = 0
    unchanged: int = 0
    titles: list[str] = field(default_factory=list)
    studies: list[str] = field(default_factory=list)
    """That show any of it."""
    partial: list[str] = field(default_factory=list)
    """Sentences about measures that are known of some images of a set only."""


@dataclass
class _Table:
    """The rows of a table as far as they were understood, and what is wrong with it."""

    values: dict[Cell, float] = field(default_factory=dict)
    lines: dict[Cell, int] = field(default_factory=dict)
    names: dict[Cell, str] = field(default_factory=dict)
    """How a person calls what the figure is about."""
    titles: dict[str, str] = field(default_factory=dict)
    problems: dict[str, list[int]] = field(default_factory=dict)
    """Sentences, with the lines that they are about; none for those about the whole table."""

    def refuse(self, sentence: str, line: int | None = None) -> None:
        """Remember a problem; the same one in several lines is one."""
        self.problems.setdefault(sentence, []).extend([] if line is None else [line])

    def told(self) -> list[str]:
        """The problems as they are listed."""
        said = [
            f"{cells.in_lines(lines, ('', ''))}: {sentence}" if lines else sentence
            for sentence, lines in self.problems.items()
        ]
        more = len(said) - MOST_SAID
        return said[:MOST_SAID] + [f"and {more} more"] * (more > 0)


def take(
    path: Path,
    *,
    study: Study | None = None,
    version: str = VERSION,
    lower: Sequence[str] = (),
    higher: Sequence[str] = (),
    replace: bool = False,
    by: By | None = None,
) -> Taken:
    """Store the figures in a CSV file with the columns set, image, method, measure and value.

    An empty image is about the whole set. ``study``: the figures are about the files that it
    shows, for images that were made more than once. ``lower`` and ``higher`` name measures by
    which way is better. Only with ``replace`` does another figure take the place of one that is
    there. Written into the log of every study that shows any of it, ``by`` whom.

    Raises ``ValueError`` with all that is wrong, or ``OSError``; nothing is stored then.
    """
    if not 0 < len(version) <= 40:
        raise ValueError("a version has 1 to 40 characters, such as 'pyiqa 0.1.10'")
    rows = cells.read(path, COLUMNS)
    there = shown(study, {row["set"] for row in rows})
    table = _understood(rows, there)
    known = {row.name: row for row in Measure.objects.filter(name__in=table.titles)}
    ways = _ways(table, known, lower, higher)
    before = _stored(table.values)
    _one_kind(table)
    if not replace:
        for cell, value in table.values.items():
            if before.get(cell, value) != value:
                table.refuse(
                    f"{table.names[cell]} has {cell.measure} {before[cell]:g} already, here it is "
                    f"{value:g}; --replace takes this one",
                    table.lines[cell],
                )
    if table.problems:
        number = f"{len(table.problems)} problem{'s' * (len(table.problems) > 1)}"
        raise ValueError(
            f"{path} was not taken: {number}\n" + "\n".join(f"  {each}" for each in table.told())
        )
    changed = {cell: v for cell, v in table.values.items() if before.get(cell) != v}
    with transaction.atomic():
        if _stored(table.values) != before:
            raise ValueError(f"other figures came in while {path} was read; run the command again")
        _store(changed, table.titles, ways, version)
        studies = _tell(changed, path.name, version, known=before, by=by or by_command())
    return Taken(
        figures=len(changed),
        replaced=len(changed.keys() & before.keys()),
        unchanged=len(table.values) - len(changed),
        titles=list(Measure.objects.filter(name__in=table.titles).values_list("title", flat=True)),
        studies=studies,
        partial=_partial(table, there),
    )


# ---- What the rows say ----


def named(text: str) -> str:
    """A measure's name as columns have it; the field's by the name that this project knows.

    >>> named("MUSIQ"), named("CLIP-IQA"), named("CLIPIQA+")
    ('musiq', 'clipiqa', 'clipiqa_plus')
    """
    name = re.sub(r"[^a-z0-9]+", "_", text.lower().replace("+", "_plus")).strip("_")
    return _SQUASHED.get(name.replace("_", ""), name)


_OTHERS = {"lpips": "vgg", "dists": "imported", "niqe": "imported"}
"""What others' figures of measures that are computed here are called behind the name."""
_SQUASHED = {name.replace("_", ""): name for name in (*COMPUTED, *FOREIGN)}


def _understood(rows: Sequence[cells.Row], there: Shown) -> _Table:
    """The figures that rows hold, each about something that is there."""
    table = _Table()
    for row in rows:
        name = named(row["measure"])
        if problem := _misnamed(row["measure"], name):
            table.refuse(problem, row.line)
            continue
        table.titles.setdefault(
            name, FOREIGN[name].title if name in FOREIGN else " ".join(row["measure"].split())
        )
        value = row.number("value")
        if value is None:
            table.refuse(f"the value '{row['value'][:40]}' is no finite number", row.line)
            continue
        about = there.about(row["set"], row["image"], row["method"])
        if isinstance(about, str):
            table.refuse(about, row.line)
            continue
        cell = Cell(name, *about)
        if cell in table.lines:
            table.refuse(
                f"{name} of {_called(row)} is in line {table.lines[cell]} already", row.line
            )
            continue
        table.values[cell], table.lines[cell], table.names[cell] = value, row.line, _called(row)
    return table


def _called(row: cells.Row) -> str:
    return f"{'/'.join(filter(None, (row['set'], row['image'])))} by {row['method']}"


def _misnamed(text: str, name: str) -> str | None:
    """What is wrong with the name of a measure: it has to be a column beside those there are."""
    if not name:
        return f"'{text[:40]}' is no name of a measure; it needs a letter or a digit"
    if len(name) > 50 or len(text) > 100 or not text.isprintable():
        return f"the name of the measure '{text[:40]}' is too long or has signs that do not print"
    if name in COMPUTED:
        other = f"{name}_{_OTHERS.get(name, 'rgb')}"
        return f"{name} is computed here; bring yours under another name, such as {other}"
    if name in reserved() or heads.meaning(name):
        return f"'{name}' is the name of another column of tables; give the measure another one"
    return None


def reserved() -> set[str]:
    """Names that columns of ratings, tables and files have already."""
    return {*tables.columns({}), *(name for file in CODEBOOK.values() for name in file)}


def _ways(
    table: _Table, known: Mapping[str, Measure], lower: Sequence[str], higher: Sequence[str]
) -> dict[str, bool]:
    """Of each measure whether higher is better, from all who know it."""
    said: dict[str, bool] = {}
    for names, is_higher in ((lower, False), (higher, True)):
        for name in map(named, names):
            if name not in table.titles:
                table.refuse(
                    f"--{'higher' if is_higher else 'lower'} {name}: the table has no such "
                    f"measure; it has {', '.join(table.titles) or 'none'}"
                )
            elif said.setdefault(name, is_higher) != is_higher:
                table.refuse(f"{name} is named by both --lower and --higher")
    ways = {}
    for name in table.titles:
        way = _known_way(name, known)
        if way is None and name not in said:
            table.refuse(
                f"which way is better is not known of {name}; say --lower {name} or --higher {name}"
            )
        elif way is not None and said.get(name, way) != way:
            better = "higher" if way else "lower"
            table.refuse(f"of {name} {better} is better; leave it out of --lower and --higher")
        ways[name] = said.get(name, bool(way))
    return ways


def _known_way(name: str, known: Mapping[str, Measure]) -> bool | None:
    if name in known:
        return known[name].higher_is_better
    return FOREIGN[name].higher_is_better if name in FOREIGN else None


def _one_kind(table: _Table) -> None:
    """A measure is of images or of whole sets: one column cannot hold both."""
    of: dict[str, dict[str, int]] = {"images": {}, "whole sets": {}}
    for cell, line in table.lines.items():
        of["whole sets" if cell.whole else "images"].setdefault(cell.measure, line)
    stored = {
        "images": StimulusMeasure.objects.filter(measure__name__in=of["whole sets"]),
        "whole sets": SetMeasure.objects.filter(measure__name__in=of["images"]),
    }
    for kind, other in (("images", "whole sets"), ("whole sets", "images")):
        there = set(stored[other].values_list("measure__name", flat=True).distinct())
        for name, line in of[kind].items():
            if name in there:
                table.refuse(f"{name} is known of {other}; bring this one under another name", line)
            elif name in of[other] and kind == "whole sets":
                table.refuse(
                    f"{name} is given for whole sets here and for images in line "
                    f"{of[other][name]}; a measure is one of the two",
                    line,
                )


# ---- What is in the database ----


def _stored(wanted: Iterable[Cell]) -> dict[Cell, float]:
    """What is there of the wanted cells."""
    wanted = set(wanted)
    names = {cell.measure for cell in wanted}
    of_images = StimulusMeasure.objects.filter(measure__name__in=names)
    of_sets = SetMeasure.objects.filter(measure__name__in=names)
    found = {
        Cell(name, stimulus): value
        for name, stimulus, value in of_images.values_list("measure__name", "stimulus", "value")
    }
    found |= {
        Cell(row.measure.name, None, (row.dataset_id, row.method_id, row.stimuli_sha256)): row.value
        for row in of_sets.select_related("measure")
    }
    return {cell: value for cell, value in found.items() if cell in wanted}


def _store(
    values: Mapping[Cell, float], titles: Mapping[str, str], ways: Mapping[str, bool], version: str
) -> None:
    Measure.objects.bulk_create(
        (
            Measure(
                name=name, title=title, higher_is_better=ways[name],
                decimals=_decimals(name, values),
                place=PLACES.get(name, LAST),
            )
            for name, title in titles.items()
        ),
        ignore_conflicts=True,
    )  # fmt: skip
    keys = dict(Measure.objects.filter(name__in=titles).values_list("name", "pk"))
    StimulusMeasure.objects.bulk_create(
        [
            StimulusMeasure(
                stimulus_id=cell.stimulus, measure_id=keys[cell.measure], version=version,
                value=value,
            )
            for cell, value in values.items() if cell.stimulus is not None
        ],
        batch_size=ROWS_AT_A_TIME, update_conflicts=True, unique_fields=["stimulus", "measure"],
        update_fields=["version", "value"],
    )  # fmt: skip
    SetMeasure.objects.bulk_create(
        [
            SetMeasure(
                dataset_id=cell.whole[0], method_id=cell.whole[1], stimuli_sha256=cell.whole[2],
                measure_id=keys[cell.measure], version=version, value=value,
            )
            for cell, value in values.items() if cell.whole is not None
        ],
        batch_size=ROWS_AT_A_TIME, update_conflicts=True,
        unique_fields=["dataset", "method", "stimuli_sha256", "measure"],
        update_fields=["version", "value"],
    )  # fmt: skip


def _decimals(name: str, values: Mapping[Cell, float]) -> int:
    """As the field writes them; of other measures five digits or so."""
    if name in FOREIGN:
        return FOREIGN[name].decimals
    return 2 if any(abs(v) >= 10 for cell, v in values.items() if cell.measure == name) else 4


def _tell(
    changed: Mapping[Cell, float], file: str, version: str, *, known: Mapping[Cell, float], by: By
) -> list[str]:
    """Note in the log of each study what was brought in that it shows; returns their names."""
    told = []
    of_sets = any(cell.whole for cell in changed)
    for study in Study.objects.order_by("slug"):
        own: set[object] = set(study.stimuli.values_list("pk", flat=True))
        if of_sets:
            own |= {(*cell, checksum) for cell, checksum in digests(study).items()}
        mine = [cell for cell in changed if (cell.whole or cell.stimulus) in own]
        if mine:
            measures = ", ".join(dict.fromkeys(cell.measure for cell in mine))
            replaced = sum(cell in known for cell in mine)
            note(
                Deed.Kind.MEASURED, by=by, study=study, file=file, measures=measures,
                figures=len(mine), replaced=replaced, version=version,
            )  # fmt: skip
            told.append(study.slug)
    return told


def _partial(table: _Table, there: Shown) -> list[str]:
    """Which measures the table's sets have in part, so that tables have no mean of them."""
    wanted = {
        (cell.measure, of_cell)
        for of_cell, images in there.files.items()
        for stimuli in images.values()
        for pk, _ in stimuli
        for cell in [Cell(name, pk) for name in table.titles]
        if cell in table.values
    }
    have = _stored(
        Cell(name, pk)
        for name, of_cell in wanted
        for stimuli in there.files[of_cell].values()
        for pk, _ in stimuli
    )
    said = []
    for name, of_cell in sorted(wanted):
        images = there.files[of_cell].values()
        n = sum(all(Cell(name, pk) in have for pk, _ in stimuli) for stimuli in images)
        if n < len(images):
            said.append(
                f"{table.titles[name]} is known of {n} of {len(images)} images of "
                f"{' by '.join(of_cell)}: tables show no mean"
            )
    return said
