"""What people bring is looked through whole, within limits, and is put where we say."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import shutil
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

import numpy as np
import pytest

from benchmarks import archives, material
from benchmarks.files import encode_png, folder_aside, read_image, remove_folder, sweep
from benchmarks.material import matcher, opened, refuse
from tests.benchmarks.bring_sets import NAMES

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    ".tar": bytes,
    ".gz": gzip.compress,
    ".tgz": gzip.compress,
    ".xz": lzma.compress,
    ".bz2": bz2.compress,
}
IMAGE = encode_png(np.arange(48, dtype=np.uint8).reshape(6, 8))


def places(source: Path, **options) -> list[str]:
    with opened(source, **options) as found:
        assert all(read_image(file.path).shape == (6, 8) for file in found)
        return [str(file.place) for file in found]


@pytest.fixture
def shots(tmp_path) -> Path:
    for name in ("HR/b.PNG", "HR/a.png", "a.png", "HR/._a.png", "__MACOSX/HR/a.png", "notes.txt"):
        path = tmp_path / "shots" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(IMAGE)
    return tmp_path / "shots"


def packed(path: Path, *names: str) -> Path:
    """An archive of small images under ``names``, of the kind that ``path`` says."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name in names:
                archive.writestr(name, IMAGE)
        return path
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = len(IMAGE)
            tar.addfile(info, io.BytesIO(IMAGE))
    path.write_bytes(PACKERS[path.suffix](content.getvalue()))
    return path


@pytest.mark.parametrize("kind", [".zip", ".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2"])
def test_a_folder_and_every_kind_of_archive_of_it_hold_the_same(shots, tmp_path, kind):
    names = [path.relative_to(shots).as_posix() for path in shots.rglob("*.*") if path.is_file()]
    archive = packed(tmp_path / f"shots{kind}", *names)
    assert places(shots) == ["HR/a.png", "HR/b.PNG", "a.png"]
    assert places(archive, room=tmp_path) == ["HR/a.png", "HR/b.PNG", "a.png"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["shots", f"shots{kind}"]


def test_what_was_unpacked_is_gone_whatever_happens(tmp_path):
    archive = packed(tmp_path / "a.zip", "a.png")
    with suppress(KeyboardInterrupt), opened(archive, room=tmp_path) as found:
        assert found[0].path.is_relative_to(tmp_path)
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == [archive]


@pytest.mark.parametrize("name", ["../../out.png", "/out.png", "C:/out.png", "a/../../out.png"])
@pytest.mark.parametrize("kind", [".zip", ".tar"])
def test_a_place_outside_is_named_and_nothing_is_written_there(tmp_path, kind, name):
    archive = packed(tmp_path / f"a{kind}", "in.png", name)
    with pytest.raises(ValueError, match=f"a{kind} was not taken: {name} would lie outside"):
        places(archive, room=tmp_path)
    problems: list[str] = []
    assert places(archive, room=tmp_path, problems=problems) == ["in.png"]
    assert len(problems) == 1
    assert list(tmp_path.rglob("*")) == [archive]


@pytest.mark.parametrize(
    ("name", "said"), [(r"HR\a.png", "has a backslash"), (r"..\a.png", "would lie outside")]
)
def test_places_of_windows_are_named(tmp_path, name, said):
    with pytest.raises(ValueError, match=said):
        places(packed(tmp_path / "a.tar", "in.png", name), room=tmp_path)


def test_links_that_lead_out_and_to_nothing_are_named(shots, tmp_path):
    (tmp_path / "secret.png").write_bytes(IMAGE)
    (shots / "out.png").symlink_to(tmp_path / "secret.png")
    (shots / "gone.png").symlink_to("nowhere.png")
    (shots / "in.png").symlink_to("a.png")
    (shots / "loop").symlink_to(shots)
    with pytest.raises(ValueError, match="2 problems") as error:
        places(shots)
    assert "  gone.png is no file\n" in str(error.value)
    assert "  out.png is a link that leads out of the folder" in str(error.value)
    problems: list[str] = []
    assert places(shots, problems=problems) == ["HR/a.png", "HR/b.PNG", "a.png", "in.png"]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE])
def test_a_link_in_a_tar_is_named_and_no_image_is_missed_in_silence(shots, tmp_path, kind):
    with tarfile.open(tmp_path / "shots.tar", "w") as tar:
        tar.add(shots, "shots")
        link = tarfile.TarInfo("shots/again.png")
        link.type, link.linkname = kind, "shots/a.png"
        tar.addfile(link)
    with (
        pytest.raises(
            ValueError, match=r"shots/again\.png is a link in its archive; pack the file"
        ),
        opened(tmp_path / "shots.tar"),
    ):
        pass


def test_a_folder_that_is_named_by_a_link_is_looked_into(shots, tmp_path):
    (tmp_path / "mine").symlink_to(shots)
    (shots / "in.png").symlink_to(shots / "a.png")
    assert len(places(tmp_path / "mine")) == 4


@contextmanager
def unprivileged() -> Iterator[None]:
    """Without the right to look everywhere, whoever runs this."""
    was = os.geteuid()
    os.seteuid(was or 65534)
    try:
        yield
    finally:
        os.seteuid(was)


