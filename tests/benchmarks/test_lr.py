"""What a program elsewhere is given is what the built-in methods enlarge."""

from __future__ import annotations

import io

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from benchmarks.files import read_image
from benchmarks.resize import degrade


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("lr", *arguments, stdout=out, stderr=out, verbosity=0)
    return out.getvalue()


def test_the_lr_images_are_those_that_methods_get_under_the_images_names(
    samples, settings, tmp_path
):
    settings.BENCHMARKS_DIR = samples
    assert "5 LR images" in run("Samples", str(tmp_path / "lr"))
    originals = {path.name: path for path in (samples / "Samples").glob("*.png")}
    made = {path.name: path for path in (tmp_path / "lr").iterdir()}
    assert made.keys() == originals.keys()
    for name, path in made.items():
        assert np.array_equal(read_image(path), degrade(read_image(originals[name])))
    run("Samples", str(tmp_path / "lr"))  # again, over its own files


def test_a_folder_that_holds_something_else_is_left_alone(samples, settings, tmp_path):
    settings.BENCHMARKS_DIR = samples
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(CommandError, match=r"holds other files, letter\.txt among them"):
        run("Samples", str(tmp_path))
    with pytest.raises(CommandError, match="is a file; name a folder"):
        run("Samples", str(tmp_path / "letter.txt"))
    with pytest.raises(CommandError, match="no image set 'Nowhere'"):
        run("Nowhere", str(tmp_path / "lr"))
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["letter.txt"]
