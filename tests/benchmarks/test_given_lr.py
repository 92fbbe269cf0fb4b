"""LR images that came with a set are taken in any degradation, and not if they are none of it."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from PIL import Image
from scipy.ndimage import gaussian_filter, shift

from benchmarks import given_lr
from benchmarks.datasets import is_there, load_verified, manifest
from benchmarks.files import encode_png, pixel_hash, read_image
from benchmarks.outputs import generate
from benchmarks.resize import crop_to_multiple, degrade
from sr_models.interpolation import bicubic
from tests.benchmarks.bring_sets import NAMES, Pixels, add, left, put, refused

Make = Callable[[Pixels, int], Pixels]
HARDEST = 17
"""From here each 19th of BSD100 is taken: 196073 too, a snake of its sand's colour."""


def harsh(hr: Pixels, scale: int) -> Pixels:
    """What the real world does to an image, and worse: blur, every nth pixel, noise, JPEG."""
    rng = np.random.default_rng(hr.size)
    blurred = gaussian_filter(hr.astype(float), (3, 3, 0)[: hr.ndim])
    lr = blurred[scale // 2 :: scale, scale // 2 :: scale]
    noisy = (lr + rng.normal(0, 25, lr.shape)).clip(0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(noisy).save(file, "JPEG", quality=30)
    return np.array(Image.open(file))


def half_a_pixel_off(hr: Pixels, scale: int) -> Pixels:
    lr = degrade(hr, scale).astype(float)
    return shift(lr, (0.5, 0.5, 0)[: lr.ndim], order=1, mode="nearest").astype(np.uint8)


def nth_pixels(hr: Pixels, scale: int) -> Pixels:
    return crop_to_multiple(hr, scale)[::scale, ::scale]


def darker(hr: Pixels, scale: int) -> Pixels:
    return (0.6 * degrade(hr, scale) + 20).astype(np.uint8)


def bgr(hr: Pixels, scale: int) -> Pixels:
    lr = harsh(hr, scale)
    return np.ascontiguousarray(lr[..., ::-1]) if lr.ndim == 3 else lr


def upside_down(hr: Pixels, scale: int) -> Pixels:
    return np.ascontiguousarray(harsh(hr, scale)[::-1, ::-1])


def mirrored(hr: Pixels, scale: int) -> Pixels:
    return np.ascontiguousarray(degrade(hr, scale)[:, ::-1])


def padded(hr: Pixels, scale: int) -> Pixels:
    """With a black border of a tenth on each side."""
    lr = degrade(hr, scale)
    height, width = lr.shape[:2]
    inner = Image.fromarray(lr).resize((width - 2 * (width // 10), height - 2 * (height // 10)))
    found = np.zeros_like(lr)
    found[height // 10 :, width // 10 :][: inner.height, : inner.width] = np.array(inner)
    return found


@pytest.fixture
def lr(tmp_path, photographs) -> Callable[..., Path]:
    """Makes a folder of LR images of the photographs of `source`."""

    def make(scale: int = 2, make: Make = degrade, form: str = "{}x2.png") -> Path:
        folder = tmp_path / "lr"
        shutil.rmtree(folder, ignore_errors=True)
        for name in NAMES:
            put(folder / form.format(name), make(photographs[name], scale))
        return folder

    return make


# ---- Taken ----


@pytest.mark.parametrize(
    "form", ["{}x2.png", "{}.png", "img_{}_SRF_2_LR.png", "LR_bicubic/X2/{}x2.png", "{}X2.PNG"]
)
def test_lr_images_are_found_by_the_names_of_the_originals_and_kept_as_pixels(
    source, folder, lr, form
):
    given = lr(form=form)
    said = add("Mine", source, folder, scale=2, lr=given)
    assert (
        "at x2; the LR images that came with them are MATLAB's bicubic at 1/2, to within one level."
        in said
    )
    found = manifest("Mine", folder)
    assert found.brings_lr
    for entry in found.images:
        wanted = degrade(read_image(source / f"{entry.name}.png"), 2)
        assert entry.lr_sha256 == pixel_hash(wanted)
        assert (folder / "Mine" / "lr" / f"{entry.name}.png").read_bytes() == encode_png(wanted)
    assert len(list((folder / "Mine").rglob("*.*"))) == 11


def test_a_pattern_chooses_among_versions_in_one_archive(tmp_path, folder, photographs):
    for name, image in photographs.items():
        put(tmp_path / "set" / "HR" / f"{name}.png", image)
        for scale in (2, 4):
            put(tmp_path / "set" / f"LR{scale}" / f"{name}x{scale}.png", degrade(image, scale))
    packed = Path(shutil.make_archive(str(tmp_path / "set"), "zip", tmp_path / "set"))
    options = {"pattern": "HR/{}", "scale": 2, "lr": packed}
    said = refused(packed, folder, **options)
    assert "several patterns fit its names, and --lr-pattern says which is meant" in said
    assert "'{}x2' (as LR2/astronautx2.png, 64x50)" in said
    assert "the LR image of astronaut is 64x50" in said
    add("Mine", packed, folder, lr_pattern="{}x2", **options)
    assert "--lr-pattern 'LR4" not in refused(packed, folder, "B", lr_pattern="LR4/{}x4", **options)
    assert "no file fits the pattern '{}x3'" in (
        refused(packed, folder, "B", lr_pattern="{}x3", **options)
    )


@pytest.mark.parametrize("scale", [2, 3, 4, 8])
def test_methods_enlarge_what_came_with_the_set(tmp_path, source, folder, photographs, lr, scale):
    given = lr(scale, harsh if scale < 8 else nth_pixels, "{}.png")
    if scale in (3, 8):  # of originals that are cut, as many have it
        for name, image in photographs.items():
            cut = crop_to_multiple(image, scale)
            put(given / f"{name}.png", harsh(cut, scale) if scale < 8 else nth_pixels(cut, scale))
    said = add("Mine", source, folder, scale=scale, lr=given)
    assert f"are another degradation than MATLAB's bicubic at 1/{scale}: against that their" in said
    outputs = tmp_path / "outputs"
    options = {"benchmarks_dir": folder, "outputs_dir": outputs, "progress": False}
    report = generate(sets=["Mine"], methods=["bicubic", "hr"], **options)
    assert (report.done, report.failed) == (10, [])
    for name in NAMES:
        wanted = bicubic(read_image(given / f"{name}.png"), scale)
        assert np.array_equal(read_image(outputs / "Mine" / "bicubic" / f"{name}.png"), wanted)
    # Other LR images, other outputs.
    for name, image in photographs.items():
        put(given / f"{name}.png", degrade(image, scale))
    shutil.rmtree(folder)
    add("Mine", source, folder, scale=scale, lr=given)
    assert generate(sets=["Mine"], methods=["bicubic"], **options).done == 5


def test_matlabs_border_is_either(source, folder, lr):
    given = lr(3, lambda hr, scale: degrade(hr, scale, border="symmetric"))
    own = degrade(read_image(source / "coffee.png"), 3)
    assert np.abs(read_image(given / "coffeex2.png").astype(int) - own).max() > 1
    assert "are MATLAB's bicubic at 1/3, to within" in add("A", source, folder, scale=3, lr=given)


def test_how_far_other_degradations_are_from_ours_is_said(source, folder, lr, photographs):
    given = lr()
    for name in ("camera", "coffee"):
        own = degrade(photographs[name], 2)
        put(given / f"{name}x2.png", np.where(own < 128, own + 10, own - 10).astype(np.uint8))
    for name in ("rocket",):
        own = degrade(photographs[name], 2)
        put(given / f"{name}x2.png", np.where(own < 128, own + 1, own - 1).astype(np.uint8))
    assert (
        "; 2 of the LR images that came with them are another degradation than MATLAB's bicubic at "
        "1/2: against that their PSNR (RGB) is 28.1 dB on average. Next"
    ) in add("Mine", source, folder, scale=2, lr=given)


def test_grey_and_colour_follow_the_original(source, folder, lr, photographs):
    given = lr()
    grey = degrade(photographs["camera"], 2)
    put(given / "camerax2.png", np.stack([grey, grey, grey + (grey < 250)], axis=2))
    said = add("Mine", source, folder, scale=2, lr=given)
    assert "; 1 of these with hardly any colour became grey. Next" in said
    assert np.abs(read_image(folder / "Mine/lr/camera.png").astype(int) - grey).max() <= 1
    put(given / "camerax2.png", degrade(photographs["coffee"], 2))
    put(given / "chelseax2.png", degrade(photographs["chelsea"], 2)[..., 1])
    lines = refused(source, folder, "Other", scale=2, lr=given).splitlines()
    assert "camerax2.png, for camera: it has colours, and its original is grey" in lines[1]
    assert "chelseax2.png, for chelsea: it is grey, and its original has colours" in lines[2]
    assert len(lines) == 3


# ---- Refused ----


def cut_short(path: Path, image: Pixels) -> None:
    path.write_bytes(path.read_bytes()[:-200])


def deep(path: Path, image: Pixels) -> None:
    Image.fromarray(np.full(image.shape[:2], 40_000, np.uint16)).save(path)


def changed(change: Callable[[Pixels], Pixels]) -> Callable[[Path, Pixels], None]:
    return lambda path, image: put(path, np.ascontiguousarray(change(image)))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (cut_short, "coffeex2.png cannot be read as an image"),
        (deep, "it has more than 8 bits a channel"),
        (lambda path, _: path.unlink(), "by the pattern '{}x2' 1 of 5 images have no LR image: "),
        (lambda path, image: put(path.with_name("x.png"), image), "1 file is left over, of no"),
        (lambda path, image: put(path.parent / "b" / path.name, degrade(image, 2)),
         "several files are the LR image of coffee: b/coffeex2.png, coffeex2.png"),
        (changed(lambda image: image), "its size is 128x100, not 64x50: that is the size of the"),
        (changed(lambda image: degrade(image, 4)), "it looks like scale 4, and the set is at"),
        (changed(lambda image: degrade(image, 2).transpose(1, 0, 2)), "64x50: it lies on its side"),
        (changed(lambda image: degrade(image, 2)[1:]), "for coffee: its size is 64x49, not 64x50"),
    ],
)  # fmt: skip
def test_a_file_that_can_be_no_lr_image_is_named_whatever_is_said(
    source, folder, lr, photographs, spoil, said
):
    given = lr()
    spoil(given / "coffeex2.png", photographs["coffee"])
    for as_they_are in (False, True):
        told = refused(source, folder, scale=2, lr=given, as_they_are=as_they_are)
        assert told.startswith(f"{given} was not taken: ")
        assert said in told
        assert "problems" not in told
    assert not folder.exists() or list(folder.iterdir()) == []


def test_an_original_that_was_not_cut_before_it_was_reduced_is_told(tmp_path, folder, photographs):
    for name in NAMES:
        image = photographs[name][:99, :127]
        put(tmp_path / "hr" / f"{name}.png", image)
        put(tmp_path / "lr" / f"{name}.png", degrade(photographs[name], 2))
    said = refused(tmp_path / "hr", folder, scale=2, lr=tmp_path / "lr")
    assert "its size is 64x50, not 63x49: the original was not cut to a multiple of 2" in said


@pytest.mark.parametrize("scale", [2, 4])
def test_what_is_no_reduction_of_its_original_is_refused_unless_it_is_said_that_it_is(
    source, folder, lr, photographs, scale
):
    given = lr(scale, harsh, "{}.png")
    pixels = {name: read_image(given / f"{name}.png") for name in NAMES}
    spoiled = {
        "astronaut": upside_down(photographs["astronaut"], scale),
        "camera": padded(photographs["camera"], scale),
        "chelsea": pixels["rocket"],
        "coffee": mirrored(photographs["coffee"], scale),
    }
    for name, image in spoiled.items():
        put(given / f"{name}.png", image)
    lines = refused(source, folder, scale=scale, lr=given).splitlines()
    assert len(lines) == 5
    assert lines[1].strip() == "astronaut.png, for astronaut: it seems to be turned by 180 degrees"
    assert lines[2].strip() == (
        "camera.png, for camera: it seems to be no reduction of its original, but another image, "
        "or one that was cut, padded or moved"
    )
    assert lines[3].strip() == "chelsea.png, for chelsea: it shows rocket, it seems"
    assert lines[4].strip() == (
        "coffee.png, for coffee: it seems to be mirrored, left for right; --as-they-are takes what "
        "only looks wrong"
    )
    add("Mine", source, folder, scale=scale, lr=given, as_they_are=True)
    for name, image in spoiled.items():
        assert np.array_equal(read_image(folder / "Mine" / "lr" / f"{name}.png"), image)


def test_red_and_blue_exchanged_are_seen_through_noise(source, folder, lr):
    said = refused(source, folder, scale=2, lr=lr(make=bgr))
    assert "the LR images seem to be in BGR: with red and blue exchanged more than 6 dB" in said
    given = lr(make=harsh)
    coffee = read_image(given / "coffeex2.png")
    put(given / "coffeex2.png", np.ascontiguousarray(coffee[..., ::-1]))
    assert "the LR images of coffee seem to be in BGR" in refused(source, folder, scale=2, lr=given)
    add("Mine", source, folder, scale=2, lr=given, as_they_are=True)


def test_a_square_image_on_its_side_is_seen(tmp_path, folder, photographs):
    for name in NAMES:
        put(tmp_path / "hr" / f"{name}.png", photographs[name][:96, :96])
        put(tmp_path / "lr" / f"{name}.png", degrade(photographs[name][:96, :96], 2))
    for said, change in (
        ("turned by 90 degrees to the right", lambda image: np.rot90(image, -1)),
        ("turned by 90 degrees to the left", lambda image: np.rot90(image)),
        ("mirrored, top for bottom", lambda image: image[::-1]),
        ("mirrored, rows for columns", lambda image: image.transpose(1, 0, 2)),
    ):
        lr = degrade(photographs["coffee"][:96, :96], 2)
        put(tmp_path / "lr" / "coffee.png", np.ascontiguousarray(change(lr)))
        told = refused(tmp_path / "hr", folder, scale=2, lr=tmp_path / "lr")
        assert f"coffee.png, for coffee: it seems to be {said}; --as-they-are" in told


@pytest.mark.parametrize("scale", [2, 8])
@pytest.mark.parametrize(
    ("set_name", "start", "step"), [("Set5", 0, 1), ("Set14", 1, 3), ("BSD100", HARDEST, 19)]
)
def test_real_degradations_pass_and_real_mistakes_do_not(
    benchmarks_dir, set_name, start, step, scale
):
    entries = manifest(set_name).images[start::step]
    images = {
        entry.name: crop_to_multiple(load_verified(benchmarks_dir, set_name, entry), scale)
        for entry in entries
    }

    def told(make: Make) -> list[str]:
        seen = [
            given_lr.look(name, name, make(hr, scale), hr, scale) for name, hr in images.items()
        ]
        return list(given_lr.suspicions(seen))

    for make in (degrade, harsh, half_a_pixel_off, nth_pixels, darker):
        assert told(make) == [], make
    assert ["BGR" in line for line in told(bgr)] == [True]
    for make, said in ((upside_down, "turned by 180"), (padded, "no reduction")):
        lines = told(make)
        assert len(lines) == len(images), make
        assert sum(said in line for line in lines) >= len(images) - (set_name == "BSD100"), make
    for name, hr in images.items():
        for other, shown in images.items():
            if other != name and shown.shape == hr.shape:
                seen = given_lr.look(name, name, harsh(shown, scale), hr, scale)
                assert seen.unlike or seen.turned, (name, other)


# ---- Kept ----


def test_again_with_the_same_images_mends_lr_images_too(source, folder, lr):
    given = lr()
    options = {"scale": 2, "lr": given}
    add("Mine", source, folder, **options)
    (folder / "Mine" / "coffee.png").write_bytes(b"damaged")
    (folder / "Mine" / "lr" / "coffee.png").write_bytes(b"damaged")
    (folder / "Mine" / "lr" / "camera.png").unlink()
    assert not is_there(folder, "Mine")
    kept = (folder / "Mine" / "lr" / "rocket.png").stat().st_ino
    said = add("Mine", source, folder, **options)
    assert said.startswith("Mine: was there already, 3 of its files were put back; 5 images (")
    assert (folder / "Mine" / "lr" / "rocket.png").stat().st_ino == kept
    assert is_there(folder, "Mine")
    shutil.rmtree(folder / "Mine" / "lr")
    assert "already, 5 of its files" in add("Mine", source, folder, **options)
    said = refused(source, folder, scale=2)
    assert "there is a set Mine with which LR images came; to mend it name them by --lr" in said
    given = lr(make=nth_pixels)
    assert "there is a set Mine of other LR images; choose another name, or" in (
        refused(source, folder, **options)
    )
    add("Bare", source, folder, scale=2)
    assert "there is a set Bare with which no LR images came; choose another" in (
        refused(source, folder, "Bare", **options)
    )


def test_a_missing_lr_image_is_told_with_what_brings_it(tmp_path, source, folder, lr):
    add("Mine", source, folder, scale=2, lr=lr())
    (folder / "Mine" / "lr" / "camera.png").write_bytes(encode_png(np.zeros((9, 9), np.uint8)))
    report = generate(
        benchmarks_dir=folder, outputs_dir=tmp_path / "outputs", sets=["Mine"],
        methods=["bicubic"], progress=False,
    )  # fmt: skip
    assert report.done == 4
    assert "add_set Mine FOLDER --scale 2 --lr LR-FOLDER, with the images" in report.failed[0]
    said = "the LR images of Mine came with it, for x2; for x4 add the originals as a set of"
    with pytest.raises(ValueError, match=said):
        manifest("Mine_x4", folder)


def test_the_command_passes_on_what_it_is_told(source, settings, folder, lr, tmp_path):
    settings.BENCHMARKS_DIR = folder
    given, out = lr(make=nth_pixels, form="img_{}_LR.png"), io.StringIO()
    put(given / "img_coffee_HR.png", read_image(source / "coffee.png"))
    line = ["add_set", "Mine", str(source), "--scale", "2", "--lr", str(given)]
    with pytest.raises(CommandError, match=r"1 file is left over.*--lr-pattern passes over"):
        call_command(*line, verbosity=0)
    for more, said in (
        (["--no-reference"], "--no-reference says that the images are what is enlarged, and --lr"),
        (["--lr", ""], "is empty; name a folder of images"),
    ):
        with pytest.raises(CommandError, match=said):
            call_command(*line, *more, verbosity=0)
    with pytest.raises(CommandError, match="--lr-pattern says which files of --lr are meant"):
        call_command(*line[:3], "--lr-pattern", "{}_LR", verbosity=0)
    assert not folder.exists() or list(folder.iterdir()) == []
    call_command(*line, "--lr-pattern", "img_{}_LR", stdout=out, verbosity=0)
    assert "the LR images that came with them are another degradation" in out.getvalue()
    call_command("lr", "Mine", str(tmp_path / "handed"), stdout=out, verbosity=0)
    assert "enlarge them by 2" in out.getvalue()
    for name in NAMES:
        handed = read_image(tmp_path / "handed" / f"{name}.png")
        assert np.array_equal(handed, read_image(given / f"img_{name}_LR.png"))
    assert left(folder) == []
