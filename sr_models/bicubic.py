"""MATLAB's bicubic enlargement as a convolution, for networks that build on it."""

from __future__ import annotations

import math
from fractions import Fraction

import torch
import torch.nn.functional as F
from torch import Tensor

from sr_models import SCALE, interpolation


def phases(scale: int = SCALE) -> Tensor:
    """MATLAB's bicubic enlargement as (scale², 1, 5, 5) filters: one for each output phase."""
    offsets, weights = interpolation.kernel(Fraction(scale))
    rows = torch.zeros(scale, 5, dtype=torch.float64)
    for phase in range(scale):
        rows[phase, offsets[phase] + 2] = torch.from_numpy(weights[phase].copy())
    return torch.einsum("pi,qj->pqij", rows, rows).reshape(scale * scale, 1, 5, 5).float()


def enlarge(lr: Tensor, phases: Tensor) -> Tensor:
    """Bicubic enlargement of (n, c, h, w) by :func:`phases`, borders replicated, not rounded."""
    n, c, h, w = lr.shape
    scale = math.isqrt(phases.shape[0])
    with torch.autocast(lr.device.type, enabled=False):
        padded = F.pad(lr.to(phases.dtype).reshape(n * c, 1, h, w), (2, 2, 2, 2), mode="replicate")
        large = F.pixel_shuffle(F.conv2d(padded, phases), scale)
    return large.reshape(n, c, scale * h, scale * w)
