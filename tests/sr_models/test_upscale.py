"""Inference: tiles that cannot be seen, honest rounding, grey in and grey out, clear refusals."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sr_models.srresnet import Generator
from sr_models.training import checkpoint
from sr_models.upscale import pick_device, upscale, upscaler


@pytest.fixture
def lively_network() -> Generator:
    """A network whose every block changes the picture, so that a tile's edge would show."""
    network = Generator(width=8, blocks=2, batch_norm=False).eval()
    for parameter in network.body.parameters():
        parameter.data.mul_(10)
    return network


def test_a_tiled_image_is_the_untiled_one(lively_network, photo):
    lr = photo[:70, :52]
    whole = upscale(lively_network, lr, tile=100).astype(int)
    assert np.ptp(whole) > 100
    for tile in (16, 33):
        assert np.abs(upscale(lively_network, lr, tile=tile) - whole).max() <= 1


def test_values_are_clipped_and_halves_rounded_up(small_network):
    """With nothing learnt, the tail's bias alone is added to black."""
    for level, expected in ((-3.0, 0), (12.5, 13), (13.5, 14), (99.4, 99), (700.0, 255)):
        for parameter in small_network.parameters():
            parameter.data.zero_()
        small_network.tail.bias.data.fill_(level / 255)
        black = np.zeros((5, 6, 3), np.uint8)
        assert np.unique(upscale(small_network, black)).tolist() == [expected]


def test_grey_goes_in_three_times_and_comes_out_as_luma(lively_network, photo):
    grey = photo[:20, :24, 1]
    answer = upscale(lively_network, grey)
    colour = upscale(lively_network, np.stack([grey] * 3, axis=2)).astype(float)
    assert answer.shape == (80, 96)
    luma = colour @ [0.299, 0.587, 0.114]
    assert np.abs(answer - luma)[(colour > 0).all(2) & (colour < 255).all(2)].max() <= 1.001


def test_the_same_image_twice_gives_the_same_bytes(small_weights, photo):
    lr = photo[:32, :32]
    first, second = (upscaler(small_weights, device="cpu")(lr) for _ in range(2))
    assert np.array_equal(first, second)


def test_batch_normalisation_is_folded_when_a_file_is_loaded(tmp_path, photo):
    network = Generator(width=8, blocks=1).eval()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    path = tmp_path / "bn.safetensors"
    checkpoint.save_weights(path, network.state_dict(), {})
    difference = upscaler(path)(photo[:20, :20]) - upscale(network, photo[:20, :20]).astype(int)
    assert np.abs(difference).max() <= 1


@pytest.mark.parametrize("shape", [(4, 4, 4), (4,), (0, 4), (4, 4, 1)])
def test_what_is_no_image_is_refused(small_network, shape):
    with pytest.raises(ValueError, match="an LR image is a uint8 array"):
        upscale(small_network, np.zeros(shape, np.uint8))
    with pytest.raises(ValueError, match="an LR image is a uint8 array"):
        upscale(small_network, np.zeros((4, 4)))


def test_a_device_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="use auto, cpu or cuda"):
        pick_device("tpu")
    if not torch.cuda.is_available():
        assert pick_device("auto") == torch.device("cpu")
        with pytest.raises(ValueError, match="sees no CUDA device"):
            pick_device("cuda")


def test_a_gpus_convolutions_are_the_librarys_and_exact(small_network, photo):
    """What such a setting leaves out is off, which nobody sees on a processor."""
    cudnn, seen = torch.backends.cudnn, []

    def see(*_: object) -> None:
        seen.append((cudnn.enabled, cudnn.deterministic, cudnn.benchmark, cudnn.allow_tf32))

    hook = small_network.register_forward_pre_hook(see)
    upscale(small_network, photo[:8, :8])
    hook.remove()
    assert seen == [(True, True, False, False)]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
def test_a_gpu_gives_the_image_of_the_cpu(small_weights, photo):
    on_cpu, on_gpu = (upscaler(small_weights, device=name)(photo) for name in ("cpu", "cuda"))
    assert np.abs(on_cpu.astype(int) - on_gpu).max() <= 1
