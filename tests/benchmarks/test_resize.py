"""The degradation is MATLAB's, and both border conventions differ only where they may."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.files import read_image
from benchmarks.resize import crop_to_multiple, degrade


def test_the_crop_keeps_the_upper_left_corner():
    image = np.arange(11 * 9, dtype=np.uint8).reshape(11, 9)
    assert np.array_equal(crop_to_multiple(image), image[:8, :8])
    with pytest.raises(ValueError, match="4 px a side or more"):
        crop_to_multiple(image[:3])


def test_borders_differ_at_the_outermost_pixels_only(samples):
    for name in ("chelsea", "camera"):
        hr = read_image(samples / "Samples" / f"{name}.png")
        replicate, symmetric = degrade(hr), degrade(hr, border="symmetric")
        assert replicate.shape[:2] == (hr.shape[0] // 4, hr.shape[1] // 4)
        # The kernel reaches 6 px beyond the border, so the second LR pixel can notice too.
        assert np.array_equal(replicate[2:-2, 2:-2], symmetric[2:-2, 2:-2])
        assert not np.array_equal(replicate, symmetric)


def test_an_lr_image_is_what_matlabs_taps_say():
    """The filter of reference, 16 taps with stride 4, on a step that no rounding hides."""
    hr = np.zeros((32, 32), np.uint8)
    hr[:, 16:] = 200
    taps = np.array([-17, -110, -183, -120, 227, 974, 1819, 2410]) / 1e4
    taps = np.concatenate([taps, taps[::-1]])
    row = np.array([taps @ hr[0, np.clip(4 * x + np.arange(-6, 10), 0, 31)] for x in range(8)])
    expected = np.floor(np.clip(row, 0, 255) + 0.5)
    assert np.array_equal(degrade(hr), np.tile(expected, (8, 1)))
