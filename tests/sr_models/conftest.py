"""Small networks and real photographs, so that every test of this folder takes seconds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import skimage.data
import torch
from PIL import Image

from sr_models.srresnet import Generator
from sr_models.training import checkpoint


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


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
