"""NIQE is the authors': the published figures, the shapes that it fits, and what it cannot do."""

from __future__ import annotations

import hashlib
import math

import numpy as np
import pytest

from benchmarks import niqe as niqe_
from benchmarks.datasets import OWN, ImageEntry, Manifest, as_json
from benchmarks.files import pixel_hash, read_image
from benchmarks.measures import COMPUTED
from benchmarks.niqe import LEAST, PARAMETERS, niqe
from benchmarks.outputs import generate, read_outputs
from benchmarks.resize import crop_to_multiple, degrade
from sr_models.interpolation import bicubic
from tests.benchmarks.bring_sets import add, put


def test_the_model_of_natural_images_is_the_authors():
    digest = hashlib.sha256(PARAMETERS.read_bytes()).hexdigest()
    assert digest == "fa2aa4d12dd9595c3fb6bf8b4e1a15c79d5d1469238d0901c88dead195be578d"


def test_set14s_baboon_has_the_figure_that_matlab_gives_it(benchmarks_dir):
    """5.72957338 by MATLAB R2021a with the authors' release, as BasicSR's source tells.

    BasicSR itself has 5.7295763. Of the blue channel alone mmagic's tests have 5.62525, of the grey
    image 5.73154.
    """
    image = read_image(benchmarks_dir / "Set14" / "baboon.png")
    assert niqe(image) == pytest.approx(5.72957338, abs=2e-6)
    assert niqe(np.ascontiguousarray(image[..., 2])) == pytest.approx(5.62525, abs=5e-6)
    grey = np.floor(image @ np.array([0.299, 0.587, 0.114]) + 0.5).astype(np.uint8)
    assert niqe(grey) == pytest.approx(5.73154, abs=5e-6)


def test_what_is_blurred_is_less_natural(samples):
    for name in ("chelsea", "camera"):
        hr = crop_to_multiple(read_image(samples / "Samples" / f"{name}.png"))
        assert 2 < niqe(hr) < niqe(bicubic(degrade(hr))) < 12


@pytest.mark.parametrize(("shape", "width"), [(1, 1.0), (2, math.sqrt(2))])
def test_the_shape_and_width_of_what_was_drawn_are_found_again(shape, width):
    """Laplace's and Gauss's distributions, and one whose right side is twice as wide."""
    rng = np.random.default_rng(1)
    draw = rng.laplace if shape == 1 else rng.normal
    drawn = draw(size=(3, 400, 400))
    right = np.abs(drawn[2]) * np.where(rng.random((400, 400)) < 2 / 3, 2, -1)
    found = niqe_._fitted(np.stack([drawn[0], drawn[1] / 3, right]))
    wanted = ([shape] * 3, [width, width / 3, width], [width, width / 3, 2 * width])
    for ours, theirs in zip(found, wanted, strict=True):
        assert ours == pytest.approx(np.array(theirs), rel=0.03)


def test_a_flat_block_has_no_features_at_any_level_of_grey():
    """Else what is left of it by rounding would count, and another order of adding up with it."""
    for level in range(256):
        assert np.isnan(niqe_._features(np.full((96, 192), float(level)), 96)[:, 1]).all()


def test_where_an_image_is_flat_the_rest_counts_and_where_all_is_there_is_none(samples):
    """Blocks apart: nothing of the photograph reaches into them."""
    image = read_image(samples / "Samples" / "chelsea.png")[:288, :288].copy()
    whole = niqe(image)
    image[192:, 100:] = 255
    assert math.isfinite(niqe(image))
    assert niqe(image) != whole
    assert math.isnan(niqe(np.full((300, 200, 3), 200, np.uint8)))
    image[:] = 7
    image[:90, :90] = np.arange(90)[:, None]  # one block alone has no covariance
    assert math.isnan(niqe(image))


def test_what_does_not_fill_a_block_is_left_out_and_less_than_four_are_refused(samples):
    image = read_image(samples / "Samples" / "camera.png")
    assert niqe(image[:LEAST, :LEAST]) == niqe(image[: LEAST + 95, : LEAST + 95])
    for height, width in ((LEAST - 1, 400), (400, LEAST - 1)):
        with pytest.raises(ValueError, match="NIQE needs 192 px a side or more, not"):
            niqe(image[:height, :width])


def test_small_and_flat_images_have_none_and_are_measured_once(tmp_path, samples):
    photo = read_image(samples / "Samples" / "chelsea.png")
    images = {
        "flat": np.full((200, 200, 3), 90, np.uint8), "photo": photo[:LEAST, :LEAST],
        "small": photo[: LEAST - 4, :LEAST],
    }  # fmt: skip
    for name, image in images.items():
        put(tmp_path / "mine" / f"{name}.png", np.ascontiguousarray(image))
    add("Own", tmp_path / "mine", tmp_path / "benchmarks")
    options = {"benchmarks_dir": tmp_path / "benchmarks", "outputs_dir": tmp_path / "out"}
    again = {"sets": ["Own"], "methods": ["bicubic"], "progress": False, **options}
    assert [generate(**again).done for _ in range(2)] == [3, 0]
    found = read_outputs(
        tmp_path / "out", sets=["Own"], methods=["bicubic"], benchmarks_dir=tmp_path / "benchmarks"
    )
    assert [each.image for each in found if "niqe" in each.measures] == ["photo"]
    assert all("psnr" in each.measures for each in found)
    assert COMPUTED["niqe"].least == LEAST


def test_it_is_the_one_measure_of_images_that_have_no_original(tmp_path, samples):
    lr = np.ascontiguousarray(read_image(samples / "Samples" / "chelsea.png")[60:110, 60:120])
    put(tmp_path / "Phone" / "cat.png", lr)
    entry = ImageEntry("cat", 60, 50, 3, pixel_hash(lr))
    manifest = Manifest("Phone", "Phone", (entry,), references=False)
    (tmp_path / "Phone" / OWN).write_text(as_json(manifest))
    options = {"sets": ["Phone"], "methods": ["bicubic"], "benchmarks_dir": tmp_path}
    assert generate(outputs_dir=tmp_path / "out", progress=False, **options).done == 1
    (found,) = read_outputs(tmp_path / "out", **options)
    assert found.measures == {"niqe": (1, niqe(bicubic(lr)))}
