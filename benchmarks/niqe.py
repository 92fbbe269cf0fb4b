"""NIQE: how far an image is from natural ones, by statistics of its luma alone.

Mittal, Soundararajan, Bovik, "Making a 'Completely Blind' Image Quality Analyzer", IEEE Signal
Processing Letters 20 (3), 2013, and the authors' release for MATLAB, of which the model of natural
images is (`parameters/README.md`). Lower is better; photographs have 2 to 6.
"""

from __future__ import annotations

import functools
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.io import loadmat
from scipy.ndimage import correlate1d
from scipy.special import gamma

from benchmarks.quality import luma
from sr_models.interpolation import imresize_float

PARAMETERS = Path(__file__).parent / "parameters" / "niqe_modelparameters.mat"
BLOCK = 96
"""The side of a block, in pixels; half of it at the second scale."""
LEAST = 2 * BLOCK
"""Four blocks: of one alone there is no covariance, and MATLAB makes something else of it."""
NOISE = 1e-9
"""What is nearer to the mean of its surroundings than this lies in a flat area. There the sign of
the difference would be that of a rounding, another one by another order of adding up."""
SHIFTS = ((0, 1), (1, 0), (1, 1), (1, -1))
"""The neighbours that a pixel is multiplied with: horizontal, vertical and both diagonals."""

Array = NDArray[np.float64]


def niqe(image: NDArray[np.uint8]) -> float:
    """NIQE of an image, uint8 (h, w) or (h, w, 3): 0 and more, lower is better.

    Of Y of BT.601 rounded to 8 bits, as the field of super-resolution takes it (PIRM 2018,
    BasicSR; the release by itself takes ``rgb2gray``), of the whole image, in blocks of 96 px from
    the upper left, the rest to the right and below left out. Set14's baboon has 5.7296, as in
    MATLAB. Not a number where fewer than two blocks have any structure. Raises ``ValueError``
    below 192 px a side.
    """
    if min(image.shape[:2]) < LEAST:
        raise ValueError(f"NIQE needs {LEAST} px a side or more, not {image.shape[:2]}")
    height, width = (side // BLOCK * BLOCK for side in image.shape[:2])
    plane = np.floor(luma(image[:height, :width]) + 0.5)
    features = np.hstack(
        [_features(plane, BLOCK), _features(imresize_float(plane, Fraction(1, 2)), BLOCK // 2)]
    )
    whole = features[~np.isnan(features).any(axis=1)]
    if len(whole) < 2:
        return float("nan")
    natural_mean, natural_covariance = _natural()
    away = natural_mean - np.nanmean(features, axis=0)
    covariance = (natural_covariance + np.cov(whole, rowvar=False)) / 2
    # MATLAB's tolerance for what counts as zero.
    inverse = np.linalg.pinv(covariance, rcond=len(covariance) * np.finfo(float).eps)
    return float(np.sqrt(away @ inverse @ away))


@functools.cache
def _natural() -> tuple[Array, Array]:
    """Mean (36,) and covariance (36, 36) of the features of the authors' 125 photographs."""
    found = loadmat(PARAMETERS)
    return found["mu_prisparam"][0], found["cov_prisparam"]


def _features(plane: Array, side: int) -> Array:
    """The 18 features of each block of ``plane``, (blocks, 18); not a number where it is flat."""
    normalised = _normalised(plane)
    rows = normalised.reshape(-1, side, plane.shape[1])
    # A row of blocks at a time keeps the memory of large images low.
    return np.concatenate(
        [_of_blocks(row.reshape(side, -1, side).transpose(1, 0, 2)) for row in rows]
    )


def _normalised(plane: Array) -> Array:
    """Each pixel's difference from the mean around it over the deviation there (eq. 1 to 3)."""
    weight = np.exp(-0.5 * (np.arange(-3, 4) / (7 / 6)) ** 2)
    weight /= weight.sum()

    def smooth(some: Array) -> Array:
        rows = correlate1d(some, weight, axis=0, mode="nearest")
        return np.asarray(correlate1d(rows, weight, axis=1, mode="nearest"))

    mean = smooth(plane)
    deviation = np.sqrt(np.abs(smooth(plane * plane) - mean * mean))
    difference = plane - mean
    difference[np.abs(difference) < NOISE] = 0
    return np.asarray(difference / (deviation + 1))


def _of_blocks(blocks: Array) -> Array:
    """Features of blocks (n, side, side): their own shape and those of products of neighbours."""
    shape, left, right = _fitted(blocks)
    found = [shape, (left + right) / 2]
    for shift in SHIFTS:
        shape, left, right = _fitted(blocks * np.roll(blocks, shift, axis=(1, 2)))
        mean = (right - left) * gamma(2 / shape) / gamma(1 / shape)  # eq. 8
        found += [shape, mean, left, right]
    return np.stack(found, axis=1)


@functools.cache
def _table() -> tuple[Array, Array]:
    """Shapes from 0.2 to 10 and the ratio of moments that each has, which rises with them."""
    shapes = np.asarray(0.2 + 0.001 * np.arange(9801), np.float64)
    return shapes, gamma(2 / shapes) ** 2 / (gamma(1 / shapes) * gamma(3 / shapes))


def _fitted(blocks: Array) -> tuple[Array, Array, Array]:
    """Asymmetric generalised Gaussians by their moments: shape, left and right width, each (n,).

    Lasmar, Stitou, Berthoumieu, ICIP 2009, with the table's nearest shape as in the release.
    """
    values = blocks.reshape(len(blocks), -1)
    squares = values * values
    negative, positive = values < 0, values > 0
    with np.errstate(invalid="ignore", divide="ignore"):  # a block may be flat
        left = np.sqrt((squares * negative).sum(axis=1) / negative.sum(axis=1))
        right = np.sqrt((squares * positive).sum(axis=1) / positive.sum(axis=1))
        ratio = left / right
        moments = np.abs(values).mean(axis=1) ** 2 / squares.mean(axis=1)
        wanted = moments * (ratio**3 + 1) * (ratio + 1) / (ratio**2 + 1) ** 2
    shapes, ratios = _table()
    above = np.clip(np.searchsorted(ratios, wanted), 1, len(ratios) - 1)
    nearest = above - (wanted - ratios[above - 1] <= ratios[above] - wanted)
    shape = np.where(np.isnan(wanted), shapes[0], shapes[nearest])
    spread = np.sqrt(gamma(1 / shape) / gamma(3 / shape))
    return shape, left * spread, right * spread
