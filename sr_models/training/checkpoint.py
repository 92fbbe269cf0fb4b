"""Files of a training run: a checkpoint to go on from, and weights to ship. Whole or absent."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save as serialise
from torch import Tensor


def replace(path: Path, write: Callable[[Path], object]) -> None:
    """Let ``write`` fill a file beside ``path``, then put it there: whole, or not at all."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        write(beside)
        with beside.open("rb") as handle:
            os.fsync(handle.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def save(path: Path, state: Mapping[str, Any]) -> None:
    """Write ``state`` (tensors and plain data) so that a kill leaves the old file or the new."""
    replace(path, lambda beside: torch.save(dict(state), beside))


def load(path: Path) -> dict[str, Any]:
    """Read what :func:`save` wrote. Raises ``ValueError`` if the file is anything else."""
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise ValueError(f"{path} is not a checkpoint of this program: {error}") from None


def save_weights(path: Path, weights: Mapping[str, Tensor], facts: Mapping[str, object]) -> None:
    """Write a network's weights as safetensors, with ``facts`` as its metadata (JSON values)."""
    metadata = {key: json.dumps(value) for key, value in facts.items()}
    tensors = {key: value.detach().contiguous().cpu() for key, value in weights.items()}
    replace(path, lambda beside: beside.write_bytes(serialise(tensors, metadata)))
