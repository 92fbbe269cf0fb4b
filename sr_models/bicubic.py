"""MATLAB's bicubic enlargement as a convolution, for networks that build on it."""

from __future__ import annotations

from fractions import Fraction

import torch
import torch.nn.functional as F
from torch import Tensor

from sr_models import SCALE, interpolation


def phases() -> Tensor:
    """MATLAB's x4 bicubic as (16, 1, 5, 5) filters: one for each of the 16 output phases."""
    offsets, weights = interpolation.kernel(Fraction(SCALE))
    rows = torch.zeros(SCALE, 5, dtype=torch.float64)
    for phase in range(SCALE):
        rows[phase, offsets[phase] + 2] = torch.from_numpy(weights[phase].copy())
    return torch.einsum("pi,qj->pqij", rows, rows).reshape(SCALE * SCALE, 1, 5, 5).float()


def enlarge(lr: Tensor, phases: Tensor) -> Tensor:
    """Bicubic x4 of (n, c, h, w) by :func:`phases`, borders replicated, not rounded."""
    n, c, h, w = lr.shape
    with torch.autocast(lr.device.type, enabled=False):
        padded = F.pad(lr.to(phases.dtype).reshape(n * c, 1, h, w), (2, 2, 2, 2), mode="replicate")
        large = F.pixel_shuffle(F.conv2d(padded, phases), SCALE)
    return large.reshape(n, c, SCALE * h, SCALE * w)
