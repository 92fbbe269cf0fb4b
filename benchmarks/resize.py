"""The degradation of the paper, at any factor: what a method is given to enlarge."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from sr_models import SCALE
from sr_models.interpolation import Border, imresize


def crop_to_multiple(image: NDArray[np.uint8], scale: int = SCALE) -> NDArray[np.uint8]:
    """``image`` without the last rows and columns that the factor ``scale`` does not divide.

    (h, w[, c]) to (h - h % scale, w - w % scale[, c]). Raises ``ValueError`` below ``scale`` px a
    side.

    >>> crop_to_multiple(np.zeros((11, 8), np.uint8)).shape
    (8, 8)
    >>> crop_to_multiple(np.zeros((11, 8), np.uint8), 3).shape
    (9, 6)
    """
    height, width = (side - side % scale for side in image.shape[:2])
    if not height or not width:
        raise ValueError(f"an image needs {scale} px a side or more, not {image.shape[:2]}")
    return image[:height, :width]


def degrade(
    hr: NDArray[np.uint8], scale: int = SCALE, *, border: Border = "replicate"
) -> NDArray[np.uint8]:
    """The low-resolution image of ``hr``: cropped, then MATLAB's bicubic at 1/``scale``.

    (h, w[, c]) to (h // scale, w // scale[, c]), uint8. ``border="replicate"`` gives the files that
    the paper was measured on, ``"symmetric"`` (MATLAB's own) those of the EDSR pack; the two differ
    at the outermost pixels only.

    >>> degrade(np.arange(64, dtype=np.uint8).reshape(8, 8)).tolist()
    [[13, 18], [45, 50]]
    """
    return imresize(crop_to_multiple(hr, scale), Fraction(1, scale), border=border)
