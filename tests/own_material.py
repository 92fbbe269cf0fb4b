"""An image set and methods of somebody's own, brought in as a user does, for tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from benchmarks import own_methods, own_sets
from benchmarks.datasets import OWN, ImageEntry, Manifest, as_json
from benchmarks.fetch import cut_sample
from benchmarks.files import encode_png, pixel_hash
from benchmarks.resize import degrade
from sr_models.interpolation import bicubic, nearest

Image = NDArray[np.uint8]


def photographs(names: Sequence[str], *, height: int = 98, width: int = 131) -> dict[str, Image]:
    """Parts of real photographs, of a size that four does not divide."""
    samples = ("astronaut", "chelsea", "coffee", "rocket")
    return {
        name: np.ascontiguousarray(
            cut_sample(samples[n % 4])[40 + 150 * (n // 4) :, 60:][:height, :width]
        )
        for n, name in enumerate(names)
    }


def softened(image: Image) -> Image:
    """What some program made: as large as the original, rows and columns beyond four too."""
    made = image.copy()
    made[: image.shape[0] // 4 * 4, : image.shape[1] // 4 * 4] = bicubic(degrade(image))
    return made


def blocky(image: Image) -> Image:
    """What another made: as large as what four divides."""
    return nearest(degrade(image))


PROGRAMS: Sequence[Callable[[Image], Image]] = (softened, blocky)


def bring(
    folder: Path,
    *,
    set_name: str = "streets",
    images: Sequence[str] = ("east", "west"),
    methods: Sequence[str] = ("ours", "theirs"),
    titles: Mapping[str, str] | None = None,
) -> None:
    """A set of ``images``, and outputs of all of them by each of ``methods``, into the site."""
    originals = folder / f"{set_name}-originals"
    originals.mkdir(parents=True)
    for name, image in photographs(images).items():
        (originals / f"{name}.png").write_bytes(encode_png(image))
    own_sets.add(set_name, originals, folder=settings.BENCHMARKS_DIR, progress=False)
    for number, method in enumerate(methods):
        outputs = folder / f"{set_name}-{method}"
        outputs.mkdir()
        for name, image in photographs(images).items():
            made = PROGRAMS[number % len(PROGRAMS)](image)
            (outputs / f"{name}_{method}_x4.png").write_bytes(encode_png(made))
        own_methods.add(
            method, outputs=outputs, folder=settings.METHODS_DIR,
            benchmarks_dir=settings.BENCHMARKS_DIR, sets=[set_name],
            title=(titles or {}).get(method), progress=False,
        )  # fmt: skip


def bring_without_originals(
    name: str, *, images: Mapping[str, Image], scale: int = 2, title: str = ""
) -> Manifest:
    """A set of ``images`` that are enlarged themselves: nobody has an original of them."""
    folder = settings.BENCHMARKS_DIR / name
    folder.mkdir(parents=True)
    entries = []
    for image, pixels in sorted(images.items()):
        (folder / f"{image}.png").write_bytes(encode_png(pixels))
        height, width = pixels.shape[:2]
        entries.append(ImageEntry(image, width, height, 3, pixel_hash(pixels)))
    made = Manifest(name, title or name, tuple(entries), scale=scale, references=False)
    (folder / OWN).write_text(as_json(made))
    return made
