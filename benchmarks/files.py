"""Files that are whole or absent, and images as pixels.

The only module that encodes and decodes images: what it writes carries pixels and nothing else,
so that two files can be told apart by what they show alone.
"""

from __future__ import annotations

import fcntl
import functools
import hashlib
import io
import os
import shutil
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path, PurePath
from threading import get_ident
from typing import IO, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError
from PIL.TiffImagePlugin import BITSPERSAMPLE as BITS_PER_SAMPLE
from PIL.TiffImagePlugin import TiffImageFile

IMAGE_SUFFIXES = frozenset({".png", ".bmp", ".tif", ".tiff", ".jpg", ".jpeg", ".ppm", ".pgm"})
NOT_READ = frozenset(
    {".webp", ".gif", ".heic", ".heif", ".avif", ".jp2", ".jxl", ".dng", ".cr2", ".nef", ".arw"}
)
"""Images too, which would be missed if they were passed over in silence."""
UNREAD = "is in a format that is not read; convert it to PNG"
FORMATS = ("PNG", "BMP", "TIFF", "JPEG", "PPM")
"""What Pillow is let try: some of its other formats start programs (EPS) or hold no pixels."""

MOST_PIXELS = 40_000_000
"""A frame of 8K, the largest in any public test set, has 33 million. 160 MB once decoded."""
MOST_BYTES = 4 * MOST_PIXELS + (1 << 20)
"""Of an image file: as long as those pixels are with alpha and without any compression."""

# Pillow looks again where a file can say more than its header did (the tiles of a TIFF). Its
# warning adds nothing: what it warns of is refused here.
Image.MAX_IMAGE_PIXELS = MOST_PIXELS
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)

# Pillow raises SyntaxError for a broken PNG header and its own classes for a huge image.
UNREADABLE = (
    *(OSError, SyntaxError, ValueError),
    *(Image.DecompressionBombError, Image.DecompressionBombWarning),
)

PIECE = 1 << 20
"""Bytes that are copied at a time."""

# Longer than any write takes, so that nobody's file is swept away from under them.
ABANDONED_AFTER = 3600.0


def write_whole(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path`` so that a reader sees all of it or what was there before.

    Holds against a kill at any point and against others, processes and threads, that write the same
    path.
    """
    copy_whole(io.BytesIO(content), path)


def copy_whole(source: BinaryIO, path: Path) -> None:
    """The same of all that ``source`` still has, which may be more than memory holds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}-{get_ident()}.part")
    try:
        with part.open("wb") as handle:
            shutil.copyfileobj(source, handle, PIECE)
            handle.flush()
            os.fsync(handle.fileno())
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)  # on a full disk it would take the room that is needed
        raise OSError(error.errno, error.strerror, str(path)) from None


@contextmanager
def folder_aside(path: Path) -> Iterator[Path]:
    """A new hidden folder beside ``path``, to be filled and then renamed to it: whole or absent.

    What is still there when the block ends is removed; after a kill, ``sweep`` does it.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = _name_aside(path)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path.parent)) from None
    handle = os.open(part, os.O_RDONLY)
    try:
        # Held as long as this process lives; what cannot be locked is swept by nobody either.
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        yield part
    finally:
        shutil.rmtree(part, ignore_errors=True)
        os.close(handle)


def remove_folder(path: Path) -> None:
    """Remove a folder so that it is gone in one step, and with it all that lies in it."""
    part = _name_aside(path)
    path.replace(part)
    shutil.rmtree(part)


def _name_aside(path: Path) -> Path:
    return Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent))


def sweep(folder: Path) -> None:
    """Remove what killed writers left unfinished below ``folder``.

    Files once they are an hour old, folders as soon as no process holds them.
    """
    for place, folders, names in os.walk(folder):
        parts = [name for name in folders if _is_part(name)]
        for name in parts:
            _remove_unheld(Path(place, name))
        folders[:] = [name for name in folders if name not in parts]
        for part in (Path(place, name) for name in names if _is_part(name)):
            # Otherwise its writer is alive, or another process sweeps too.
            with suppress(FileNotFoundError):
                if time.time() - part.stat().st_mtime > ABANDONED_AFTER:
                    part.unlink()


def _is_part(name: str) -> bool:
    return name.startswith(".") and name.endswith(".part")


def _remove_unheld(folder: Path) -> None:
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return  # its writer has renamed it, or another process sweeps too
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    except OSError:
        pass  # its writer is alive
    finally:
        os.close(handle)


def encode_png(image: NDArray[np.uint8]) -> bytes:
    """``image`` (h, w) or (h, w, 3) as a PNG without metadata; same pixels, same bytes."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG", compress_level=6)
    return buffer.getvalue()


