"""An archive is believed in nothing that it says of itself: reading it ends at a limit."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import tempfile
import zipfile

import numpy as np
import pytest

from benchmarks import archives
from benchmarks.files import encode_png
from tests.benchmarks.memory import grown
from tests.benchmarks.test_files import blank_png

LOOK = "from pathlib import Path\nfor _ in benchmarks.fetch._files(Path(argument)): pass"
SMALL = encode_png(np.arange(48, dtype=np.uint8).reshape(6, 8))
UNPACKERS = {"gz": gzip, "bz2": bz2, "xz": lzma}


def places(archive) -> list[str]:
    return [place for place, _ in archives.images(archive)]


def tarred(*members: tuple[str, bytes], layout=tarfile.GNU_FORMAT, **headers) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=layout) as tar:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size, info.pax_headers = len(content), headers
            tar.addfile(info, io.BytesIO(content))
    return packed.getvalue()


def zipped(path, **members: bytes) -> bytes:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members.items():
            packed.writestr(f"{name}.png", content)
    return path.read_bytes()


@pytest.mark.parametrize("kind", ["tar", *UNPACKERS])
def test_tars_of_every_kind_are_read(kind, tmp_path):
    members = [(f"{'deep/' * 30}{number}.png", SMALL * number) for number in range(1, 9)]
    content = tarred(*members, ("notes.txt", bytes(100_000)), ("last.PNG", SMALL))
    if kind in UNPACKERS:
        half = len(content) // 2  # in two streams, as packers that use several cores write them
        pack = UNPACKERS[kind].compress
        content = pack(content[:half]) + pack(content[half:])
    (tmp_path / "set").write_bytes(content)
    found = {place: file.read() for place, file in archives.images(tmp_path / "set")}
    assert found == {f"set/{name}": part for name, part in [*members, ("last.PNG", SMALL)]}


def test_what_macos_packs_beside_images_is_passed_over(tmp_path):
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as packed:
        for name in ("HR/a.PNG", "HR/._a.PNG", "__MACOSX/HR/a.PNG", ".cache/a.png", "../b.png"):
            packed.writestr(name, SMALL)
    assert places(tmp_path / "set.zip") == ["set.zip/HR/a.PNG", "set.zip/../b.png"]


def test_a_zip_that_lies_about_a_size_takes_no_memory(tmp_path):
    path = tmp_path / "set.zip"
    content = zipped(path, a=bytes(500 << 20))
    real = struct.pack("<L", 500 << 20)
    path.write_bytes(content.replace(real, struct.pack("<L", 1000)))
    said, mebibytes = grown(LOOK, path)
    assert "set.zip is not a whole zip or tar archive" in said
    assert mebibytes < 50


def test_a_zip_packed_so_that_it_cannot_be_read_in_pieces_is_refused(tmp_path):
    path = tmp_path / "set.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_BZIP2) as packed:
        packed.writestr("a.png", bytes(500 << 20))
    content = path.read_bytes()
    path.write_bytes(content.replace(struct.pack("<L", 500 << 20), struct.pack("<L", 1000)))
    said, mebibytes = grown(LOOK, path)
    assert "set.zip holds a.png compressed by another method than Deflate; unpack" in said
    assert mebibytes < 50


def test_a_zip_with_an_endless_list_of_files_takes_no_memory(tmp_path):
    path, count = tmp_path / "set.zip", 2_000_000
    entry = b"PK\1\2" + bytes(42)
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, len(entry) * count, 0, 0)
    path.write_bytes(entry * count + end)
    said, mebibytes = grown(LOOK, path)
    assert "set.zip has a list of files of more than 16 MiB; unpack" in said
    assert mebibytes < 50


def test_a_small_zip_with_a_huge_image_takes_no_memory(tmp_path):
    path = tmp_path / "set.zip"
    assert len(zipped(path, baby=blank_png(13_000, 13_000))) < 2000
    said, mebibytes = grown(
        "from pathlib import Path\n"
        "out = Path(argument).parent / 'out'\n"
        "benchmarks.fetch.fetch(['Set5'], source=argument, destination=out, progress=False)",
        path,
    )
    assert "baby was refused (set.zip/baby.png cannot be read as an image: it has more" in said
    assert mebibytes < 50


@pytest.mark.parametrize("layout", ["attributes", "long name", "sparse"])
def test_a_tar_whose_headers_never_end_takes_no_memory(layout, tmp_path):
    if layout == "attributes":
        comment = {"comment": "x" * (200 << 20)}
        content = tarred(("a.png", SMALL), layout=tarfile.PAX_FORMAT, **comment)
    elif layout == "long name":
        content = tarred(("x" * (200 << 20) + ".png", SMALL))
    else:
        info = tarfile.TarInfo("a.png")
        info.type = tarfile.GNUTYPE_SPARSE
        header = bytearray(info.tobuf(tarfile.GNU_FORMAT))
        header[386:410] = b"00000000001\0" * 2  # where the first piece lies, how long it is
        header[482] = 1  # a further header with pieces follows
        header[148:156] = b"%06o\0 " % (sum(header) - sum(header[148:156]) + 8 * 32)
        further = bytearray(b"00000000001\0" * 42 + bytes(8))
        further[504] = 1
        content = bytes(header) + bytes(further) * 60_000
    (tmp_path / "set.tgz").write_bytes(gzip.compress(content, 1))
    said, mebibytes = grown(LOOK, tmp_path / "set.tgz")
    assert "set.tgz has a header of more than 1 MiB; unpack" in said
    assert mebibytes < 50


def test_an_xz_that_asks_for_a_huge_memory_is_refused(tmp_path):
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 1, "dict_size": 1 << 30}]
    content = lzma.compress(tarred(("a.png", SMALL)), filters=filters)
    (tmp_path / "set.xz").write_bytes(content)
    said, mebibytes = grown(LOOK, tmp_path / "set.xz")
    assert "set.xz takes more than 128 MiB of memory; unpack" in said
    assert mebibytes < 50


@pytest.mark.parametrize("kind", UNPACKERS)
def test_gigabytes_between_the_images_of_a_tar_are_not_read_through(kind, tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MOST_UNPACKED", 1 << 20)
    content = tarred(("a.png", SMALL), ("notes.txt", bytes(2 << 20)), ("b.png", SMALL))
    (tmp_path / "set").write_bytes(UNPACKERS[kind].compress(content))
    found = archives.images(tmp_path / "set")
    assert next(found)[0] == "set/a.png"
    with pytest.raises(ValueError, match="set unpacks to more than 1 MiB; unpack what is needed"):
        next(found)


def test_a_zip_whose_images_add_up_to_too_much_is_left_there(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MOST_UNPACKED", 1 << 20)
    zipped(tmp_path / "set.zip", **{str(number): bytes(300_000) for number in range(5)})
    found = archives.images(tmp_path / "set.zip")
    assert [next(found)[0] for _ in range(3)] == ["set.zip/0.png", "set.zip/1.png", "set.zip/2.png"]
    with pytest.raises(ValueError, match=r"set\.zip unpacks to more than 1 MiB"):
        next(found)


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_files_without_end_are_not_counted_to_the_end(kind, tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MOST_FILES", 5)
    path = tmp_path / "set"
    if kind == "zip":
        zipped(path, **{str(number): b"" for number in range(6)})
    else:
        path.write_bytes(tarred(*((f"{number}.txt", b"") for number in range(6))))
    with pytest.raises(ValueError, match="set holds more than 5 files; unpack"):
        places(path)


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_a_file_that_is_too_large_is_not_unpacked_and_the_next_one_is(kind, tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "LARGEST", 1000)
    path = tmp_path / "set"
    if kind == "zip":
        zipped(path, a=bytes(1001), b=SMALL)
    else:
        path.write_bytes(tarred(("a.png", bytes(1001)), ("b.png", SMALL)))
    (a, nothing), (b, content) = archives.images(path)
    assert (a, nothing, b) == ("set/a.png", None, "set/b.png")
    assert content.read() == SMALL


def test_a_tar_that_leads_back_into_itself_ends(tmp_path):
    """A length below zero sets the reader of the standard library back, for ever."""
    content = bytearray(tarred(("a.png", SMALL), ("b.txt", b""), ("c.txt", b"")))
    place = content.index(b"b.txt")
    content[place + 124 : place + 136] = b"\xff" + (2**88 - 1024).to_bytes(11, "big")
    checked = sum(content[place : place + 512]) - sum(content[place + 148 : place + 156]) + 8 * 32
    content[place + 148 : place + 156] = b"%06o\0 " % checked
    (tmp_path / "set.tar").write_bytes(content)
    with pytest.raises(ValueError, match="is not a whole zip or tar archive"):
        places(tmp_path / "set.tar")


@pytest.mark.parametrize("kind", UNPACKERS)
def test_a_packed_tar_that_is_damaged_is_one_clear_line(kind, tmp_path):
    noise = np.random.default_rng(0).bytes(100_000)
    content = UNPACKERS[kind].compress(tarred(("a.png", noise), ("b.png", noise)))
    damaged = content[:30] + b"\xff" * 64 + content[94:]
    for broken in (content[:50_000], damaged):
        (tmp_path / "set").write_bytes(broken)
        with pytest.raises(ValueError, match="is not a whole zip or tar archive"):
            places(tmp_path / "set")


def packed_in(content: bytes, kind: str, name: str) -> bytes:
    """An archive that holds one file."""
    if kind == "zip":
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr(name, content)
        return packed.getvalue()
    return gzip.compress(tarred((name, content))) if kind == "tar.gz" else tarred((name, content))


def left_in(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """Where temporary files lie during the test."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.mark.parametrize("innermost", ["zip", "tar", "tar.gz"])
@pytest.mark.parametrize("inner", ["zip", "tar", "tar.gz"])
@pytest.mark.parametrize("outer", ["zip", "tar", "tar.gz"])
def test_an_archive_in_an_archive_is_looked_through(outer, inner, innermost, tmp_path, temporary):
    content = packed_in(SMALL, innermost, "SET_HR/baby.png")
    content = packed_in(content, inner, f"b.{innermost.upper()}")
    (tmp_path / "a").write_bytes(packed_in(content, outer, f"data/inner.{inner}"))
    found = [(place, file.read()) for place, file in archives.images(tmp_path / "a")]
    way = f"a/data/inner.{inner}/b.{innermost.upper()}/SET_HR/baby.png"
    assert found == [(way, SMALL)]
    assert left_in(temporary) == []


