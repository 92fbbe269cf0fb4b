"""Reading and writing a file of weights: the one place that knows the format."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from safetensors.torch import save as serialise
from torch import Tensor


def load(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file as float32, by name.

    Raises ``ValueError`` naming the file if it is missing or not a safetensors file.
    """
    return {key: value.float() for key, value in stored(path).items()}


def stored(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file as they are stored, by name.

    Raises ``ValueError`` naming the file if it is missing or not a safetensors file.
    """
    if not path.is_file():
        raise ValueError(f"there is no weight file {path}")
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{path} is not a safetensors file: {error}") from None


def facts(path: Path) -> dict[str, object]:
    """What :func:`dump` was told of the weights in ``path``; empty if nothing."""
    with safe_open(path, "pt") as file:
        metadata = file.metadata() or {}
    return {key: json.loads(value) for key, value in metadata.items()}


def dump(
    weights: Mapping[str, Tensor], facts: Mapping[str, object], *, half: bool | None = False
) -> bytes:
    """A safetensors file of ``weights`` with ``facts`` (JSON values) as its metadata.

    ``half`` stores float16, half the size; what that costs in dB is for the caller to measure;
    ``None`` leaves every tensor of the type that it has. The same weights and facts give the
    same bytes.
    """
    kind = torch.float16 if half else torch.float32
    tensors = {key: value.detach().contiguous().cpu() for key, value in weights.items()}
    if half is None:
        # Two names may share one storage, which the format knows no way to say.
        tensors = {key: tensor.clone() for key, tensor in tensors.items()}
    else:
        tensors = {key: t.to(kind) if t.is_floating_point() else t for key, t in tensors.items()}
    metadata = {key: json.dumps(value) for key, value in facts.items()}
    return _in_order(serialise(tensors, metadata))


def _in_order(content: bytes) -> bytes:
    """The same file with its metadata sorted by name.

    The library writes them in another order each time, and outputs are known by the checksum of the
    weights that made them. The header is JSON after its length in eight bytes, filled up with
    spaces to a multiple of eight.
    """
    (size,) = struct.unpack_from("<Q", content)
    header = json.loads(content[8 : 8 + size])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + content[8 + size :]
