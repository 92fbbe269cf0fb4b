"""Photographs as one tensor on the device, and batches of (LR, HR) crops cut out of it.

A batch is index arithmetic and one gather. The LR is made from the crop itself and equals, bit
for bit, the same place of the LR made from the whole photograph: the x1/4 filter of MATLAB's
``imresize`` reads 6 px beyond a crop on each side, and so does the crop.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from sr_models import SCALE, interpolation

MARGIN = 8
"""Pixels read around a crop: 6 for the filter, rounded up to a multiple of the scale."""


Batch = tuple[Tensor, Tensor]
"""LR (n, 3, h, w) and HR (n, 3, 4h, 4w), float32 in [0, 1]."""


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
        """``photos`` at every one of ``scales`` that leaves ``smallest`` pixels a side.

        The smaller ones are made on the device.
        """
        # Python integers: nothing here waits for the device.
        sizes = [
            (index, scale, size)
            for index, photo in enumerate(photos) for scale in scales
            if min(size := _scaled(photo.shape[:2], scale)) >= smallest
        ]  # fmt: skip
        pixels = torch.empty(
            (sum(height * width for *_, (height, width) in sizes), 3),
            dtype=torch.uint8, device=device,
        )  # fmt: skip
        start, begins, brought = 0, [], (-1, torch.empty(0))
        for index, scale, (height, width) in sizes:
            if brought[0] != index:
                brought = index, torch.from_numpy(photos[index]).to(device)
            whole = brought[1]
            photo = whole if scale == 1 else reduce_photo(whole, (height, width))
            pixels[start : start + height * width] = photo.reshape(-1, 3)
            begins.append(start)
            start += height * width
        return cls(
            pixels=pixels,
            start=torch.tensor(begins, device=device),
            height=torch.tensor([height for *_, (height, _) in sizes], device=device),
            width=torch.tensor([width for *_, (_, width) in sizes], device=device),
        )

    def batch(
        self, count: int, size: int, seed: int, *,
        busiest_of: int = 1, part: tuple[int, int] = (0, 1),
    ) -> Batch:  # fmt: skip
        """``count`` random crops: LR (count, 3, size/4, size/4) and HR (count, 3, size, size).

        Both float32 in [0, 1], on multiples of 1/255. Every crop of every photograph is about
        equally likely, or, of so many as ``busiest_of`` says, the one with most contrast is taken;
        each is turned and mirrored at random. The same seed gives the same batch. ``part`` (i, n)
        gives the i-th of n parts, ``count`` crops each, of the batch of n times ``count`` crops
        that the seed stands for.
        """
        device = self.pixels.device
        random = torch.Generator(device).manual_seed(seed)
        which, parts = part
        mine = slice(which * count, (which + 1) * count)

        def uniform(times: int) -> Tensor:
            drawn = torch.rand(
                times, count * parts, generator=random, device=device, dtype=torch.float64
            )
            return drawn[:, mine].flatten()

        rows = (self.height - size - 2 * MARGIN) // SCALE + 1
        columns = (self.width - size - 2 * MARGIN) // SCALE + 1
        places = (rows * columns).cumsum(0)
        place = (uniform(busiest_of) * places[-1]).long().minimum(places[-1] - 1)
        photo = torch.searchsorted(places, place, right=True)
        y = (uniform(busiest_of) * rows[photo]).long() * SCALE
        x = (uniform(busiest_of) * columns[photo]).long() * SCALE
        if busiest_of > 1:
            contrasts = self._contrast(photo, y + MARGIN, x + MARGIN, size)
            best = contrasts.view(busiest_of, count).argmax(0)
            taken = best * count + torch.arange(count, device=device)
            photo, y, x = photo[taken], y[taken], x[taken]
        side = torch.arange(size + 2 * MARGIN, device=device)
        crops = self.pixels[self._index(photo, y, x, side)].permute(0, 3, 1, 2)
        crops = _turn(crops, (uniform(1) * 8).long())
        inner = crops[:, :, MARGIN:-MARGIN, MARGIN:-MARGIN]
        lr = reduce_crops(crops) / 255
        layout = torch.channels_last
        return lr.contiguous(memory_format=layout), (inner.float() / 255).contiguous(
            memory_format=layout
        )

    def _index(self, photo: Tensor, y: Tensor, x: Tensor, side: Tensor) -> Tensor:
        """Where the pixels lie that are ``side`` (k,) rows and columns from ``y`` and ``x`` (n,).

        Returns (n, k, k).
        """
        rows = (y[:, None] + side)[:, :, None] * self.width[photo][:, None, None]
        return self.start[photo][:, None, None] + rows + (x[:, None] + side)[:, None, :]

    def _contrast(self, photo: Tensor, y: Tensor, x: Tensor, size: int) -> Tensor:
        """How busy crops of ``size`` are: (n,) mean steps of green from every fourth pixel on."""
        side = torch.arange(0, size, SCALE, device=self.pixels.device)
        green = self.pixels[:, 1]
        here, below, right = (
            green[self._index(photo, y + down, x + on, side)].float()
            for down, on in ((0, 0), (1, 0), (0, 1))
        )
        return ((here - below).abs() + (here - right).abs()).mean((1, 2))


def _scaled(size: tuple[int, ...], scale: float) -> tuple[int, int]:
    height, width = size
    return round(height * scale), round(width * scale)


def reduce_photo(photo: Tensor, size: tuple[int, int]) -> Tensor:
    """A photograph (h, w, 3) uint8 at a smaller ``size`` (h, w), by Pillow's bicubic, roughly.

    It makes training material of another size, nothing that is measured.
    """
    planes = photo.permute(2, 0, 1)[None]
    # PyTorch computes in bytes on CPUs alone, where that is five times as fast.
    planes = planes if photo.device.type == "cpu" else planes.float()
    small = F.interpolate(planes, size=size, mode="bicubic", antialias=True)
    if small.is_floating_point():
        small = small.round().clamp(0, 255).to(torch.uint8)
    return small[0].permute(1, 2, 0)


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


class Ahead:
    """Batches made one update ahead: on a GPU beside the update that is being worked on.

    ``make`` gives the batch of an update. On a CPU there is nothing beside, and a batch is made
    when it is asked for.
    """

    def __init__(self, make: Callable[[int], Batch], device: torch.device) -> None:
        self.make = make
        self.side = torch.cuda.Stream(device) if device.type == "cuda" else None
        if self.side is not None:
            self.side.wait_stream(torch.cuda.current_stream())
        self.next: tuple[int, Batch] | None = None

    def take(self, update: int) -> Batch:
        """The batch of ``update``; that of the next one is begun."""
        if self.side is None:
            return self.make(update)
        if self.next is None or self.next[0] != update:
            self.next = update, self._begin(update)
        batch = self.next[1]
        here = torch.cuda.current_stream()
        here.wait_stream(self.side)
        for tensor in batch:
            # Made over there, used here: its memory is not to be given away before.
            tensor.record_stream(here)
        self.next = update + 1, self._begin(update + 1)
        return batch

    def _begin(self, update: int) -> Batch:
        with torch.cuda.stream(self.side):
            return self.make(update)
