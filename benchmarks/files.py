"""Files that are whole or absent, and images as pixels.

The only module that encodes and decodes images: what it writes carries pixels and nothing else,
so that two files can be told apart by what they show alone.
"""

from __future__ import annotations

import hashlib
import io
import os
import time
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

IMAGE_SUFFIXES = frozenset({".png", ".bmp", ".tif", ".tiff", ".jpg", ".jpeg", ".ppm", ".pgm"})

# Longer than any write takes, so that nobody's file is swept away from under them.
ABANDONED_AFTER = 3600.0


def write_whole(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path`` so that a reader sees all of it or what was there before.

    Holds against a kill at any point and against another process that writes the same path.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as handle:
            handle.write(content)
            handle.flush()
            os.fsync(handle.fileno())
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)  # on a full disk it would take the room that is needed
        raise OSError(error.errno, error.strerror, str(path)) from None


def sweep(folder: Path) -> None:
    """Remove what writers killed more than an hour ago left unfinished below ``folder``."""
    for part in folder.rglob(".*.part"):
        try:
            if time.time() - part.stat().st_mtime > ABANDONED_AFTER:
                part.unlink()
        except FileNotFoundError:
            continue  # its writer is alive, or another process sweeps too


def encode_png(image: NDArray[np.uint8]) -> bytes:
    """``image`` (h, w) or (h, w, 3) as a PNG without metadata; same pixels, same bytes."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG", compress_level=6)
    return buffer.getvalue()


def read_image(source: Path | IO[bytes], *, label: str | None = None) -> NDArray[np.uint8]:
    """The pixels of an image file: (h, w) if it is grey, (h, w, 3) otherwise, uint8.

    Palettes are resolved and a fully opaque alpha channel is dropped. Raises ``ValueError`` with
    ``label`` (the path, unless given) for anything that is not an 8-bit image.
    """
    label = label or str(source)
    try:
        with Image.open(source) as file:
            mode = file.mode
            if mode in ("P", "PA", "RGBA", "LA"):
                file = file.convert("RGBA")  # type: ignore[assignment]
            elif mode not in ("L", "RGB"):
                raise ValueError(f"its pixels are {mode}, not 8-bit grey or RGB")
            pixels: NDArray[np.uint8] = np.array(file)
    except FileNotFoundError:
        raise ValueError(f"{label} is missing") from None
    # Pillow raises SyntaxError for a broken PNG header and its own class for a huge one.
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(f"{label} cannot be read as an image: {error}") from None
    if pixels.ndim == 3 and pixels.shape[2] == 4:
        if pixels[..., 3].min() < 255:
            raise ValueError(f"{label} is partly transparent; an opaque image is needed")
        pixels = pixels[..., 0] if mode == "LA" else pixels[..., :3]
    return np.ascontiguousarray(pixels)


def image_size(source: Path | IO[bytes]) -> tuple[int, int] | None:
    """(width, height) from the header of an image file, None if it is no image."""
    try:
        with Image.open(source) as file:
            return file.size
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return None


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
