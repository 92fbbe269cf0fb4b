"""One image to be made: what it is enlarged from, and the original that it is held against."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.datasets import ImageEntry, Manifest, load_lr, load_verified
from benchmarks.resize import crop_to_multiple, degrade

Image = NDArray[np.uint8]


@dataclass(frozen=True)
class Case:
    """An image of a set, as methods are asked for it.

    ``hr``: its original, as far as the scale divides its sides; none in a set without references.
    """

    of: Manifest
    entry: ImageEntry
    hr: Image | None
    folder: Path
    """Where the images of sets lie."""

    @property
    def set(self) -> str:
        """The name of its set."""
        return self.of.name

    @property
    def scale(self) -> int:
        """By how much it is enlarged."""
        return self.of.scale

    @functools.cached_property
    def lr(self) -> Image:
        """The LR image, (h, w[, 3]) uint8: read, or made, where a method looks at it.

        That which came with the set, the image itself where it has no original, else the original
        reduced. Raises ``ValueError`` if it is missing or wrong.
        """
        if self.entry.lr_sha256:
            return load_lr(self.folder, self.set, self.entry)
        if self.hr is None:
            return load_verified(self.folder, self.set, self.entry)
        return degrade(self.hr, self.scale)

    @property
    def shape(self) -> tuple[int, ...]:
        """That of an output: (h, w) or (h, w, 3)."""
        sides = output_size(self.of, self.entry)[::-1]
        return sides if self.entry.channels == 1 else (*sides, self.entry.channels)


def case(folder: Path, of: Manifest, entry: ImageEntry) -> Case:
    """An image of the set ``of``, whose images lie in ``folder``.

    Raises ``ValueError`` if its original is missing or wrong.
    """
    if not of.references:
        return Case(of, entry, None, folder)
    hr = crop_to_multiple(load_verified(folder, of.name, entry), of.scale)
    return Case(of, entry, hr, folder)


def output_size(of: Manifest, entry: ImageEntry) -> tuple[int, int]:
    """Width and height of the outputs of an image: of its original as far as the scale divides it,
    or the scale times those of an image without.
    """
    if of.references:
        return entry.width - entry.width % of.scale, entry.height - entry.height % of.scale
    return entry.width * of.scale, entry.height * of.scale
