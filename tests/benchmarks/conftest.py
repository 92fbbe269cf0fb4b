"""The real benchmark sets, reference tables and weights, where the environment names them."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def samples(generated: Path) -> Path:
    """A folder that holds the Samples set."""
    return generated / "benchmarks"
