"""The discriminator is layer for layer the paper's (Ledig et al. 2017, figure 4)."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from sr_models.discriminator import Discriminator, Stage

PAPER = [
    # channels out, stride, batch normalisation
    (64, 1, False), (64, 2, True), (128, 1, True), (128, 2, True),
    (256, 1, True), (256, 2, True), (512, 1, True), (512, 2, True),
]  # fmt: skip


def test_the_layers_are_the_papers():
    network = Discriminator(96)
    convolutions = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
    assert [c.kernel_size for c in convolutions] == [(3, 3)] * 8
    stages = [module for module in network.modules() if isinstance(module, Stage)]
    followed = [any(c is stage.conv for stage in stages) for c in convolutions]
    assert [
        (c.out_channels, c.stride[0], normalised)
        for c, normalised in zip(convolutions, followed, strict=True)
    ] == PAPER
    dense = [m for m in network.modules() if isinstance(m, nn.Linear)]
    assert [(d.in_features, d.out_features) for d in dense] == [(512 * 6 * 6, 1024), (1024, 1)]
    slopes = [m.negative_slope for m in network.modules() if isinstance(m, nn.LeakyReLU)]
    assert slopes == [0.2] * 9
    assert not any(isinstance(m, nn.Sigmoid) for m in network.modules())


def test_a_stage_is_convolution_normalisation_and_leaky_relu():
    stage = Stage(4, 6, 2)
    x = torch.randn(3, 4, 8, 8)
    plain = nn.Sequential(stage.conv, nn.BatchNorm2d(6), nn.LeakyReLU(0.2))
    torch.testing.assert_close(stage(x), plain(x))


@pytest.mark.parametrize("patch", [16, 64, 96])
def test_a_crop_gets_one_logit(patch):
    assert Discriminator(patch)(torch.rand(2, 3, patch, patch)).shape == (2,)


@pytest.mark.parametrize("patch", [0, 8, 40])
def test_a_patch_that_cannot_be_halved_four_times_is_refused(patch):
    with pytest.raises(ValueError, match="a multiple of 16 px"):
        Discriminator(patch)
