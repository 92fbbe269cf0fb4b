"""The figures that the field agrees on come back from the real sets."""

from __future__ import annotations

import csv
import math
from statistics import fmean

import numpy as np
import pytest

from benchmarks import perceptual, quality
from benchmarks.cases import case
from benchmarks.datasets import load_verified, manifest
from benchmarks.published import LEDIG2017
from benchmarks.resize import crop_to_multiple, degrade
from sr_models.interpolation import bicubic, nearest

# Of Ledig et al.'s table 2 as far as their measures are known: PSNR in dB, daala SSIM.
EXPECTED = {
    ("Set5", nearest): (26.26, 0.7547),
    ("Set5", bicubic): (28.43, 0.8211),
    ("Set14", nearest): (24.65, 0.7098),
    ("Set14", bicubic): (26.00, 0.7486),
    ("BSD100", nearest): (25.04, 0.6607),
    ("BSD100", bicubic): (25.96, 0.6941),
}


@pytest.fixture(scope="module", params=["Set5", "Set14", "BSD100"])
def real_set(request, benchmarks_dir):
    """A set's name and for each image its name, the original and the low-resolution image."""
    images = []
    for entry in manifest(request.param).images:
        hr = crop_to_multiple(load_verified(benchmarks_dir, request.param, entry))
        images.append((entry.name, hr, degrade(hr)))
    return request.param, images


@pytest.mark.parametrize("method", [nearest, bicubic])
def test_interpolation_has_the_papers_figures(real_set, method):
    name, images = real_set
    decibels, similarity = EXPECTED[name, method]
    made = [(hr, method(lr)) for _, hr, lr in images]
    assert fmean(quality.psnr(*pair) for pair in made) == pytest.approx(decibels, abs=0.01)
    assert fmean(quality.ssim_daala(*pair) for pair in made) == pytest.approx(similarity, abs=3e-4)


@pytest.mark.parametrize(("scale", "decibels"), [(2, 33.66), (3, 30.39), (8, 24.40)])
def test_bicubic_has_the_literatures_figures_at_other_scales(benchmarks_dir, scale, decibels):
    """Set5, Y, as many px cut as the scale: Kim et al. (VDSR) at x2 and x3, Lai et al. at x8."""
    of, found = manifest(f"Set5_x{scale}"), []
    for entry in of.images:
        asked = case(benchmarks_dir, of, entry)
        found.append(quality.psnr(asked.hr, bicubic(asked.lr, scale), scale))
    assert fmean(found) == pytest.approx(decibels, abs=0.02)


def test_every_image_has_the_figures_of_another_project(real_set, sr_reference_dir):
    """SelfExSR's result table: MATLAB's own imresize, 8-bit luma, images by number."""
    name, images = real_set
    with (sr_reference_dir / "selfexsr_quant_eval_x4_per_image.csv").open() as file:
        theirs = [
            row for row in csv.DictReader(file)
            if row["dataset"] == name and row["method"] == "Bicubic"
        ]  # fmt: skip
    assert [row["image"] for row in theirs] == [f"img_{n + 1:03d}" for n in range(len(images))]
    for (image, hr, lr), row in zip(images, theirs, strict=True):
        # An image of whole luma values is its own luma.
        pair = [np.floor(quality.luma(each) + 0.5).astype(np.uint8) for each in (hr, bicubic(lr))]
        assert quality.psnr(*pair) == pytest.approx(float(row["psnr_y_crop4"]), abs=1e-3), image
        ours = quality.ssim(hr, bicubic(lr))
        assert ours == pytest.approx(float(row["ssim_wang_y_crop4"]), abs=1e-4), image


def test_lpips_of_bicubic_on_set5_is_the_literatures(benchmarks_dir, perceptual_dir):
    lpips = perceptual.lpips(perceptual_dir)
    distances = []
    for entry in manifest("Set5").images:
        hr = crop_to_multiple(load_verified(benchmarks_dir, "Set5", entry))
        distances.append(lpips(hr, bicubic(degrade(hr))))
    assert fmean(distances) == pytest.approx(0.3397, abs=1e-4)


def test_the_papers_tables_are_whole():
    table2 = ["nearest", "bicubic", "srcnn", "selfexsr", "drcn", "espcn", "srresnet", "srgan", "hr"]
    table1 = ["srresnet-vgg22", "srgan-mse", "srgan-vgg22"]
    assert set(LEDIG2017) == {
        *((name, method) for name in ("Set5", "Set14", "BSD100") for method in table2),
        *((name, method) for name in ("Set5", "Set14") for method in table1),
    }
    for (_, method), figures in LEDIG2017.items():
        assert math.isinf(figures.psnr) == (method == "hr")
        assert 0.6 < figures.ssim <= 1
        assert 1 <= figures.mos <= 5
