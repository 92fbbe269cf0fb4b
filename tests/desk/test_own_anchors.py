"""A study of images without an original calibrates its raters on these images themselves."""

from __future__ import annotations

import numpy as np
import pytest
from django.conf import settings as site

from benchmarks.datasets import image_path, manifest
from benchmarks.files import encode_png, read_image
from benchmarks.resize import degrade
from sr_models.interpolation import nearest
from study.desk import anchors, stimuli, studies
from study.models import Anchor, Stimulus, Study
from tests.own_material import Image, bring_without_originals, photographs

SCENES = tuple(f"scene{number}" for number in range(9))
METHODS = ("nearest", "bicubic")


def scenes(height: int = 41, width: int = 50) -> dict[str, Image]:
    """Nine different images, whose height two does not divide."""
    every = photographs(SCENES, height=98 + 9, width=140)
    return {
        name: np.ascontiguousarray(image[4 * n : 4 * n + height, 3 * n : 3 * n + width])
        for n, (name, image) in enumerate(every.items())
    }


@pytest.fixture
def wild(db, settings, tmp_path):
    """A set at x2 of nine images without originals, its outputs made."""
    settings.BENCHMARKS_DIR = tmp_path / "benchmarks"
    bring_without_originals("wild", images=scenes(), scale=2)
    stimuli.make_outputs(["wild"], METHODS, progress=False)


def made(slug: str = "s", **options) -> Study:
    return studies.create(
        slug, sets=options.pop("sets", ["wild"]), methods=METHODS, opened=True, **options
    )


def taken_in(study: Study) -> dict[str, dict[int, Stimulus]]:
    """By image its anchors, by the score that they stand for."""
    found: dict[str, dict[int, Stimulus]] = {}
    for anchor in study.anchors.select_related("stimulus__source__dataset"):
        assert anchor.stimulus.source.dataset.name == "calibration"
        found.setdefault(anchor.stimulus.source.name, {})[anchor.score] = anchor.stimulus
    return found


def test_the_images_stand_for_a_5_and_made_worse_by_their_own_scale_for_a_1(wild):
    study = made()
    assert study.calibrate  # at hand, though there is no CALIBRATION_DIR
    found = taken_in(study)
    assert found.keys() == {f"wild/{name}" for name in SCENES}
    for name, image in scenes().items():
        original = image[:40]
        versions = {score: read_image(each.path) for score, each in found[f"wild/{name}"].items()}
        assert np.array_equal(versions[5], original)
        assert np.array_equal(versions[1], nearest(degrade(original, 2), 2))
    shown = set(study.stimuli.values_list("sha256", flat=True))
    assert not shown & set(Anchor.objects.values_list("stimulus__sha256", flat=True))


def test_a_draft_takes_the_same_images_when_it_is_opened(wild):
    made("one")
    draft = studies.create("two", sets=["wild"], methods=METHODS)
    studies.open_(draft)
    assert taken_in(draft) == taken_in(Study.objects.get(slug="one"))


def test_a_folder_that_the_study_names_comes_first_and_calibration_dir_last(
    wild, settings, calibration_dir
):
    settings.CALIBRATION_DIR = calibration_dir
    assert taken_in(made("own")).keys() == {f"wild/{name}" for name in SCENES}
    named = made("named", protocol={"calibration_folder": str(calibration_dir)})
    assert taken_in(named).keys() == {f"c{number}" for number in range(10)}


def test_a_study_in_which_any_set_has_originals_takes_calibration_dir(
    wild, settings, calibration_dir, generated
):
    settings.CALIBRATION_DIR = calibration_dir
    (settings.BENCHMARKS_DIR / "Samples").symlink_to(generated / "benchmarks" / "Samples")
    stimuli.make_outputs(["Samples"], METHODS, progress=False)
    study = made(sets=["wild", "Samples"], mixed_scales=True)
    assert taken_in(study).keys() == {f"c{number}" for number in range(10)}


def test_too_few_images_are_a_sentence_and_the_quick_preset_does_without(wild):
    images = dict(zip("ab", (image[::-1] for image in scenes().values()), strict=False))
    bring_without_originals("few", images=images, scale=2)
    stimuli.make_outputs(["few"], METHODS, progress=False)
    assert not made("quick", sets=["few"]).calibrate
    with pytest.raises(ValueError, match="switch calibration off") as error:
        made("told", sets=["few"], protocol={"calibrate": True})
    assert str(error.value) == (
        "told calibrates its raters on 8 images and few has 2 images; name a folder that holds "
        "enough, or switch calibration off"
    )
    assert not Study.objects.filter(slug="told").exists()
    both = made("both", sets=["few", "wild"])  # together they are enough, and take turns
    prepared = [placed.image for placed, _ in anchors.prepare(both)]
    assert prepared[:6:2] == ["few/a", "wild/scene0", "few/b"]


def test_flat_images_and_copies_are_no_anchors(wild):
    images = dict(list(scenes().items())[:7])
    images |= {"copy": images["scene0"], "flat": np.full((40, 50, 3), 90, np.uint8)}
    bring_without_originals("dull", images=images, scale=2)
    stimuli.make_outputs(["dull"], METHODS, progress=False)
    with pytest.raises(ValueError, match=r"^s calibrates .* 8 images and dull has 7 different im"):
        made(sets=["dull"], protocol={"calibrate": True})
    study = made(sets=["dull"], protocol={"calibrate": True, "calibration_checks": 5})
    assert taken_in(study).keys() == {
        "dull/copy",
        *(f"dull/scene{number}" for number in range(1, 7)),
    }


def test_an_image_of_the_set_that_was_altered_is_named(wild):
    of = manifest("wild", site.BENCHMARKS_DIR)
    image_path(site.BENCHMARKS_DIR, "wild", of.images[2]).write_bytes(
        encode_png(np.zeros((41, 50, 3), np.uint8))
    )
    with pytest.raises(ValueError, match=r"^wild scene2: the pixels of .* are not those"):
        made(protocol={"calibrate": True})
    assert not Study.objects.exists()
    assert not Anchor.objects.exists()


def test_names_of_anchors_are_short_enough_to_be_stored(db, settings, tmp_path):
    settings.BENCHMARKS_DIR = tmp_path / "benchmarks"
    long = {f"{'x' * 90}{n}": image for n, image in enumerate(scenes().values())}
    bring_without_originals("w" * 50, images=long, scale=2)
    stimuli.make_outputs(["w" * 50], METHODS, progress=False)
    names = taken_in(made(sets=["w" * 50])).keys()
    assert len(names) == 9
    assert max(map(len, names)) == anchors.LONGEST_NAME
