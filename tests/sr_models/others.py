"""Networks of other people's kinds, small and untrained, and the files that they come in."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

Image = np.ndarray
WINDOWS = {"embed_dim": 12, "depths": [2], "num_heads": [2], "window_size": 8}


def _made(architecture: str, name: str, **shape: Any) -> Callable[[], nn.Module]:
    def make() -> nn.Module:
        module = importlib.import_module(f"spandrel.architectures.{architecture}")
        made: nn.Module = getattr(module, name)(**shape)
        return made

    return make


# What is made, its scale, whether it can be cut into tiles.
OTHERS: dict[str, tuple[Callable[[], nn.Module], int, bool]] = {
    "ESRGAN": (_made("ESRGAN", "ESRGAN", num_filters=8, num_blocks=1, scale=4), 4, True),
    "ESRGAN x3": (_made("ESRGAN", "ESRGAN", num_filters=8, num_blocks=1, scale=3), 3, True),
    "ESRGAN unshuffled": (
        _made("ESRGAN", "ESRGAN", in_nc=12, num_filters=8, num_blocks=1, scale=4,
              shuffle_factor=2), 2, True),
    "Compact": (_made("Compact", "Compact", num_feat=8, num_conv=2, upscale=8), 8, True),
    "SwinIR": (_made("SwinIR", "SwinIR", upscale=4, upsampler="pixelshuffledirect", **WINDOWS),
               4, True),
    "Swin2SR": (_made("Swin2SR", "Swin2SR", upscale=2, upsampler="pixelshuffledirect",
                      **WINDOWS), 2, True),
    "HAT": (_made("HAT", "HAT", upscale=4, squeeze_factor=4, num_feat=8, **WINDOWS), 4, False),
    "SPAN": (_made("SPAN", "SPAN", num_in_ch=3, num_out_ch=3, feature_channels=8), 4, True),
    "SAFMN": (_made("SAFMN", "SAFMN", dim=8, n_blocks=1), 4, True),
    "OmniSR": (_made("OmniSR", "OmniSR", num_feat=16, res_num=1), 4, False),
    "RCAN": (_made("RCAN", "RCAN", n_resgroups=1, n_resblocks=1, n_feats=16, scale=2), 2, False),
    "DAT": (_made("DAT", "DAT", embed_dim=16, split_size=[8, 16], depth=[2], num_heads=[2],
                  upscale=2), 2, False),
    "PLKSR": (_made("PLKSR", "PLKSR", dim=8, n_blocks=1), 4, True),
    "RealCUGAN": (_made("RealCUGAN", "UpCunet3x"), 3, False),
}  # fmt: skip


def network(name: str) -> nn.Module:
    """Always the same one, whose every layer is felt."""
    torch.manual_seed(3)
    made = OTHERS[name][0]().eval().requires_grad_(False)
    for parameter in made.parameters():
        if parameter.ndim > 1:
            parameter.mul_(1.3)
    return made


def own_call(made: nn.Module, lr: Image) -> Image:
    """What spandrel's own call gives: padded as it pads, clipped and rounded. (h, w, 3), uint8."""
    from spandrel import MAIN_REGISTRY

    descriptor: Any = MAIN_REGISTRY.load(dict(made.state_dict()))
    x = torch.from_numpy(np.ascontiguousarray(lr)).permute(2, 0, 1)[None].float() / 255
    y = descriptor.eval()(x)[0].permute(1, 2, 0)
    return (y * 255 + 0.5).floor().byte().numpy()


def keep(path: Path, content: object) -> Path:
    """``content`` as ``torch.save`` writes it."""
    torch.save(content, path)
    return path


def exported(made: nn.Module, path: Path, *, side: int | None = None) -> Path:
    """An ``.onnx`` file of any size, or of ``side`` alone."""
    sizes = {} if side else {name: {2: "height", 3: "width"} for name in ("lr", "hr")}
    example = torch.rand(1, 3, side or 24, side or 20)
    torch.onnx.export(made, (example,), str(path), dynamo=False, opset_version=17,
                      input_names=["lr"], output_names=["hr"], dynamic_axes=sizes)  # fmt: skip
    return path
