"""Image quality as the super-resolution literature counts it: on luma, without the border.

Every measure takes a reference and an image, both uint8 and of one shape, (h, w) grey or
(h, w, 3) RGB, and gives a number. ``shave`` px are left out at each side: as many as the factor by
which the image was enlarged.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import correlate1d

from sr_models import SCALE

PEAK = 255.0
C1 = (0.01 * PEAK) ** 2
C2 = (0.03 * PEAK) ** 2

Plane = NDArray[np.float64]


def luma(image: NDArray[np.uint8]) -> Plane:
    """Y of ITU-R BT.601 in studio range, (h, w) float64 from 16 to 235, not rounded.

    A grey image has no R, G and B to be weighed: it stays as it is, 0 to 255.

    >>> luma(np.full((1, 1, 3), 255, np.uint8)).item()
    235.0
    >>> luma(np.full((1, 1), 255, np.uint8)).item()
    255.0
    """
    if image.ndim == 2:
        return image.astype(np.float64)
    return 16.0 + image @ np.array([65.481, 128.553, 24.966]) / 255.0


def _rounded(plane: Plane) -> Plane:
    # Halves upwards as in MATLAB; numpy.round would send them to even.
    return np.floor(plane + 0.5)


def _planes(
    reference: NDArray[np.uint8], image: NDArray[np.uint8], shave: int
) -> tuple[Plane, Plane]:
    """The luma of both images without the px at each border, where methods pad differently."""
    if reference.shape != image.shape:
        raise ValueError(f"images of one shape are compared, not {reference.shape}, {image.shape}")
    if min(reference.shape[:2]) <= 2 * shave:
        raise ValueError(f"an image needs more than {2 * shave} px a side, not {image.shape[:2]}")
    inside = slice(shave, -shave)
    return luma(reference)[inside, inside], luma(image)[inside, inside]


def psnr(reference: NDArray[np.uint8], image: NDArray[np.uint8], shave: int = SCALE) -> float:
    """Peak signal-to-noise ratio in dB: 10 log10(255² / mean squared error of float luma).

    0 and more, infinite for identical images.

    >>> psnr(np.zeros((12, 12), np.uint8), np.full((12, 12), 255, np.uint8))
    0.0
    >>> round(psnr(np.full((12, 12), 100, np.uint8), np.full((12, 12), 101, np.uint8)), 2)
    48.13
    """
    a, b = _planes(reference, image, shave)
    error = float(np.mean((a - b) ** 2))
    return 10 * math.log10(PEAK**2 / error) if error else math.inf


def _similarity(a: Plane, b: Plane, weight: NDArray[np.float64]) -> tuple[Plane, Plane]:
    """SSIM under the separable window ``weight`` at every pixel, and the window's mass inside.

    Wang et al. 2004, eq. 13, with the window cut and renormalised at the border.
    """

    def smooth(plane: Plane) -> Plane:
        rows = correlate1d(plane, weight, axis=0, mode="constant")
        return np.asarray(correlate1d(rows, weight, axis=1, mode="constant"))

    mass = smooth(np.ones_like(a))
    mean_a, mean_b = smooth(a) / mass, smooth(b) / mass
    variance_a = smooth(a * a) / mass - mean_a**2
    variance_b = smooth(b * b) / mass - mean_b**2
    covariance = smooth(a * b) / mass - mean_a * mean_b
    luminance = (2 * mean_a * mean_b + C1) / (mean_a**2 + mean_b**2 + C1)
    structure = (2 * covariance + C2) / (variance_a + variance_b + C2)
    return luminance * structure, mass


def ssim(reference: NDArray[np.uint8], image: NDArray[np.uint8], shave: int = SCALE) -> float:
    """Structural similarity of Wang et al., IEEE TIP 2004: -1 to 1, 1 for identical images.

    On luma rounded to 8 bits, an 11x11 Gaussian window with sigma 1.5, only where it lies wholly
    inside, K1 = 0.01 and K2 = 0.03. Raises ``ValueError`` for an image that is no larger than
    the window and twice ``shave``.

    >>> flat = np.full((20, 20), 100, np.uint8)
    >>> round(ssim(flat, flat + 10), 4)
    0.9955
    """
    a, b = (_rounded(plane) for plane in _planes(reference, image, shave))
    reach = 5
    if min(a.shape) <= 2 * reach:
        raise ValueError(
            f"SSIM needs {2 * (shave + reach) + 1} px a side or more, not {image.shape[:2]}"
        )
    weight = np.exp(-0.5 * (np.arange(-reach, reach + 1) / 1.5) ** 2)
    similarity, _ = _similarity(a, b, weight / weight.sum())
    return float(similarity[reach:-reach, reach:-reach].mean())


def daala_window(height: int, shortest: int) -> NDArray[np.float64]:
    """The one-dimensional window of ``ssim_daala``: whole numbers with the sum 256.

    A Gaussian with sigma = 1.5 · height / 256, so that it covers the same share of every picture,
    in 1/256, as long as the coefficient next to its end is at least half a unit but never longer
    than the shorter side of the picture; what rounding leaves over goes to the middle.

    >>> daala_window(256, 256).tolist()
    [2.0, 9.0, 28.0, 55.0, 68.0, 55.0, 28.0, 9.0, 2.0]
    """
    sigma = 1.5 * height / 256
    smallest = math.sqrt(math.pi / 2) * sigma / 256
    reach = 0 if smallest >= 1 else int(sigma * math.sqrt(-2 * math.log(smallest)))
    distance = np.arange(1, min(reach, shortest - 1) + 1)
    peak = 256 / (math.sqrt(2 * math.pi) * sigma)
    side = np.floor(peak * np.exp(-0.5 * (distance / sigma) ** 2) + 0.5)
    return np.concatenate([side[::-1], [256 - 2 * side.sum()], side])


def ssim_daala(reference: NDArray[np.uint8], image: NDArray[np.uint8], shave: int = SCALE) -> float:
    """Structural similarity as Ledig et al. 2017 report it: -1 to 1, 1 for identical images.

    The formula of xiph/daala's ``tools/dump_ssim.c`` on float luma: ``daala_window`` in both
    directions, at the border cut and renormalised, the mean over all pixels weighted by how much
    of the window lies inside.

    >>> flat = np.full((20, 20), 100, np.uint8)
    >>> round(ssim_daala(flat, flat + 10), 4)
    0.9955
    """
    a, b = _planes(reference, image, shave)
    similarity, mass = _similarity(a, b, daala_window(a.shape[0], min(a.shape)))
    return float((mass * similarity).sum() / mass.sum())
