"""DISTS is the published one, of large pictures too, and its weights are the authors'."""

from __future__ import annotations

import hashlib
from statistics import fmean

import numpy as np
import pytest
import torch

from benchmarks import perceptual
from benchmarks.files import read_image
from benchmarks.resize import crop_to_multiple, degrade
from sr_models import dists, weightfile
from sr_models.dists import DISTS, HanningPool
from sr_models.features import TAPS, backbone
from sr_models.interpolation import bicubic
from sr_models.methods import WEIGHTS_DIR


def test_the_weights_are_shipped_as_they_were_published():
    path = WEIGHTS_DIR / dists.HEAD
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert digest == "9c23a8086b8ee0977b55105c73ca92d6a7bc00bfd5be01a6fe833d6dd43dc1fc"
    head = weightfile.load(path)
    assert {key: tuple(value.shape) for key, value in head.items()} == {
        "alpha": (1475,), "beta": (1475,),
    }  # fmt: skip
    assert all(float(value.min()) >= 0 for value in head.values())


def test_bicubic_on_set5_has_the_known_figure(perceptual_dir, benchmarks_dir):
    """0.212, of whole images at their size: three digits of what other programs say."""
    measure, values = perceptual.dists(perceptual_dir), []
    for path in sorted((benchmarks_dir / "Set5").glob("*.png")):
        hr = crop_to_multiple(read_image(path))
        values.append(measure(hr, bicubic(degrade(hr))))
    assert fmean(values) == pytest.approx(0.212, abs=5e-4)
    assert fmean(values) == pytest.approx(0.2119156, abs=2e-6)


@pytest.fixture(scope="module")
def network(perceptual_dir) -> DISTS:
    return DISTS(perceptual_dir)


