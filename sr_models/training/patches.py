"""Photographs as one tensor on the device, and batches of (LR, HR) crops cut out of it.

A batch is index arithmetic and one gather. The LR is made from the crop itself and equals, bit
for bit, the same place of the LR made from the whole photograph: the x1/4 filter of MATLAB's
``imresize`` reads 6 px beyond a crop on each side, and so does the crop.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from sr_models import SCALE, interpolation

SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"}
MARGIN = 8
"""Pixels read around a crop: 6 for the filter, rounded up to a multiple of the scale."""


def find_photos(folders: Iterable[Path]) -> list[Path]:
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


def read_rgb(path: Path) -> np.ndarray:
    """One photograph as (height, width, 3) uint8."""
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def read_photos(paths: Sequence[Path], *, smallest: int) -> list[np.ndarray]:
    """The photographs of ``paths``, (height, width, 3) uint8 each.

    A file that cannot be read, or whose shorter side is below ``smallest`` pixels, is named on
    standard error and left out. Raises ``ValueError`` if nothing is left.
    """
    photos = []
    for path in tqdm(paths, desc="photographs", unit="img", disable=None):
        try:
            photo = read_rgb(path)
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            tqdm.write(f"{path}: cannot be read and is left out ({error})", file=sys.stderr)
            continue
        height, width = photo.shape[:2]
        if min(height, width) < smallest:
            reason = f"{width}x{height} is smaller than {smallest} px and is left out"
            tqdm.write(f"{path}: {reason}", file=sys.stderr)
        else:
            photos.append(photo)
    if not photos:
        raise ValueError(f"none of the {len(paths)} photographs can be used")
    return photos


@dataclass(frozen=True)
class Photos:
    """All training photographs: ``pixels`` (total, 3) uint8, and where each one lies in it."""

    pixels: Tensor
    start: Tensor
    height: Tensor
    width: Tensor

    @classmethod
    def gather(
        cls,
        photos: Sequence[np.ndarray],
        *,
        smallest: int,
        scales: Sequence[float] = (1.0,),
        device: torch.device | str = "cpu",
    ) -> Photos:
        """``photos`` at every one of ``scales`` that leaves ``smallest`` pixels a side."""
        scaled = (photo if s == 1 else _reduce(photo, s) for photo in photos for s in scales)
        arrays = [photo for photo in scaled if min(photo.shape[:2]) >= smallest]
        sizes = torch.tensor([photo.shape[:2] for photo in arrays])
        areas = sizes.prod(dim=1)
        flat = np.concatenate([photo.reshape(-1, 3) for photo in arrays])
        return cls(
            pixels=torch.from_numpy(flat).to(device),
            start=(areas.cumsum(0) - areas).to(device),
            height=sizes[:, 0].to(device),
            width=sizes[:, 1].to(device),
        )

    def batch(
        self, count: int, size: int, seed: int, *, part: tuple[int, int] = (0, 1)
    ) -> tuple[Tensor, Tensor]:
        """``count`` random crops: LR (count, 3, size/4, size/4) and HR (count, 3, size, size).

        Both float32 in [0, 1], on multiples of 1/255. Every crop of every photograph is about
        equally likely; each is turned and mirrored at random. The same seed gives the same batch.
        ``part`` (i, n) gives the i-th of n parts, ``count`` crops each, of the batch of n times
        ``count`` crops that the seed stands for.
        """
        device = self.pixels.device
        random = torch.Generator(device).manual_seed(seed)
        which, parts = part
        mine = slice(which * count, (which + 1) * count)

        def uniform() -> Tensor:
            drawn = torch.rand(count * parts, generator=random, device=device, dtype=torch.float64)
            return drawn[mine]

        rows = (self.height - size - 2 * MARGIN) // SCALE + 1
        columns = (self.width - size - 2 * MARGIN) // SCALE + 1
        places = (rows * columns).cumsum(0)
        place = (uniform() * places[-1]).long().minimum(places[-1] - 1)
        photo = torch.searchsorted(places, place, right=True)
        y = (uniform() * rows[photo]).long() * SCALE
        x = (uniform() * columns[photo]).long() * SCALE
        side = torch.arange(size + 2 * MARGIN, device=device)
        index = (
            self.start[photo][:, None, None]
            + (y[:, None] + side)[:, :, None] * self.width[photo][:, None, None]
            + (x[:, None] + side)[:, None, :]
        )
        crops = self.pixels[index].permute(0, 3, 1, 2)
        crops = _turn(crops, (uniform() * 8).long())
        inner = crops[:, :, MARGIN:-MARGIN, MARGIN:-MARGIN]
        lr = reduce_crops(crops) / 255
        layout = torch.channels_last
        return lr.contiguous(memory_format=layout), (inner.float() / 255).contiguous(
            memory_format=layout
        )


def _reduce(photo: np.ndarray, scale: float) -> np.ndarray:
    height, width = photo.shape[:2]
    size = (round(width * scale), round(height * scale))
    return np.asarray(Image.fromarray(photo).resize(size, Image.Resampling.BICUBIC))


def _turn(crops: Tensor, which: Tensor) -> Tensor:
    """Apply to each crop one of the eight symmetries of the square, numbered 0 to 7."""

    def bit(value: int) -> Tensor:
        return (which & value).bool()[:, None, None, None]

    crops = torch.where(bit(1), crops.flip(-1), crops)
    crops = torch.where(bit(2), crops.flip(-2), crops)
    return torch.where(bit(4), crops.transpose(-1, -2), crops)


def reduce_crops(crops: Tensor) -> Tensor:
    """MATLAB's x1/4 of crops that carry :data:`MARGIN` pixels on each side.

    crops: (n, 3, s + 2 * MARGIN, s + 2 * MARGIN) uint8. Returns (n, 3, s / 4, s / 4) float32 with
    whole numbers 0..255: rounded after each pass, the rows' index first, like ``imresize``.
    Every weight is a multiple of 2^-12, so float32 sums are exact and the order does not matter.
    """
    first, taps = _reduction(crops.device)
    n, c, height, width = crops.shape
    skip = MARGIN + first
    x = crops.reshape(n * c, 1, height, width).float()
    with torch.autocast(crops.device.type, enabled=False):
        x = F.conv2d(x[:, :, skip : height - skip], taps[None, None, :, None], stride=(SCALE, 1))
        x = (x.clamp(0, 255) + 0.5).floor()
        x = F.conv2d(x[:, :, :, skip : width - skip], taps[None, None, None, :], stride=(1, SCALE))
        x = (x.clamp(0, 255) + 0.5).floor()
    return x.reshape(n, c, x.shape[2], x.shape[3])


@functools.lru_cache(maxsize=16)
def _reduction(device: torch.device) -> tuple[int, Tensor]:
    """The x1/4 filter: where it begins relative to an output's first pixel, and its taps."""
    offsets, weights = interpolation.kernel(Fraction(1, SCALE))
    return int(offsets[0, 0]), torch.tensor(weights[0], dtype=torch.float32, device=device)
