"""RGB and the luma of BT.601 as MATLAB's ``rgb2ycbcr`` has it: Y from 16 to 235, chroma round 128.

Networks of one channel (SRCNN, ESPCN, DRCN) enlarge Y; their papers enlarge the chroma by bicubic.
"""

from __future__ import annotations

import torch
from torch import Tensor

# Rows Y, Cb, Cr; for RGB in [0, 1] and a result in [0, 1] (MATLAB's 0..255 divided by 255).
TO_YCBCR = (
    torch.tensor([[65.481, 128.553, 24.966], [-37.797, -74.203, 112.0], [112.0, -93.786, -18.214]])
    / 255
)
OFFSET = torch.tensor([16.0, 128.0, 128.0]) / 255


def ycbcr(rgb: Tensor) -> Tensor:
    """RGB (n, 3, h, w) in [0, 1] to Y, Cb, Cr of the same shape, Y in [16/255, 235/255].

    >>> (255 * ycbcr(torch.ones(1, 3, 1, 1))).round().flatten().tolist()
    [235.0, 128.0, 128.0]
    """
    matrix, offset = TO_YCBCR.to(rgb.device), OFFSET.to(rgb.device)
    return torch.einsum("dc,nchw->ndhw", matrix, rgb) + offset[:, None, None]


def rgb(ycbcr: Tensor) -> Tensor:
    """The inverse of :func:`ycbcr`; not clipped.

    >>> grey = torch.full((1, 3, 1, 1), 0.25)
    >>> torch.allclose(rgb(ycbcr(grey)), grey, atol=1e-6)
    True
    """
    matrix, offset = TO_YCBCR.to(ycbcr.device), OFFSET.to(ycbcr.device)
    return torch.einsum("cd,ndhw->nchw", matrix.inverse(), ycbcr - offset[:, None, None])


def luma(rgb: Tensor) -> Tensor:
    """Y alone: (n, 3, h, w) in [0, 1] to (n, 1, h, w) in [16/255, 235/255]."""
    # Numbers rather than a tensor: nothing has to be brought to the device of every batch.
    red, green, blue = rgb.split(1, dim=1)
    return (65.481 * red + 128.553 * green + 24.966 * blue + 16) / 255
