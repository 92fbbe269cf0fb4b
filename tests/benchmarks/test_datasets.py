"""An image of a set is the published one in every pixel, or it is refused by name."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from benchmarks import datasets
from benchmarks.datasets import (
    SET_NAMES,
    SHIPPED,
    ImageEntry,
    Manifest,
    as_json,
    available,
    chosen,
    load_verified,
    manifest,
)
from benchmarks.files import encode_png, pixel_hash, read_image


@pytest.fixture
def own_samples(samples, tmp_path):
    return shutil.copytree(samples, tmp_path / "benchmarks")


def astronaut():
    return manifest("Samples").images[0]


@pytest.mark.parametrize(("name", "count"), [("Set5", 5), ("Set14", 14), ("BSD100", 100)])
def test_manifests_describe_the_real_sets(benchmarks_dir, name, count):
    images = manifest(name).images
    assert len(images) == count
    for entry in images:
        image = load_verified(benchmarks_dir, name, entry)
        assert image.shape[:2] == (entry.height, entry.width)
        assert image.ndim == (2 if entry.channels == 1 else 3)


def test_no_two_images_share_a_name_or_pixels():
    entries = [entry for name in SHIPPED for entry in manifest(name).images]
    assert len({entry.name.casefold() for entry in entries}) == len(entries)
    hashes = [each for e in entries for each in (e.sha256, e.crop_sha256) if each]
    assert len(set(hashes)) == len(hashes)


def test_bridge_is_the_one_grey_image_of_the_papers_sets():
    grey = [e.name for name in SET_NAMES for e in manifest(name).images if e.channels == 1]
    assert grey == ["bridge"]


def test_addresses_that_nobody_has_tried_say_so():
    for name in (*SET_NAMES, "Urban100"):
        assert manifest(name).sources
        assert not any(source.tried for source in manifest(name).sources)


def test_a_shipped_manifest_has_the_form_of_those_of_own_sets():
    for name in SHIPPED:
        text = (datasets.MANIFESTS / f"{name}.json").read_text()
        assert datasets.as_json(datasets.parsed(text)) == text
        assert manifest(name).license


def test_urban100_has_its_hundred_images_which_four_divides():
    images = manifest("Urban100").images
    assert [entry.name for entry in images] == [f"img_{n:03d}" for n in range(1, 101)]
    assert all(entry.width % 4 == entry.height % 4 == 0 for entry in images)


def test_a_set_that_is_known_from_elsewhere_may_be_ones_own(own_samples):
    own = replace(manifest("Samples"), name="DIV2K_valid")
    shutil.copytree(own_samples / "Samples", own_samples / "DIV2K_valid")
    (own_samples / "DIV2K_valid" / datasets.OWN).write_text(datasets.as_json(own))
    assert manifest("DIV2K_valid", own_samples) == own
    assert available(own_samples) == ["Samples", "DIV2K_valid"]


def test_one_wrong_pixel_is_named(own_samples):
    path = own_samples / "Samples" / "astronaut.png"
    image = read_image(path)
    image[200, 100, 1] ^= 1
    path.write_bytes(encode_png(image))
    with pytest.raises(ValueError, match=r"^Samples astronaut: the pixels of .*astronaut\.png"):
        load_verified(own_samples, "Samples", astronaut())


def test_a_missing_and_a_broken_file_are_named(own_samples):
    path = own_samples / "Samples" / "astronaut.png"
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(ValueError, match=r"^Samples astronaut: .* cannot be read as an image"):
        load_verified(own_samples, "Samples", astronaut())
    path.unlink()
    with pytest.raises(ValueError, match=r"^Samples astronaut: .*astronaut\.png is missing$"):
        load_verified(own_samples, "Samples", astronaut())


def test_a_set_is_available_only_as_a_whole(own_samples):
    assert available(own_samples) == ["Samples"]
    (own_samples / "Samples" / "coffee.png").unlink()
    assert available(own_samples) == []
    with pytest.raises(ValueError, match="fetch_benchmarks brings them"):
        chosen(own_samples, None)


def test_an_unknown_set_is_answered_with_the_known_ones():
    with pytest.raises(
        ValueError, match="no image set 'Set6'; there are Set5, Set14, BSD100, Urban100, S"
    ):
        datasets.manifest("Set6")


@pytest.mark.parametrize(
    ("mode", "shape"),
    [("RGB", (4, 5, 3)), ("L", (4, 5)), ("P", (4, 5, 3)), ("RGBA", (4, 5, 3)), ("LA", (4, 5))],
)
def test_pixels_are_read_from_every_kind_of_file(tmp_path, mode, shape):
    Image.new("RGB", (5, 4), (102, 102, 102)).convert(mode).save(tmp_path / "a.png")
    image = read_image(tmp_path / "a.png")
    assert image.shape == shape
    assert np.all(image == 102)


@pytest.mark.parametrize(("mode", "reason"), [("I;16", "8-bit"), ("1", "8-bit")])
def test_images_of_another_depth_are_refused(tmp_path, mode, reason):
    Image.new(mode, (5, 4)).save(tmp_path / "a.png")
    with pytest.raises(ValueError, match=reason):
        read_image(tmp_path / "a.png")


def test_a_transparent_image_is_refused(tmp_path):
    Image.new("RGBA", (5, 4), (1, 2, 3, 4)).save(tmp_path / "a.png")
    with pytest.raises(ValueError, match="partly transparent"):
        read_image(tmp_path / "a.png")


def test_the_hash_tells_shapes_apart():
    flat = np.zeros(12, np.uint8)
    shapes = [(3, 4), (4, 3), (2, 2, 3), (12, 1)]
    assert len({pixel_hash(flat.reshape(shape)) for shape in shapes}) == 4


def test_a_png_of_ours_carries_pixels_and_nothing_else():
    content = encode_png(np.zeros((4, 4, 3), np.uint8))
    place, chunks = 8, []
    while place < len(content):
        length = int.from_bytes(content[place : place + 4], "big")
        chunks.append(content[place + 4 : place + 8])
        place += 12 + length
    assert chunks == [b"IHDR", b"IDAT", b"IEND"]


@pytest.mark.parametrize("name", ["../../outside", "", ".hidden", "a/b", "a\\b"])
def test_a_manifest_that_somebody_passed_on_names_no_place_outside_its_folder(tmp_path, name):
    entry = ImageEntry(name, 40, 40, 3, "0" * 64)
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "manifest.json").write_text(
        as_json(Manifest("theirs", "Theirs", (entry,)))
    )
    with pytest.raises(ValueError, match=r"manifest\.json is no manifest.* is no name of an image"):
        manifest("theirs", tmp_path)
