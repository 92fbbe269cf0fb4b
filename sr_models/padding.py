"""Images continued at their lower and right side, for networks that take only some sizes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Sizes:
    """The sides that a network takes: ``least`` or more, a multiple, ``square``, or ``fixed``."""

    least: int = 1
    multiple: int = 1
    square: bool = False
    fixed: int | None = None

    def fit(self, height: int, width: int) -> tuple[int, int]:
        """The smallest size that the network takes and that holds (height, width).

        >>> Sizes(16, 8).fit(5, 19)
        (16, 24)
        """
        if self.fixed is not None:
            return self.fixed, self.fixed
        h, w = (-(-max(self.least, side) // self.multiple) * self.multiple
                for side in (height, width))  # fmt: skip
        return (max(h, w),) * 2 if self.square else (h, w)


def pad(x: Tensor, height: int, width: int) -> Tensor:
    """(1, c, h, w) to (1, c, height, width): reflected, and where that ends, the last pixel again.

    As spandrel does it, so that its own call gives the same.
    """
    down, across = height - x.shape[2], width - x.shape[3]
    if not (down or across):
        return x
    mirrored = min(across, x.shape[3] - 1), min(down, x.shape[2] - 1)
    x = F.pad(x, (0, mirrored[0], 0, mirrored[1]), mode="reflect")
    return F.pad(x, (0, across - mirrored[0], 0, down - mirrored[1]), mode="replicate")


@dataclass(frozen=True)
class Loaded:
    """A network of somebody else, ready to run on (1, c, h, w) of a size that it takes."""

    architecture: str
    kind: str
    network: Callable[[Tensor], Tensor]
    channels: int
    align: int
    sizes: Sizes
    parameters: int


@dataclass(frozen=True)
class Padded:
    """A network that takes any size: what it needs is added before, and cut off its answer."""

    network: Callable[[Tensor], Tensor]
    sizes: Sizes
    scale: int

    def __call__(self, x: Tensor) -> Tensor:
        """(1, c, h, w) in [0, 1] to (1, c, scale h, scale w), as the network gave it."""
        height, width = x.shape[2:]
        y = self.network(pad(x, *self.sizes.fit(height, width)))
        return y[:, :, : self.scale * height, : self.scale * width]
