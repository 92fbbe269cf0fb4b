"""Every network: its weights are its only configuration, its reach is known, its paper's shape."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sr_models import colour
from sr_models.drcn import DRCN
from sr_models.espcn import ESPCN
from sr_models.interpolation import bicubic
from sr_models.networks import build
from sr_models.srcnn import SRCNN
from sr_models.srresnet import Generator
from sr_models.upscale import upscale

SMALL = {
    "srresnet": lambda: Generator(width=8, blocks=2, batch_norm=False),
    "srcnn": lambda: SRCNN(widths=(6, 5), sides=(9, 3, 5)),
    "espcn": lambda: ESPCN(widths=(6, 5)),
    "drcn": lambda: DRCN(width=6, recursions=5),
}


@pytest.fixture(params=SMALL)
def network(request):
    """A small network of each kind, in evaluation mode."""
    return SMALL[request.param]().eval()


def test_weights_alone_bring_a_network_back(network):
    back = build(network.state_dict()).eval()
    lr = torch.rand(1, network.channels, 9, 6)
    with torch.inference_mode():
        assert torch.equal(network(lr), back(lr))
        assert network(lr).shape == (1, network.channels, 36, 24)


@pytest.mark.parametrize("damage", ["missing", "unexpected", "reshaped", "foreign"])
def test_other_weights_are_refused_in_one_sentence(network, damage):
    state = dict(network.state_dict())
    last = list(state)[-1]
    expected = "these are not the weights of"
    if damage == "missing":
        del state[last]
    elif damage == "unexpected":
        state["scale"] = torch.zeros(1)
    elif damage == "reshaped":
        state[last] = state[last].new_zeros(17)
    else:
        state = {"features.0.weight": torch.zeros(3)}
        expected = "belong to none of the networks SRResNet, SRCNN, ESPCN, DRCN"
    with pytest.raises(ValueError, match=expected) as refusal:
        build(state)
    assert "\n" not in str(refusal.value)


def test_the_reach_is_as_far_as_one_pixel_is_felt(network):
    """A changed LR pixel is felt nearly ``reach`` pixels away and no further."""
    for parameter in network.parameters():
        parameter.data.abs_().add_(0.01)  # so that no two paths cancel out and none is closed
    network = network.double()
    grey = torch.full((1, network.channels, 2 * network.reach + 2, 1), 0.5, dtype=torch.float64)
    changed = grey.clone()
    changed[:, :, 0] = 1
    with torch.inference_mode():
        difference = (network(changed) - network(grey)).abs().amax(dim=(0, 1, 3))
    felt = torch.nonzero(difference).max() // 4
    assert network.reach - 1 <= felt <= network.reach


def test_the_small_networks_have_their_papers_numbers_of_parameters():
    counts = {kind: sum(p.numel() for p in kind().parameters()) for kind in (SRCNN, ESPCN, DRCN)}
    # SRCNN and ESPCN count weights: 57184 for 9-5-5; DRCN "1.8 million".
    assert counts[SRCNN] - 64 - 32 - 1 == 57184
    assert counts[ESPCN] == 25 * 64 + 64 + 9 * 64 * 32 + 32 + 9 * 32 * 16 + 16
    assert round(counts[DRCN] / 1e6, 1) == 1.8


def test_drcn_starts_by_handing_its_features_on():
    """Fresh, every recursion makes the same picture, and their weighted sum is that picture."""
    pictures = DRCN(width=4, recursions=3).eval()(torch.rand(1, 1, 6, 6), every=True)
    assert pictures.shape == (4, 1, 1, 24, 24)
    assert torch.allclose(pictures, pictures[:1].expand_as(pictures), atol=1e-6)


def test_a_share_of_drcn_is_its_first_recursions_weighed_anew():
    network = DRCN(width=4, recursions=8)
    torch.nn.init.normal_(network.recur.weight, std=0.3)
    network.ensemble.data = torch.arange(1.0, 9.0)
    lr = torch.rand(1, 1, 6, 6)
    _, *pictures = network(lr, every=True)
    first, *early = network(lr, every=True, share=0.25)
    assert torch.equal(torch.stack(early), torch.stack(pictures[:2]))
    assert torch.allclose(first, (pictures[0] + 2 * pictures[1]) / 3, atol=1e-6)


def test_a_network_of_luma_leaves_the_chroma_to_bicubic(photo):
    """One that returns bicubic's luma gives bicubic's picture, but for rounding in between."""
    network = SRCNN(widths=(1, 1), sides=(1, 1, 1)).eval()
    for conv in (network.extract, network.map, network.reconstruct):
        torch.nn.init.ones_(conv.weight)
        torch.nn.init.zeros_(conv.bias)
    lr = photo[100:130, 100:140]
    assert np.abs(upscale(network, lr).astype(int) - bicubic(lr)).max() <= 1
    grey = lr[..., 1].copy()
    assert np.abs(upscale(network, grey).astype(int) - bicubic(grey)).max() <= 1


def test_colours_go_there_and_back():
    rgb = torch.rand(2, 3, 5, 5)
    there = colour.ycbcr(rgb)
    assert torch.allclose(colour.rgb(there), rgb, atol=1e-6)
    assert torch.allclose(there[:, :1], colour.luma(rgb), atol=1e-6)
