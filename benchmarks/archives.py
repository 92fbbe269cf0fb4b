"""Images in the archives of others, zip or tar: read in memory, one by one, within limits.

Nothing in an archive can say where a file is put, and nothing that it says of itself is believed:
what is unpacked is counted as it comes, and reading ends at the limit. An archive in an archive is
looked through too, from a temporary file without a name; the limits are for all of them together.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, cast

from benchmarks.files import UNREAD, is_aside, is_unread_image, may_be_image

CHUNK = 1 << 18

LARGEST = 64 << 20
"""Bytes of one file: no PNG or BMP of a benchmark set has as many."""
MOST_FILES = 100_000
"""Of any kind, on all levels. The packs that hold every benchmark set have some thousands."""
MOST_UNPACKED = 8 << 30
"""Bytes, on all levels. Twice the largest set of photographs for super-resolution, DIV2K with its
3.5 GB."""
MOST_LEVELS = 3
"""Archives in each other that are looked through, the outermost one included."""
MOST_OF_A_DIRECTORY = 16 << 20
"""Bytes of a zip's list of its files, which is read at once: 160 for each of MOST_FILES."""
MOST_OF_A_HEADER = 1 << 20
"""Bytes before a file in a tar: long names and attributes take some hundreds."""
MOST_OF_XZ = 128 << 20
"""Bytes of memory to unpack xz, whose file says how many it takes: 65 MB at its highest level."""

READ = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tbz", ".tar.xz", ".txz")
"""How the names of archives end that are looked through where they lie in another."""
NOT_READ = (".7z", ".rar", ".tar.zst")
"""Those of others, which are named: what is in them would be missed in silence."""

LINK = "is a link in its archive; pack the file itself (tar has the option -h for that)"

# RuntimeError: a zip is encrypted, or a tar nests its headers without end. The rest is what the
# unpackers of the standard library were seen to raise for bytes that are not what they claim.
BROKEN = (
    *(tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error),
    *(EOFError, RuntimeError, OSError, ValueError, IndexError),
)


class TooMuch(ValueError):
    """An archive goes beyond a limit."""


class Spent(TooMuch):
    """All archives together, the outermost one and those in it, go beyond a limit."""


class IsALink(Exception):
    """What has an image's name in a tar is a link, or a device: what it leads to is not in it."""


class NoRoom(Exception):
    """There is no room for a temporary file."""


Open = Callable[[], IO[bytes] | None]
Member = tuple[str, int, Open]
"""Name, size as the archive says it, and a way to what it holds; ``None`` of what is no file."""


@dataclass
class _Tally:
    """What was come upon so far, on all levels, and a line for each archive that was not read."""

    unpacked: int = 0
    files: int = 0
    unread: list[str] = field(default_factory=list)
    unread_image: Callable[[str, str], None] | None = None
    """Hears of each image that cannot be read, with the reason: its format, or that it is a link.
    """

    def unpack(self, count: int) -> None:
        self.unpacked += count
        if self.unpacked > MOST_UNPACKED:
            raise Spent(f"unpacks to more than {MOST_UNPACKED >> 20} MiB")

    def come_upon_a_file(self) -> None:
        self.files += 1
        if self.files > MOST_FILES:
            raise Spent(f"holds more than {MOST_FILES} files")


def images(
    archive: Path, *, unread: Callable[[str, str], None] | None = None
) -> Iterator[tuple[str, IO[bytes] | None]]:
    """Each file in ``archive`` that may be an image by its name: its place, and what it holds.

    The place leads through archives: ``outer.zip/inner.tar.gz/baby.png``. ``None`` stands for an
    image of more than ``LARGEST`` bytes, which is not unpacked; ``unread`` hears of images of
    formats that are not read, and of links in their place, with the reason. Raises ``ValueError``
    naming the archive if it is none, is damaged, or goes beyond a limit; after the last image,
    naming them, if archives in it could not be read or lie deeper than ``MOST_LEVELS``.
    """
    tally = _Tally(unread_image=unread)
    try:
        with io.FileIO(archive) as file:
            yield from _images(file, archive.name, 1, tally)
    except TooMuch as error:
        raise ValueError(
            f"{archive} {error}; unpack what is needed of it and name that folder"
        ) from None
    except NoRoom as error:
        raise ValueError(
            f"{archive} holds archives that cannot be copied to a temporary file ({error}); TMPDIR "
            "can name a folder with room for them"
        ) from None
    except BROKEN as error:
        raise ValueError(f"{archive} is not a whole zip or tar archive: {error}") from None
    if tally.unread:
        more = f"; and {len(tally.unread) - 5} more" if len(tally.unread) > 5 else ""
        raise ValueError("; ".join(tally.unread[:5]) + more)


def _images(
    file: io.FileIO, place: str, level: int, tally: _Tally
) -> Iterator[tuple[str, IO[bytes] | None]]:
    """The images in one archive and in those that it holds."""
    members = _zipped if not _is_tar(file) and zipfile.is_zipfile(file) else _tarred
    file.seek(0)
    for name, size, open_ in members(file, tally):
        tally.come_upon_a_file()
        path, where = PurePosixPath(name), f"{place}/{name}"
        if may_be_image(path):
            if size > LARGEST:
                yield where, None
            elif packed := _packed(open_, where, tally):
                yield where, _read(packed, tally)
        elif tally.unread_image and is_unread_image(path):
            tally.unread_image(where, UNREAD)
        elif path.name.lower().endswith((*READ, *NOT_READ)) and not any(map(is_aside, path.parts)):
            if not path.name.lower().endswith(READ):
                tally.unread.append(f"{where} is an archive of a kind that is not read; unpack it")
            elif level == MOST_LEVELS:
                tally.unread.append(f"{where} lies in {level} archives; unpack the outer ones")
            elif packed := _packed(open_, where, tally):
                with _copy(packed, tally) as inner:
                    yield from _inner(inner, where, level + 1, tally)


