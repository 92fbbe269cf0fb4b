"""Parts of networks that a compiler may take one by one, and the same part only once.

A network compiled as a whole is unrolled: sixteen equal blocks are sixteen times the work, and
the first update waits for a minute. A region is compiled by itself; all instances of its class
share the code, so that one compilation serves every block of the same shapes, or of all
shapes where the region is ``dynamic``.
"""

from __future__ import annotations

from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor, nn


class Region(nn.Module):
    """A module that is compiled by itself where a network is compiled by regions."""

    dynamic: ClassVar[bool] = False
    """Whether one compilation serves all shapes: for what is done element by element."""


class NormalisedLeakyReLU(Region):
    """Batch normalisation by the batch's own statistics, then LeakyReLU; it holds no weights.

    (n, c, h, w) with a gain and an offset (c,) to the same. The convolution before it stays with
    the vendor's library.
    """

    dynamic = True

    def __init__(self, slope: float) -> None:
        super().__init__()
        self.slope = slope

    def forward(self, x: Tensor, gain: Tensor, offset: Tensor) -> Tensor:
        """Normalise each map over the batch and its places, and let the negative half leak."""
        return F.leaky_relu(F.batch_norm(x, None, None, gain, offset, training=True), self.slope)


class BiasedReLU(Region):
    """What a convolution without its bias gives, plus the bias (c,), then ReLU."""

    dynamic = True

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        """(n, c, h, w) to the same."""
        return F.relu(x + bias[:, None, None].to(x.dtype))
