"""Small networks and real photographs, so that every test of this folder takes seconds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage.data
import torch
from PIL import Image
from torch import nn

from sr_models.drcn import DRCN
from sr_models.espcn import ESPCN
from sr_models.features import ContentLoss
from sr_models.networks import build
from sr_models.srcnn import SRCNN
from sr_models.srresnet import Generator
from sr_models.training import checkpoint, compiling
from sr_models.training.patches import Photos
from sr_models.training.recipes import RECIPES
from sr_models.training.trainer import Trainer


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def _one_thread():
    """Networks of this size gain nothing from a second one, and on a busy machine wait for it."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def photo() -> np.ndarray:
    """A real photograph, (300, 448, 3) uint8."""
    return np.ascontiguousarray(skimage.data.chelsea()[:, :448])


@pytest.fixture
def small_network() -> Generator:
    """A generator of the paper's shape with a twentieth of its weight, in evaluation mode."""
    return Generator(width=8, blocks=2, batch_norm=False, bicubic_skip=True).eval()


@pytest.fixture
def small_weights(small_network, tmp_path) -> Path:
    """A weight file of the small network."""
    path = tmp_path / "small.safetensors"
    checkpoint.save_weights(path, small_network.state_dict(), {})
    return path


@pytest.fixture(scope="session")
def photo_folder(tmp_path_factory, photo) -> Path:
    """Five photographs: two to train on and three to watch."""
    folder = tmp_path_factory.mktemp("photographs")
    for number in range(5):
        Image.fromarray(np.roll(photo, 60 * number, axis=1)).save(folder / f"{number}.png")
    return folder


@pytest.fixture
def photos(photo) -> Photos:
    return Photos.gather([photo], smallest=48)


@pytest.fixture
def make_trainer(small_network) -> Callable[..., Any]:
    """Makes the same small trainer anew each time; the content of a picture is its pixels."""

    def make(
        name: str, patch: int = 32, *, bf16: bool | None = None,
        compile: compiling.Mode | None = None, recordable: bool = False, **changes: Any,
    ) -> Any:  # fmt: skip
        torch.manual_seed(1)
        recipe = replace(RECIPES[name, "cpu"], batch=2, patch=patch, **changes)
        made: dict[str, Callable[[], Any]] = {
            "srcnn": lambda: SRCNN(widths=(6, 5)),
            "espcn": lambda: ESPCN(widths=(6, 5)),
            "drcn": lambda: DRCN(width=6, recursions=3),
        }
        network = made.get(recipe.network, lambda: build(small_network.state_dict()))()
        content = ContentLoss(nn.Identity()) if recipe.content else None
        return Trainer(
            network, recipe, torch.device("cpu"), content=content, bf16=bf16, compile=compile,
            compiler="aot_eager", recordable=recordable,
        )  # fmt: skip

    return make