def thumbnail(image: NDArray[np.uint8], side: int) -> bytes:
    """``image`` as a small picture (WebP), of at most ``side`` px a side and never enlarged."""
    small, buffer = Image.fromarray(image), io.BytesIO()
    small.thumbnail((side, side), Image.Resampling.LANCZOS)
    small.convert("RGB").save(buffer, "WEBP", quality=82)
    return buffer.getvalue()


def may_be_image(path: PurePath) -> bool:
    r"""Whether a file may be an image by its name; ``path`` is that below what is looked through.

    What systems put beside people's files is none: hidden files and folders, and macOS's second
    halves of files, which bear their names.

    >>> [may_be_image(PurePath(name)) for name in ("HR/0001.PNG", "HR/._0001.png", "notes.txt")]
    [True, False, False]
    >>> may_be_image(PurePath("..\\0001.png"))  # a place of Windows, which whoever reads it refuses
    True
    >>> may_be_image(PurePath("__MACOSX/HR/0001.png")), may_be_image(PurePath("../HR/0001.png"))
    (False, True)
    """
    return path.suffix.lower() in IMAGE_SUFFIXES and not any(map(is_aside, path.parts))


def is_unread_image(path: PurePath) -> bool:
    """Whether a file is by its name an image of a format that is not read."""
    return path.suffix.lower() in NOT_READ and not any(map(is_aside, path.parts))


def is_aside(name: str) -> bool:
    """Whether a file or folder of this name is what a system puts beside people's files."""
    return name == "__MACOSX" or (name.startswith(".") and not name.startswith(".."))


def images_below(
    folder: Path,
    *,
    most: int,
    label: str | None = None,
    lost: Callable[[Path, str], None] | None = None,
) -> Iterator[Path]:
    """The files in ``folder`` and below that may be images, in the order of their paths.

    Links to folders are not followed. What has the name of an image and is no file, and what cannot
    be looked into below, is passed over; ``lost`` hears of it, with the reason. Raises
    ``ValueError`` with ``label`` (the path, unless given) when it comes upon more than ``most``
    files and folders, or cannot look into ``folder``.
    """
    label, looked_at = label or str(folder), 0
    ahead = [folder]
    while ahead:
        path = ahead.pop()
        # os.path: what may not be looked at is no image, and no error either.
        if path != folder and (os.path.islink(path) or not os.path.isdir(path)):  # noqa: PTH112, PTH114
            if may_be_image(path.relative_to(folder)):
                if os.path.isfile(path):  # noqa: PTH113
                    yield path
                elif lost:
                    lost(path, "is no file")
            elif lost and is_unread_image(path.relative_to(folder)):
                lost(path, UNREAD)
            continue
        try:
            with os.scandir(path) as entries:
                names = []
                for entry in entries:
                    looked_at += 1
                    if looked_at > most:
                        raise ValueError(
                            f"{label} holds more than {most} files and folders; name a folder of "
                            "its images alone"
                        )
                    if not is_aside(entry.name):
                        names.append(entry.name)
        except OSError as error:
            if path == folder:
                raise ValueError(f"{label} cannot be looked into: {error.strerror}") from None
            if lost:
                lost(path, f"cannot be looked into: {error.strerror}")
            continue
        ahead += [path / name for name in sorted(names, reverse=True)]


def read_image(source: Path | IO[bytes], *, label: str | None = None) -> NDArray[np.uint8]:
    """The pixels of an image file: (h, w) if it is grey, (h, w, 3) otherwise, uint8.

    They are turned as the file asks (EXIF), palettes are resolved and a fully opaque alpha channel
    is dropped; of a photograph that carries others along (MPO) it is the first. Raises
    ``ValueError`` with ``label`` (the path, unless given) for anything that is not an 8-bit image
    of at most ``MOST_PIXELS``; what is too large is not decoded.
    """
    label = label or str(source)
    try:
        with _opened(source) as file:
            mode = file.mode
            if reason := _unfit(file):
                raise _Unfit(reason)
            plain = mode in ("L", "RGB") and "transparency" not in file.info
            ImageOps.exif_transpose(file, in_place=True)
            pixels: NDArray[np.uint8] = np.array(file if plain else file.convert("RGBA"))
    except FileNotFoundError:
        raise ValueError(f"{label} is missing") from None
    except UNREADABLE as error:
        raise ValueError(f"{label} cannot be read as an image: {_reason(error)}") from None
    if pixels.ndim == 3 and pixels.shape[2] == 4:
        if pixels[..., 3].min() < 255:
            raise ValueError(
                f"{label} is partly transparent; an opaque image is needed, without alpha channel"
            )
        pixels = pixels[..., 0] if mode in ("L", "LA") else pixels[..., :3]
    return np.ascontiguousarray(pixels)


