"""Files of a training run, each whole or absent: a checkpoint to go on from, and weights to ship.

A checkpoint is one stream cut into parts of at most 15 MiB, so that a run can be carried over
ways that take no larger file, and an index that names the parts with their checksums. The index
is replaced last: until then the old checkpoint stands, parts and all.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sr_models import weightfile

INDEX = "checkpoint.json"
PART_BYTES = 15 * 2**20


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


def save(folder: Path, state: Mapping[str, Any], *, update: int) -> None:
    """Write ``state`` (tensors and plain data); a kill leaves the old checkpoint or the new one."""
    stream = io.BytesIO()
    torch.save(dict(state), stream)
    content = stream.getbuffer()
    parts = []
    for number, start in enumerate(range(0, len(content), PART_BYTES)):
        piece = content[start : start + PART_BYTES]
        name = f"checkpoint-{update:08d}-{number:02d}.bin"
        replace(folder / name, lambda beside, piece=piece: beside.write_bytes(piece))  # type: ignore[misc]
        parts.append({"name": name, "sha256": hashlib.sha256(piece).hexdigest()})
    index = json.dumps({"update": update, "parts": parts}, indent=1) + "\n"
    replace(folder / INDEX, lambda beside: beside.write_text(index))
    kept = {part["name"] for part in parts}
    for stale in folder.glob("checkpoint-*.bin"):
        if stale.name not in kept:
            stale.unlink()


def load(folder: Path) -> dict[str, Any] | None:
    """Read what :func:`save` wrote into ``folder``; ``None`` if nothing.

    Raises ``ValueError`` naming the file that is missing, damaged or no checkpoint of ours.
    """
    index = folder / INDEX
    if not index.exists():
        return None
    try:
        parts = json.loads(index.read_text())["parts"]
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"{index} is not the index of a checkpoint of this program") from None
    stream = io.BytesIO()
    for part in parts:
        path = folder / part["name"]
        if not path.is_file():
            raise ValueError(f"{path}, a part of the checkpoint, is missing; copy the whole folder")
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != part["sha256"]:
            raise ValueError(f"{path}, a part of the checkpoint, is damaged: its checksum differs")
        stream.write(content)
    stream.seek(0)
    state: dict[str, Any] = torch.load(stream, map_location="cpu", weights_only=True)
    return state


def save_weights(path: Path, weights: Mapping[str, Tensor], facts: Mapping[str, object]) -> None:
    """Write a network's weights as safetensors, with ``facts`` as its metadata (JSON values)."""
    content = weightfile.dump(weights, facts)
    replace(path, lambda beside: beside.write_bytes(content))
