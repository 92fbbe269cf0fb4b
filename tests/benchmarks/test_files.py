"""Images from outside are read as people see them, and refused before they take memory."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import textwrap
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks import files
from benchmarks.files import encode_png, image_size, images_below, read_image, write_whole
from tests.benchmarks.memory import grown

ORIENTATION = 0x0112
UPRIGHT = {
    1: lambda stored: stored,
    2: np.fliplr,
    3: lambda stored: stored[::-1, ::-1],
    4: np.flipud,
    5: lambda stored: stored.swapaxes(0, 1),
    6: lambda stored: np.rot90(stored, -1),
    7: lambda stored: stored[::-1, ::-1].swapaxes(0, 1),
    8: np.rot90,
}
"""What a file's tag asks to be done with its pixels, by the tag (TIFF 6.0, Exif 2.32)."""


def blank_png(width: int, height: int) -> bytes:
    """A black grey PNG of that size, a thousandth of its pixels long."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = zlib.crc32(kind + content)
        return len(content).to_bytes(4, "big") + kind + content + check.to_bytes(4, "big")

    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes((8, 0, 0, 0, 0))
    pixels = zlib.compress(bytes((width + 1) * height), 9)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", pixels), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
@pytest.mark.parametrize("tag", UPRIGHT)
def test_a_photograph_is_turned_as_its_camera_noted(kind, tag, tmp_path):
    stored = np.random.default_rng(0).integers(0, 256, (6, 9, 3), dtype=np.uint8)
    image = Image.fromarray(stored)
    noted = image.getexif()
    noted[ORIENTATION] = tag
    image.save(tmp_path / "photo", kind, exif=noted)
    read = read_image(tmp_path / "photo")
    assert np.array_equal(read, UPRIGHT[tag](stored))
    assert image_size(tmp_path / "photo") in {(9, 6), (6, 9)}


def test_a_jpeg_is_turned_too(tmp_path):
    image = Image.new("L", (40, 16), 255)
    image.paste(0, (0, 0, 8, 16))
    noted = image.getexif()
    noted[ORIENTATION] = 6
    image.save(tmp_path / "a.jpg", exif=noted)
    read = read_image(tmp_path / "a.jpg")
    assert read.shape == (40, 16)
    assert read[:8].max() < 20
    assert read[8:].min() > 235


def test_too_many_pixels_take_no_memory(tmp_path):
    (tmp_path / "a.png").write_bytes(blank_png(13_000, 13_000))
    said, mebibytes = grown(
        "from pathlib import Path\n"
        "from benchmarks.files import image_size, read_image\n"
        "assert image_size(Path(argument)) is None\n"
        "read_image(Path(argument))",
        tmp_path / "a.png",
    )
    assert "a.png cannot be read as an image: it has more than 40 million pixels" in said
    assert mebibytes < 50


def test_the_largest_frame_of_a_public_test_set_is_read(tmp_path):
    (tmp_path / "8k.png").write_bytes(blank_png(7680, 4320))
    assert image_size(tmp_path / "8k.png") == (7680, 4320)
    assert read_image(tmp_path / "8k.png").shape == (4320, 7680)


def test_a_file_longer_than_any_image_is_not_read(tmp_path):
    with (tmp_path / "a.png").open("wb") as file:
        file.write(blank_png(8, 8))
        file.truncate(files.MOST_BYTES + 1)
    with pytest.raises(ValueError, match=r"a\.png cannot .*: it is longer than 153 MiB"):
        read_image(tmp_path / "a.png")


def test_a_file_of_another_kind_is_not_tried_under_the_name_of_an_image(tmp_path):
    """Pillow runs Ghostscript for an EPS, whatever its name."""
    Image.new("RGB", (8, 8)).save(tmp_path / "a.eps")
    Image.new("RGB", (8, 8)).save(tmp_path / "b.gif")
    for name in ("a.eps", "b.gif"):
        path = (tmp_path / name).rename(tmp_path / f"{name}.png")
        assert image_size(path) is None
        with pytest.raises(ValueError, match="it is no whole PNG, BMP, TIFF, JPEG, PPM file"):
            read_image(path)


def test_a_refusal_says_no_more_of_the_place_than_its_label(tmp_path):
    (tmp_path / "broken.png").write_bytes(b"no image")
    (tmp_path / "cut.png").write_bytes(blank_png(400, 400)[:60])
    (tmp_path / "folder.png").mkdir()
    for name in ("broken.png", "cut.png", "folder.png", "missing.png"):
        with pytest.raises(ValueError, match=f"^{name} ") as error:
            read_image(tmp_path / name, label=name)
        assert str(tmp_path) not in str(error.value)
        assert "\n" not in str(error.value)


@pytest.fixture
def tree(tmp_path) -> Path:
    for name in (
        *("a/1.PNG", "a/b/2.Jpg", "a.png", "b.ppm", "c.d/3.tiff"),
        *("._a.png", "a/._1.PNG", "__MACOSX/a/1.png", ".trash/1.png", "a/notes.txt", "png"),
    ):
        path = tmp_path / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "tree/a/again").symlink_to(tmp_path / "tree")
    (tmp_path / "tree/gone.png").symlink_to(tmp_path / "nowhere.png")
    os.mkfifo(tmp_path / "tree/pipe.png")
    return tmp_path / "tree"


def test_what_systems_put_beside_images_is_passed_over_and_order_is_by_path(tree):
    found = list(images_below(tree, most=100))
    names = [path.relative_to(tree).as_posix() for path in found]
    assert names == ["a/1.PNG", "a/b/2.Jpg", "a.png", "b.ppm", "c.d/3.tiff"]
    assert found == sorted(found)


def test_a_folder_that_holds_too_much_is_left_with_a_sentence(tree):
    with pytest.raises(ValueError, match=r"^here holds more than 9 files and folders; name"):
        list(images_below(tree, most=9, label="here"))
    with pytest.raises(ValueError, match=r"^there cannot be looked into: No such file"):
        list(images_below(tree / "nowhere", most=9, label="there"))


def test_a_full_disk_is_told_with_the_file_and_leaves_no_part(tmp_path):
    code = """
        import resource, sys
        from pathlib import Path
        from benchmarks.files import write_whole
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        try:
            write_whole(Path(sys.argv[1]), bytes(2000))
        except OSError as error:
            print(error)
    """
    path = tmp_path / "out" / "a.png"
    said = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), path],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert str(path) in said
    assert not list(path.parent.iterdir())
    write_whole(path, bytes(2000))
    assert path.stat().st_size == 2000


def test_an_image_in_memory_is_read_as_often_as_needed():
    source = io.BytesIO(encode_png(np.zeros((4, 5), np.uint8)))
    assert image_size(source) == (5, 4)
    assert read_image(source, label="it").shape == (4, 5)
