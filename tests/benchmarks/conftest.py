"""The real benchmark sets where the environment names them, and photographs to bring along."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import call_command

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


@pytest.fixture
def run(settings, site: Site) -> Callable[..., str]:
    """Runs a command on the site of small sets; returns what it said."""
    settings.BENCHMARKS_DIR, settings.METHODS_DIR = site.benchmarks, site.methods
    settings.OUTPUTS_DIR = site.outputs

    def called(*arguments: str) -> str:
        out = io.StringIO()
        call_command(*arguments, stdout=out, stderr=out, verbosity=0)
        return out.getvalue()

    return called
