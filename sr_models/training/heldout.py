"""Photographs kept out of the training: figures and pictures that watch it, and choose the weights.

Never a benchmark image: what is measured in the end must not have chosen anything before.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from sr_models import SCALE, colour
from sr_models.interpolation import bicubic, imresize, nearest
from sr_models.networks import Network
from sr_models.training.photographs import Picture
from sr_models.upscale import upscale

COUNT = 8
"""How many photographs are kept out."""
SIDE = 192
"""Pixels a side of the parts that are looked at."""
PARTS = 3
"""How many parts of a photograph are looked at: its centre, and where it is busiest."""
SHOWN = 6
"""How many photographs are in a picture strip."""
Photo = TypeVar("Photo")


def split(photos: Sequence[Photo], count: int = COUNT) -> tuple[list[Photo], list[Photo]]:
    """The photographs to train on and those to watch, spread over the whole list.

    At most half of a short list is kept out.

    >>> split("abcdefghi", 3)
    (['a', 'b', 'd', 'f', 'g', 'h'], ['c', 'e', 'i'])
    """
    count = min(count, len(photos) // 2)
    watched = {round((i + 0.5) * len(photos) / count) for i in range(count)}
    return (
        [photo for i, photo in enumerate(photos) if i not in watched],
        [photo for i, photo in enumerate(photos) if i in watched],
    )


def luma_psnr(sr: Picture, hr: Picture) -> float:
    """PSNR in dB of the Y channel (BT.601, 16..235), 4 px cut; (h, w, 3) uint8 each."""
    weights = 255 * colour.TO_YCBCR[0].double().numpy()
    difference = ((sr.astype(float) - hr) / 255 @ weights)[4:-4, 4:-4]
    return float(10 * np.log10(255**2 / np.maximum((difference**2).mean(), 1e-10)))


def grid(pictures: Sequence[Picture]) -> float:
    """How strongly (h, w, 3) uint8 pictures show a grid of 4 px, which no photograph does.

    Contrast, as the mean absolute Laplacian of luma, at each of the 4 x 4 places of a pixel in its
    cell: the standard deviation over the places by their mean. About 0.01 for photographs and up
    to 1; a network that upsamples by four draws one if nothing prevents it, and LPIPS sees little
    of it.

    >>> ramp = np.arange(64, dtype=np.uint8) % 4 * 60
    >>> striped = np.broadcast_to(ramp[:, None, None], (64, 64, 3))
    >>> round(grid([striped]), 2)
    1.0
    """
    places = np.zeros((SCALE, SCALE))
    for picture in pictures:
        laplacian = contrast(picture)
        height, width = (side // SCALE * SCALE for side in laplacian.shape)
        cells = laplacian[:height, :width].reshape(height // SCALE, SCALE, width // SCALE, SCALE)
        places += cells.mean((0, 2))
    return float(places.std() / max(places.mean(), 1e-10))


def contrast(picture: Picture) -> NDArray[np.float64]:
    """The absolute Laplacian of the luma (0..255) of a picture (h, w, 3): (h - 2, w - 2)."""
    y = picture @ colour.TO_YCBCR[0].double().numpy()
    laplacian = 4 * y[1:-1, 1:-1] - y[:-2, 1:-1] - y[2:, 1:-1] - y[1:-1, :-2] - y[1:-1, 2:]
    return np.abs(laplacian)


def parts(photo: Picture) -> list[Picture]:
    """The centre of a photograph, and the places of most contrast that differ by half or more.

    Fur, grass and cloth are where networks fail, and they are seldom in the middle. At most
    ``PARTS`` parts of at most ``SIDE`` px a side; a photograph of that size has one.
    """
    height, width = (min(SIDE, side // SCALE * SCALE) for side in photo.shape[:2])
    centre = (photo.shape[0] - height) // 2, (photo.shape[1] - width) // 2
    sums = np.pad(contrast(photo).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    h, w = height - 2, width - 2
    busy = sums[h:, w:] - sums[:-h, w:] - sums[h:, :-w] + sums[:-h, :-w]
    tops, lefts = np.ogrid[: busy.shape[0], : busy.shape[1]]
    found = [centre]
    while len(found) < PARTS:
        y, x = found[-1]
        shared = (height - abs(tops - y)).clip(0) * (width - abs(lefts - x)).clip(0)
        busy = np.where(shared <= height * width / 2, busy, -1.0)
        if busy.max() < 0:
            break
        y, x = np.unravel_index(busy.argmax(), busy.shape)
        found.append((int(y), int(x)))
    return [np.ascontiguousarray(photo[y : y + height, x : x + width]) for y, x in found]


class HeldOut:
    """:func:`parts` of some photographs, each with its LR.

    ``distance`` is a perceptual distance of two batches in [-1, 1], such as LPIPS, or ``None``.
    """

    def __init__(
        self,
        photos: Sequence[Picture],
        device: torch.device,
        distance: Callable[[Tensor, Tensor], Tensor] | None = None,
    ) -> None:
        self.device, self.distance = device, distance
        self.photographs = len(photos)
        self.pairs: list[tuple[Picture, Picture]] = []
        self.shown: list[int] = []
        """Which of the pairs are in a strip: one of each photograph, the busiest."""
        for photo in photos:
            pairs = [(imresize(hr, Fraction(1, SCALE)), hr) for hr in parts(photo)]
            if len(self.shown) < SHOWN:
                self.shown.append(len(self.pairs) + min(1, len(pairs) - 1))
            self.pairs += pairs

    def some(self, count: int) -> HeldOut:
        """``count`` of the parts, spread over all of them, or all where they are no more."""
        if count >= len(self.pairs):
            return self
        fewer = copy.copy(self)
        fewer.pairs = [self.pairs[i * len(self.pairs) // count] for i in range(count)]
        fewer.shown = list(range(min(count, SHOWN)))
        return fewer

    def look(self, network: Network) -> tuple[dict[str, float], Picture | None]:
        """Figures of ``network``, and a strip of pictures: LR, bicubic, the network's, HR.

        The figures are the mean PSNR in dB, :func:`grid` and, where a distance is known, the mean
        LPIPS, all of 8-bit pictures. Nothing is watched where nothing was kept out: no figures, no
        strip.
        """
        if not self.pairs:
            return {}, None
        outputs = [upscale(network, lr) for lr, _ in self.pairs]
        psnr = [luma_psnr(sr, hr) for sr, (_, hr) in zip(outputs, self.pairs, strict=True)]
        figures = {
            "heldout_psnr": round(float(np.mean(psnr)), 3),
            "heldout_grid": round(grid(outputs), 4),
        }
        if self.distance:
            with torch.inference_mode():
                lpips = [
                    float(self.distance(self._batch(sr), self._batch(hr)))
                    for sr, (_, hr) in zip(outputs, self.pairs, strict=True)
                ]
            figures["heldout_lpips"] = round(float(np.mean(lpips)), 4)
        return figures, self._strip(outputs)

    def _batch(self, image: Picture) -> Tensor:
        batch = torch.from_numpy(image).permute(2, 0, 1)[None].to(self.device).float()
        return batch / 127.5 - 1

    def _strip(self, outputs: Sequence[Picture]) -> Picture:
        """One row a photograph; narrower pictures are filled up with grey."""
        rows = []
        for number in self.shown:
            lr, hr = self.pairs[number]
            row = [nearest(lr), bicubic(lr), outputs[number], hr]
            rows.append(np.concatenate(row, axis=1))
        width = max(row.shape[1] for row in rows)
        filled = [
            np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0)), constant_values=128)
            for row in rows
        ]
        return np.concatenate(filled)


def write_strip(strip: Picture, path: Path) -> None:
    """Store a strip as PNG."""
    Image.fromarray(strip).save(path, format="PNG")
