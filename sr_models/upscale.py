"""Running a network on an image: precision, device, tiles.

The image is computed in float32 with the batch normalisation folded into the convolutions, in
channels-last layout. A large image is cut into tiles that overlap by the network's whole receptive
field, so that a tiled result is the untiled one but for rounding in the last bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sr_models import SCALE, bicubic, colour, weightfile
from sr_models.networks import Network, build
from sr_models.srresnet import Generator, fold_batch_norm

Image = NDArray[np.uint8]
LUMA = torch.tensor([0.299, 0.587, 0.114])
"""BT.601 full range: how a network's RGB answer to a grey image becomes grey again."""


def pick_device(name: str) -> torch.device:
    """The device of that name; ``auto`` is CUDA where there is one.

    Raises ``ValueError`` for any other name and for ``cuda`` where there is none.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name not in {"cpu", "cuda"}:
        raise ValueError(f"device {name!r} is unknown; use auto, cpu or cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise ValueError("device cuda: this PyTorch sees no CUDA device; use cpu")
    return torch.device(name)


def upscaler(weights: Path, *, device: str = "auto") -> Callable[[Image], Image]:
    """The function from LR to HR of the network in ``weights``.

    Raises ``ValueError`` for a file that holds no such network and for a device that is not there.
    """
    where = pick_device(device)
    state = weightfile.load(weights)
    try:
        network = build(state)
    except ValueError as error:
        raise ValueError(f"{weights}: {error}") from None
    if isinstance(network, Generator):
        network = fold_batch_norm(network.eval())
    network = network.eval().to(where).to(memory_format=torch.channels_last)
    return lambda lr: upscale(network, lr)


@torch.inference_mode()
def upscale(network: Network, lr: Image, *, tile: int | None = None) -> Image:
    """Run ``network`` on an LR image (h, w) or (h, w, 3), uint8; returns (4h, 4w[, 3]), uint8.

    A network of one channel enlarges the luma, and bicubic the chroma. A grey image enters as three
    equal channels and leaves as the luma of the answer. Values are clipped and rounded, halves
    up. ``tile`` is the side of a tile in LR pixels, by default what the network asks for. Raises
    ``ValueError`` for any other type or shape.
    """
    if (
        lr.dtype != np.uint8
        or lr.ndim not in (2, 3)
        or lr.shape[2:] not in ((), (3,))
        or not lr.size
    ):
        raise ValueError(
            f"an LR image is a uint8 array (h, w) or (h, w, 3), not {lr.dtype} {lr.shape}"
        )
    colour = lr if lr.ndim == 3 else lr[..., None].repeat(3, axis=2)
    x = torch.from_numpy(np.ascontiguousarray(colour)).permute(2, 0, 1)[None].float() / 255
    # On a GPU convolutions would use TF32, ten bits of each factor, and whatever algorithm is
    # fastest today. What is not said here is off, the library itself included.
    with torch.backends.cudnn.flags(
        enabled=True, deterministic=True, benchmark=False, allow_tf32=False
    ):
        y = _tiled(network, x.to(next(network.parameters()).device), tile or network.tile)[0].cpu()
    if lr.ndim == 2:
        y = torch.einsum("c,chw->hw", LUMA, y)[None]
    rounded = (y.clamp(0, 1) * 255 + 0.5).floor().byte().permute(1, 2, 0).numpy()
    return np.ascontiguousarray(rounded if lr.ndim == 3 else rounded[..., 0])


def _tiled(network: Network, x: Tensor, tile: int) -> Tensor:
    """RGB to RGB, in tiles where the image is larger than one."""
    height, width = x.shape[2:]
    if height <= tile and width <= tile:
        return _enlarge(network, x)
    margin = network.reach
    out = x.new_empty(1, 3, SCALE * height, SCALE * width)
    for top, bottom in _spans(height, tile):
        for left, right in _spans(width, tile):
            y0, x0 = max(0, top - margin), max(0, left - margin)
            part = _enlarge(network, x[:, :, y0 : bottom + margin, x0 : right + margin])
            rows = slice(SCALE * (top - y0), SCALE * (bottom - y0))
            columns = slice(SCALE * (left - x0), SCALE * (right - x0))
            out[:, :, SCALE * top : SCALE * bottom, SCALE * left : SCALE * right] = part[
                :, :, rows, columns
            ]
    return out


def _enlarge(network: Network, rgb: Tensor) -> Tensor:
    """RGB (1, 3, h, w) to RGB (1, 3, 4h, 4w) by a network of either kind."""
    if network.channels == 3:
        return network(rgb)
    ycbcr = colour.ycbcr(rgb)
    chroma = bicubic.enlarge(ycbcr[:, 1:], bicubic.phases().to(rgb.device))
    return colour.rgb(torch.cat([network(ycbcr[:, :1]), chroma], dim=1))


def _spans(length: int, tile: int) -> Iterator[tuple[int, int]]:
    for start in range(0, length, tile):
        yield start, min(start + tile, length)
