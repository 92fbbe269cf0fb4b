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

from benchmarks.advice import advice
from benchmarks.cases import Case
from benchmarks.datasets import SCALES, manifest
from benchmarks.pairing import limited, listed
from benchmarks.scenes import LUMA, thumbnail
from sr_models.interpolation import bicubic

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


def fitted(image: Image, asked: Case) -> Fitted:
    """An output in the size and with the channels that its case asks for, uint8.

    It may have the size of the whole original, too. Raises ``ValueError`` with what is wrong.
    """
    height, width = image.shape[:2]
    entry, shape = asked.entry, asked.shape
    right = {(shape[1], shape[0])}
    if asked.hr is not None:
        right.add((entry.width, entry.height))
    if (width, height) not in right:
        expected = " or ".join(f"{w}x{h}" for w, h in sorted(right, reverse=True))
        raise ValueError(
            f"its size is {width}x{height}, not {expected}{_explained(width, height, asked)}"
        )
    cut = image[: shape[0], : shape[1]]
    beside = "its original" if asked.hr is not None else "what it was made from"
    found, converted = coloured(cut, asked.lr if asked.hr is None else asked.hr, beside)
    return Fitted(found, cut.shape != image.shape, converted)


def coloured(image: Image, beside: Image, called: str = "its original") -> tuple[Image, bool]:
    """An image in grey or colour as that ``beside`` it, and whether colours became grey.

    Raises ``ValueError`` where colours are missing, or more than hardly any.
    """
    if beside.ndim == 2 and image.ndim == 3:
        return _grey(image, called)
    if beside.ndim == 3 and image.ndim == 2:
        if (beside != beside[..., :1]).any():
            raise ValueError(f"it is grey, and {called} has colours")
        image = image[..., None].repeat(3, axis=2)
    return np.ascontiguousarray(image), False


def _explained(width: int, height: int, asked: Case) -> str:
    """What a wrong size looks like, if like anything."""
    entry, right = asked.entry, asked.scale
    whole = (entry.width, entry.height)
    lr = whole if asked.hr is None else (whole[0] // right, whole[1] // right)
    if (width, height) == lr:
        return f": that is the size of what was to be enlarged by {right}"
    if (height, width) in (whole, asked.shape[1::-1]):
        return ": it lies on its side"
    for times in (2, 3, 4) if asked.hr is not None else ():
        if (width, height) == (whole[0] * times, whole[1] * times):
            return f": that is {times} times the original; was that enlarged?"
    for scale in (2, 3, 4, 5, 6, 8, 16):
        if scale != right and (width, height) == (lr[0] * scale, lr[1] * scale):
            other = _called(asked, scale) if asked.hr is None else ""
            return f": it looks like scale {scale}, and scale {right} is needed{other}"
    for scale in (8, 4, 3, 2) if asked.hr is not None else ():
        if (width, height) == (whole[0] - whole[0] % scale, whole[1] - whole[1] % scale):
            other = _called(asked, scale)
            return f": it was cut for scale {scale}, and scale {right} is needed{other}"
    return ""


def _called(asked: Case, scale: int) -> str:
    """By what name outputs at another scale are taken, if by any."""
    base = manifest(asked.of.base or asked.set, asked.folder)
    if base.brings_lr or scale not in SCALES:
        return ""
    name = base.name if scale == base.scale else f"{base.name}_x{scale}"
    return f"; {advice('set of name', name=name)} takes outputs at that scale"


def _grey(image: Image, called: str) -> tuple[Image, bool]:
    """A colour output of a grey image as grey, and whether it had colours, if hardly any."""
    spread = float((image.max(axis=2) - image.min(axis=2)).mean())
    if not spread:
        return np.ascontiguousarray(image[..., 0]), False
    if spread > SPREAD:
        raise ValueError(
            f"it has colours, and {called} is grey: its channels are {spread:.0f} levels apart"
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


def beside(asked: Case, image: Image) -> Compared:
    """Look at an output beside its original; without one, beside what bicubic makes of its LR
    image, which it may well be equal to.
    """
    if asked.hr is not None:
        return compared(asked.entry.name, image, asked.hr)
    enlarged = bicubic(asked.lr, asked.scale)
    return compared(asked.entry.name, image, enlarged)._replace(equal=False)


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
        *limited(
            [
                f"{set_name}: the output of {name} shows {shown}, it seems"
                for name, shown in mixed_up(outputs).items()
            ]
        ),
    ]


def _originals(set_name: str, outputs: Sequence[Compared]) -> list[str]:
    if not outputs or not all(each.equal for each in outputs):
        return []
    return [f"{set_name}: the outputs are the originals, pixel by pixel"]


def _blue_first(set_name: str, outputs: Sequence[Compared]) -> list[str]:
    names = blue_first(outputs)
    if not names:
        return []
    # Images of few colours do not tell, so that half of a set is as good as all of it.
    which = f"those of {listed(names)}" if 2 * len(names) <= len(outputs) else "the outputs"
    return [
        f"{set_name}: {which} seem to be in BGR: with red and blue exchanged more than "
        f"{GAIN:.0f} dB nearer to the originals"
    ]


def blue_first(outputs: Sequence[Compared]) -> list[str]:
    """The images whose outputs have red and blue exchanged, it seems."""
    return [each.name for each in outputs if _gain(each.error, each.exchanged) > GAIN]


def _gain(error: float, exchanged: float) -> float:
    if error == exchanged or not error:
        return 0.0
    return 10 * math.log10(error / exchanged) if exchanged else math.inf


def mixed_up(outputs: Sequence[Compared]) -> dict[str, str]:
    """The images whose outputs show another of the images, it seems, and which that is."""
    originals = np.array([each.original for each in outputs])
    found = {}
    for place, each in enumerate(outputs):
        distances = np.sqrt(np.square(originals - each.thumbnail).mean(axis=1))
        nearest = int(distances.argmin())
        if distances[place] > FAR + TIMES * distances[nearest]:
            found[each.name] = outputs[nearest].name
    return found
