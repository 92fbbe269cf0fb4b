"""Images of the catalogue as pages show them: small ones, made once, and each as it is.

Names come from manifests alone; what an address says is looked for there and is no part of a path.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from benchmarks import datasets, methods, records
from benchmarks.cases import output_size
from benchmarks.files import pixel_hash, read_image, thumbnail, write_whole

SIDE = 192
"""Pixels of a small picture, at the most, on its longer side."""


@dataclass(frozen=True)
class Picture:
    """An image of a set or an output: where it lies, and what it is known by."""

    name: str
    path: Path
    width: int
    height: int
    pixels: tuple[str, ...] = ()
    """The hashes of its pixels that are right, for an image of a set."""
    sha256: str = ""
    """That of its file, for an output."""

    @property
    def key(self) -> str:
        """Changes whenever what is seen does."""
        told = " ".join((self.sha256, *self.pixels))
        return hashlib.sha256(told.encode()).hexdigest()[:32]

    @property
    def small_size(self) -> tuple[int, int]:
        """Width and height of the small picture."""
        return small_size(self.width, self.height)


def small_size(width: int, height: int) -> tuple[int, int]:
    """Width and height of the small picture of an image of this size, px."""
    part = min(1.0, SIDE / max(width, height))
    return max(1, round(width * part)), max(1, round(height * part))


def of_set(set_name: str) -> list[Picture]:
    """The images of a set. Raises ``ValueError`` for one that is not known."""
    folder = Path(settings.BENCHMARKS_DIR)
    return [
        Picture(
            entry.name,
            datasets.image_path(folder, set_name, entry),
            entry.width,
            entry.height,
            tuple(filter(None, (entry.sha256, entry.crop_sha256))),
        )
        for entry in datasets.manifest(set_name, folder).images
    ]


def of_outputs(method: str, set_name: str) -> list[Picture]:
    """The outputs of a set by a method, as far as they are made. Raises ``ValueError``."""
    methods.chosen([method], Path(settings.METHODS_DIR))
    of = datasets.manifest(set_name, Path(settings.BENCHMARKS_DIR))
    found = []
    for entry in of.images:
        path = records.output_path(Path(settings.OUTPUTS_DIR), of.name, method, entry)
        if record := records.read_record(path):
            width, height = output_size(of, entry)
            found.append(Picture(entry.name, path, width, height, sha256=record["sha256"]))
    return found


def content(picture: Picture) -> bytes:
    """The file of an image, as it is. Raises ``ValueError`` if it is not there."""
    try:
        return picture.path.read_bytes()
    except OSError:
        raise ValueError(f"{picture.name} is not there") from None


def small(picture: Picture) -> bytes:
    """A small picture of an image, kept below ``VAR_DIR``.

    Raises ``ValueError`` if its file is missing, or is not what it is known by.
    """
    key = picture.key
    kept = Path(settings.VAR_DIR) / "thumbnails" / key[:2] / f"{key}.webp"
    if kept.is_file():
        return kept.read_bytes()
    if picture.sha256 and hashlib.sha256(content(picture)).hexdigest() != picture.sha256:
        raise ValueError(f"{picture.name} is damaged")
    image = read_image(picture.path)
    if picture.pixels and pixel_hash(image) not in picture.pixels:
        raise ValueError(f"{picture.name} is not the image that its set tells of")
    made = thumbnail(image, SIDE)
    write_whole(kept, made)
    return made
