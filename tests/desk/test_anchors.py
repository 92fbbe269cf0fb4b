"""Anchors: what a study calibrates its raters on is there, and is not what it asks about."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from PIL import Image

from benchmarks import own_sets
from benchmarks.files import encode_png, read_image
from benchmarks.resize import degrade
from sr_models.interpolation import nearest
from study.desk import anchors, links, studies
from study.models import Anchor, SourceImage, Stimulus, Study, Trial
from tests.own_material import photographs
from tests.rating.way import go_on
from tests.study.test_admin import change


@pytest.fixture
def folder(tmp_path, settings, calibration_dir):
    """A root with a folder in it, ``own``, that holds ten images as people would have them."""
    settings.CALIBRATION_DIR, settings.CALIBRATION_ROOTS = tmp_path / "root", []
    return shutil.copytree(calibration_dir, tmp_path / "root" / "own")


@pytest.fixture
def calibrating(draft_study, folder):
    """A draft that calibrates on them: two examples, six checks."""
    studies.set_protocol(draft_study, {"calibrate": True, "calibration_folder": "own"})
    draft_study.save()
    return draft_study


def refused(study) -> str:
    """Why ``study`` does not open; nothing is left of having tried."""
    with pytest.raises(ValueError, match=r"\w") as error:
        studies.open_(study)
    assert Study.objects.get().state == Study.State.DRAFT
    assert not Anchor.objects.exists()
    assert "\n" not in str(error.value)
    return str(error.value)


def called() -> list[str]:
    """The names of all images that were taken in for calibration."""
    sources = SourceImage.objects.filter(dataset__name="calibration")
    return list(sources.values_list("name", flat=True))


def test_a_study_that_calibrates_does_not_open_without_images_for_it(
    draft_study, settings, tmp_path
):
    studies.set_protocol(draft_study, {"calibrate": True})
    draft_study.save()
    assert "CALIBRATION_DIR is not set" in refused(draft_study)
    settings.CALIBRATION_DIR = tmp_path / "nothing"
    assert "CALIBRATION_DIR holds 0 images" in refused(draft_study)


def test_images_that_are_rated_do_not_calibrate(calibrating, folder):
    stimulus = calibrating.stimuli.filter(method__name="hr").first()
    shutil.copy(stimulus.path, folder / "a.png")
    assert refused(calibrating) == "own/a.png is rated in small; calibrate on other images"


@pytest.mark.parametrize("layout", ["one stem in two folders", "one stem with two suffixes"])
def test_images_are_told_apart_by_their_path_and_every_rater_can_begin(calibrating, folder, layout):
    images = sorted(folder.iterdir())[:8]
    for number, path in enumerate(images):
        if layout == "one stem in two folders":
            to = folder / ("HR", "GT")[number % 2] / f"{number // 2:04}.png"
        else:
            to = folder / f"{number // 2:04}.{('png', 'tiff')[number % 2]}"
        to.parent.mkdir(exist_ok=True)
        Image.open(path).save(to)
    for path in folder.glob("c*.png"):
        path.unlink()
    studies.open_(calibrating)
    names = set(called())
    if layout == "one stem in two folders":
        assert names == {f"{folder}/{n:04}" for folder in ("HR", "GT") for n in range(4)}
    else:
        assert names == {f"{n:04}.{suffix}" for suffix in ("png", "tiff") for n in range(4)}
    client = Client()
    client.get(links.invite(calibrating, 1)[0].get_absolute_url())
    client.post(reverse("start"))
    go_on(client)
    assert Trial.objects.filter(anchor__isnull=False).count() == 2 * 2 + 6


def test_names_are_short_enough_storable_and_no_two_alike(calibrating, folder):
    for path in folder.iterdir():
        path.unlink()
    deep = "long/" * 30
    names = (f"{deep}a.png", f"{deep}b.png", f"x/{deep}a.png", "b\udcff.png", "a.png", "a.jpg.tif",
             "a.jpg", "=1+1.png")  # fmt: skip
    for number, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 256, (24, 24, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / name)
    studies.open_(calibrating)
    stored = called()
    assert len(set(stored)) == len(names)
    assert max(map(len, stored)) == 100
    assert {r"b\xff", "a.png", "a.jpg", "a.jpg.tif", "=1+1"} < set(stored)
    assert sum(name.endswith("long/a") for name in stored) == 2


def test_a_copy_of_an_image_is_not_another_image(calibrating, folder):
    for number, path in enumerate(sorted(folder.iterdir())[5:]):
        shutil.copy(folder / f"c{number}.png", path)
    assert "8 images and own holds 5 different images" in refused(calibrating)


def test_an_image_that_looks_the_same_at_its_worst_is_refused(calibrating, folder):
    (folder / "flat.png").write_bytes(encode_png(np.zeros((64, 64), np.uint8)))
    assert "own/flat.png looks the same as a 1 and as a 5; calibrate on" in refused(calibrating)


def test_every_source_has_a_1_and_a_5_however_many_the_study_asks_for(calibrating, folder):
    for number in range(40):
        pixels = np.random.default_rng(number).integers(0, 256, (12, 12), dtype=np.uint8)
        (folder / f"n{number}.png").write_bytes(encode_png(pixels))
    studies.set_protocol(calibrating, {"calibration_examples": 10, "calibration_checks": 20})
    calibrating.save()
    studies.open_(calibrating)
    pairs: dict[int, set[int]] = {}
    for anchor in Anchor.objects.select_related("stimulus"):
        pairs.setdefault(anchor.stimulus.source_id, set()).add(anchor.score)
    assert list(pairs.values()) == [{1, 5}] * 30


def test_photographs_are_taken_as_people_see_them_and_what_lies_beside_them_is_not(
    calibrating, folder
):
    stored = read_image(folder / "c0.png")
    noted = Image.fromarray(stored).getexif()
    noted[0x0112] = 6
    for path in folder.iterdir():
        Image.open(path).save(folder / f"{path.stem.upper()}.TIFF", exif=noted)
        path.unlink()
    for name in ("._C0.TIFF", ".thumbs/a.png", "__MACOSX/._C1.TIFF"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"no image")
    studies.open_(calibrating)
    original = Stimulus.objects.get(source__name="C0", method__name="hr")
    turned = np.rot90(stored, -1)
    assert np.array_equal(read_image(original.path), turned[:, : turned.shape[1] // 4 * 4][:72])
    assert Anchor.objects.count() == 20


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"no image", "own/a.png cannot be read as an image: it is no whole PNG"),
        (encode_png(np.zeros((3, 3), np.uint8)), "own/a.png: an image needs 4 px a side or more"),
        (encode_png(np.zeros((5, 8_000_001), np.uint8)), "own/a.png cannot .* 40 million pixels"),
    ],
    ids=["no image", "too small", "too large"],
)
def test_a_bad_file_is_one_sentence_that_names_it(calibrating, folder, content, reason):
    (folder / "a.png").write_bytes(content)
    with pytest.raises(ValueError, match=f"^{reason}") as error:
        studies.open_(calibrating)
    assert str(folder.parent) not in str(error.value)


ELSEWHERE = ("/", "/etc", "/nonexistent", "..", "~", "out", "out/private")


@pytest.fixture
def outside(folder, tmp_path):
    """A folder of private pictures beside the root, and a link to it within."""
    private = tmp_path / "outside" / "private"
    shutil.copytree(folder, private)
    (folder.parent / "out").symlink_to(private.parent)
    return private


@pytest.mark.parametrize("named", ELSEWHERE)
def test_a_study_cannot_name_a_folder_elsewhere(draft_study, outside, admin_client, named):
    refusal = "it does not lie in CALIBRATION_DIR or one of CALIBRATION_ROOTS"
    with pytest.raises(ValueError, match=f"^calibration_folder={named}: {refusal}"):
        studies.set_protocol(draft_study, {"calibration_folder": named})
    draft_study.refresh_from_db()
    answer = change(admin_client, draft_study, calibration_folder=named)
    assert answer.status_code == 200
    assert refusal in answer.content.decode()
    assert Study.objects.get().calibration_folder == ""


@pytest.mark.parametrize(
    "named", [*ELSEWHERE, "{private}", "{private}/c0.png", "{private}/nothing"]
)
def test_a_folder_elsewhere_is_not_read_at_opening_however_it_came_to_be_named(
    calibrating, outside, named
):
    named = named.format(private=outside)
    Study.objects.update(calibration_folder=named)
    assert refused(calibrating) == (
        "calibration_folder of small: it does not lie in CALIBRATION_DIR or one of "
        "CALIBRATION_ROOTS; name a folder that does, without .. and ~"
    )
    with pytest.raises(ValueError, match="it does not lie in CALIBRATION_DIR"):
        anchors.prepare(calibrating)


def test_a_link_in_the_folder_leads_nobody_out_of_it(calibrating, folder, outside):
    (folder / "a.png").symlink_to(outside / "c0.png")
    assert refused(calibrating) == (
        "own/a.png is a link that leads out of CALIBRATION_DIR or one of CALIBRATION_ROOTS"
    )


def test_a_further_root_can_be_named(calibrating, outside, settings):
    settings.CALIBRATION_ROOTS = [outside.parent]
    studies.set_protocol(calibrating, {"calibration_folder": str(outside)})
    calibrating.save()
    studies.open_(calibrating)
    assert Anchor.objects.count() == 20


def test_a_folder_that_holds_everything_is_not_looked_through(calibrating, folder, monkeypatch):
    monkeypatch.setattr(anchors, "MOST_LOOKED_AT", 50)
    for number in range(50):
        (folder / f"{number}.txt").touch()
    assert refused(calibrating) == (
        "own holds more than 50 files and folders; name a folder of its images alone"
    )


def test_images_are_made_before_anything_is_written_and_stored_without_being_made(
    calibrating, folder
):
    with CaptureQueriesContext(
        connection,
    ) as asked:
        prepared = anchors.prepare(calibrating)
    assert all(query["sql"].startswith("SELECT") for query in asked)
    assert len(prepared) == 20
    shutil.rmtree(folder)
    anchors.store(calibrating, prepared)
    anchors.store(calibrating, prepared)
    assert Anchor.objects.filter(study=calibrating).count() == 20
    assert all(anchor.stimulus.path.is_file() for anchor in Anchor.objects.all())
    assert {anchor.stimulus.source.name for anchor in Anchor.objects.all()} == {
        f"c{number}" for number in range(10)
    }


def test_a_study_that_is_open_keeps_a_folder_that_could_not_be_named_now(
    calibrating, outside, admin_client
):
    studies.open_(calibrating)
    Study.objects.update(calibration_folder=str(outside))
    calibrating.refresh_from_db()
    studies.close(calibrating)
    studies.open_(calibrating)
    assert change(admin_client, calibrating, title="New").status_code == 302
    with pytest.raises(ValidationError):
        calibrating.full_clean()


def sources() -> set[str]:
    """The names of the images that a study calibrates on now."""
    return {anchor.stimulus.source.name for anchor in Anchor.objects.select_related("stimulus")}


def test_an_image_that_is_left_out_is_seen_by_no_rater(calibrating, folder):
    studies.set_protocol(calibrating, {"calibration_left_out": '["c0", "c7"]'})
    calibrating.save()
    studies.open_(calibrating)
    assert sources() == {f"c{number}" for number in (1, 2, 3, 4, 5, 6, 8, 9)}


def test_too_few_images_that_are_not_left_out_open_nothing(calibrating, folder):
    studies.set_protocol(calibrating, {"calibration_left_out": ["c0", "c7", "c8"]})
    calibrating.save()
    assert "8 images and own holds 7 images that are not left out" in refused(calibrating)


def test_an_image_that_is_left_out_and_has_another_name_by_now_is_not_shown_for_it(
    calibrating, folder
):
    studies.set_protocol(calibrating, {"calibration_left_out": ["c0"]})
    calibrating.save()
    (folder / "c0.jpg").write_bytes((folder / "c1.png").read_bytes())
    assert "c0, which no rater of small is to see, is not among its" in refused(calibrating)


@pytest.fixture
def streets(tmp_path, settings):
    """A set of nine images with originals, in no study."""
    settings.BENCHMARKS_DIR = tmp_path / "benchmarks"
    names = [f"n{number}" for number in range(9)]
    images = photographs(names, height=44 + 9, width=60)
    (tmp_path / "streets").mkdir()
    for number, name in enumerate(names):
        (tmp_path / "streets" / f"{name}.png").write_bytes(
            encode_png(images[name][number : number + 44])
        )
    own_sets.add("streets", tmp_path / "streets", folder=settings.BENCHMARKS_DIR, progress=False)


def test_a_set_of_the_catalogue_is_calibrated_on_as_it_is_and_at_its_worst(draft_study, streets):
    settings = {
        "calibrate": True,
        "calibration_set": "streets",
        "calibration_left_out": ["streets/n4"],
    }
    studies.set_protocol(draft_study, settings)
    draft_study.save()
    studies.open_(draft_study)
    assert sources() == {f"streets/n{number}" for number in range(9) if number != 4}
    image = "streets/n0"
    found = {
        anchor.score: read_image(anchor.stimulus.path)
        for anchor in Anchor.objects.filter(stimulus__source__name=image)
    }
    original = photographs(["n0"], height=53, width=60)["n0"][:44]
    assert np.array_equal(found[5], original)
    assert np.array_equal(found[1], nearest(degrade(original)))


@pytest.mark.parametrize("named", ["Samples", "Samples_x2"])
def test_a_set_that_the_study_shows_is_not_calibrated_on(draft_study, named):
    studies.set_protocol(draft_study, {"calibrate": True, "calibration_set": named})
    draft_study.save()
    assert refused(draft_study) == (
        f"calibration_set of small: images of {named} are rated in the study; calibrate on a set "
        "that it does not show"
    )


def test_a_set_that_is_rated_is_refused_before_the_study_is_made(draft_study):
    shown = {"sets": ["Samples"], "methods": ["bicubic", "nearest"], "opened": True}
    protocol = {"calibrate": True, "calibration_set": "Samples"}
    with pytest.raises(ValueError, match="images of Samples are rated in the study"):
        studies.create("other", protocol=protocol, **shown)
    assert Study.objects.count() == 1


def test_a_folder_and_a_set_or_a_set_that_is_not_there_are_refused(calibrating):
    studies.set_protocol(calibrating, {"calibration_set": "nothing"})
    calibrating.save()
    assert "there is a calibration_folder too; name one of them" in refused(calibrating)
    studies.set_protocol(calibrating, {"calibration_folder": ""})
    calibrating.save()
    assert refused(calibrating).startswith("calibration_set of small: ")
    for wrong in ("c0", '{"c0": 1}', "[1]"):
        with pytest.raises(ValueError, match=r"^calibration_left_out="):
            studies.set_protocol(calibrating, {"calibration_left_out": wrong})
