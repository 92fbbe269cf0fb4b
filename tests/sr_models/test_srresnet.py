"""The generator: the paper's shape, its weights as its only configuration, exact shortcuts."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from sr_models.interpolation import bicubic
from sr_models.srresnet import Generator, bicubic_phases, build, convolve_wide, enlarge
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


@pytest.mark.parametrize("damage", ["missing", "unexpected", "reshaped", "foreign"])
def test_other_weights_are_refused_in_one_sentence(small_network, damage):
    state = dict(small_network.state_dict())
    if damage == "missing":
        del state["conv.bias"]
    elif damage == "unexpected":
        state["body.x.scale"] = torch.zeros(1)
    elif damage == "reshaped":
        state["tail.weight"] = state["tail.weight"][:1]
    else:
        state = {"features.0.weight": torch.zeros(3)}
    with pytest.raises(ValueError, match="these are not the weights of an SRResNet") as refusal:
        build(state)
    assert "\n" not in str(refusal.value)


def test_the_bicubic_skip_is_matlabs_bicubic_before_rounding(photo):
    """On a picture that varies along one axis only one pass rounds, so the match is exact."""
    line = photo[100, :48]
    for lr in (np.tile(line, (10, 1, 1)), np.tile(line[:, None], (1, 10, 1))):
        x = torch.from_numpy(lr.copy()).permute(2, 0, 1)[None].float()
        unrounded = enlarge(x, bicubic_phases())[0].permute(1, 2, 0).clamp(0, 255).double().numpy()
        off = np.abs(unrounded - bicubic(lr))
        assert off.max() <= 0.5 + 1e-4
        assert off.mean() > 0.1  # it was not rounded


def test_a_wide_convolution_in_parts_is_the_convolution():
    x, weight, bias = torch.rand(2, 8, 13, 11), torch.randn(3, 8, 9, 9), torch.randn(3)
    whole = F.conv2d(x, weight, bias, padding=4)
    assert torch.allclose(convolve_wide(x, weight, bias), whole, atol=1e-4)
    assert torch.allclose(convolve_wide(x, weight, None), F.conv2d(x, weight, padding=4), atol=1e-4)


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
