"""Running one of our networks on an image.

The image is computed in float32 with the batch normalisation folded into the convolutions, in
channels-last layout. A large image is cut into tiles that overlap by the network's whole receptive
field, so that a tiled result is the untiled one but for rounding in the last bit.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from sr_models import tiles, weightfile
from sr_models.networks import Network, build
from sr_models.srresnet import Generator, fold_batch_norm
from sr_models.tiles import Image


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


def upscale(network: Network, lr: Image, *, tile: int | None = None) -> Image:
    """Run ``network`` on an LR image (h, w) or (h, w, 3), uint8; returns (4h, 4w[, 3]), uint8.

    ``tile`` is the side of a tile in LR pixels, by default what the network asks for. See
    :func:`sr_models.tiles.run`; raises ``ValueError`` for any other type or shape.
    """
    layout = tiles.Layout(tile or network.tile, network.reach, network.channels)
    return tiles.run(network, lr, layout, next(network.parameters()).device)
