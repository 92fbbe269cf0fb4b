"""MATLAB's bicubic ``imresize`` and nearest neighbour, exact to the last bit of an 8-bit image.

The published figures of super-resolution rest on MATLAB's ``imresize``: Keys' cubic kernel
with a = -0.5, widened by the factor of reduction (antialiasing), columns of the image first
(along the rows' index), rounded to 8 bits after each of the two passes. No Python imaging
library does the same: Pillow's differs in about one 8-bit pixel in seven at x1/4, and
PyTorch's and OpenCV's use a = -0.75.
"""

from __future__ import annotations

import functools
from fractions import Fraction
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sr_models import SCALE

Border = Literal["replicate", "symmetric"]


def cubic(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Keys' cubic convolution kernel with a = -0.5, the one of MATLAB (Keys 1981, eq. 15).

    >>> cubic(np.array([0.0, 0.5, 1.0, 1.5, 2.0])).tolist()
    [1.0, 0.5625, 0.0, -0.0625, 0.0]
    """
    x = np.abs(x)
    near = 1.5 * x**3 - 2.5 * x**2 + 1.0
    far = -0.5 * x**3 + 2.5 * x**2 - 4.0 * x + 2.0
    return np.where(x <= 1, near, np.where(x < 2, far, 0.0))


@functools.lru_cache(maxsize=256)
def _contributions(
    length: int, scale: Fraction, border: Border
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """For each output sample the indices of its input samples and their weights, (out, taps)."""
    out_length = -(-length * scale.numerator // scale.denominator)
    factor = float(scale)
    shrink = min(factor, 1.0)
    width = 4.0 / shrink
    centre = (np.arange(out_length) + 0.5) / factor - 0.5
    first = np.floor(centre - width / 2).astype(np.intp) + 1
    taps = int(np.ceil(width)) + 1
    index = first[:, None] + np.arange(taps)
    weight = shrink * cubic(shrink * (centre[:, None] - index))
    weight /= weight.sum(axis=1, keepdims=True)
    used = np.flatnonzero(np.any(weight != 0, axis=0))
    index, weight = index[:, used], weight[:, used]
    if border == "replicate":
        index = np.clip(index, 0, length - 1)
    else:
        mirrored = np.mod(index, 2 * length)
        index = np.where(mirrored < length, mirrored, 2 * length - 1 - mirrored)
    index.flags.writeable = weight.flags.writeable = False
    return index, weight


def kernel(scale: Fraction) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """The filter of ``imresize`` away from the border, as a convolution can use it.

    For a reduction 1/s: offsets (1, taps) of the inputs relative to ``s * i`` for output i, and
    weights (1, taps). For an enlargement s: offsets and weights (s, taps), one row for each phase,
    relative to input ``i`` for outputs ``s * i .. s * i + s - 1``.

    >>> offsets, weights = kernel(Fraction(1, 4))
    >>> offsets[0, 0], offsets[0, -1], np.round(weights[0, :4], 4).tolist()
    (np.int64(-6), np.int64(9), [-0.0017, -0.011, -0.0183, -0.012])
    """
    phases = scale.numerator
    step = scale.denominator
    middle = 16
    index, weight = _contributions(2 * middle * step, scale, "replicate")
    rows = slice(middle * phases, (middle + 1) * phases)
    return index[rows] - middle * step, weight[rows]


def _resampled(
    image: NDArray[Any], axis: int, scale: Fraction, border: Border
) -> NDArray[np.float64]:
    """One pass: the weighted sums of the samples along ``axis``, not rounded."""
    index, weight = _contributions(image.shape[axis], scale, border)
    moved = np.moveaxis(image, axis, 0)
    total = np.zeros((index.shape[0], *moved.shape[1:]), np.float64)
    column = (-1,) + (1,) * (moved.ndim - 1)
    for tap in range(index.shape[1]):
        total += weight[:, tap].reshape(column) * moved[index[:, tap]]
    return np.moveaxis(total, 0, axis)


def imresize(
    image: NDArray[np.uint8], scale: Fraction, *, border: Border = "replicate"
) -> NDArray[np.uint8]:
    """Resize ``image`` as MATLAB's ``imresize(image, scale, 'bicubic')`` does.

    image: (height, width) or (height, width, channels), uint8, full range. Returns the same
    layout with sides ``ceil(side * scale)``. ``border`` says how samples outside the image are
    found: ``replicate`` repeats the outermost one, ``symmetric`` mirrors (MATLAB's own);
    only the outermost output samples differ. Raises ``ValueError`` on any other type or shape.

    >>> imresize(np.full((8, 8), 200, np.uint8), Fraction(1, 4)).tolist()
    [[200, 200], [200, 200]]
    """
    if image.dtype != np.uint8 or image.ndim not in (2, 3) or 0 in image.shape:
        raise ValueError(
            "an image is a uint8 array (height, width[, channels]), not "
            f"{image.dtype} {image.shape}"
        )
    for axis in (0, 1):
        total = _resampled(image, axis, scale, border)
        # MATLAB rounds halves away from zero; numpy.round would send them to even.
        image = np.floor(np.clip(total, 0, 255) + 0.5).astype(np.uint8)
    return np.ascontiguousarray(image)


def imresize_float(
    plane: NDArray[np.float64], scale: Fraction, *, border: Border = "symmetric"
) -> NDArray[np.float64]:
    """`imresize` of an image of doubles, as MATLAB has it: nothing is rounded or cut off.

    (height, width[, channels]) float64 to the same layout with sides ``ceil(side * scale)``.

    >>> imresize_float(np.array([[1.0, 2.0], [3.0, 5.0]]), Fraction(1, 2)).tolist()
    [[2.75]]
    """
    for axis in (0, 1):
        plane = _resampled(plane, axis, scale, border)
    return np.ascontiguousarray(plane)


def bicubic(lr: NDArray[np.uint8], scale: int = SCALE) -> NDArray[np.uint8]:
    """Enlarge an LR image with MATLAB's bicubic; (h, w[, c]) uint8 to (scale h, scale w[, c])."""
    return imresize(lr, Fraction(scale))


def nearest(lr: NDArray[np.uint8], scale: int = SCALE) -> NDArray[np.uint8]:
    """Repeat each LR pixel ``scale`` times both ways; (h, w[, c]) to (scale h, scale w[, c])."""
    return lr.repeat(scale, axis=0).repeat(scale, axis=1)
