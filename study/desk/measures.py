"""What is known of images by measuring, of each and of whole sets, and whose images they are."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import PurePath
from typing import NamedTuple

from benchmarks.measures import COMPUTED, FOREIGN
from study.analysis.measures import OURS, Measure
from study.models import (
    Dataset,
    Method,
    SetMeasure,
    SourceImage,
    Stimulus,
    StimulusMeasure,
    Study,
)
from study.models import Measure as Row

HELD_AGAINST_ORIGINALS = frozenset(
    name for name, each in (FOREIGN | COMPUTED).items() if each.needs_reference
)
"""Measures that an image without an original has no figure of."""


class Measured(NamedTuple):
    """Figures of measures, by the name of the measure."""

    known: dict[str, Measure]
    """What tables say of these measures, in their order: ours first, measured or not."""
    of_images: dict[str, dict[int, float]]
    """By measure, then by the stimulus's key."""
    of_sets: dict[str, dict[tuple[str, str], float]]
    """By measure, then by (set, method): of all its images there together."""


def measured(study: Study) -> Measured:
    """All that is known of the stimuli of ``study`` now.

    A figure of a whole set is about certain files: it is known of a study that shows these of the
    set and the method, and no others.
    """
    values = StimulusMeasure.objects.filter(stimulus__studystimulus__study=study)
    of_images: dict[str, dict[int, float]] = {}
    ordered = values.order_by("measure__place", "measure__name", "stimulus")
    for name, pk, value in ordered.values_list("measure__name", "stimulus", "value"):
        of_images.setdefault(name, {})[pk] = value
    of_sets = _of_sets(study)
    rows = {row.name: row for row in Row.objects.filter(name__in={*of_images, *of_sets})}
    known = dict(OURS) | {
        name: Measure(row.title, row.higher_is_better, row.decimals, name in HELD_AGAINST_ORIGINALS)
        for name, row in sorted(rows.items(), key=lambda each: (each[1].place, each[0]))
    }
    return Measured(known, of_images, {name: of_sets[name] for name in known if name in of_sets})


def of_whole_sets(study: Study) -> list[SetMeasure]:
    """The figures of whole sets that are about the files that the study shows, in table order."""
    rows = SetMeasure.objects.filter(dataset__sources__stimuli__studystimulus__study=study)
    rows = rows.distinct().select_related("measure", "dataset", "method")
    found = list(rows.order_by("measure__place", "measure__name", "dataset", "method__place", "pk"))
    if not found:  # most have none, and need no checksums
        return []
    shown = digests(study)
    return [
        row for row in found if shown.get((row.dataset_id, row.method_id)) == row.stimuli_sha256
    ]


def measures_mark(study: Study) -> str:
    """What is known by measuring, as a checksum over all of it: cheap, for every page asks.

    A row is of one stimulus and measure for good, so that keys and values are all there is to it.
    """
    rows = StimulusMeasure.objects.filter(stimulus__studystimulus__study=study).order_by("pk")
    keys, values = array("q"), array("d")
    for key, value in rows.values_list("pk", "value"):
        keys.append(key)
        values.append(value)
    of_sets = [(row.pk, row.value) for row in of_whole_sets(study)]
    known = list(Row.objects.values_list())
    told = keys.tobytes() + values.tobytes() + repr((of_sets, known)).encode()
    return hashlib.sha256(told).hexdigest()


def digests(study: Study) -> dict[tuple[int, int], str]:
    """What the study shows of each set by each method, by their keys, as one checksum."""
    files: dict[tuple[int, int], list[str]] = {}
    for *cell, sha256 in study.stimuli.values_list("source__dataset", "method", "sha256"):
        files.setdefault((cell[0], cell[1]), []).append(sha256)
    return {cell: digest(checksums) for cell, checksums in files.items()}


def digest(checksums: Iterable[str]) -> str:
    """The checksum over checksums of files in whatever order, as a study has over all of its."""
    return hashlib.sha256("".join(sorted(checksums)).encode()).hexdigest()


def _of_sets(study: Study) -> dict[str, dict[tuple[str, str], float]]:
    found: dict[str, dict[tuple[str, str], float]] = {}
    for row in of_whole_sets(study):
        found.setdefault(row.measure.name, {})[row.dataset.name, row.method.name] = row.value
    return found


@dataclass
class Shown:
    """Which stimuli a set, an image and a method name: those of a study, or all there are."""

    slug: str
    """The study's name, or nothing."""
    sets: dict[str, int]
    methods: dict[str, int]
    images: set[tuple[str, str]]
    files: dict[tuple[str, str], dict[str, list[tuple[int, str]]]]
    """By set and method, then by image: key and checksum of each stimulus."""

    def about(
        self, set_name: str, image: str, method: str
    ) -> tuple[int | None, tuple[int, int, str] | None] | str:
        """The key of the one stimulus, or without an image set, method and digest of all of them.

        A sentence if it is none or not one. An image may be called as its file.
        """
        if set_name not in self.sets:
            return f"there is no set '{set_name}'; there are {', '.join(self.sets) or 'none yet'}"
        stem = PurePath(image).stem if image.lower().endswith(SUFFIXES) else image
        image = image if (set_name, image) in self.images else stem
        if image and (set_name, image) not in self.images:
            return f"{set_name} has no image '{image}'"
        if method not in self.methods:
            there = ", ".join(self.methods) or "none yet"
            return f"there is no method '{method}'; there are {there}"
        files, what = self.files.get((set_name, method), {}), f"{set_name} by {method}"
        if image:
            files, what = {image: files.get(image, [])}, f"{set_name}/{image} by {method}"
        if not all(files.values()) or not files:
            shows = f"the study {self.slug} does not show" if self.slug else "no study shows"
            return f"{shows} {what}"
        if any(len(stimuli) > 1 for stimuli in files.values()):
            return f"{what} was made more than once; --study SLUG says whose files are meant"
        only = [stimuli[0] for stimuli in files.values()]
        if image:
            return only[0][0], None
        checksum = digest(sha256 for _, sha256 in only)
        return None, (self.sets[set_name], self.methods[method], checksum)


SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")
"""That measuring programs write behind the names of images."""


def shown(study: Study | None, sets: Collection[str]) -> Shown:
    """The stimuli of ``study``, or of all studies, of these ``sets``."""
    stimuli = (study.stimuli if study else Stimulus.objects).filter(source__dataset__name__in=sets)
    files: dict[tuple[str, str], dict[str, list[tuple[int, str]]]] = {}
    columns = ("source__dataset__name", "method__name", "source__name", "pk", "sha256")
    for set_name, method, image, pk, sha256 in stimuli.order_by("pk").values_list(*columns):
        of_cell = files.setdefault((set_name, method), {})
        of_cell.setdefault(image, []).append((pk, sha256))
    images = SourceImage.objects.filter(dataset__name__in=sets)
    return Shown(
        slug=study.slug if study else "",
        sets=dict(Dataset.objects.values_list("name", "pk")),
        methods=dict(Method.objects.values_list("name", "pk")),
        images=set(images.values_list("dataset__name", "name")),
        files=files,
    )
