"""Reading folders of photographs: by as many threads as there are cores, while other work goes on.

Decoding is done by a C library that lets other threads run. A folder may be slow or stop
answering: whoever waits says for how long, and goes on with what has been read by then.
"""

from __future__ import annotations

import io
import os
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Picture = NDArray[np.uint8]
SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"}


def find(folders: Iterable[Path]) -> list[Path]:
    """Every image file below ``folders``, sorted. Raises ``ValueError`` if there is none."""
    folders = list(folders)
    for folder in folders:
        if not folder.is_dir():
            raise ValueError(f"{folder} is not a folder; --images takes folders of photographs")
    found = sorted(
        path for folder in folders for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES
    )
    if not found:
        raise ValueError(f"no photographs in {', '.join(map(str, folders))}")
    return found


def read_rgb(path: Path) -> Picture:
    """One photograph as (height, width, 3) uint8."""
    with Image.open(io.BytesIO(path.read_bytes())) as image:
        return np.array(image.convert("RGB"))


class Reading:
    """Photographs of ``paths`` on their way into memory, the first ones first.

    A file that cannot be read, or whose shorter side is below ``smallest`` pixels, is named on
    standard error and left out. Nothing waits for the threads, not even the end of the process.
    """

    def __init__(self, paths: Sequence[Path], *, smallest: int, threads: int | None = None) -> None:
        self.paths, self.smallest = list(paths), smallest
        self._todo: SimpleQueue[Path] = SimpleQueue()
        for path in self.paths:
            self._todo.put(path)
        self._done: dict[Path, Picture | None] = {}
        self._news = threading.Condition()
        for _ in range(threads or os.cpu_count() or 1):
            threading.Thread(target=self._work, daemon=True).start()

    def _work(self) -> None:
        while True:
            try:
                path = self._todo.get_nowait()
            except Empty:
                return
            photo = self._read(path)
            with self._news:
                self._done[path] = photo
                self._news.notify_all()

    def _read(self, path: Path) -> Picture | None:
        try:
            photo = read_rgb(path)
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            print(f"{path}: cannot be read and is left out ({error})", file=sys.stderr)
            return None
        height, width = photo.shape[:2]
        if min(height, width) < self.smallest:
            reason = f"{width}x{height} is smaller than {self.smallest} px and is left out"
            print(f"{path}: {reason}", file=sys.stderr)
            return None
        return photo

    def wait(self, seconds: float | None = None) -> dict[Path, Picture]:
        """What has been read, in the order of the paths, once all is or ``seconds`` have passed.

        Without ``seconds`` it waits for all. Raises ``ValueError`` if nothing can be used.
        """
        deadline = None if seconds is None else time.monotonic() + seconds
        with self._news:
            while len(self._done) < len(self.paths):
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    break
                self._news.wait(left)
            done = dict(self._done)
        photos = {path: photo for path in self.paths if (photo := done.get(path)) is not None}
        if not photos:
            late = len(self.paths) - len(done)
            why = f"; {late} had not been read after {seconds:.0f} s" if late else ""
            raise ValueError(f"none of the {len(self.paths)} photographs can be used{why}")
        return photos