class _Unfit(ValueError):
    """A whole image, but none that is shown as it is; says what would be right."""


KINDS = {
    "CMYK": "its pixels are CMYK; convert it to RGB",
    "F": "its pixels are floating-point numbers; convert it to 8 bits a channel, 0 to 255",
    "1": "it has 1 bit a pixel; convert it to 8-bit grey",
}
"""What is to be done with an image of another kind, by Pillow's name for that."""


def _unfit(file: Image.Image) -> str:
    """Why an image is none of 8 bits in grey or RGB; empty if it is, or can be made so exactly."""
    if _bits(file) > 8 and file.mode != "F":
        return "it has more than 8 bits a channel; convert it to an 8-bit image"
    if file.mode not in ("L", "RGB", "P", "PA", "RGBA", "LA"):
        other = f"its pixels are {file.mode}, not 8-bit grey or RGB; convert it to RGB"
        return KINDS.get(file.mode, other)
    # Of an MPO every viewer shows the first, which is the photograph; the others belong to it.
    if getattr(file, "is_animated", False) and file.format != "MPO":
        return "it holds several images; save the one that is meant in a file of its own"
    return ""


def _bits(file: Image.Image) -> int:
    """Bits a channel, as the file has them: Pillow reads 16-bit RGB as 8 without a word."""
    if file.mode.startswith("I"):
        return 16
    if isinstance(file, TiffImageFile):
        return max(file.tag_v2.get(BITS_PER_SAMPLE, (8,)))
    tiles = getattr(file, "tile", None)  # of files alone
    args = tiles[0].args if tiles else None
    kind, *more = args if isinstance(args, tuple) else (args,)
    if file.format == "PPM" and more and isinstance(more[0], int) and more[0] > 255:
        return 16
    return 16 if isinstance(kind, str) and ";16" in kind else 8


def image_size(source: Path | IO[bytes]) -> tuple[int, int] | None:
    """(width, height) from the header of an image file, before it is turned as it asks.

    ``None`` if it is no image, or too large for one.
    """
    try:
        with _opened(source) as file:
            return file.size
    except UNREADABLE:
        return None


@contextmanager
def _opened(source: Path | IO[bytes]) -> Iterator[Image.Image]:
    """An image file, its header read and nothing decoded, if it is not too large for that."""
    with source.open("rb") if isinstance(source, Path) else nullcontext(source) as file:
        if file.seek(0, os.SEEK_END) > MOST_BYTES:
            raise _Unfit(f"it is longer than {MOST_BYTES >> 20} MiB, the most for an image")
        with Image.open(file, formats=FORMATS) as image:
            if image.width * image.height > MOST_PIXELS:
                raise Image.DecompressionBombError
            yield image


def _reason(error: Exception) -> str:
    """Why a file cannot be read, without where it lies: a label has said that."""
    if isinstance(error, UnidentifiedImageError):
        return f"it is no whole {', '.join(FORMATS)} file"
    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        most = MOST_PIXELS // 1_000_000
        return f"it has more than {most} million pixels, the most for an image; cut it smaller"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, _Unfit):
        return str(error)
    return f"it is damaged or was cut short ({error}); get a whole copy of it"


def pixel_hash(image: NDArray[np.uint8]) -> str:
    """SHA-256 of an image's pixels, whatever file they came from.

    Over the ASCII line ``{height}x{width}x{channels}`` with its newline, then the bytes row by
    row, left to right, R G B; ``channels`` is 1 for (h, w).

    >>> pixel_hash(np.zeros((2, 3), np.uint8))[:16]
    '202f42d9117a7a71'
    """
    height, width, *channels = image.shape
    digest = hashlib.sha256(f"{height}x{width}x{(channels or [1])[0]}\n".encode())
    digest.update(np.ascontiguousarray(image).data)
    return digest.hexdigest()


def file_hash(path: Path) -> str:
    """SHA-256 of what a file holds; remembered as long as the file looks the same.

    Raises ``OSError`` if it cannot be read.
    """
    told = path.stat()
    return _file_hash(path, told.st_ino, told.st_mtime_ns, told.st_ctime_ns, told.st_size)


@functools.lru_cache(maxsize=20_000)
def _file_hash(path: Path, *looks: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
