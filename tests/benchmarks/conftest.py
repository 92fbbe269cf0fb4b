"""The real benchmark sets, reference tables and weights, where the environment names them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def _folder(variable: str, holds: str) -> Path:
    value = os.environ.get(variable)
    if not value:
        pytest.skip(f"{variable} is not set: the folder that holds {holds}")
    return Path(value).resolve()


@pytest.fixture(scope="session")
def benchmarks_dir() -> Path:
    return _folder("BENCHMARKS_DIR", "Set5, Set14 and BSD100")


@pytest.fixture(scope="session")
def sr_reference_dir() -> Path:
    return _folder("SR_REFERENCE_DIR", "result tables of other super-resolution projects")


@pytest.fixture(scope="session")
def perceptual_dir() -> Path:
    return _folder("PERCEPTUAL_WEIGHTS_DIR", "the weights of LPIPS")


@pytest.fixture
def samples(generated: Path) -> Path:
    """A folder that holds the Samples set."""
    return generated / "benchmarks"
