"""Where images for calibrating raters can come from, and how they look.

A place is written as in the form of a draft: ``folder:NAME`` and ``set:NAME``; empty is what a
study takes that names none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from benchmarks import datasets
from benchmarks.files import encode_png, images_below, thumbnail
from study.desk import anchors
from study.desk.pictures import SIDE
from study.models import Study, roots

FOLDER, SET = "folder:", "set:"
MOST_FOLDERS = 200
"""That are offered; others can be typed."""
MARGIN = 16
"""LR pixels around a cutting that are made worse too, and cut off: no kernel reaches that far."""


@dataclass(frozen=True)
class Place:
    """A place that can be chosen, and how many images it has."""

    value: str
    label: str
    images: int


def written(folder: str, set_name: str) -> str:
    """A place by the names that a study has of it."""
    return f"{SET}{set_name}" if set_name else f"{FOLDER}{folder}" * bool(folder)


def at(study: Study, place: str) -> Study:
    """A copy of ``study`` that calibrates on the images of ``place``, all of them."""
    other = copy(study)
    other.calibration_folder = place.removeprefix(FOLDER) if place.startswith(FOLDER) else ""
    other.calibration_set = place.removeprefix(SET) if place.startswith(SET) else ""
    other.calibration_left_out = []
    return other


def usual(study: Study, sets: Mapping[str, bool]) -> Place:
    """What ``study``, which shows these ``sets``, takes if it names no place."""
    own = anchors.own_sets(sets)
    label = f"What the study enlarges: {', '.join(own)}" if own else "The folder of this server"
    if not own and not settings.CALIBRATION_DIR:
        label = "None chosen: this server has no folder of its own"
    try:
        return Place("", label, len(anchors.chosen(at(study, ""), sets).images))
    except ValueError:
        return Place("", label, 0)


def folders(sets: Mapping[str, bool]) -> list[Place]:
    """The folders with images that a study may name, those within others too.

    Folders that hold too much to look through are passed over. ``sets``: those that it shows.
    """
    found: list[Place] = []
    for number, root in enumerate(roots.of_calibration()):
        try:
            paths = list(images_below(root, most=anchors.MOST_LOOKED_AT)) if root.is_dir() else []
        except ValueError:
            continue
        counts = Counter(
            parent for path in paths for parent in path.parents if parent.is_relative_to(root)
        )
        # What is taken unless told otherwise is offered as that.
        usual_one = number == 0 and settings.CALIBRATION_DIR and not anchors.own_sets(sets)
        found += [
            Place(f"{FOLDER}{_named(folder)}", anchors.told(folder), count)
            for folder, count in sorted(counts.items())
            if not (usual_one and folder == root)
        ]
    return list({place.value: place for place in found}.values())[:MOST_FOLDERS]


def _named(folder: Path) -> str:
    """The shortest name by which a study can name a folder."""
    for root in roots.of_calibration():
        if folder.is_relative_to(root):
            name = folder.relative_to(root).as_posix()
            if roots.calibration_folder(name) == folder:
                return name
    return str(folder)


def sets(shown: Mapping[str, bool]) -> list[Place]:
    """The sets of the catalogue whose images are here and rated in no study that shows these."""
    folder, study = settings.BENCHMARKS_DIR, Study(slug="draft")
    found = []
    for name in datasets.available(folder):
        of_set = datasets.manifest(name, folder)
        try:
            anchors.chosen(at(study, f"{SET}{name}"), shown)
        except ValueError:
            continue
        label = of_set.title if name in of_set.title else f"{name}: {of_set.title}"
        found.append(Place(f"{SET}{name}", label, len(of_set.images)))
    return found


def look(study: Study, place: str, name: str, score: int | None) -> bytes:
    """The image ``name`` of ``place``: small (WebP), or a cutting of it as a 1 or as a 5 (PNG).

    A cutting is the middle of what raters see, at its own pixels. Raises ``ValueError`` if there is
    no such place or image, or it cannot be read.
    """
    images = anchors.chosen(at(study, place), anchors.sets_of(study)).images
    image = next((each for each in images if each.name == name), None)
    if image is None:
        raise ValueError(f"there is no image {name}")
    pixels = image.pixels()
    if score is None:
        return thumbnail(pixels, SIDE)
    return encode_png(_cutting(image, pixels, score))


def _cutting(image: anchors.Image, pixels: NDArray[np.uint8], score: int) -> NDArray[np.uint8]:
    """The middle of the image as one of its anchors: all of it would take seconds."""
    spans = [_middle(side, image.scale) for side in pixels.shape[:2]]
    around = pixels[tuple(slice(first, last) for first, last, *_ in spans)]
    made = {
        anchors.SCORES[method]: version
        for method, version in anchors.versions(replace(image, pixels=lambda: around))
    }
    return np.ascontiguousarray(
        made[score][tuple(slice(start, start + length) for *_, start, length in spans)]
    )


def _middle(side: int, scale: int) -> tuple[int, int, int, int]:
    """Of a side what is made worse, from where to where, and where within it the cutting lies.

    Both begin on the grid of pixels that the whole image is reduced to.
    """
    side -= side % scale
    length = min(SIDE, side)
    start = (side - length) // 2 // scale * scale
    first = max(0, start - MARGIN * scale)
    return first, min(side, start + length + MARGIN * scale), start - first, length
