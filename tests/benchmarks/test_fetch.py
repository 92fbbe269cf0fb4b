"""Any copy of a set is accepted when its pixels are right, and refused by name when not."""

from __future__ import annotations

import io
import shutil
import tarfile
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from benchmarks import fetch as fetching
from benchmarks.datasets import (
    OWN,
    ImageEntry,
    Manifest,
    as_json,
    image_path,
    load_verified,
    manifest,
)
from benchmarks.fetch import fetch
from benchmarks.files import encode_png, pixel_hash, read_image
from benchmarks.outputs import generate, read_outputs
from benchmarks.resize import crop_to_multiple, degrade

NAMES = ("bird", "butterfly")


@pytest.fixture
def set5(benchmarks_dir):
    return benchmarks_dir / "Set5"


def bring(names, source, destination):
    source = str(source) if source else None
    return fetch(names, source=source, destination=destination, progress=False)


def is_whole(folder, name):
    return all(load_verified(folder, name, entry) is not None for entry in manifest(name).images)


def test_samples_need_neither_network_nor_source(tmp_path):
    assert fetch(["Samples"], source=None, destination=tmp_path, progress=False) == {
        "Samples": (5, 0)
    }
    assert is_whole(tmp_path, "Samples")
    assert all(
        entry.width <= 384 and entry.height <= 384 and not (entry.width % 4 or entry.height % 4)
        for entry in manifest("Samples").images
    )


def test_what_is_there_and_right_is_left_alone(samples, tmp_path):
    fetch(["Samples"], source=None, destination=tmp_path, progress=False)
    file = tmp_path / "Samples" / "coffee.png"
    before = file.stat().st_mtime_ns, file.stat().st_ino
    file.with_name("rocket.png").write_bytes(b"broken")
    assert fetch(["Samples"], source=None, destination=tmp_path, progress=False) == {
        "Samples": (1, 0)
    }
    assert (file.stat().st_mtime_ns, file.stat().st_ino) == before
    assert is_whole(tmp_path, "Samples")


