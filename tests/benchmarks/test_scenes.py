"""Versions of one scene are known beside each other; photographs are not taken for versions."""

from __future__ import annotations

import numpy as np

from benchmarks import scenes
from benchmarks.files import read_image
from benchmarks.resize import crop_to_multiple
from tests.benchmarks.bring_sets import versions


def test_no_two_photographs_of_the_real_sets_are_taken_for_one_scene(benchmarks_dir):
    """And each is known beside what is made of it."""
    paths = [path for name in ("Set5", "Set14") for path in (benchmarks_dir / name).glob("*.png")]
    images = [read_image(path) for path in paths]
    photographs = sorted((benchmarks_dir / "BSD100").glob("*.png"))
    looks = [scenes.look(image) for image in [*images, *map(read_image, photographs)]]
    assert scenes.same_scene(looks) == []
    for image, look in zip(images, looks, strict=False):
        for version in (*versions(image).values(), crop_to_multiple(image)):
            assert scenes.same_scene([look, scenes.look(version)]) == [[0, 1]]


def test_a_version_is_known_that_is_brighter_or_cropped_to_what_was_enlarged(photographs):
    for image in photographs.values():
        odd = np.ascontiguousarray(image[:99, :127])
        brighter = np.clip(image.astype(int) + 12, 0, 255).astype(np.uint8)
        for version in (versions(odd)["bicubic"], crop_to_multiple(odd)):
            assert scenes.same_scene([scenes.look(odd), scenes.look(version)]) == [[0, 1]]
        assert scenes.same_scene([scenes.look(image), scenes.look(brighter)]) == [[0, 1]]


def test_crops_of_one_photograph_are_scenes_of_their_own(generated):
    whole = read_image(generated / "benchmarks" / "Samples" / "astronaut.png")
    crops = [whole[top : top + 160, left : left + 200] for top in (0, 9) for left in (0, 9)]
    assert scenes.same_scene([scenes.look(crop) for crop in crops]) == []
    grey = np.full((64, 64), 99, np.uint8)
    assert scenes.same_scene([scenes.look(grey), scenes.look(grey + 40)]) == []
