"""Images as people bring them, and what is said of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from benchmarks import own_sets
from benchmarks.datasets import load_verified, manifest
from benchmarks.resize import degrade
from sr_models.methods import upscaler

Pixels = NDArray[np.uint8]
NAMES = ("astronaut", "camera", "chelsea", "coffee", "rocket")


def put(path: Path, image: Pixels, kind: str = "PNG") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path, kind)


def versions(image: Pixels) -> dict[str, Pixels]:
    """An image, its LR image, and what a method makes of that."""
    lr = degrade(image)
    return {"HR": image, "LR": lr, "bicubic": upscaler("bicubic")(lr)}


def add(name: str, source: Path, folder: Path, **options) -> str:
    """What ``add`` says of a set that it made; names and pixels are those of the manifest."""
    said: list[str] = []
    added = own_sets.add(name, source, folder=folder, progress=False, say=said.append, **options)
    assert manifest(name, folder) == added
    for entry in added.images:
        load_verified(folder, name, entry)
    assert left(folder) == []
    return "\n".join(said)


def refused(source: Path, folder: Path, name: str = "Mine", **options) -> str:
    """What is said of a set that is not taken; nothing of it is left."""
    before = sorted(folder.rglob("*"))
    with pytest.raises(ValueError, match=r".") as error:
        own_sets.add(name, source, folder=folder, progress=False, **options)
    assert sorted(folder.rglob("*")) == before
    return str(error.value)


def left(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.name.startswith(".")]


def names(folder: Path, name: str = "Mine") -> list[str]:
    return [entry.name for entry in manifest(name, folder).images]
