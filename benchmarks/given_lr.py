"""LR images that came with a set: paired with its originals, looked at beside them, and kept.

Any degradation will do: blur, noise, compression, another kernel. What is no reduction of its
original at all is told as a suspicion, by what is left of both when they are looked at from afar.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from statistics import fmean
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks import datasets, pairing
from benchmarks.advice import advice
from benchmarks.datasets import ImageEntry, Manifest
from benchmarks.files import encode_png, image_size, pixel_hash, read_image, write_whole
from benchmarks.likeness import (
    FAR,
    GAIN,
    TIMES,
    Compared,
    blue_first,
    coloured,
    compared,
    mixed_up,
)
from benchmarks.material import opened, readable, refuse
from benchmarks.pairing import Called, Pairing, limited, listed
from benchmarks.progress import Progress, along
from benchmarks.resize import crop_to_multiple, degrade
from benchmarks.scenes import LUMA, thumbnail

Image = NDArray[np.uint8]
Cells = NDArray[np.float64]
"""An image from afar: the luma of equal parts of it, (n, n)."""

CALLED = Called("LR image", "LR pattern")
LEVEL = 1
"""How far a pixel may be from MATLAB's: programs that follow it round differently."""
CELL, FEWEST, MOST = 4, 4, 16
"""Pixels a side of a part that is looked at from afar, and how many parts a side there are."""
ALIKE, ROUGH = 0.85, 3.0
"""What is no reduction: its parts correlate by less with those of our own, and differ by that many
times more (as a variance) than noise in its pixels would make them differ.

Of all images of Set5, Set14 and BSD100 at x2, x3, x4 and x8 none is taken for that when blurred by
a Gaussian of 3 px, with noise of 25 levels and JPEG at 30; nor when shifted by half a pixel, or
darker. Every neighbour in a set is, and each image with a tenth of black border. What is turned is
found by FAR and TIMES of `likeness`, as what is mixed up.
"""

TURNS: Mapping[str, Callable[[Cells], Cells]] = {
    "turned by 180 degrees": lambda cells: cells[::-1, ::-1],
    "mirrored, left for right": lambda cells: cells[:, ::-1],
    "mirrored, top for bottom": lambda cells: cells[::-1],
}
QUARTERS: Mapping[str, Callable[[Cells], Cells]] = {
    "turned by 90 degrees to the left": lambda cells: np.rot90(cells, -1),
    "turned by 90 degrees to the right": lambda cells: np.rot90(cells),
    "mirrored, rows for columns": lambda cells: cells.T,
    "mirrored, rows for columns, and turned": lambda cells: cells[::-1, ::-1].T,
}
"""What can be done to a square image alone, and how it is undone."""


class Given(NamedTuple):
    """The images of a set with the hashes of the LR images that came with them, and a sentence that
    says what these are."""

    images: tuple[ImageEntry, ...]
    sentence: str


class Look(NamedTuple):
    """An LR image beside what our own degradation makes of its original."""

    label: str
    exact: bool
    """Within one level of MATLAB's bicubic, with either border."""
    error: float
    """Mean squared."""
    afar: Compared
    turned: str
    """How it was turned or mirrored, it seems; empty if it was not."""
    unlike: bool
    """Whether it seems to be no reduction of its original."""