def test_archives_that_cannot_be_read_are_named_after_what_the_others_hold(tmp_path):
    fourth = packed_in(packed_in(SMALL, "zip", "d.png"), "tar", "d.zip")
    damaged = bytearray(packed_in(SMALL, "zip", "e.png"))
    damaged[45] ^= 1
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr("deep.tgz", packed_in(packed_in(fourth, "tar", "c.tar"), "tar.gz", "b.tar"))
        packed.writestr("damaged.zip", bytes(damaged))
        packed.writestr("cut.tar.gz", gzip.compress(SMALL)[:-9])
        packed.writestr("other.rar", b"Rar!")
        packed.writestr("__MACOSX/._cut.tar.gz", b"aside")
        packed.writestr("last.png", SMALL)
    found = archives.images(tmp_path / "a.zip")
    assert next(found)[0] == "a.zip/last.png"
    with pytest.raises(ValueError, match=r"a\.zip/") as error:
        next(found)
    said = str(error.value).split("; ")
    assert said[0] == "a.zip/deep.tgz/b.tar/c.tar lies in 3 archives"
    assert said[2].startswith("a.zip/damaged.zip is not a whole zip or tar archive: Bad CRC-32")
    assert said[3].startswith("a.zip/cut.tar.gz is not a whole zip or tar archive: ")
    assert said[4] == "a.zip/other.rar is an archive of a kind that is not read"
    assert "__MACOSX" not in str(error.value)


