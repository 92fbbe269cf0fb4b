"""DISTS: how alike two pictures are in structure and texture (Ding, Ma, Wang, Simoncelli, 2020).

"Image Quality Assessment: Unifying Structure and Texture Similarity", IEEE TPAMI 44 (5), 2022.
VGG16's convolutions are read from a folder that the caller names; the weight of each feature
comes with the package.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sr_models import weightfile
from sr_models.features import BACKBONES, TAPS, Standardise, backbone
from sr_models.methods import WEIGHTS_DIR

HEAD = "dists.safetensors"
"""``alpha`` and ``beta``: what mean and structure of each of 1475 features count."""
SMALL = 1e-6
"""Added above and below in both similarities, as published."""
AT_ONCE = 2**20
"""Pixels of a picture that go through the network together: 1 GB of memory or so."""
REACH = 112
"""Pixels above and below a strip that its features may see: 105, and whole poolings of them."""
GRID = 16
"""Four poolings by two: strips begin where they keep in step."""


class HanningPool(nn.Module):
    """Halves maps by the root of a weighted mean of squares over 3 x 3 (eq. 2 of the paper).

    The window is Hanning's; maps (n, c, h, w) become (n, c, ceil(h / 2), ceil(w / 2)).
    """

    def __init__(self) -> None:
        super().__init__()
        window = torch.tensor([0.25, 0.5, 0.25])
        self.register_buffer("window", window[:, None] * window)

    def forward(self, x: Tensor) -> Tensor:
        """Halve a batch of maps."""
        channels = x.shape[1]
        window = self.get_buffer("window").expand(channels, 1, 3, 3)
        mean = F.conv2d(x.square(), window, stride=2, padding=1, groups=channels)
        return (mean + 1e-12).sqrt()


class DISTS(nn.Module):
    """Deep image structure and texture similarity.

    ``DISTS(folder)(a, b)`` takes two batches (n, 3, h, w) of RGB in [0, 1] and gives (n,) float64
    distances, 0 for identical pictures, rarely above 0.6. ``folder`` holds VGG16. Pictures are
    taken as they are, not made smaller. Above a megapixel they go through in strips, which gives
    the same and keeps the memory low. Raises ``ValueError`` if there is no VGG16, or if the
    pictures are of different or too small sizes.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        layers = list(backbone(weightfile.load(folder / BACKBONES["vgg"]), TAPS["vgg"][-1]))
        layers = [HanningPool() if isinstance(each, nn.MaxPool2d) else each for each in layers]
        ends = [0, *(tap + 1 for tap in TAPS["vgg"])]
        self.standardise = Standardise()
        self.stages = nn.ModuleList(
            nn.Sequential(*layers[start:end])
            for start, end in zip(ends[:-1], ends[1:], strict=True)
        )
        head = weightfile.load(WEIGHTS_DIR / HEAD)
        alpha, beta = head["alpha"].double(), head["beta"].double()
        total = alpha.sum() + beta.sum()
        self.register_buffer("alpha", alpha / total)
        self.register_buffer("beta", beta / total)
        self._known: tuple[Tensor, list[Tensor]] | None = None
        """The latest picture ``a`` that went through whole, and its features."""

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """The distance of each picture of ``a`` from the same of ``b``."""
        if a.shape != b.shape or a.ndim != 4 or a.shape[1] != 3 or min(a.shape[2:]) < 32:
            raise ValueError(
                "DISTS compares two batches (n, 3, h, w) of one size, 32 px or more a side, not "
                f"{tuple(a.shape)} and {tuple(b.shape)}"
            )
        sums: list[Tensor] = []
        sizes: list[int] = []
        for start, end in _strips(*a.shape[2:]):
            for stage, (one, other) in enumerate(self._maps(a, b, start, end)):
                if stage == len(sums):
                    sums.append(torch.zeros((), dtype=torch.float64, device=a.device))
                    sizes.append(0)
                sums[stage] = sums[stage] + _sums(one, other)
                sizes[stage] += one.shape[2] * one.shape[3]
        moments = [each / size for each, size in zip(sums, sizes, strict=True)]
        mean_a, mean_b, square_a, square_b, product = torch.cat(moments, dim=2)
        texture = (2 * mean_a * mean_b + SMALL) / (mean_a**2 + mean_b**2 + SMALL)
        variance_a, variance_b = square_a - mean_a**2, square_b - mean_b**2
        covariance = product - mean_a * mean_b
        structure = (2 * covariance + SMALL) / (variance_a + variance_b + SMALL)
        alpha, beta = self.get_buffer("alpha"), self.get_buffer("beta")
        # Together the weights are 1; so identical pictures get 0 and not what rounding leaves.
        return (alpha * (1 - texture) + beta * (1 - structure)).sum(dim=1)

    def _maps(self, a: Tensor, b: Tensor, start: int, end: int) -> Iterator[tuple[Tensor, Tensor]]:
        """The pictures and every stage's features of them, in rows ``start`` to ``end``."""
        if end - start < a.shape[2] or torch.is_grad_enabled():
            of_a = self._features(a, start, end)
        else:
            # A method after the other is held against one original: it is looked at once.
            if self._known is None or self._known[0] is not a:
                self._known = a, list(self._features(a, start, end))
            of_a = iter(self._known[1])
        yield from zip(of_a, self._features(b, start, end), strict=True)

    def _features(self, picture: Tensor, start: int, end: int) -> Iterator[Tensor]:
        """A picture and every stage's features of it, in rows ``start`` to ``end``."""
        above, below = max(0, start - REACH), end + REACH
        first, rows = start - above, min(end, picture.shape[2]) - start
        maps = picture[:, :, above:below]
        yield maps[:, :, first : first + rows]
        maps = self.standardise(maps)
        for number, stage in enumerate(self.stages):
            maps = stage(maps)
            step = 2**number
            cut = slice(first // step, first // step - (-rows // step))
            yield maps[:, :, cut]


def _strips(height: int, width: int) -> Iterator[tuple[int, int]]:
    """From where to where the strips of a picture reach: one, if it is not large."""
    rows = height if height * width <= AT_ONCE else max(GRID, AT_ONCE // width // GRID * GRID)
    for start in range(0, height, rows):
        yield start, min(start + rows, height)


def _sums(a: Tensor, b: Tensor) -> Tensor:
    """Sums over the places of two batches of maps (n, c, h, w): (5, n, c) in float64.

    Of ``a``, ``b``, their squares and their product. A few channels at a time: float32 would leave
    nothing of the variance of a map that hardly varies.
    """
    found = []
    for first in range(0, a.shape[1], 16):
        x, y = (each[:, first : first + 16].double() for each in (a, b))
        found.append(torch.stack([each.sum(dim=(2, 3)) for each in (x, y, x * x, y * y, x * y)]))
    return torch.cat(found, dim=2)