def take(
    source: Path,
    of: Manifest,
    part: Path,
    *,
    pattern: str = "",
    as_they_are: bool = False,
    progress: Progress = True,
) -> Given:
    """Write the LR images of the set ``of`` that lie in ``source``, a folder or an archive, into
    ``part / "lr"``; the originals lie in ``part``.

    They are paired with these by name; ``pattern`` says how they are named, such as ``{}x2``.
    ``as_they_are`` takes also what seems to be no reduction of its original. Raises ``ValueError``
    with everything that is wrong.
    """
    problems: list[str] = []
    named = pairing.parsed(pattern) if pattern else None
    with opened(source, room=part, problems=problems, others=named is None) as found:
        files = {each.place: each.path for each in found}
        paired = pairing.pair(
            list(files),
            {of.name: [entry.name for entry in of.images]},
            wanted=[of.name],
            pattern=named,
            called=CALLED,
        )
        problems = [*limited(problems), *paired.problems, *_choices(paired, files, of)]
        unfit: list[str] = []
        seen: list[Look] = []
        images, greyed = [], 0
        places = paired.files.get(of.name, {})
        for entry in along(of.images, progress, named=lambda entry: f"LR image {entry.name}"):
            if entry.name not in places:
                continue
            place = places[entry.name]
            hr = crop_to_multiple(read_image(part / f"{entry.name}.png"), of.scale)
            try:
                lr, became_grey = _read(files[place], place, entry, hr, of.scale)
            except ValueError as error:
                unfit.append(str(error))
                continue
            label = f"{readable(place)}, for {entry.name}"
            seen.append(look(entry.name, label, lr, hr, of.scale))
            greyed += became_grey
            write_whole(part / datasets.LR / f"{entry.name}.png", encode_png(lr))
            images.append(replace(entry, lr_sha256=pixel_hash(lr)))
        problems += limited(unfit)
        suspected = [] if as_they_are else list(suspicions(seen))
        if suspected:
            suspected[-1] += f"; {advice('as they are')} takes what only looks wrong"
        refuse(str(source), problems + suspected)
    return Given(tuple(images), _told(seen, greyed, of.scale))


def _choices(paired: Pairing, files: Mapping[PurePosixPath, Path], of: Manifest) -> Iterator[str]:
    """Where several patterns fit: which, each with a file that it finds."""
    if paired.candidates:
        told = [
            f"'{each.pattern}' (as {readable(each.first)}, {_size(files[each.first])})"
            for each in paired.candidates
        ]
        first = of.images[0]
        width, height = first.width // of.scale, first.height // of.scale
        yield (
            f"several patterns fit its names, and {advice(CALLED.by)} says which is meant: "
            f"{listed(told)}; the LR image of {first.name} is {width}x{height}"
        )


def _size(path: Path) -> str:
    size = image_size(path)
    return f"{size[0]}x{size[1]}" if size else "no image"


