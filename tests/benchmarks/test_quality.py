"""Each measure is the one it says it is: against other implementations and its own definition."""

from __future__ import annotations

import math

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from benchmarks import perceptual
from benchmarks.files import read_image
from benchmarks.quality import daala_window, luma, psnr, ssim, ssim_daala
from benchmarks.resize import crop_to_multiple, degrade
from sr_models.interpolation import bicubic

MEASURES = (psnr, ssim, ssim_daala)


@pytest.fixture(params=["chelsea", "camera"])
def pair(request, samples):
    """A photograph, in colour and grey, and what bicubic makes of it."""
    hr = crop_to_multiple(read_image(samples / "Samples" / f"{request.param}.png"))
    return hr, bicubic(degrade(hr))


def test_luma_weighs_as_bt601_and_leaves_grey_alone():
    primaries = np.eye(3, dtype=np.uint8)[None] * 255
    assert np.allclose(luma(primaries)[0], [81.481, 144.553, 40.966])
    grey = np.arange(256, dtype=np.uint8)[None]
    assert np.array_equal(luma(grey), grey)


@pytest.mark.parametrize("measure", MEASURES)
def test_a_measure_is_best_for_the_image_itself_and_symmetric(measure, pair):
    hr, image = pair
    assert measure(hr, hr) == (math.inf if measure is psnr else 1)
    assert measure(hr, image) < measure(hr, hr)
    assert measure(hr, image) == pytest.approx(measure(image, hr), rel=1e-12)


@pytest.mark.parametrize("measure", MEASURES)
def test_four_pixels_at_the_border_do_not_count(measure, pair):
    hr, image = pair
    changed = image.copy()
    changed[:4] = changed[-4:] = changed[:, :4] = changed[:, -4:] = 0
    assert measure(hr, changed) == measure(hr, image)
    changed[4, 4] = 255 - hr[4, 4]
    assert measure(hr, changed) != measure(hr, image)


@pytest.mark.parametrize("measure", MEASURES)
def test_images_of_two_shapes_are_refused(measure, pair):
    hr, image = pair
    with pytest.raises(ValueError, match="of one shape"):
        measure(hr, image[:-4])
    with pytest.raises(ValueError, match="px a side"):
        measure(hr[:8], image[:8])


def test_psnr_and_ssim_are_those_of_scikit_image(pair):
    hr, image = (luma(each)[4:-4, 4:-4] for each in pair)
    assert psnr(*pair) == pytest.approx(peak_signal_noise_ratio(hr, image, data_range=255))
    whole = [np.floor(each + 0.5) for each in (hr, image)]
    _, full = structural_similarity(
        *whole, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255,
        full=True,
    )  # fmt: skip
    assert ssim(*pair) == pytest.approx(full[5:-5, 5:-5].mean(), abs=1e-9)


def test_the_window_of_daala_follows_the_height():
    for height in (20, 64, 256, 1080):
        window = daala_window(height, height)
        assert window.sum() == 256
        assert np.array_equal(window, window[::-1])
        assert np.array_equal(window, np.round(window))
    assert daala_window(20, 20).tolist() == [256]
    assert len(daala_window(1080, 4)) == 7


def test_daala_ssim_is_its_definition_pixel_by_pixel(samples):
    hr = crop_to_multiple(read_image(samples / "Samples" / "camera.png")[150:400, 150:190])
    image = bicubic(degrade(hr))
    a, b = (luma(each)[4:-4, 4:-4] for each in (hr, image))
    window = daala_window(a.shape[0], min(a.shape))
    reach = len(window) // 2
    assert reach >= 3
    total = mass = 0.0
    for y, x in np.ndindex(a.shape):
        rows = slice(max(y - reach, 0), y + reach + 1)
        columns = slice(max(x - reach, 0), x + reach + 1)
        p, q = a[rows, columns], b[rows, columns]
        top, left = max(reach - y, 0), max(reach - x, 0)
        weight = np.outer(window[top:][: p.shape[0]], window[left:][: p.shape[1]])
        w = weight.sum()
        mean_p, mean_q = (weight * p).sum() / w, (weight * q).sum() / w
        spread_p = (weight * (p - mean_p) ** 2).sum() / w
        spread_q = (weight * (q - mean_q) ** 2).sum() / w
        shared = (weight * (p - mean_p) * (q - mean_q)).sum() / w
        c1, c2 = 2.55**2, 7.65**2
        likeness = (2 * mean_p * mean_q + c1) * (2 * shared + c2)
        likeness /= (mean_p**2 + mean_q**2 + c1) * (spread_p + spread_q + c2)
        total, mass = total + w * likeness, mass + w
    assert ssim_daala(hr, image) == pytest.approx(total / mass, abs=1e-9)


def test_lpips_sees_grey_as_three_equal_channels_and_the_border_too(pair, perceptual_dir):
    lpips = perceptual.lpips(perceptual_dir)
    hr, image = pair
    assert lpips(hr, hr) == 0
    changed = image.copy()
    changed[:4] = 0
    assert lpips(hr, changed) > lpips(hr, image) > 0.1
    if hr.ndim == 2:
        colour, blurred = (np.stack([each] * 3, axis=2) for each in pair)
        assert lpips(hr, image) == lpips(colour, blurred)


def test_lpips_without_its_weights_is_one_clear_line(tmp_path):
    with pytest.raises(ValueError, match=r"alexnet_features_fp16\.safetensors"):
        perceptual.lpips(tmp_path)
