"""The real benchmark sets, reference tables and weights, where the environment names them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.benchmarks.brought import Site, made_site


@pytest.fixture
def samples(generated: Path) -> Path:
    """A folder that holds the Samples set."""
    return generated / "benchmarks"


@pytest.fixture
def site(tmp_path: Path, samples: Path) -> Site:
    """Small sets of somebody's own."""
    return made_site(tmp_path, samples)