def _read(
    path: Path, place: PurePosixPath, entry: ImageEntry, hr: Image, scale: int
) -> tuple[Image, bool]:
    """An LR image in the colours of its original, and whether it became grey."""
    image = read_image(path, label=readable(place))
    try:
        height, width = image.shape[:2]
        right = (hr.shape[1] // scale, hr.shape[0] // scale)
        if (width, height) != right:
            raise ValueError(
                f"its size is {width}x{height}, not {right[0]}x{right[1]}"
                f"{_explained((width, height), (entry.width, entry.height), scale)}"
            )
        return coloured(image, hr)
    except ValueError as error:
        raise ValueError(f"{readable(place)}, for {entry.name}: {error}") from None


def _explained(size: tuple[int, int], hr: tuple[int, int], scale: int) -> str:
    """What the wrong size of an LR image looks like, if like anything."""
    if size == hr or size == (hr[0] - hr[0] % scale, hr[1] - hr[1] % scale):
        return ": that is the size of the original"
    if size == (hr[1] // scale, hr[0] // scale):
        return ": it lies on its side"
    for other in range(2, 17):
        if other != scale and size == (hr[0] // other, hr[1] // other):
            return f": it looks like scale {other}, and the set is at scale {scale}"
    if size == (-(-hr[0] // scale), -(-hr[1] // scale)):
        return f": the original was not cut to a multiple of {scale} before it was reduced"
    return ""


def look(name: str, label: str, lr: Image, hr: Image, scale: int) -> Look:
    """Look at an LR image beside what our own degradation makes of its original."""
    own = degrade(hr, scale)
    exact = any(
        np.abs(lr.astype(np.int16) - each).max() <= LEVEL
        for each in (own, degrade(hr, scale, border="symmetric"))
    )
    grid = min(max(min(lr.shape[:2]) // CELL, FEWEST), MOST)
    afar = compared(name, _from_afar(lr, grid), _from_afar(own, grid))
    error = float(np.square(lr.astype(np.float64) - own).mean())
    if exact:
        return Look(label, exact, error, afar, "", unlike=False)
    cells, wanted = (_centred(thumbnail(each, grid).reshape(grid, grid)) for each in (lr, own))
    noise = float(np.var(_luma(lr) - _luma(own))) * grid**2 / math.prod(lr.shape[:2])
    return Look(
        label,
        exact,
        error,
        afar,
        _turned(cells, wanted, square=lr.shape[0] == lr.shape[1]),
        _correlation(cells, wanted) < ALIKE and _apart(cells, wanted) ** 2 > ROUGH * noise,
    )


def _from_afar(image: Image, grid: int) -> Image:
    """An image of ``grid`` by ``grid`` px, in which noise is gone: (grid, grid) or with colours."""
    planes = [image] if image.ndim == 2 else list(np.rollaxis(image, 2))
    small = np.stack([thumbnail(plane, grid).reshape(grid, grid) for plane in planes], axis=2)
    return np.rint(small.clip(0, 255)).astype(np.uint8).squeeze()


def _luma(image: Image) -> NDArray[np.float64]:
    return image.astype(np.float64) if image.ndim == 2 else image @ LUMA


def _centred(cells: NDArray[np.float32]) -> Cells:
    return cells.astype(np.float64) - cells.mean(dtype=np.float64)


def _apart(one: Cells, other: Cells) -> float:
    return float(np.sqrt(np.square(one - other).mean()))


def _correlation(one: Cells, other: Cells) -> float:
    norm = math.sqrt(float(np.square(one).sum() * np.square(other).sum()))
    return float((one * other).sum()) / norm if norm else 0.0


def _turned(cells: Cells, wanted: Cells, *, square: bool) -> str:
    turns = {**TURNS, **(QUARTERS if square else {})}
    distances = {said: _apart(undo(cells), wanted) for said, undo in turns.items()}
    nearest = min(distances, key=lambda said: distances[said])
    return nearest if _apart(cells, wanted) > FAR + TIMES * distances[nearest] else ""


def suspicions(seen: Sequence[Look]) -> Iterator[str]:
    """What looks like a mistake, a sentence each; of one image the first that fits."""
    if not seen:
        return
    others = mixed_up([each.afar for each in seen])
    exchanged = blue_first([each.afar for each in seen])
    if exchanged:
        some = 2 * len(exchanged) <= len(seen)
        which = f"the LR images of {listed(exchanged)}" if some else "the LR images"
        yield (
            f"{which} seem to be in BGR: with red and blue exchanged more than {GAIN:.0f} dB "
            "nearer to the originals"
        )
    told = []
    for each in seen:
        if other := others.get(each.afar.name):
            told.append(f"{each.label}: it shows {other}, it seems")
        elif each.turned:
            told.append(f"{each.label}: it seems to be {each.turned}")
        elif each.unlike and each.afar.name not in exchanged:
            told.append(
                f"{each.label}: it seems to be no reduction of its original, but another image, "
                "or one that was cut, padded or moved"
            )
    yield from limited(told)


def _told(seen: Sequence[Look], greyed: int, scale: int) -> str:
    """What the LR images are, for people."""
    other = [each.error for each in seen if not each.exact]
    matlab = f"MATLAB's bicubic at 1/{scale}"
    exact = len(seen) - len(other)
    if not other:
        said = f"the LR images that came with them are {matlab}, to within one level"
    else:
        decibels = fmean(10 * math.log10(255**2 / error) for error in other)
        are = "the" if not exact else f"{len(other)} of the"
        said = (
            f"{are} LR images that came with them are another degradation than {matlab}: against "
            f"that their PSNR (RGB) is {decibels:.1f} dB on average"
        )
    grey = f"; {greyed} of these with hardly any colour became grey" * (greyed > 0)
    return said + grey