def test_a_folder_below_that_may_not_be_looked_into_is_named():
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        (Path(name) / "a.png").write_bytes(IMAGE)
        (Path(name) / "HR").mkdir()
        (Path(name) / "HR").chmod(0)
        with (
            unprivileged(),
            pytest.raises(ValueError, match="HR cannot be looked into: Permission denied"),
        ):
            places(Path(name))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nowhere", "nowhere is not there; name a folder of images, or a zip or tar archive"),
        ("a.png", "a.png is one image; name a folder of images"),
        ("notes.txt", "notes.txt is not a whole zip or tar archive"),
        ("empty", "empty holds no images; PNG, BMP, TIFF, JPEG, PPM files are read"),
    ],
)
def test_what_is_no_source_of_images_is_one_sentence(tmp_path, name, said):
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("no archive")
    (tmp_path / "a.png").write_bytes(IMAGE)
    with pytest.raises(ValueError, match=said) as error:
        places(tmp_path / name, room=tmp_path)
    assert "\n" not in str(error.value)
    assert len(list(tmp_path.iterdir())) == 3


def test_too_much_is_left_with_a_sentence(shots, tmp_path, monkeypatch):
    archive = packed(tmp_path / "a.zip", *(f"{number}.png" for number in range(5)))
    monkeypatch.setattr(material, "MOST_LOOKED_AT", 4)
    with pytest.raises(ValueError, match=r"shots holds more than 4 files and folders"):
        places(shots)
    with pytest.raises(ValueError, match=r"a\.zip holds more than 4 images"):
        places(archive, room=tmp_path)


def test_an_image_too_long_for_an_archive_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "LARGEST", len(IMAGE) - 1)
    with pytest.raises(ValueError, match=r"HR/a\.png is longer than 0 MiB, the most for an image"):
        places(packed(tmp_path / "a.zip", "HR/a.png"), room=tmp_path)


def test_problems_are_told_all_at_once():
    with pytest.raises(ValueError, match=r"^x was not taken: 2 problems\n  one\n  two$"):
        refuse("x", ["one", "two"])
    refuse("x", [])


@pytest.mark.parametrize(
    ("pattern", "place", "name"),
    [
        ("{}", "Set5/HR/baby.png", "baby"),
        ("{}_x4", "baby_x4.PNG", "baby"),
        ("HR/{}", "benchmark/Set5/HR/baby.png", "baby"),
        ("HR/{}", "SHR/baby.png", None),
        ("HR/{}", "HR/more/baby.png", None),
        ("Set5/HR/{}", "Set14/HR/baby.png", None),
        ("{}/hr", "kitchen/hr.png", "kitchen"),
        ("{}_HR", "_HR.png", None),
        ("a.b{}", "axb1.png", None),
        ("cafe\u0301{}", "caf\u00e91.png", "1"),
    ],
)
def test_a_pattern_is_the_end_of_a_place_without_suffix(pattern, place, name):
    assert matcher(pattern)(PurePosixPath(place)) == name


@pytest.mark.parametrize(
    ("pattern", "said"),
    [("HR", "has 0 places"), ("{}_{}", "has 2 places")],
)
def test_what_is_no_pattern_is_one_sentence(pattern, said):
    with pytest.raises(ValueError, match=said):
        matcher(pattern)


def test_only_folders_that_no_process_holds_are_swept(tmp_path):
    with folder_aside(tmp_path / "held") as held:
        (held / "a.png").write_bytes(IMAGE)
        left = tmp_path / ".left.12345.part"
        (left / "deep").mkdir(parents=True)
        (left / "deep" / "a.png").write_bytes(IMAGE)
        sweep(tmp_path)
        assert list(tmp_path.rglob("*.png")) == [held / "a.png"]
        assert not left.exists()
    assert not list(tmp_path.iterdir())


def test_a_folder_is_removed_with_all_that_is_in_it(shots, tmp_path):
    remove_folder(shots)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("pattern", "place", "name"),
    [
        ("{}_HR", "set/baby_hr.PNG", "baby"),
        ("{}_HR.png", "set/baby_HR.PNG", "baby"),
        ("{}_HR.png", "set/baby_HR.bmp", None),
        ("hr/{}", "Set5/HR/baby.png", "baby"),
    ],
)
def test_a_pattern_asks_for_a_suffix_only_where_it_has_one_and_never_for_case(pattern, place, name):
    assert matcher(pattern)(PurePosixPath(place)) == name


@pytest.mark.parametrize("packed", [False, True])
def test_images_of_formats_that_are_not_read_are_told_and_not_missed(source, tmp_path, packed):
    (source / "evening.WEBP").write_bytes(b"RIFF")
    brought = source
    if packed:
        brought = Path(shutil.make_archive(str(tmp_path / "all"), "zip", source))
    problems: list[str] = []
    with opened(brought, problems=problems) as found:
        assert len(found) == len(NAMES)
    assert problems == ["evening.WEBP is in a format that is not read; convert it to PNG"]
    with opened(brought, others=False) as found:  # who chooses files by a pattern means others
        assert len(found) == len(NAMES)
