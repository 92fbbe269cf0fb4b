"""From a file that somebody brought to the one that is kept, and what was measured of it."""

from __future__ import annotations

import os
from pathlib import Path

import torch
from torch import Tensor

from sr_models import SCALE, brought, foreign, networks, trial, upscale, weightfile
from sr_models.facts import Facts


def convert(
    source: Path, part: Path, *, scale: int | None, precision: str, device: str, memory: int
) -> Facts:
    """Write the model of ``source`` to ``part``, try it, and say what it is.

    Raises ``ValueError``, one sentence, for whatever is no network for super-resolution that can be
    run here; ``part`` is then of no use.
    """
    where = upscale.pick_device(device)
    if brought.format_of(source) == "onnx":
        from sr_models import onnx_file

        if precision != "float32":
            raise ValueError(
                f"{source.name}: an .onnx file has the precision that it was exported with; leave "
                "the precision out"
            )
        _write(part, source.read_bytes())
        loaded = onnx_file.load(part, device=device, name=source.name)
        return trial.measure(loaded, source.name, scale=scale, precision=precision, memory=memory,
                             device=where)  # fmt: skip
    state, title, reader = foreign.recognise(brought.weights(source), source.name)
    _write(part, weightfile.dump(state, {}, half=None))
    if reader is None:
        return _ours(state, source.name, title, scale, precision)
    loaded = foreign.load(state, source.name, scale=scale, precision=precision, device=device)
    return trial.measure(loaded, source.name, scale=scale, precision=precision, memory=memory,
                         device=where)  # fmt: skip


def _ours(
    state: dict[str, Tensor], name: str, title: str, scale: int | None, precision: str
) -> Facts:
    """Nothing is to be measured of our own networks: their classes say it."""
    if scale not in (None, SCALE):
        raise ValueError(f"{name}: it enlarges by {SCALE}, and {scale} was declared")
    if precision != "float32":
        raise ValueError(f"{name}: {title} cannot run in {precision}; use float32")
    network = networks.build({key: value.float() for key, value in state.items()})
    return Facts(
        architecture=title, kind="ours", scale=SCALE, channels=network.channels, align=1, least=1,
        reach=network.reach, tile=network.tile, bytes_per_pixel=1_500_000_000 // network.tile**2,
        parameters=sum(each.numel() for each in network.parameters()), precision=precision,
    )  # fmt: skip


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def start_threads() -> None:
    """Make PyTorch start the threads that it computes with: their stacks are no network's."""
    torch.nn.functional.conv2d(torch.zeros(1, 8, 64, 64), torch.zeros(8, 8, 3, 3))
    torch.zeros(1 << 16).add_(1)


def wants_memory(error: Exception) -> bool:
    """Whether PyTorch means that there is no memory, which it says in several ways."""
    text = str(error)
    words = ("memory", "bad_alloc", "could not create a primitive", "failed to map segment")
    return any(word in text for word in words)