def test_names_formats_and_folders_do_not_matter(set5, tmp_path):
    source = tmp_path / "pack" / "Set5" / "original"
    source.mkdir(parents=True)
    for number, path in enumerate(sorted(set5.iterdir())):
        image = Image.open(path)
        image.save(source / (f"IMG_{number}.BMP" if number % 2 else f"{path.stem.upper()}.TIF"))
        image.resize((image.width // 4, image.height // 4)).save(tmp_path / "pack" / path.name)
        (source / f"._{path.name}").write_bytes(b"the other half of a file of macOS")
    assert bring(["Set5"], tmp_path / "pack", tmp_path / "out") == {"Set5": (5, 0)}
    assert is_whole(tmp_path / "out", "Set5")


def test_the_grey_image_is_accepted_as_three_equal_channels(benchmarks_dir, tmp_path):
    source = tmp_path / "Set14"
    source.mkdir()
    for path in (benchmarks_dir / "Set14").iterdir():
        (source / path.name).symlink_to(path)
    (source / "bridge.png").unlink()
    Image.open(benchmarks_dir / "Set14" / "bridge.png").convert("RGB").save(source / "bridge.png")
    bring(["Set14"], source, tmp_path / "out")
    assert read_image(tmp_path / "out" / "Set14" / "bridge.png").ndim == 2


def test_wrong_pixels_and_missing_images_are_named_and_the_rest_is_kept(set5, tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    for name in ("baby", "bird", "butterfly"):
        image = read_image(set5 / f"{name}.png")
        if name == "bird":
            image[0, 0, 0] ^= 1
        (source / f"{name}.png").write_bytes(encode_png(image))
    (source / "head.png").write_bytes(b"no image")
    with pytest.raises(ValueError, match="Set5 lacks 3 of 5 images") as error:
        bring(["Set5"], source, tmp_path / "out")
    said = str(error.value)
    assert "bird was refused (the pixels of" in said
    assert "head was refused" in said
    assert "cannot be read as an image" in said
    assert "not found: woman" in said
    assert "\n" not in said
    written = sorted(path.name for path in (tmp_path / "out" / "Set5").iterdir())
    assert written == ["baby.png", "butterfly.png"]


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
def test_archives_are_read_without_unpacking_them(set5, tmp_path, kind):
    archive = tmp_path / f"set.{kind}"
    members = {f"../../{path.name}": path.read_bytes() for path in set5.iterdir()}
    members["../../notes.txt"] = b"not an image"
    if kind == "zip":
        with zipfile.ZipFile(archive, "w") as packed:
            for name, content in members.items():
                packed.writestr(name, content)
    else:
        with tarfile.open(archive, "w:gz" if kind == "tar.gz" else "w") as tar:
            for name, content in members.items():
                info = tarfile.TarInfo(name)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
            link = tarfile.TarInfo("link.png")
            link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
            tar.addfile(link)
    out = tmp_path / "deep" / "er" / "out"
    assert bring(["Set5"], archive, out) == {"Set5": (5, 0)}
    assert is_whole(out, "Set5")
    files = sorted(path.name for path in tmp_path.rglob("*") if path.is_file())
    assert files == sorted([archive.name, *(path.name for path in set5.iterdir())])


@pytest.mark.parametrize("kind", ["zip", "tar.gz", "cut zip"])
def test_a_damaged_archive_is_one_clear_line(set5, tmp_path, kind):
    archive = tmp_path / "set.bin"
    if kind == "tar.gz":
        with tarfile.open(archive, "w:gz") as tar:
            tar.add(set5, "Set5")
    else:
        with zipfile.ZipFile(archive, "w") as packed:
            packed.write(set5 / "baby.png", "baby.png")
    content = bytearray(archive.read_bytes())
    if kind == "zip":
        content[1000] ^= 1
        archive.write_bytes(content)
    else:
        archive.write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match="is not a whole zip or tar archive"):
        bring(["Set5"], archive, tmp_path / "out")


def test_a_source_that_is_nothing_is_one_clear_line(tmp_path):
    with pytest.raises(ValueError, match=r"nowhere is no source of images; a folder, a zip"):
        bring(["Set5"], tmp_path / "nowhere", tmp_path / "out")
    with pytest.raises(ValueError, match="no image set 'Set9'"):
        bring(["Set9"], tmp_path, tmp_path / "out")
    with pytest.raises(ValueError, match=r"not found: 101085, 101087, 102061, .* and 95 more"):
        bring(["BSD100"], tmp_path, tmp_path / "out")


def test_samples_are_cut_from_the_middle():
    assert fetching.cut_sample("chelsea").shape == (300, 384, 3)
    assert fetching.cut_sample("camera").shape == (384, 384)


def test_an_image_that_is_turned_when_shown_is_known_by_what_is_seen(set5, tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    for number, path in enumerate(sorted(set5.iterdir())):
        image = Image.open(path)
        noted = image.getexif()
        noted[0x0112] = 6  # stored a quarter turn to the left
        image.transpose(Image.Transpose.ROTATE_90).save(source / f"{number}.PNG", exif=noted)
    assert bring(["Set5"], source, tmp_path / "out") == {"Set5": (5, 0)}


def write(path, image):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode_png(image))


@pytest.fixture(scope="module")
def cropped(benchmarks_dir, tmp_path_factory):
    """Set14 as it is mostly given away: named by another scheme, and cropped by four or by two."""
    folder = tmp_path_factory.mktemp("cropped")
    for number, entry in enumerate(manifest("Set14").images):
        image = load_verified(benchmarks_dir, "Set14", entry)
        by = 2 if number % 2 else 4
        image = image[: image.shape[0] // by * by, : image.shape[1] // by * by]
        Image.fromarray(image).save(folder / f"img_{number:03d}_SRF_4_HR.BMP")
        Image.fromarray(degrade(image)).save(folder / f"img_{number:03d}_SRF_4_LR.BMP")
    return folder


@pytest.fixture(scope="module")
def crops(cropped, tmp_path_factory):
    """What was fetched from that copy; to be left as it is."""
    folder = tmp_path_factory.mktemp("crops")
    assert bring(["Set14"], cropped, folder) == {"Set14": (14, 4)}
    return folder


def odd(set_name):
    return [entry for entry in manifest(set_name).images if entry.crop_sha256]


@pytest.mark.parametrize("set_name", ["Set14", "BSD100"])
def test_every_odd_image_is_known_by_its_crop_too(benchmarks_dir, set_name):
    entries = manifest(set_name).images
    assert odd(set_name) == [e for e in entries if e.width % 4 or e.height % 4]
    for entry in odd(set_name):
        whole = load_verified(benchmarks_dir, set_name, entry)
        assert entry.crop_sha256 == pixel_hash(crop_to_multiple(whole))


def test_a_cropped_copy_is_accepted_and_said_to_be_one(cropped, crops):
    assert is_whole(crops, "Set14")
    assert {read_image(path).shape[0] % 4 for path in (crops / "Set14").iterdir()} == {0}
    assert bring(["Set14"], None, crops) == {"Set14": (0, 4)}
    assert bring(["Set14"], cropped, crops) == {"Set14": (0, 4)}


def test_bsd100_comes_in_at_480_by_320(benchmarks_dir, tmp_path):
    some = manifest("BSD100").images[::20]
    for entry in some:
        image = read_image(image_path(benchmarks_dir, "BSD100", entry))
        write(tmp_path / "HR" / f"{entry.name}.png", crop_to_multiple(image))
    with pytest.raises(ValueError, match="BSD100 lacks 95 of 100 images: not found"):
        bring(["BSD100"], tmp_path / "HR", tmp_path / "out")
    for entry in some:
        assert max(load_verified(tmp_path / "out", "BSD100", entry).shape) == 480


def test_what_is_made_of_a_crop_is_what_is_made_of_the_whole_image(set5, tmp_path):
    whole = read_image(set5 / "butterfly.png")[:63, :50]
    crop = crop_to_multiple(whole)
    assert np.array_equal(degrade(crop), degrade(whole))
    entry = ImageEntry("a", 50, 63, 3, pixel_hash(whole), pixel_hash(crop))
    made = []
    for image in (whole, crop):
        folder = tmp_path / str(image.shape)
        write(folder / "Own" / "a.png", image)
        (folder / "Own" / OWN).write_text(as_json(Manifest("Own", "Own", (entry,))))
        of = {"sets": ["Own"], "methods": ["nearest", "bicubic", "hr"], "benchmarks_dir": folder}
        generate(outputs_dir=folder / "outputs", progress=False, device="cpu", **of)
        outputs = read_outputs(folder / "outputs", **of)
        made.append([(output.method, output.sha256, output.measures) for output in outputs])
    assert len(made[0]) == 3
    assert made[0] == made[1]


def test_the_whole_image_takes_the_place_of_its_crop_and_never_the_reverse(
    benchmarks_dir, cropped, crops, tmp_path
):
    (tmp_path / "both").mkdir()
    for path in cropped.iterdir():
        (tmp_path / "both" / path.name).symlink_to(path)
    for entry in odd("Set14"):
        whole = image_path(benchmarks_dir, "Set14", entry)
        (tmp_path / "both" / f"z{whole.name}").symlink_to(whole)  # it comes after its crop
    assert bring(["Set14"], tmp_path / "both", tmp_path / "at once") == {"Set14": (14, 0)}
    later = shutil.copytree(crops, tmp_path / "later")
    assert bring(["Set14"], tmp_path / "both", later) == {"Set14": (4, 0)}
    assert bring(["Set14"], cropped, later) == {"Set14": (0, 0)}
    for entry in odd("Set14"):
        height, width = read_image(image_path(later, "Set14", entry)).shape[:2]
        assert (width, height) == (entry.width, entry.height)


def test_a_crop_is_not_missing_so_that_nothing_is_downloaded_for_it(crops, tmp_path):
    folder = shutil.copytree(crops, tmp_path / "out")
    nobody = "http://127.0.0.1:1/set.zip"
    assert bring(["Set14"], nobody, folder) == {"Set14": (0, 4)}
    (folder / "Set14" / "lenna.png").unlink()
    with pytest.raises(ValueError, match="cannot be reached"):
        bring(["Set14"], nobody, folder)


def test_a_crop_with_a_wrong_pixel_is_refused(crops, tmp_path):
    image = read_image(crops / "Set14" / "zebra.png")
    image[0, 0, 0] ^= 1
    write(tmp_path / "source" / "zebra_HR.png", image)
    with pytest.raises(ValueError, match=r"zebra was refused \(the pixels of .*zebra_HR\.png are"):
        bring(["Set14"], tmp_path / "source", tmp_path / "out")


def test_an_affix_hides_no_image_and_no_reason(set5, tmp_path):
    source = tmp_path / "source"
    images = {path.stem: read_image(path) for path in set5.iterdir()}
    write(source / "my-woman_HR.PNG", images["woman"])
    wrong = images["bird"].copy()
    wrong[0, 0, 0] ^= 1
    write(source / "1" / "bird_RCAN_x4.png", wrong[::-1])
    write(source / "2" / "bird.png", wrong)
    write(source / "3" / "birdx4.png", degrade(images["bird"]))
    write(source / "baby_HR.png", images["baby"])
    write(source / "babyx4.png", degrade(images["baby"]))
    write(source / "headx4.png", degrade(images["head"]))
    (source / "butterfly_GT.png").write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"^Set5 lacks 3 of 5 images: ") as error:
        bring(["Set5"], source, tmp_path / "out")
    said = str(error.value)
    # The file that looks most like the one that was meant is named.
    assert f"bird was refused (the pixels of {source}/2/bird.png are not those" in said
    assert f"head was refused ({source}/headx4.png has 70x70 px, not 280x280)" in said
    assert f"butterfly was refused ({source}/butterfly_GT.png cannot be read as an image" in said
    assert "baby" not in said


def test_a_name_within_another_word_is_no_name(set5, tmp_path):
    for name in ("warhead", "headless", "the_womanly"):
        write(tmp_path / "source" / f"{name}.png", read_image(set5 / "baby.png")[:280, :280])
    with pytest.raises(ValueError, match="not found: baby, bird, butterfly, head, woman"):
        bring(["Set5"], tmp_path / "source", tmp_path / "out")


def test_a_set_with_one_fault_is_not_told_of_a_hundred_times(benchmarks_dir, tmp_path):
    for entry in manifest("BSD100").images:
        write(tmp_path / "LR" / f"{entry.name}x4.png", np.zeros((80, 120, 3), np.uint8))
    with pytest.raises(ValueError, match=r"101085x4\.png has 120x80 px, not 321x481") as error:
        bring(["BSD100"], tmp_path / "LR", tmp_path / "out")
    assert str(error.value).endswith("; 95 more were refused")


def test_the_sets_of_a_hub_are_read_in_the_archive_that_somebody_made_of_them(
    set5, crops, tmp_path
):
    inner = io.BytesIO()
    with tarfile.open(fileobj=inner, mode="w:gz") as tar:
        tar.add(set5, "Set5_HR")
    with zipfile.ZipFile(tmp_path / "sets.zip", "w") as packed:
        packed.writestr("Set5_LR_x4.tar.gz", b"broken off")
        packed.writestr("data/Set5_HR.tar.gz", inner.getvalue())
    assert bring(["Set5"], tmp_path / "sets.zip", tmp_path / "out") == {"Set5": (5, 0)}
    with pytest.raises(ValueError, match=r"^sets\.zip/Set5_LR_x4\.tar\.gz is not a whole"):
        bring(["Set14"], tmp_path / "sets.zip", tmp_path / "out")
    # What lacks nothing is not disturbed by it.
    assert bring(["Set14"], tmp_path / "sets.zip", crops) == {"Set14": (0, 4)}


@pytest.mark.parametrize("name", ["DIV2K_valid", "DIV2K"])
def test_a_set_without_a_manifest_is_told_where_it_comes_from(name, tmp_path):
    with pytest.raises(ValueError, match=r"DIV2K_valid is DIV2K's validation set .* get https://"):
        bring([name], None, tmp_path)


def test_a_set_of_ones_own_gets_back_what_it_lost(samples, tmp_path):
    own = shutil.copytree(samples / "Samples", tmp_path / "sets" / "Own")
    (own / OWN).write_text(as_json(replace(manifest("Samples"), name="Own")))
    assert bring(["Own"], None, own.parent) == {"Own": (0, 0)}
    (own / "coffee.png").unlink()
    with pytest.raises(ValueError, match="Own lacks 1 of 5 images: not found: coffee"):
        bring(["Own"], None, own.parent)
    assert bring(["Own"], samples, own.parent) == {"Own": (1, 0)}


def test_an_image_too_large_for_one_of_the_set_is_refused_by_name(tmp_path):
    with zipfile.ZipFile(tmp_path / "set.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("Set5/baby.bmp", bytes((64 << 20) + 1))
    with pytest.raises(ValueError, match=r"baby was refused \(set\.zip/Set5/baby\.bmp is larger"):
        bring(["Set5"], tmp_path / "set.zip", tmp_path / "out")


def test_a_source_that_holds_everything_is_not_looked_through_to_the_end(tmp_path, monkeypatch):
    monkeypatch.setattr(fetching, "MOST_LOOKED_AT", 20)
    for number in range(21):
        (tmp_path / f"{number}.txt").touch()
    with pytest.raises(ValueError, match=r"holds more than 20 files and folders; name a folder"):
        bring(["Set5"], tmp_path, tmp_path / "out")