def test_what_is_unpacked_is_counted_over_all_levels(tmp_path, temporary, monkeypatch):
    monkeypatch.setattr(archives, "MOST_UNPACKED", 1 << 20)
    inner = zipped(tmp_path / "inner.zip", baby=bytes(300_000))
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        for number in range(5):
            packed.writestr(f"{number}.zip", inner)
    found = archives.images(tmp_path / "a.zip")
    assert [next(found)[0] for _ in range(3)] == [f"a.zip/{n}.zip/baby.png" for n in range(3)]
    with pytest.raises(ValueError, match=r"a\.zip unpacks to more than 1 MiB; unpack what is"):
        next(found)
    assert left_in(temporary) == []


@pytest.mark.parametrize("outer", ["zip", "tar.gz"])
def test_a_huge_archive_in_a_small_one_takes_neither_memory_nor_room(outer, tmp_path):
    path = tmp_path / "set"
    if outer == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
            packed.writestr("inner.tar", bytes(150 << 20))
    else:
        path.write_bytes(gzip.compress(tarred(("inner.tar", bytes(150 << 20))), 1))
    said, mebibytes = grown(
        "from pathlib import Path\n"
        "benchmarks.archives.MOST_UNPACKED = 80 << 20\n"
        "for _ in benchmarks.archives.images(Path(argument)): pass",
        path,
    )
    assert "set unpacks to more than 80 MiB; unpack" in said
    assert mebibytes < 50


def test_archives_that_hold_many_archives_each_end_at_the_number_of_files(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MOST_FILES", 50)
    content = SMALL
    for name in ("a.png", "b.zip", "c.zip"):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for number in range(10):
                archive.writestr(f"{number}{name}", content)
        content = packed.getvalue()
    (tmp_path / "bomb.zip").write_bytes(content)
    found = []
    with pytest.raises(ValueError, match=r"bomb\.zip holds more than 50 files; unpack what is"):
        found.extend(place for place, _ in archives.images(tmp_path / "bomb.zip"))
    assert 40 < len(found) < 50


def test_a_copy_that_finds_no_room_is_one_clear_line(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    (tmp_path / "a.zip").write_bytes(packed_in(packed_in(SMALL, "tar", "a.png"), "zip", "b.tar"))
    with pytest.raises(
        ValueError,
        match=r"a\.zip holds archives that cannot be copied to a temporary file \(No such",
    ):
        places(tmp_path / "a.zip")


def test_an_archive_in_a_tar_may_be_longer_than_an_image(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "LARGEST", 1000)
    inner = tarred(("notes.txt", bytes(3 << 20)), ("b.png", SMALL))
    (tmp_path / "a.tar").write_bytes(tarred(("inner.tar", inner)))
    assert places(tmp_path / "a.tar") == ["a.tar/inner.tar/b.png"]
