"""Any copy of a set is accepted when its pixels are right, and refused by name when not."""

from __future__ import annotations

import io
import tarfile
import zipfile

import pytest
from PIL import Image

from benchmarks import fetch as fetching
from benchmarks.datasets import load_verified, manifest
from benchmarks.fetch import fetch
from benchmarks.files import encode_png, read_image

NAMES = ("bird", "butterfly")


@pytest.fixture
def set5(benchmarks_dir):
    return benchmarks_dir / "Set5"


def bring(names, source, destination):
    return fetch(names, source=str(source), destination=destination, progress=False)


def is_whole(folder, name):
    return all(load_verified(folder, name, entry) is not None for entry in manifest(name).images)


def test_samples_need_neither_network_nor_source(tmp_path):
    assert fetch(["Samples"], source=None, destination=tmp_path, progress=False) == {"Samples": 5}
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
    assert fetch(["Samples"], source=None, destination=tmp_path, progress=False) == {"Samples": 1}
    assert (file.stat().st_mtime_ns, file.stat().st_ino) == before
    assert is_whole(tmp_path, "Samples")


def test_names_formats_and_folders_do_not_matter(set5, tmp_path):
    source = tmp_path / "pack" / "Set5" / "original"
    source.mkdir(parents=True)
    for number, path in enumerate(sorted(set5.iterdir())):
        image = Image.open(path)
        image.save(source / (f"IMG_{number}.BMP" if number % 2 else f"{path.stem.upper()}.tiff"))
        image.resize((image.width // 4, image.height // 4)).save(tmp_path / "pack" / path.name)
        (source / f"._{path.name}").write_bytes(b"the other half of a file of macOS")
    assert bring(["Set5"], tmp_path / "pack", tmp_path / "out") == {"Set5": 5}
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
    assert bring(["Set5"], archive, out) == {"Set5": 5}
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
    assert bring(["Set5"], source, tmp_path / "out") == {"Set5": 5}


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
