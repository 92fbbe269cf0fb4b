"""Images in the archives of others, zip or tar: read in memory, one by one, within limits.

Nothing in an archive can say where a file is put, and nothing that it says of itself is believed:
what is unpacked is counted as it comes, and reading ends at the limit. An archive in an archive is
not opened.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, cast

from benchmarks.files import may_be_image

CHUNK = 1 << 18

LARGEST = 64 << 20
"""Bytes of one file: no PNG or BMP of a benchmark set has as many."""
MOST_FILES = 100_000
"""Of any kind. The packs that hold every benchmark set have some thousands."""
MOST_UNPACKED = 8 << 30
"""Bytes. Twice the largest set of photographs for super-resolution, DIV2K with its 3.5 GB."""
MOST_OF_A_DIRECTORY = 16 << 20
"""Bytes of a zip's list of its files, which is read at once: 160 for each of MOST_FILES."""
MOST_OF_A_HEADER = 1 << 20
"""Bytes before a file in a tar: long names and attributes take some hundreds."""
MOST_OF_XZ = 128 << 20
"""Bytes of memory to unpack xz, whose file says how many it takes: 65 MB at its highest level."""

# RuntimeError: a zip is encrypted, or a tar nests its headers without end. The rest is what the
# unpackers of the standard library were seen to raise for bytes that are not what they claim.
BROKEN = (
    *(tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error),
    *(EOFError, RuntimeError, OSError, ValueError, IndexError),
)


class TooMuch(ValueError):
    """An archive goes beyond a limit."""


Open = Callable[[], IO[bytes] | None]
Member = tuple[str, int, Open]
"""Name, size as the archive says it, and a way to what it holds; ``None`` of what is no file."""


def images(archive: Path) -> Iterator[tuple[str, IO[bytes] | None]]:
    """Each file in ``archive`` that may be an image by its name: its place, and what it holds.

    ``None`` stands for one of more than ``LARGEST`` bytes, which is not unpacked. Raises
    ``ValueError`` naming the archive if it is none, is damaged, or goes beyond a limit.
    """
    members = _zipped if zipfile.is_zipfile(archive) else _tarred
    unpacked = 0
    try:
        for number, (name, size, open_) in enumerate(members(archive)):
            if number == MOST_FILES:
                raise TooMuch(f"holds more than {MOST_FILES} files")
            if not may_be_image(PurePosixPath(name)):
                continue
            place = f"{archive.name}/{name}"
            if size > LARGEST:
                yield place, None
            elif file := open_():
                content = _read(file, min(LARGEST, MOST_UNPACKED - unpacked))
                unpacked += len(content.getbuffer())
                yield place, content
    except TooMuch as error:
        raise ValueError(
            f"{archive} {error}; unpack what is needed of it and name that folder"
        ) from None
    except BROKEN as error:
        raise ValueError(f"{archive} is not a whole zip or tar archive: {error}") from None


def _read(file: IO[bytes], most: int) -> io.BytesIO:
    content = io.BytesIO()
    with file:
        while piece := file.read(CHUNK):
            content.write(piece)
            if content.tell() > most:
                raise _unpacks_to_too_much()
    content.seek(0)
    return content


def _unpacks_to_too_much() -> TooMuch:
    return TooMuch(f"unpacks to more than {MOST_UNPACKED >> 20} MiB")


class _InPieces(io.BufferedReader):
    """A zip, of which nothing can be read at once that is longer than its directory may be."""

    def read(self, size: int | None = -1, /) -> bytes:
        most = MOST_OF_A_DIRECTORY + 1
        content = super().read(most if size is None or size < 0 else min(size, most))
        if len(content) == most:
            raise TooMuch(f"has a list of files of more than {MOST_OF_A_DIRECTORY >> 20} MiB")
        return content


def _zipped(archive: Path) -> Iterator[Member]:
    with _InPieces(io.FileIO(archive)) as file, zipfile.ZipFile(file) as packed:
        for info in packed.infolist():
            yield info.filename, info.file_size, partial(_open, packed, info)


def _open(packed: zipfile.ZipFile, info: zipfile.ZipInfo) -> IO[bytes]:
    # bzip2 and LZMA make gigabytes of any few kilobytes, however few bytes are asked for.
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise TooMuch(f"holds {info.filename} compressed by another method than Deflate")
    return packed.open(info)


class _Xz:
    """An xz file, unpacked within ``MOST_OF_XZ``, which the standard library's reader cannot do."""

    def __init__(self, packed: IO[bytes]) -> None:
        self.packed, self.unpacker = packed, self._next_stream()

    @staticmethod
    def _next_stream() -> lzma.LZMADecompressor:
        return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MOST_OF_XZ)

    def read(self, size: int) -> bytes:
        """The next ``size`` bytes, fewer at the end."""
        content = bytearray()
        while len(content) < size:
            given = b""
            if self.unpacker.eof:
                # Another stream may follow, after zeros.
                given = (self.unpacker.unused_data or self.packed.read(CHUNK)).lstrip(b"\0")
                if not given:
                    break
                self.unpacker = self._next_stream()
            elif self.unpacker.needs_input:
                given = self.packed.read(CHUNK)
                if not given:
                    raise EOFError("it breaks off")
            try:
                content += self.unpacker.decompress(given, size - len(content))
            except lzma.LZMAError as error:
                if "emory" in str(error):
                    raise TooMuch(f"takes more than {MOST_OF_XZ >> 20} MiB of memory") from None
                raise
        return bytes(content)


class _Forward:
    """A tar, read from its start to its end, and no more of it than is ``allowed`` at a time."""

    def __init__(self, packed: gzip.GzipFile | bz2.BZ2File | _Xz | IO[bytes]) -> None:
        self.packed = packed
        self.at, self.allowed = 0, MOST_OF_A_HEADER

    def read(self, size: int) -> bytes:
        """The next ``size`` bytes, fewer at the end; they come off what is allowed."""
        if not 0 <= size <= self.allowed:
            raise TooMuch(f"has a header of more than {MOST_OF_A_HEADER >> 20} MiB")
        content = self._next(size)
        self.allowed -= len(content)
        return content

    def seek(self, place: int) -> None:
        """Pass over what lies before ``place``."""
        if place < self.at:
            raise tarfile.ReadError("its files lie in each other")
        while self.at < place and self._next(min(place - self.at, CHUNK)):
            pass

    def tell(self) -> int:
        """How many bytes were read or passed over."""
        return self.at

    def _next(self, size: int) -> bytes:
        content = self.packed.read(size)
        self.at += len(content)
        if self.at > MOST_UNPACKED:
            raise _unpacks_to_too_much()
        return content


def _unpacker(file: io.BufferedReader) -> gzip.GzipFile | bz2.BZ2File | _Xz | IO[bytes]:
    start = file.peek(6)[:6]
    if start.startswith(b"\x1f\x8b"):
        return gzip.GzipFile(fileobj=file)
    if start.startswith(b"BZh"):
        return bz2.BZ2File(file)
    return _Xz(file) if start == b"\xfd7zXZ\0" else file


def _tarred(archive: Path) -> Iterator[Member]:
    with archive.open("rb") as file:
        stream = _Forward(_unpacker(file))
        with tarfile.open(fileobj=cast(IO[bytes], stream), mode="r:") as tar:
            while member := tar.next():
                stream.allowed = LARGEST + MOST_OF_A_HEADER
                yield member.name, member.size, partial(_content, tar, member)
                stream.allowed = MOST_OF_A_HEADER
                tar.members.clear()  # type: ignore[attr-defined] # or it keeps every header


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes] | None:
    return tar.extractfile(member) if member.isfile() else None
