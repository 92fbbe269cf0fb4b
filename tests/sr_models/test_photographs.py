"""Photographs are read by many threads, the same ones whatever the disk does."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sr_models.training.photographs import Picture, Reading, find, read_rgb


def test_unreadable_and_small_photographs_are_named_and_left_out(tmp_path, photo, capsys):
    Image.fromarray(photo).save(tmp_path / "good.png")
    whole = (tmp_path / "good.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.jpg").write_text("not a picture")
    Image.fromarray(photo[:20]).save(tmp_path / "flat.png")
    (tmp_path / "notes.txt").write_text("no photograph, no complaint")
    photos = Reading(find([tmp_path]), smallest=48).wait()
    assert list(photos) == [tmp_path / "good.png"]
    assert np.array_equal(photos[tmp_path / "good.png"], photo)
    complaints = capsys.readouterr().err
    assert "cut.png: cannot be read" in complaints
    assert "text.jpg: cannot be read" in complaints
    assert "flat.png: 448x20 is smaller than 48 px" in complaints
    assert "notes.txt" not in complaints


def test_nothing_to_train_on_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="no photographs in"):
        find([tmp_path])
    with pytest.raises(ValueError, match="is not a folder"):
        find([tmp_path / "absent"])
    (tmp_path / "text.jpg").write_text("not a picture")
    with pytest.raises(ValueError, match="none of the 1 photographs can be used"):
        Reading(find([tmp_path]), smallest=48).wait()


def test_photographs_come_in_the_order_of_their_names(photo_folder):
    paths = find([photo_folder])
    photos = Reading(paths, smallest=48, threads=4).wait()
    assert list(photos) == paths
    assert all(np.array_equal(photos[path], read_rgb(path)) for path in paths)


def test_a_folder_that_stops_answering_is_not_waited_for(photo_folder, tmp_path):
    """A pipe that nobody writes to is a file that never comes."""
    os.mkfifo(tmp_path / "never.png")
    stuck = tmp_path / "never.png"
    reading = Reading([stuck, *find([photo_folder])], smallest=48, threads=2)
    everything_else: dict[Path, Picture] = {}
    while len(everything_else) < 5:
        # On a busy machine none has been read yet, which is refused.
        with contextlib.suppress(ValueError):
            everything_else = reading.wait(0.01)
    assert stuck not in everything_else
    with pytest.raises(ValueError, match="1 had not been read after 0 s"):
        Reading([stuck], smallest=48).wait(0.01)
