"""Photographs kept out of the training, and the figures that watch it on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from sr_models import SCALE
from sr_models.interpolation import imresize

COUNT = 3
"""How many photographs are kept out."""
SIDE = 192
"""Pixels a side of the part that is looked at."""
Photo = TypeVar("Photo")


def split(photos: Sequence[Photo]) -> tuple[list[Photo], list[Photo]]:
    """The photographs to train on and those to watch, spread over the whole list.

    >>> split("abcdefghi")
    (['a', 'b', 'd', 'f', 'g', 'h'], ['c', 'e', 'i'])
    """
    if len(photos) <= COUNT:
        return list(photos), []
    watched = {round((i + 0.5) * len(photos) / COUNT) for i in range(COUNT)}
    return (
        [photo for i, photo in enumerate(photos) if i not in watched],
        [photo for i, photo in enumerate(photos) if i in watched],
    )


def luma_psnr(sr: Tensor, hr: Tensor) -> float:
    """PSNR of the Y channel (BT.601, 16..235) in dB, 4 px cut; (3, h, w) in [0, 1] each."""
    y = torch.tensor([65.481, 128.553, 24.966], device=sr.device)
    difference = torch.einsum("c,chw->hw", y, (sr - hr))[4:-4, 4:-4]
    return float(10 * torch.log10(255**2 / (difference**2).mean()))


class HeldOut:
    """The centre of each of some photographs, at most ``SIDE`` px a side, as an (LR, HR) pair.

    ``distance`` is a perceptual distance of two batches in [-1, 1], such as LPIPS, or ``None``.
    """

    def __init__(
        self,
        photos: Sequence[np.ndarray],
        device: torch.device,
        distance: Callable[[Tensor, Tensor], Tensor] | None = None,
    ) -> None:
        self.distance = distance
        self.pairs = []
        for photo in photos:
            height, width = (min(SIDE, side // SCALE * SCALE) for side in photo.shape[:2])
            top, left = (photo.shape[0] - height) // 2, (photo.shape[1] - width) // 2
            hr = np.ascontiguousarray(photo[top : top + height, left : left + width])
            lr = imresize(hr, Fraction(1, SCALE))
            self.pairs.append((_batch(lr, device), _batch(hr, device)))

    @torch.inference_mode()
    def figures(self, network: torch.nn.Module) -> dict[str, float]:
        """Mean PSNR in dB and, where a distance is known, LPIPS; outputs rounded to 8 bits."""
        if not self.pairs:
            return {}
        psnr, lpips = [], []
        for lr, hr in self.pairs:
            sr = (network(lr).clamp(0, 1) * 255).round() / 255
            psnr.append(luma_psnr(sr[0], hr[0]))
            if self.distance:
                lpips.append(float(self.distance(sr * 2 - 1, hr * 2 - 1)))
        figures = {"heldout_psnr": round(float(np.mean(psnr)), 3)}
        return figures | ({"heldout_lpips": round(float(np.mean(lpips)), 4)} if lpips else {})


def _batch(image: np.ndarray, device: torch.device) -> Tensor:
    return torch.from_numpy(image).permute(2, 0, 1)[None].to(device).float() / 255
