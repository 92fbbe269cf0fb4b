"""The generator: the paper's shape, its weights as its only configuration, exact shortcuts."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from sr_models import bicubic, interpolation
from sr_models.networks import build
from sr_models.srresnet import Generator, PReLU, _shuffle_cells, before_shuffle
from sr_models.srresnet import fold_batch_norm as fold


def test_the_papers_generator_has_the_papers_number_of_parameters():
    count = sum(parameter.numel() for parameter in Generator().parameters())
    assert round(count / 1e6, 2) == 1.55


@pytest.mark.parametrize(
    ("width", "blocks", "batch_norm", "skip"),
    list(itertools.product((4, 7), (0, 1, 3), (False, True), (False, True))),
)
def test_weights_alone_bring_a_network_back(width, blocks, batch_norm, skip):
    made = Generator(width=width, blocks=blocks, batch_norm=batch_norm, bicubic_skip=skip).eval()
    back = build(made.state_dict()).eval()
    lr = torch.rand(1, 3, 9, 6)
    with torch.inference_mode():
        assert torch.equal(made(lr), back(lr))
        assert made(lr).shape == (1, 3, 36, 24)


def test_the_bicubic_skip_is_matlabs_bicubic_before_rounding(photo):
    """On a picture that varies along one axis only one pass rounds, so the match is exact."""
    line = photo[100, :48]
    for lr in (np.tile(line, (10, 1, 1)), np.tile(line[:, None], (1, 10, 1))):
        x = torch.from_numpy(lr.copy()).permute(2, 0, 1)[None].float()
        unrounded = bicubic.enlarge(x, bicubic.phases())[0].permute(1, 2, 0).clamp(0, 255)
        off = np.abs(unrounded.double().numpy() - interpolation.bicubic(lr))
        assert off.max() <= 0.5 + 1e-4
        assert off.mean() > 0.1  # it was not rounded


def test_the_last_convolution_is_the_same_before_the_shuffle():
    x, weight = torch.rand(2, 4 * 8, 7, 6), torch.randn(3, 8, 9, 9)
    after = F.conv2d(F.pixel_shuffle(x, 2), weight, padding=4)
    before = F.pixel_shuffle(F.conv2d(x, before_shuffle(weight), padding=2), 2)
    assert torch.allclose(before, after, atol=1e-4)


def test_a_gpus_shuffle_is_pytorchs_with_the_channels_last():
    x = torch.rand(2, 12, 5, 7).contiguous(memory_format=torch.channels_last)
    ours = _shuffle_cells(x)
    assert torch.equal(ours, F.pixel_shuffle(x, 2))
    assert ours.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_the_fast_prelu_has_the_gradients_of_the_plain_one(dtype, layout):
    plain, fast = nn.PReLU(init=0.3), PReLU(init=0.3)
    values = torch.randn(2, 8, 9, 7).contiguous(memory_format=layout)
    gradient = torch.randn(2, 8, 9, 7).contiguous(memory_format=layout)
    inputs = [values.clone().to(kind).requires_grad_() for kind in (torch.float32, dtype)]
    for module, x in zip((plain, fast), inputs, strict=True):
        module(x).backward(gradient.to(x.dtype))
    near = {"rtol": 1e-4, "atol": 1e-4} if dtype == torch.float32 else {"rtol": 2e-2, "atol": 0.3}
    assert torch.allclose(inputs[1].grad.float(), inputs[0].grad, **near)
    assert torch.allclose(fast.weight.grad, plain.weight.grad, **near)


@pytest.mark.parametrize("skip", [False, True])
def test_folding_batch_normalisation_changes_nothing(skip):
    network = Generator(width=8, blocks=3, batch_norm=True, bicubic_skip=skip).eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor in (module.weight.data, module.running_var):
                tensor.uniform_(0.3, 2)
            for tensor in (module.bias.data, module.running_mean):
                tensor.normal_()
    folded = fold(network).eval()
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())
    lr = torch.rand(1, 3, 12, 12)
    with torch.inference_mode():
        assert torch.allclose(network(lr), folded(lr), atol=1e-4)
