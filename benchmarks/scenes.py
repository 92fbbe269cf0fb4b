"""Images that show the same scene: versions of one image that lie beside each other.

A folder of results holds the original, what was made smaller and what was made of that. As a set
each would count as a source of its own, and raters would see one scene over and over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.resize import crop_to_multiple

GRID = 8
"""Cells a side of what is kept of an image."""
ALIKE = 0.1
"""Of the contrast, how far thumbnails of versions may be apart (root mean square, means taken off).
Those of an image of Set5, Set14 and BSD100 and of what is made of it at x4 are 0.02 apart at the
most, and 0.09 where only 96 px a side of it are taken; other photographs, 0.4 at the least."""
FLAT = 2.0
"""Levels of contrast (standard deviation, of 256) below which there is nothing to compare."""
MOST_TIMES = 8
"""How many times larger one version is than another, at the most."""
LUMA = np.array([0.299, 0.587, 0.114])
"""BT.601 full range: as the answers of our own networks to grey images become grey."""
ROWS_AT_A_TIME = 256

ORIGINALS = {"hr", "gt", "groundtruth", "orig", "original", "ref", "reference", "target"}
"""What originals are called where they lie beside other versions."""

Places = NDArray[np.int_]


class Look(NamedTuple):
    """What is kept of an image to know its versions by: two thumbnails, means taken off.

    One is of the whole, one of what four divides of it: methods that enlarge make that.
    """

    width: int
    height: int
    thumbnails: NDArray[np.float32]
    """(2, GRID * GRID)"""


def look(image: NDArray[np.uint8]) -> Look:
    """What `same_scene` needs of an image, (h, w[, 3]) of 4 px a side or more."""
    both = np.stack([thumbnail(image, GRID), thumbnail(crop_to_multiple(image), GRID)])
    return Look(image.shape[1], image.shape[0], both - both.mean(axis=1, keepdims=True))


def thumbnail(image: NDArray[np.uint8], grid: int) -> NDArray[np.float32]:
    """The luma of an image, 0 to 255, over ``grid`` by ``grid`` equal parts, row by row.

    >>> thumbnail(np.array([[0, 0, 9], [0, 0, 9]], np.uint8), 1).item()
    3.0
    """
    rows, columns = (_cells(side, grid) for side in image.shape[:2])
    planes = image[..., None] if image.ndim == 2 else image
    # One channel at a time: an image of the largest size takes 160 MB so.
    small = np.stack(
        [rows @ plane.astype(np.float32) @ columns.T for plane in np.rollaxis(planes, 2)]
    )
    luma = small[0] if len(small) == 1 else np.tensordot(LUMA.astype(np.float32), small, 1)
    return luma.ravel()


def _cells(side: int, grid: int) -> NDArray[np.float32]:
    """Weights (grid, side) by which a row of pixels becomes the means of equal parts of it."""
    edges, pixels = np.arange(grid + 1) * side / grid, np.arange(side)
    shares = np.minimum(pixels + 1, edges[1:, None]) - np.maximum(pixels, edges[:-1, None])
    shares = np.clip(shares, 0, 1)
    return (shares / shares.sum(axis=1, keepdims=True)).astype(np.float32)


def same_scene(looks: Sequence[Look]) -> list[list[int]]:
    """Which images seem to be versions of one another: groups of places in ``looks``, in order.

    Their sizes are equal as far as four divides, or one is a multiple of the other, and nothing
    else is asked than that their thumbnails nearly agree.
    """
    # Imported here: whoever only asks what sets there are needs no graphs.
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if len(looks) < 2:
        return []
    ones, others = (np.concatenate(part) for part in zip(*_alike(looks), strict=True))
    pairs = coo_array((np.ones(len(ones), bool), (ones, others)), shape=(len(looks),) * 2)
    _, group_of = connected_components(pairs, directed=False)
    members: dict[int, list[int]] = {}
    for place, group in enumerate(group_of.tolist()):
        members.setdefault(group, []).append(place)
    return [places for places in members.values() if len(places) > 1]


def _alike(looks: Sequence[Look]) -> Iterator[tuple[Places, Places]]:
    """Pairs of places, some at a time."""
    flat = np.concatenate([each.thumbnails for each in looks])
    power = (flat**2).sum(axis=1)
    sizes = np.array([(each.width, each.height) for each in looks])
    for start in range(0, len(flat), ROWS_AT_A_TIME):
        rows = slice(start, start + ROWS_AT_A_TIME)
        apart = power[rows, None] + power - 2 * flat[rows] @ flat.T
        contrast = np.maximum(power[rows, None], power)
        near = (apart <= ALIKE**2 * contrast) & (contrast >= FLAT**2 * GRID**2)
        ones, others = np.nonzero(near)
        ones, others = (ones + start) // 2, others // 2  # there are two thumbnails of each
        ones, others = ones[ones < others], others[ones < others]
        kept = _sizes_of_versions(sizes[ones], sizes[others])
        yield ones[kept], others[kept]


def _sizes_of_versions(ones: Places, others: Places) -> NDArray[np.bool_]:
    smaller = ones.prod(axis=1) < others.prod(axis=1)
    large = np.where(smaller[:, None], others, ones)
    small = np.where(smaller[:, None], ones, others)
    found = np.zeros(len(ones), bool)
    for times in range(1, MOST_TIMES + 1):
        found |= (np.abs(large - times * small) <= max(3, times - 1)).all(axis=1)
    return found


def pattern_of_originals(names: Sequence[str], groups: Sequence[Sequence[int]]) -> str:
    """The pattern that takes the original of each group, found from ``names``; empty if none does.

    >>> names = [f"img_{n}_SRF_4_{which}" for n in ("001", "002") for which in ("HR", "LR")]
    >>> pattern_of_originals(names, [[0, 1], [2, 3]])
    '{}_SRF_4_HR'
    >>> pattern_of_originals(["HR-a", "LR-a"], [[0, 1]])
    'HR-{}'
    >>> pattern_of_originals(["0901", "0901x4"], [[0, 1]])
    ''
    """
    suffix = _ending_of_originals(names, groups)
    if suffix:
        return "{}" + suffix
    prefix = _ending_of_originals([name[::-1] for name in names], groups, turned=True)
    return prefix[::-1] + "{}" if prefix else ""


def _ending_of_originals(
    names: Sequence[str], groups: Sequence[Sequence[int]], *, turned: bool = False
) -> str:
    by_group = [_endings([names[place] for place in places]) for places in groups]
    for ending in sorted(set[str].intersection(*by_group)):
        word = ending[::-1] if turned else ending
        if re.sub("[^a-z]", "", word.lower()) not in ORIGINALS:
            continue
        taken = [[p for p in places if names[p].endswith(ending)] for places in groups]
        heads = [names[some[0]].removesuffix(ending) for some in taken if len(some) == 1]
        if len(heads) == len(groups) and all(heads):
            return _shared_end(heads) + ending
    return ""


def _endings(names: Sequence[str]) -> set[str]:
    """What each name ends with beyond what is common to all, from the sign that parts the two."""
    common = _shared_start(names)
    parted = re.match(r"(.*)[^0-9A-Za-z]", common, re.DOTALL)
    start = len(parted[1]) if parted else len(common)
    return {name[start:] for name in names}


def _shared_end(heads: Sequence[str]) -> str:
    """What several names end with alike, from a sign that parts it from the rest."""
    if len(heads) < 2:
        return ""
    common = _shared_start([head[::-1] for head in heads])[::-1]
    parted = re.search("[^0-9A-Za-z].*", common, re.DOTALL)
    return parted[0] if parted and len(parted[0]) < min(map(len, heads)) else ""


def _shared_start(texts: Sequence[str]) -> str:
    first, last = min(texts), max(texts)  # what these two share, all between them do
    differs = (place for place, (a, b) in enumerate(zip(first, last, strict=False)) if a != b)
    return first[: next(differs, len(first))]