def _packed(open_: Open, where: str, tally: _Tally) -> IO[bytes] | None:
    try:
        return open_()
    except IsALink:
        if tally.unread_image:
            tally.unread_image(where, LINK)
        return None


def _inner(
    file: io.FileIO, place: str, level: int, tally: _Tally
) -> Iterator[tuple[str, IO[bytes] | None]]:
    """Those in an archive that lies in another, whose faults leave the others readable."""
    try:
        yield from _images(file, place, level, tally)
    except Spent:
        raise
    except TooMuch as error:
        tally.unread.append(f"{place} {error}; unpack it")
    except BROKEN as error:
        tally.unread.append(f"{place} is not a whole zip or tar archive: {error}")


def _read(file: IO[bytes], tally: _Tally) -> io.BytesIO:
    content = io.BytesIO()
    for piece in _pieces(file, tally):
        content.write(piece)
        if content.tell() > LARGEST:
            raise TooMuch(f"holds a file of more than {LARGEST >> 20} MiB that says less")
    content.seek(0)
    return content


def _copy(file: IO[bytes], tally: _Tally) -> io.FileIO:
    """A temporary file with what ``file`` holds; without a name, so that nothing can be left."""
    try:
        copy = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - the caller closes it
    except OSError as error:
        raise NoRoom(error.strerror) from None
    try:
        for piece in _pieces(file, tally):
            _append(copy, piece)
    except BaseException:
        copy.close()
        raise
    return copy


def _append(copy: IO[bytes], piece: bytes) -> None:
    try:
        while piece:
            piece = piece[copy.write(piece) :]
    except OSError as error:
        raise NoRoom(error.strerror) from None


def _pieces(file: IO[bytes], tally: _Tally) -> Iterator[bytes]:
    with file:
        while piece := file.read(CHUNK):
            tally.unpack(len(piece))
            yield piece


def _is_tar(file: io.FileIO) -> bool:
    """Whether it begins as a tar does: at its end it may look like the zip that it holds."""
    file.seek(0)
    start = file.read(tarfile.BLOCKSIZE)
    if start.startswith(PACKED):
        return True
    try:
        tarfile.TarInfo.frombuf(start, tarfile.ENCODING, "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True


class _InPieces(io.BufferedReader):
    """A zip, of which nothing can be read at once that is longer than its directory may be."""

    def read(self, size: int | None = -1, /) -> bytes:
        most = MOST_OF_A_DIRECTORY + 1
        content = super().read(most if size is None or size < 0 else min(size, most))
        if len(content) == most:
            raise TooMuch(f"has a list of files of more than {MOST_OF_A_DIRECTORY >> 20} MiB")
        return content


def _zipped(archive: io.FileIO, _tally: _Tally) -> Iterator[Member]:
    with _InPieces(archive) as file, zipfile.ZipFile(file) as packed:
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
    """A tar, read from its start to its end, and no more of it than is ``allowed`` at a time.

    It counts what it passes over and its headers; who reads a file counts that (``of_a_file``).
    """

    def __init__(
        self, packed: gzip.GzipFile | bz2.BZ2File | _Xz | IO[bytes], tally: _Tally
    ) -> None:
        self.packed, self.tally = packed, tally
        self.at, self.allowed, self.of_a_file = 0, MOST_OF_A_HEADER, False

    def read(self, size: int) -> bytes:
        """The next ``size`` bytes, fewer at the end; they come off what is allowed."""
        if not 0 <= size <= self.allowed:
            raise TooMuch(f"has a header of more than {MOST_OF_A_HEADER >> 20} MiB")
        content = self._next(size)
        self.allowed -= len(content)
        if not self.of_a_file:
            self.tally.unpack(len(content))
        return content

    def seek(self, place: int) -> None:
        """Pass over what lies before ``place``."""
        if place < self.at:
            raise tarfile.ReadError("its files lie in each other")
        while self.at < place and (passed := self._next(min(place - self.at, CHUNK))):
            self.tally.unpack(len(passed))

    def tell(self) -> int:
        """How many bytes were read or passed over."""
        return self.at

    def _next(self, size: int) -> bytes:
        content = self.packed.read(size)
        self.at += len(content)
        return content


PACKED = GZIP, BZIP2, XZ = b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0"
"""How a packed tar begins."""


def _unpacker(file: io.BufferedReader[io.FileIO]) -> gzip.GzipFile | bz2.BZ2File | _Xz | IO[bytes]:
    start = file.peek(6)[:6]
    if start.startswith(GZIP):
        return gzip.GzipFile(fileobj=file)
    if start.startswith(BZIP2):
        return bz2.BZ2File(file)
    return _Xz(file) if start == XZ else file


def _tarred(archive: io.FileIO, tally: _Tally) -> Iterator[Member]:
    with io.BufferedReader(archive) as file:
        stream = _Forward(_unpacker(file), tally)
        with tarfile.open(fileobj=cast(IO[bytes], stream), mode="r:") as tar:
            while member := tar.next():
                stream.allowed, stream.of_a_file = MOST_UNPACKED, True
                yield member.name, member.size, partial(_content, tar, member)
                stream.allowed, stream.of_a_file = MOST_OF_A_HEADER, False
                tar.members.clear()  # type: ignore[attr-defined] # or it keeps every header


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes] | None:
    if not (member.isfile() or member.isdir()):
        raise IsALink
    return tar.extractfile(member) if member.isfile() else None
