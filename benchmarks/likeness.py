"""Whether an image can be an output for an original: its size, its colours, and what it shows.

Of one source all stimuli have one size and one kind of colour: a rater could tell a method by them.
What looks like a mistake is told as a suspicion; whoever knows better can say so.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.pairing import limited, listed
from benchmarks.resize import crop_to_multiple
from benchmarks.scenes import LUMA, thumbnail
from sr_models import SCALE

Image = NDArray[np.uint8]

SPREAD = 4.0
"""Levels between the channels of a grey image's output, on average, that are rounding or noise."""
GAIN = 6.0
"""dB that exchanging red and blue may bring an output nearer to its original."""
SIDE = 16
"""Of the thumbnails by which a mix-up is found."""
FAR, TIMES = 4.0, 3.0
"""An output is another original's if it is by so many levels, and so many times, nearer to it.

Thumbnails of nearest neighbour and bicubic over the paper's sets are 1.3 levels from their own
original at most and 22 from any other.
"""


class Fitted(NamedTuple):
    """An output as it is kept, and whether it was cut, and whether colours became grey."""

    image: Image
    cropped: bool
    converted: bool


def fitted(image: Image, hr: Image, size: tuple[int, int]) -> Fitted:
    """An output in the size and with the channels of ``hr``, (h, w) or (h, w, 3), uint8.

    ``hr`` is the original as far as four divides it, ``size`` the (width, height) of the whole;
    the output may have either. Raises ``ValueError`` with what is wrong with it.
    """
    height, width = image.shape[:2]
    right = {size, (hr.shape[1], hr.shape[0])}
    if (width, height) not in right:
        expected = " or ".join(f"{w}x{h}" for w, h in sorted(right, reverse=True))
        raise ValueError(
            f"its size is {width}x{height}, not {expected}{_explained(width, height, size)}"
        )
    cut = crop_to_multiple(image)
    cropped = cut.shape != image.shape
    kept, converted = coloured(cut, hr)
    return Fitted(kept, cropped, converted)


def coloured(image: Image, hr: Image) -> tuple[Image, bool]:
    """An output with the channels of ``hr``, and whether colours, hardly any, became grey.

    Raises ``ValueError`` where one has colours and the other has none.
    """
    if hr.ndim == 2 and image.ndim == 3:
        return _grey(image)
    if hr.ndim == 3 and image.ndim == 2:
        if (hr != hr[..., :1]).any():
            raise ValueError("it is grey, and its original has colours")
        image = image[..., None].repeat(3, axis=2)
    return np.ascontiguousarray(image), False


def _explained(width: int, height: int, size: tuple[int, int]) -> str:
    """What a wrong size looks like, if like anything."""
    lr = (size[0] // SCALE, size[1] // SCALE)
    if (width, height) == lr:
        return f": that is the size of what was to be enlarged by {SCALE}"
    if (height, width) == size:
        return ": it lies on its side"
    for times in (2, 3, 4):
        if (width, height) == (size[0] * times, size[1] * times):
            return f": that is {times} times the original; was that enlarged?"
    for scale in (2, 3, 5, 6, 8, 16):
        if (width, height) == (lr[0] * scale, lr[1] * scale):
            return f": it looks like scale {scale}, and scale {SCALE} is needed"
    for scale in (3, 8):
        if (width, height) == (size[0] - size[0] % scale, size[1] - size[1] % scale):
            return f": it was cut for scale {scale}, and scale {SCALE} is needed"
    return ""


def _grey(image: Image) -> tuple[Image, bool]:
    """A colour output of a grey image as grey, and whether it had colours, if hardly any."""
    spread = float((image.max(axis=2) - image.min(axis=2)).mean())
    if not spread:
        return np.ascontiguousarray(image[..., 0]), False
    if spread > SPREAD:
        raise ValueError(
            f"it has colours, and its original is grey: its channels are {spread:.0f} levels apart"
        )
    return np.floor(np.clip(image @ LUMA, 0, 255) + 0.5).astype(np.uint8), True


class Compared(NamedTuple):
    """An output beside its original: the mean squared error of R, G and B, also with R and B
    exchanged (both 0 for grey), whether they are equal, and luma thumbnails of both."""

    name: str
    error: float
    exchanged: float
    equal: bool
    thumbnail: NDArray[np.float32]
    original: NDArray[np.float32]


def compared(name: str, image: Image, hr: Image) -> Compared:
    """Look at the output of image ``name`` beside its original, of one shape."""
    error = exchanged = 0.0
    if hr.ndim == 3:
        error = float(np.square(image.astype(np.int32) - hr).mean())
        exchanged = float(np.square(image[..., ::-1].astype(np.int32) - hr).mean())
    return Compared(
        name,
        error,
        exchanged,
        np.array_equal(image, hr),
        thumbnail(image, SIDE),
        thumbnail(hr, SIDE),
    )


def suspicions(set_name: str, outputs: Sequence[Compared]) -> list[str]:
    """What looks like a mistake in the outputs of a set, a sentence each."""
    return [
        *_originals(set_name, outputs),
        *_blue_first(set_name, outputs),
        *limited(_mixed_up(set_name, outputs)),
    ]


def _originals(set_name: str, outputs: Sequence[Compared]) -> list[str]:
    if not outputs or not all(each.equal for each in outputs):
        return []
    return [f"{set_name}: the outputs are the originals, pixel by pixel"]


def _blue_first(set_name: str, outputs: Sequence[Compared]) -> list[str]:
    names = [each.name for each in outputs if _gain(each.error, each.exchanged) > GAIN]
    if not names:
        return []
    # Images of few colours do not tell, so that half of a set is as good as all of it.
    which = f"those of {listed(names)}" if 2 * len(names) <= len(outputs) else "the outputs"
    return [
        f"{set_name}: {which} seem to be in BGR: with red and blue exchanged more than "
        f"{GAIN:.0f} dB nearer to the originals"
    ]


def blue_first(image: Image, like: Image) -> bool:
    """Whether an image, (h, w[, 3]), is nearer to another with red and blue exchanged, by far."""
    told = compared("", image, like)
    return _gain(told.error, told.exchanged) > GAIN


def _gain(error: float, exchanged: float) -> float:
    if error == exchanged or not error:
        return 0.0
    return 10 * math.log10(error / exchanged) if exchanged else math.inf


def _mixed_up(set_name: str, outputs: Sequence[Compared]) -> list[str]:
    originals = np.array([each.original for each in outputs])
    found = []
    for place, each in enumerate(outputs):
        distances = np.sqrt(np.square(originals - each.thumbnail).mean(axis=1))
        nearest = int(distances.argmin())
        if distances[place] > FAR + TIMES * distances[nearest]:
            found.append(
                f"{set_name}: the output of {each.name} shows {outputs[nearest].name}, it seems"
            )
    return found