def as_batch(image: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(image.copy()).permute(2, 0, 1)[None].float() / 255


@pytest.fixture
def pair(photo) -> tuple[torch.Tensor, torch.Tensor]:
    """A degraded and an original one, (1, 3, 66, 99) in [0, 1]: sides that no pooling divides."""
    hr = photo[100:168, 100:200]
    return as_batch(bicubic(degrade(hr)))[..., :66, :99], as_batch(hr)[..., :66, :99]


def test_it_is_the_formula_of_the_paper(network, perceptual_dir, pair):
    """Equations 5 to 8 over maps of VGG16 that is pooled by hand, two means at a time."""
    state = weightfile.load(perceptual_dir / perceptual.VGG16.file)
    layers, found = backbone(state, TAPS["vgg"][-1]), ([], [])
    window = torch.outer(*[torch.tensor([1.0, 2.0, 1.0]) / 4] * 2)
    for maps, picture in zip(found, pair, strict=True):
        maps.append(picture)
        x = network.standardise(picture)
        for index, layer in enumerate(layers):
            if isinstance(layer, torch.nn.MaxPool2d):
                padded = torch.nn.functional.pad(x**2, (1, 1, 1, 1))
                cells = padded.unfold(2, 3, 2).unfold(3, 3, 2)
                x = ((cells * window).sum((4, 5)) + 1e-12).sqrt()
            else:
                x = layer(x)
            if index in TAPS["vgg"]:
                maps.append(x)
    head = weightfile.load(WEIGHTS_DIR / dists.HEAD)
    total, start = 0.0, 0
    for one, other in zip(*found, strict=True):
        own = slice(start, start + one.shape[1])
        x, y = (each[0].flatten(1).double().numpy() for each in (one, other))
        texture = (2 * x.mean(1) * y.mean(1) + 1e-6) / (x.mean(1) ** 2 + y.mean(1) ** 2 + 1e-6)
        shared = np.array([np.cov(a, b, ddof=0)[0, 1] for a, b in zip(x, y, strict=True)])
        structure = (2 * shared + 1e-6) / (x.var(1) + y.var(1) + 1e-6)
        total += float(head["alpha"][own].numpy() @ texture + head["beta"][own].numpy() @ structure)
        start = own.stop
    assert start == 1475
    wanted = 1 - total / float(head["alpha"].sum() + head["beta"].sum())
    assert 0.1 < wanted < 0.6
    with torch.inference_mode():
        assert float(network(*pair)) == pytest.approx(wanted, abs=2e-6)


def test_large_pictures_go_through_in_strips_and_get_the_same(network, photo, monkeypatch):
    """The first and the last strip end where the picture does, the others see beyond themselves."""
    hr = photo[:299, :33]
    one, other = as_batch(hr), as_batch(hr[::-1])
    with torch.inference_mode():
        whole = float(network(one, other))
        for pixels in (1, 33 * 48, 33 * 160):
            monkeypatch.setattr(dists, "AT_ONCE", pixels)
            assert len(list(dists._strips(299, 33))) == -(-299 // max(16, pixels // 33))
            assert float(network(one, other)) == pytest.approx(whole, abs=5e-7)
        monkeypatch.setattr(dists, "REACH", 32)
        assert float(network(one, other)) != pytest.approx(whole, abs=5e-6)


def test_it_is_a_distance_of_colour_pictures_and_of_grey_ones(network, perceptual_dir, pair, photo):
    with torch.inference_mode():
        both = network(torch.cat([pair[0], pair[1]]), torch.cat([pair[1], pair[1]]))
        assert both.shape == (2,)
        assert float(both[1]) == 0
        assert float(both[0]) == pytest.approx(float(network(pair[1], pair[0])), abs=1e-6)
        flat = torch.full((1, 3, 40, 40), 0.3)
        assert 0 < float(network(flat, flat + 0.1)) < float(network(flat, flat + 0.4)) < 1
    measure, grey = perceptual.dists(perceptual_dir), photo[:40, :48, 1].copy()
    turned = np.ascontiguousarray(grey[::-1])
    same = [np.repeat(each[..., None], 3, axis=2) for each in (grey, turned)]
    assert measure(grey, turned) == measure(*same) > 0.05


def test_one_original_after_the_other_is_held_against_several_images(perceptual_dir, photo):
    """What was seen of an original is kept for the next method, and for no other original."""
    originals = [np.ascontiguousarray(photo[top : top + 40, :48]) for top in (0, 60)]
    images = [np.ascontiguousarray(each[::-1]) for each in originals]
    measure = perceptual.dists(perceptual_dir)
    pairs = [(hr, image) for hr in originals for image in images]
    fresh = [perceptual.dists(perceptual_dir)(*pair) for pair in pairs]
    assert [measure(*pair) for pair in (*pairs, *reversed(pairs))] == [*fresh, *reversed(fresh)]
    assert len(set(fresh)) == len(pairs)


def test_pictures_that_cannot_be_compared_are_refused(network):
    for other in (torch.zeros(1, 3, 32, 40), torch.zeros(1, 1, 40, 40), torch.zeros(3, 40, 40)):
        with pytest.raises(ValueError, match="DISTS compares two batches"):
            network(torch.zeros(1, 3, 40, 40), other)
    with pytest.raises(ValueError, match="32 px or more a side"):
        network(torch.zeros(1, 3, 31, 40), torch.zeros(1, 3, 31, 40))
    assert HanningPool()(torch.ones(1, 2, 5, 4)).shape == (1, 2, 3, 2)


def test_weights_that_are_missing_or_another_networks_are_named(tmp_path):
    with pytest.raises(ValueError, match=r"there is no weight file .*vgg16.*\.safetensors"):
        perceptual.dists(tmp_path)
    path = tmp_path / perceptual.VGG16.file
    path.write_bytes((WEIGHTS_DIR / dists.HEAD).read_bytes())
    with pytest.raises(ValueError, match="does not hold VGG16; remove it"):
        perceptual.dists(tmp_path)
