"""Reading a file of weights: the one place that knows the format."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor


def load(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file as float32, by name.

    Raises ``ValueError`` naming the file if it is missing or not a safetensors file.
    """
    if not path.is_file():
        raise ValueError(f"there is no weight file {path}")
    try:
        return {key: value.float() for key, value in load_file(path).items()}
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{path} is not a safetensors file: {error}") from None
