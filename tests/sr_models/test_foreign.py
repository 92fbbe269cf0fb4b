"""Other people's networks: recognised, measured, and run as their own library runs them."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from sr_models import bicubic, colour, foreign, methods, tiles, weightfile
from sr_models.convert import convert
from sr_models.facts import Facts
from sr_models.interpolation import imresize
from sr_models.srresnet import Generator
from sr_models.upscale import upscale
from tests.sr_models.others import OTHERS, exported, keep, network, own_call

OWN = [methods.weight_file(each) for each in methods.METHODS.values() if each.weights]


def brought(
    path: Path, *, scale: int | None = None, precision: str = "float32"
) -> tuple[Path, Facts]:
    """A file as :func:`take` takes it, without a process of its own."""
    kept = path.with_name(f"{path.stem}-kept{path.suffix}")
    facts = convert(path, kept, scale=scale, precision=precision, device="cpu", memory=4 << 30)
    return kept, facts


@pytest.fixture
def lr(photo) -> np.ndarray:
    return np.ascontiguousarray(photo[100:171, 100:189])


@pytest.mark.parametrize("name", OTHERS)
def test_a_network_answers_as_its_own_library_does_whole_and_in_tiles(name, tmp_path, lr):
    made, (_, scale, in_tiles) = network(name), OTHERS[name]
    path, facts = brought(keep(tmp_path / "w.pth", {"params": made.state_dict()}), scale=scale)
    assert (facts.kind, facts.scale, facts.channels) == ("spandrel", scale, 3)
    assert facts.architecture in {name.split()[0], f"Real{name}", f"RealESRGAN {name}"}
    assert facts.parameters == sum(each.numel() for each in made.parameters())
    answer = foreign.upscaler(path, facts)(lr)
    assert answer.shape == (scale * 71, scale * 89, 3)
    assert np.ptp(answer.astype(int)) > 8
    if name == "ESRGAN x3":
        x = torch.from_numpy(lr).permute(2, 0, 1)[None].float() / 255
        expected = (made(x)[0].clamp(0, 1) * 255).round().permute(1, 2, 0).numpy()
    else:
        expected = own_call(made, lr)
    assert np.abs(answer - expected.astype(int)).max() <= 1
    assert (facts.reach is not None) == in_tiles
    if in_tiles:
        small = replace(facts, tile=max(16, facts.align))
        assert np.abs(foreign.upscaler(path, small)(lr) - answer.astype(int)).max() <= 1
    else:
        # What has to see all of an image is not cut, however small its tiles would be.
        small = replace(facts, tile=16)
        assert np.array_equal(foreign.upscaler(path, small)(lr), answer)
        with pytest.raises(
            ValueError, match=r"have to see the 89x71 image as a whole, .* bring its"
        ):
            foreign.upscaler(path, replace(small, bytes_per_pixel=1 << 40))(lr)


def test_images_smaller_than_a_network_needs_are_continued_and_cut(tmp_path, lr):
    made = network("SwinIR")
    path, facts = brought(keep(tmp_path / "w.pth", made.state_dict()))
    assert (facts.least, facts.align) == (16, 8)
    for side in (1, 5, 17):
        answer = foreign.upscaler(path, facts)(lr[:side, :9])
        assert answer.shape == (4 * side, 36, 3)
        assert np.abs(answer - own_call(made, lr[:side, :9]).astype(int)).max() <= 1


def test_a_seam_that_shows_is_done_again_with_wider_margins_and_in_the_end_whole(tmp_path, lr):
    """A network that feels further than its facts say; nobody may see it."""
    made = network("ESRGAN")
    path, facts = brought(keep(tmp_path / "w.pth", made.state_dict()))
    answer = foreign.upscaler(path, facts)(lr).astype(int)
    careless = replace(facts, reach=2, tile=40)
    loose = foreign.upscaler(path, careless)(lr)
    assert np.abs(loose - answer).max() <= 1
    unseen = foreign.layout_of(careless)
    loaded = foreign.load(weightfile.stored(path), "w", scale=4, precision="float32", device="cpu")
    blind = tiles.run(loaded.network, lr, replace(unseen, tolerance=None), torch.device("cpu"))
    assert np.abs(blind - answer).max() > 1


def test_a_grey_image_goes_in_three_times_and_a_network_of_luma_leaves_chroma_to_bicubic(
    tmp_path, lr
):
    grey = lr[..., 1].copy()
    path, facts = brought(keep(tmp_path / "rgb.pth", network("Compact").state_dict()))
    answer = foreign.upscaler(path, facts)(grey)
    three = foreign.upscaler(path, facts)(np.stack([grey] * 3, axis=2)).astype(float)
    inside = ((three > 0) & (three < 255)).all(2)
    assert np.abs(answer - three @ [0.299, 0.587, 0.114])[inside].max() <= 1.001

    from spandrel.architectures.Compact import Compact

    made = Compact(num_in_ch=1, num_out_ch=1, num_feat=8, num_conv=1, upscale=3).eval()
    path, facts = brought(keep(tmp_path / "y.pth", made.state_dict()))
    assert (facts.channels, facts.scale) == (1, 3)
    x = torch.from_numpy(lr).permute(2, 0, 1)[None].float() / 255
    ycbcr = colour.ycbcr(x)
    with torch.inference_mode():
        y = made(ycbcr[:, :1])
    both = torch.cat([y, bicubic.enlarge(ycbcr[:, 1:], bicubic.phases(3))], dim=1)
    expected = (colour.rgb(both)[0].clamp(0, 1) * 255).permute(1, 2, 0).numpy()
    assert np.abs(foreign.upscaler(path, facts)(lr) - expected).max() <= 1


@pytest.mark.parametrize("scale", [2, 3, 4, 8])
def test_bicubic_as_a_convolution_is_matlabs_at_every_scale(scale, lr):
    x = torch.from_numpy(lr).permute(2, 0, 1)[None].double() / 255
    large = bicubic.enlarge(x, bicubic.phases(scale).double())[0].permute(1, 2, 0) * 255
    assert np.abs(large.clamp(0, 255).numpy() - imresize(lr, Fraction(scale))).max() < 1.2


@pytest.mark.parametrize("source", OWN, ids=lambda path: path.stem)
def test_our_own_files_come_through_this_door_bit_for_bit(source, tmp_path, lr):
    kept = tmp_path / "kept.safetensors"
    facts = convert(source, kept, scale=None, precision="float32", device="cpu", memory=4 << 30)
    assert facts.kind == "ours"
    part = lr[:9, :8]
    ours = methods.upscaler(source.stem, device="cpu")
    for image in (part, part[..., 1].copy()):
        assert np.array_equal(foreign.upscaler(kept, facts, device="cpu")(image), ours(image))


WRAPPED = {
    "params_ema": lambda s: {"params": {k: v * 0 for k, v in s.items()}, "params_ema": s},
    "lightning": lambda s: {
        "epoch": 3, "optimizer": {"lr": 1e-4},
        "state_dict": {**{f"net_g.{k}": v for k, v in s.items()}, "net_d.w": torch.zeros(3)},
    },
    "parallel": lambda s: {"model": {f"module.{k}": v for k, v in s.items()}, "step": 8},
    "single": lambda s: {"weights": s},
}  # fmt: skip


@pytest.mark.parametrize("wrapper", WRAPPED)
def test_what_training_programs_wrap_round_weights_is_taken_off(wrapper, tmp_path):
    state = network("Compact").state_dict()
    plain, facts = brought(keep(tmp_path / "plain.pt", state))
    path, same = brought(keep(tmp_path / "wrapped.ckpt", WRAPPED[wrapper](state)))
    assert path.read_bytes() == plain.read_bytes()
    assert same == facts


def test_weights_are_kept_as_they_are_stored(tmp_path):
    """Half precision stays half, integers stay integers; what shares memory is written twice."""
    state = {key: value.half() for key, value in network("SwinIR").state_dict().items()}
    index = "layers.0.residual_group.blocks.0.attn.relative_position_index"
    state[index] = network("SwinIR").state_dict()[index]
    save_file(state, tmp_path / "half.safetensors")
    path, _ = brought(tmp_path / "half.safetensors")
    kept = weightfile.stored(path)
    assert kept[index].dtype == torch.int64
    assert {key: value.dtype for key, value in kept.items()} == {
        key: value.dtype for key, value in state.items()
    }
    bias = network("Compact").state_dict()
    bias["body.2.bias"] = bias["body.0.bias"]
    again, _ = brought(keep(tmp_path / "shared.pth", bias))
    assert torch.equal(weightfile.stored(again)["body.2.bias"], bias["body.0.bias"])


def test_half_precision_is_for_networks_that_can(tmp_path, lr):
    made = network("Compact")
    source = keep(tmp_path / "w.pth", made.state_dict())
    path, facts = brought(source, precision="bfloat16")
    answer = foreign.upscaler(path, facts)(lr)
    assert np.abs(answer - own_call(made, lr).astype(int)).max() <= 6
    with pytest.raises(ValueError, match="SwinIR cannot run in float16; use float32"):
        brought(keep(tmp_path / "s.pth", network("SwinIR").state_dict()), precision="float16")


def test_an_onnx_file_answers_as_the_network_that_it_was_made_of(tmp_path, photo):
    torch.manual_seed(2)
    made = Generator(width=8, blocks=2, batch_norm=False, bicubic_skip=True).eval()
    for parameter in made.body.parameters():
        parameter.data.mul_(10)
    lr = np.ascontiguousarray(photo[50:160, 50:180])
    expected = upscale(made, lr).astype(int)
    for side in (None, 96):
        path, facts = brought(exported(made, tmp_path / f"{side}.onnx", side=side))
        assert (facts.kind, facts.scale, facts.architecture) == ("onnx", 4, "ONNX")
        assert facts.reach is not None
        assert path.read_bytes() == (tmp_path / f"{side}.onnx").read_bytes()
        for tried in (facts, replace(facts, tile=16) if side is None else facts):
            assert np.abs(foreign.upscaler(path, tried)(lr) - expected).max() <= 1
