"""Feature networks: official figures, frozen themselves, transparent to gradients."""

from __future__ import annotations

from fractions import Fraction
from statistics import fmean

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from sr_models.features import BACKBONES, LPIPS, VGG22, VGG54, ContentLoss, _MeanOfFour
from sr_models.interpolation import bicubic, imresize
from sr_models.training import equipment


def as_batch(image: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(image.copy()).permute(2, 0, 1)[None].float() / 255


@pytest.fixture
def pair(photo) -> tuple[torch.Tensor, torch.Tensor]:
    """A degraded and an original picture, (1, 3, 64, 96) in [0, 1]."""
    hr = photo[100:164, 100:196]
    return as_batch(bicubic(imresize(hr, Fraction(1, 4)))), as_batch(hr)


def test_missing_and_foreign_weights_are_named(tmp_path):
    for network in (VGG22, LPIPS):
        with pytest.raises(ValueError, match=r"there is no weight file .*\.safetensors"):
            network(tmp_path)
    (tmp_path / "vgg19_features_to_conv3_4_fp16.safetensors").write_bytes(b"no tensors")
    with pytest.raises(ValueError, match="is not a safetensors file"):
        VGG22(tmp_path)


def test_a_gpus_mean_of_four_is_pytorchs_average_and_so_is_its_gradient():
    x = torch.rand(2, 3, 6, 4, dtype=torch.float64).contiguous(memory_format=torch.channels_last)
    x.requires_grad_(True)
    ours = _MeanOfFour.apply(x)
    torch.testing.assert_close(ours, F.avg_pool2d(x, 2, 2))
    assert ours.is_contiguous(memory_format=torch.channels_last)
    assert torch.autograd.gradcheck(_MeanOfFour.apply, (x,))


def test_vgg22_is_the_second_convolution_before_the_second_pooling(perceptual_dir, pair):
    features = VGG22(perceptual_dir)(pair[1])
    assert features.shape == (1, 128, 32, 48)
    assert float(features.min()) == 0  # after the activation
    assert 5 < float(features.mean()) < 500  # on the scale of Caffe, not of torchvision


@pytest.mark.parametrize("network", [VGG22, VGG54])
@pytest.mark.parametrize("kind", ["mse", "l1"])
def test_the_content_loss_teaches_the_picture_and_not_vgg(perceptual_dir, pair, network, kind):
    """A well known SRGAN has trained for years with a content loss cut off from its graph."""
    loss = ContentLoss(network(perceptual_dir), kind)
    sr, hr = (image.clone().requires_grad_() for image in pair)
    loss(sr, hr).backward()
    assert sr.grad is not None
    assert float((sr.grad != 0).float().mean()) > 0.9
    assert hr.grad is None
    assert not any(parameter.requires_grad for parameter in loss.parameters())
    assert loss(hr, hr).item() == 0


def test_vgg54_is_the_last_convolution_and_says_of_which_network(perceptual_dir, pair):
    """VGG19's where it can be had, VGG16's where not, before its activation where asked."""
    after = VGG54(perceptual_dir)
    before = VGG54(perceptual_dir, before_relu=True)
    assert after.title in {"VGG19 conv5_4", "VGG16 conv5_3"}
    features = before(pair[1])
    assert features.shape == (1, 512, 4, 6)
    assert float(features.min()) < 0
    assert torch.allclose(after(pair[1]), features.relu())


@pytest.mark.parametrize("network", ["alex", "vgg"])
def test_lpips_is_a_distance(perceptual_dir, pair, network):
    lpips = LPIPS(perceptual_dir, network)
    sr, hr = (image * 2 - 1 for image in pair)
    assert float(lpips(hr, hr)) == 0
    assert float(lpips(sr, hr)) == pytest.approx(float(lpips(hr, sr)), rel=1e-5)
    assert 0.1 < float(lpips(sr, hr)) < 1
    both = lpips(torch.cat([sr, hr]), torch.cat([hr, hr]))
    assert both.shape == (2,)
    assert both.tolist() == pytest.approx([float(lpips(sr, hr)), 0], abs=1e-5)


def test_lpips_needs_alexnet_alone_and_training_watches_by_it_where_it_is(perceptual_dir, tmp_path):
    """The heads come with the package."""
    assert equipment.watch([], tmp_path, torch.device("cpu")).distance is None
    (tmp_path / BACKBONES["alex"]).symlink_to(perceptual_dir / BACKBONES["alex"])
    assert isinstance(equipment.watch([], tmp_path, torch.device("cpu")).distance, LPIPS)


def test_lpips_has_a_finite_gradient_even_where_the_pictures_agree(perceptual_dir, pair):
    hr = pair[1] * 2 - 1
    same = hr.clone().requires_grad_()
    LPIPS(perceptual_dir)(same, hr).sum().backward()
    assert same.grad is not None
    assert torch.isfinite(same.grad).all()


def test_lpips_refuses_pictures_it_cannot_compare(perceptual_dir):
    lpips = LPIPS(perceptual_dir)
    for other in (torch.zeros(1, 3, 32, 40), torch.zeros(1, 1, 40, 40), torch.zeros(3, 40, 40)):
        with pytest.raises(ValueError, match="LPIPS compares two batches"):
            lpips(torch.zeros(1, 3, 40, 40), other)


def test_lpips_of_bicubic_on_set5_is_the_known_one(perceptual_dir, benchmarks_dir):
    """0.3407 in the literature, with LR files whose border is mirrored; ours is replicated."""
    lpips, values = LPIPS(perceptual_dir), []
    for path in sorted((benchmarks_dir / "Set5").glob("*.png")):
        hr = np.asarray(Image.open(path).convert("RGB"))
        hr = hr[: hr.shape[0] // 4 * 4, : hr.shape[1] // 4 * 4]
        sr = bicubic(imresize(hr, Fraction(1, 4)))
        with torch.inference_mode():
            values.append(float(lpips(as_batch(sr) * 2 - 1, as_batch(hr) * 2 - 1)))
    assert len(values) == 5
    assert fmean(values) == pytest.approx(0.3397, abs=5e-4)
