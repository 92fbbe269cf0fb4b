"""What is known of a study's images by measuring, of each and of whole sets: read from the rows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import NamedTuple

from study.analysis.measures import OURS, Measure
from study.models import Measure as Row
from study.models import SetMeasure, StimulusMeasure, Study


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
        name: Measure(row.title, row.higher_is_better, row.decimals)
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
