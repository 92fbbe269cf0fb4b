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


HALVES = (-3, -9, 29, 111, 111, 29, -9, -3)
"""Of 256: Keys' cubic (a = -1/2) at 1/4, 3/4, 5/4 and 7/4, halved; from pixel 2i - 3 on."""
THIRDS = (-1, -2, 0, 9, 21, 27, 21, 9, 0, -2, -1)
"""Of 81: at 0, 1/3, 2/3, 1, 4/3 and 5/3, over three; from pixel 3i - 4 on."""


def by_hand(pixels: np.ndarray, scale: int) -> np.ndarray:
    """One side made smaller, rows first, in whole numbers; beyond the border is the border."""
    taps, whole, start = {2: (HALVES, 256, -3), 3: (THIRDS, 81, -4)}[scale]
    rows = pixels.astype(int)
    found = []
    for place in range(len(rows) // scale):
        total = sum(
            tap * rows[min(max(scale * place + start + n, 0), len(rows) // scale * scale - 1)]
            for n, tap in enumerate(taps)
        )
        found.append(np.clip((2 * total + whole) // (2 * whole), 0, 255))
    return np.array(found)


@pytest.mark.parametrize("scale", [2, 3])
def test_an_lr_image_at_two_and_three_is_matlabs_kernel_in_fractions(samples, scale):
    assert (sum(HALVES), sum(THIRDS)) == (256, 81)
    image = read_image(samples / "Samples" / "chelsea.png")[100:137, 120:161]
    image = np.where(image < 110, image // 4, 255 - (255 - image) // 4).astype(np.uint8)  # clips
    expected = by_hand(by_hand(image, scale).swapaxes(0, 1), scale).swapaxes(0, 1)
    found = degrade(image, scale)
    assert found.shape == (37 // scale, 41 // scale, 3)
    assert np.array_equal(found, expected)


def test_a_row_at_two_and_three_as_worked_out_on_paper():
    row = np.zeros(17, np.uint8)
    row[[0, 7]] = 128, 243
    plane = np.tile(row, (17, 1))
    # The first pixel counts as all that lie before it, too: 128 (-3 - 9 + 29 + 111) / 256 = 64; of
    # the other 111 * 243 / 256 = 105.4 and 29 * 243 / 256 = 27.5; the rest is negative.
    assert degrade(plane, 2)[0].tolist() == [64, 0, 0, 105, 28, 0, 0, 0]
    # 128 (-1 - 2 + 0 + 9 + 21) / 81 = 42.7, and 27 * 243 / 81 = 81.
    assert degrade(plane, 3)[0].tolist() == [43, 0, 81, 0, 0]
