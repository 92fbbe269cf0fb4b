"""Interpolation is MATLAB's, checked against the definition written out pixel by pixel."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from sr_models.interpolation import bicubic, imresize, imresize_float, nearest


def keys(x: float) -> float:
    x = abs(x)
    if x <= 1:
        return 1.5 * x**3 - 2.5 * x**2 + 1
    return -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2 if x < 2 else 0.0


def line_by_definition(line: list[int], scale: float, border: str) -> list[int]:
    """One line of pixels resized as MATLAB's documentation and Keys' paper say."""
    n, shrink, resized = len(line), min(scale, 1.0), []
    for i in range(math.ceil(n * scale)):
        centre = (i + 0.5) / scale - 0.5
        total = weights = 0.0
        for j in range(math.floor(centre - 2 / shrink) - 1, math.ceil(centre + 2 / shrink) + 2):
            weight = keys(shrink * (centre - j))
            if border == "replicate":
                k = min(max(j, 0), n - 1)
            else:
                k = j % (2 * n)
                k = k if k < n else 2 * n - 1 - k
            total += weight * line[k]
            weights += weight
        resized.append(math.floor(min(max(total / weights, 0.0), 255.0) + 0.5))
    return resized


@pytest.mark.parametrize("border", ["replicate", "symmetric"])
@pytest.mark.parametrize("scale", [Fraction(1, 4), Fraction(4), Fraction(1, 3)])
def test_imresize_is_the_definition(photo, scale, border):
    image = photo[100:131, 200:237, 0]
    columns = [line_by_definition(list(column), float(scale), border) for column in image.T]
    rows = np.array(columns).T
    expected = [line_by_definition(list(row), float(scale), border) for row in rows]
    assert np.array_equal(imresize(image, scale, border=border), expected)


def test_channels_do_not_mix(photo):
    small = imresize(photo, Fraction(1, 4))
    for channel in range(3):
        assert np.array_equal(small[..., channel], imresize(photo[..., channel], Fraction(1, 4)))


@pytest.mark.parametrize("scale", [Fraction(1, 4), Fraction(4)])
def test_a_constant_image_stays_constant(scale):
    for value in (0, 1, 127, 255):
        image = np.full((12, 20), value, np.uint8)
        assert np.unique(imresize(image, scale)).tolist() == [value]


def test_the_two_borders_differ_at_the_rim_only(photo):
    replicate = imresize(photo, Fraction(1, 4))
    symmetric = imresize(photo, Fraction(1, 4), border="symmetric")
    assert np.array_equal(replicate[2:-2, 2:-2], symmetric[2:-2, 2:-2])
    assert not np.array_equal(replicate, symmetric)


def test_halves_are_rounded_away_from_zero():
    """Reduced by two, 0 and 1 in turn give exactly one half, which is 1 and not the even 0."""
    image = np.tile(np.array([0, 1], np.uint8), (8, 8))
    assert np.unique(imresize(image, Fraction(1, 2))[:, 2:-2]).tolist() == [1]


def test_nearest_repeats_and_bicubic_enlarges_by_four(photo):
    lr = photo[:10, :7]
    assert np.array_equal(nearest(lr)[3::4, 1::4], lr)
    assert nearest(lr).shape == bicubic(lr).shape == (40, 28, 3)


def test_what_is_no_8_bit_image_is_refused():
    for image in (np.zeros((4, 4)), np.zeros((4, 0), np.uint8), np.zeros(4, np.uint8)):
        with pytest.raises(ValueError, match="an image is a uint8 array"):
            imresize(image, Fraction(4))


def test_an_image_of_doubles_is_resized_alike_and_never_rounded():
    rng = np.random.default_rng(4)
    image = rng.integers(80, 170, (14, 9)).astype(np.uint8)
    for scale in (Fraction(1, 2), Fraction(3)):
        for border in ("replicate", "symmetric"):
            whole = imresize(image, scale, border=border)
            exact = imresize_float(image.astype(float), scale, border=border)
            assert whole.shape == exact.shape
            # The whole one was rounded after the first pass too.
            assert np.abs(np.clip(exact, 0, 255) - whole).max() < 1.5
            assert not np.array_equal(exact, np.round(exact))
    unit = np.zeros((8, 8))
    unit[3, 4] = 1
    half = imresize_float(unit, Fraction(1, 2))
    # Keys' kernel, twice as wide and half as high in either direction.
    assert half[1, 2] == pytest.approx(float(keys(0.25) * keys(0.25)) / 4)
    assert half[1, 1] == pytest.approx(float(keys(0.25) * keys(0.75)) / 4)
    assert half[2, 2] == pytest.approx(float(keys(0.75) * keys(0.25)) / 4)
