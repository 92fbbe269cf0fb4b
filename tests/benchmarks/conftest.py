"""The real benchmark sets where the environment names them, and photographs to bring along."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.files import read_image
from tests.benchmarks.bring_outputs import Site, made_site
from tests.benchmarks.bring_sets import NAMES, Pixels, put


@pytest.fixture
def samples(generated: Path) -> Path:
    """A folder that holds the Samples set."""
    return generated / "benchmarks"


@pytest.fixture
def site(tmp_path: Path, samples: Path) -> Site:
    """Small sets of somebody's own."""
    return made_site(tmp_path, samples)


@pytest.fixture(scope="module")
def photographs(generated) -> dict[str, Pixels]:
    """The Samples photographs, a part of each that is quickly read: 128x100 px."""
    folder = generated / "benchmarks" / "Samples"
    return {name: read_image(folder / f"{name}.png")[140:240, 120:248] for name in NAMES}


@pytest.fixture
def folder(tmp_path) -> Path:
    return tmp_path / "benchmarks"


@pytest.fixture
def source(tmp_path, photographs) -> Path:
    """A flat folder of photographs."""
    for name, image in photographs.items():
        put(tmp_path / "mine" / f"{name}.png", image)
    return tmp_path / "mine"
