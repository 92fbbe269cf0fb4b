"""The benchmark sets: which images they hold and what every pixel of them is.

A manifest in ``manifests/`` names each image with its size and the SHA-256 of its decoded
pixels. A set lies in a folder of its name as ``SET/IMAGE.png``; ``fetch`` brings it there.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.files import pixel_hash, read_image

SET_NAMES = ("Set5", "Set14", "BSD100")
"""The sets of the paper."""

SAMPLES = "Samples"
"""Photographs that come with scikit-image: a set to try things with, no benchmark."""

NAMES = (*SET_NAMES, SAMPLES)

MANIFESTS = Path(__file__).parent / "manifests"


@dataclass(frozen=True)
class ImageEntry:
    """One image of a set. ``sha256`` is ``files.pixel_hash``; ``channels`` is 1 (grey) or 3."""

    name: str
    width: int
    height: int
    channels: int
    sha256: str


@dataclass(frozen=True)
class Source:
    """A public address of an archive that holds the set; ``tried`` once it was seen to do so."""

    address: str
    tried: bool


@dataclass(frozen=True)
class Manifest:
    """What a set is: its images in alphabetical order and where they can be had."""

    name: str
    title: str
    images: tuple[ImageEntry, ...]
    sources: tuple[Source, ...]


@functools.cache
def manifest(name: str) -> Manifest:
    """The manifest of the set ``name``. Raises ``ValueError`` for a set that is not known.

    >>> [image.name for image in manifest("Set5").images]
    ['baby', 'bird', 'butterfly', 'head', 'woman']
    """
    if name not in NAMES:
        raise ValueError(f"there is no image set {name!r}; there are {', '.join(NAMES)}")
    stored = json.loads((MANIFESTS / f"{name}.json").read_text())
    return Manifest(
        name=stored["name"],
        title=stored["title"],
        images=tuple(ImageEntry(**image) for image in stored["images"]),
        sources=tuple(Source(**source) for source in stored["sources"]),
    )


def image_path(folder: Path, set_name: str, entry: ImageEntry) -> Path:
    """Where an image lies below ``folder``."""
    return folder / set_name / f"{entry.name}.png"


def available(folder: Path) -> list[str]:
    """The sets of which every image lies in ``folder``, the paper's first.

    Only looks whether the files are there; ``load_verified`` looks at their pixels.
    """
    return [
        name
        for name in NAMES
        if all(image_path(folder, name, entry).is_file() for entry in manifest(name).images)
    ]


def chosen(folder: Path, names: Iterable[str] | None) -> list[str]:
    """The sets to work on: ``names`` if given, otherwise all that are available in ``folder``.

    Raises ``ValueError`` for an unknown set, or if none is named and none is available.
    """
    if names:
        return [manifest(name).name for name in dict.fromkeys(names)]
    found = available(folder)
    if not found:
        raise ValueError(
            f"there is no image set in {folder} yet: python manage.py fetch_benchmarks brings them"
        )
    return found


def load_verified(folder: Path, set_name: str, entry: ImageEntry) -> NDArray[np.uint8]:
    """The pixels of an image, (h, w) or (h, w, 3) uint8, checked against the manifest.

    Raises ``ValueError`` that names the image if its file is missing, unreadable or differs in
    as little as one pixel.
    """
    path = image_path(folder, set_name, entry)
    try:
        image = read_image(path)
    except ValueError as error:
        raise ValueError(f"{set_name} {entry.name}: {error}") from None
    if pixel_hash(image) != entry.sha256:
        raise ValueError(
            f"{set_name} {entry.name}: the pixels of {path} are not those of the published image; "
            f"python manage.py fetch_benchmarks {set_name} puts the right one there"
        )
    return image
