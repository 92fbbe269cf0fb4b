"""What cannot be the output for an original is refused, and what looks like a mistake suspected."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks import likeness
from benchmarks.datasets import ImageEntry, Manifest, as_json, load_verified, manifest
from benchmarks.files import encode_png, pixel_hash, read_image
from benchmarks.likeness import compared, suspicions
from benchmarks.resize import crop_to_multiple, degrade
from sr_models.interpolation import bicubic, nearest
from tests.benchmarks.bring_outputs import COLOUR, GREY, SIZES, Pixels, refused


def test_outputs_of_the_originals_size_are_cut_to_what_is_compared_and_counted(site):
    folder = site.made()
    for image, (width, height) in SIZES.items():
        path = folder / f"{image}.png"
        padded = np.pad(read_image(path), [(0, height % 4), (0, width % 4), (0, 0)][
            : 2 if image == GREY else 3], mode="edge")  # fmt: skip
        if image != "cat":
            path.write_bytes(encode_png(padded))
    added = site.add("mymodel", folder)
    assert added.cropped == 3
    assert "; 3 were cut to a multiple of their scale. Next" in added.sentence
    for image in SIZES:
        stored = read_image(site.methods / "mymodel/Mine" / f"{image}.png")
        assert np.array_equal(stored, bicubic(degrade(site.original(image))))


def test_colours_of_a_grey_image_become_grey_if_there_are_hardly_any(site):
    folder = site.made()
    path = folder / f"{GREY}.png"
    grey = read_image(path)
    path.write_bytes(encode_png(grey[..., None].repeat(3, axis=2)))
    assert site.add("equal", folder).converted == 0
    assert np.array_equal(read_image(site.methods / f"equal/Mine/{GREY}.png"), grey)
    tinted = np.clip(grey[..., None] + np.array([0, 0, 4]), 0, 255).astype(np.uint8)
    path.write_bytes(encode_png(tinted))
    added = site.add("tinted", folder, title="Tinted")
    assert added.converted == 1
    assert "; 1 with hardly any colour became grey. Next" in added.sentence
    luma = np.floor(tinted @ np.array([0.299, 0.587, 0.114]) + 0.5)
    assert np.array_equal(read_image(site.methods / f"tinted/Mine/{GREY}.png"), luma)
    path.write_bytes(encode_png(np.clip(grey[..., None] + np.array([0, 9, 5]), 0, 255).astype(
        np.uint8)))  # fmt: skip
    said = refused(site, folder, "coloured")
    assert "man.png, for man of Mine: it has colours, and its original is grey" in said


def test_luma_is_that_of_our_own_networks_answers():
    from sr_models.tiles import LUMA

    assert pytest.approx(LUMA.numpy()) == likeness.LUMA


def test_a_colour_original_without_colours_takes_grey_outputs(site):
    grey = site.original(GREY)
    path = site.benchmarks / "Mine" / "cat.png"
    path.write_bytes(encode_png(grey[..., None].repeat(3, axis=2)))
    found = manifest("Mine", site.benchmarks)
    height, width = grey.shape
    images = tuple(
        ImageEntry("cat", width, height, 3, pixel_hash(read_image(path))) if e.name == "cat" else e
        for e in found.images
    )
    changed = as_json(Manifest("Mine", "Mine", images))
    (site.benchmarks / "Mine" / "manifest.json").write_text(changed)
    folder = site.made()
    (folder / "cat.png").write_bytes(encode_png(bicubic(degrade(grey))))
    site.add("mymodel", folder)
    assert read_image(site.methods / "mymodel/Mine/cat.png").shape == (48, 60, 3)


def deep(path: Path, image: Pixels) -> None:
    Image.fromarray(np.full(image.shape[:2], 40_000, np.uint16)).save(path)


def cmyk(path: Path, image: Pixels) -> None:
    Image.fromarray(image).convert("CMYK").save(path, "TIFF")


def alpha(path: Path, image: Pixels) -> None:
    half = np.full((*image.shape[:2], 1), 128, np.uint8)
    Image.fromarray(np.concatenate([image, half], axis=2)).save(path)


def cut_short(path: Path, image: Pixels) -> None:
    path.write_bytes(path.read_bytes()[:-200])


def changed(change: Callable[[Pixels], Pixels]) -> Callable[[Path, Pixels], object]:
    return lambda path, image: path.write_bytes(encode_png(np.ascontiguousarray(change(image))))


def resized(width: int, height: int) -> Callable[[Path, Pixels], object]:
    return changed(lambda image: np.array(Image.fromarray(image).resize((width, height))))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (deep, "cat.png cannot be read as an image: it has more than 8 bits a channel"),
        (cmyk, "its pixels are CMYK"),
        (alpha, "cat.png is partly transparent"),
        (cut_short, "cat.png cannot be read as an image"),
        (changed(lambda i: i[:-1]), "cat of Mine: its size is 60x47, not 61x48 or 60x48"),
        (resized(15, 12), "its size is 15x12, not 61x48 or 60x48: that is the size of what was to"),
        (resized(30, 24), "it looks like scale 2, and scale 4 is needed"),
        (resized(45, 36), "it looks like scale 3, and scale 4 is needed"),
        (resized(122, 96), "that is 2 times the original; was that enlarged?"),
        (changed(lambda i: np.pad(i, [(0, 0), (0, 1), (0, 0)])[:, :61].transpose(1, 0, 2)),
         "its size is 48x61, not 61x48 or 60x48: it lies on its side"),
        (changed(lambda i: i[..., 0]), "it is grey, and its original has colours"),
    ],
)  # fmt: skip
def test_an_image_that_cannot_be_an_output_is_named_and_nothing_is_taken(site, spoil, message):
    folder = site.made()
    spoil(folder / "cat.png", read_image(folder / "cat.png"))
    said = refused(site, folder)
    assert message in said
    assert "problems" not in said


def test_every_problem_is_named_at_once_and_none_a_hundred_times(site):
    folder = site.made("{set}/{name}.png", sets=("Mine", "Other"))
    cut_short(folder / "Mine/bowl.png", np.zeros(1))
    for name in ("cat", "sky"):
        path = folder / "Other" / f"{name}2.png"
        path.write_bytes(encode_png(read_image(path)[1:]))
    (folder / "Mine/sky.png").unlink()
    (folder / "Other/more.png").write_bytes(encode_png(site.original("cat")))
    (folder / "gone.png").symlink_to("nowhere.png")
    said = refused(site, folder).splitlines()
    assert said[0] == f"{folder} was not taken: 6 problems"
    assert [line.split()[0] for line in said[1:]] == [
        "gone.png", "Mine:", "1", "Mine/bowl.png", "Other/cat2.png,", "Other/sky2.png,"
    ]  # fmt: skip


def test_outputs_in_bgr_are_suspected_as_a_whole_and_one_by_one(site):
    folder = site.made()
    swapped = {name: read_image(folder / f"{name}.png")[..., ::-1] for name in COLOUR}
    (folder / "bowl.png").write_bytes(encode_png(np.ascontiguousarray(swapped["bowl"])))
    assert "Mine: those of bowl seem to be in BGR" in refused(site, folder)
    for name, image in swapped.items():
        (folder / f"{name}.png").write_bytes(encode_png(np.ascontiguousarray(image)))
    said = refused(site, folder)
    assert "Mine: the outputs seem to be in BGR: with red and blue exchanged more than 6 dB" in said
    assert "--as-they-are takes what only looks wrong" in said
    assert site.add("mymodel", folder, as_they_are=True).outputs == {"Mine": 4}


def test_outputs_under_each_others_names_are_suspected(site):
    folder = site.made(method=nearest)
    # Of one size, as all of many sets are: only what they show tells them apart.
    sky, bowl = read_image(folder / "sky.png"), read_image(folder / "bowl.png")
    (folder / "sky.png").write_bytes(encode_png(np.ascontiguousarray(bowl[:48, :60])))
    (folder / "bowl.png").write_bytes(encode_png(np.pad(sky, [(0, 0), (0, 4), (0, 0)], "edge")))
    said = refused(site, folder)
    assert "Mine: the output of sky shows bowl, it seems" in said
    assert "Mine: the output of bowl shows sky, it seems" in said
    site.add("mymodel", folder, as_they_are=True)


def test_the_originals_themselves_are_suspected(site):
    said = refused(site, site.benchmarks / "Mine")
    assert "Mine: the outputs are the originals, pixel by pixel" in said
    site.add("mymodel", site.benchmarks / "Mine", as_they_are=True)


def test_real_outputs_are_never_suspected_and_shuffled_ones_always(benchmarks_dir):
    for set_name, step in (("Set5", 1), ("Set14", 2), ("BSD100", 12)):
        entries = manifest(set_name).images[::step]
        originals = [
            crop_to_multiple(load_verified(benchmarks_dir, set_name, entry)) for entry in entries
        ]
        for method in (nearest, bicubic):
            found = [
                compared(entry.name, method(degrade(hr)), hr)
                for entry, hr in zip(entries, originals, strict=True)
            ]
            assert suspicions(set_name, found) == []
            others = [*found[1:], found[0]]
            shuffled = [
                own._replace(thumbnail=other.thumbnail)
                for own, other in zip(found, others, strict=True)
            ]
            assert suspicions(set_name, shuffled) == [
                f"{set_name}: the output of {own.name} shows {other.name}, it seems"
                for own, other in zip(found, others, strict=True)
            ]
