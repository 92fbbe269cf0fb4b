"""SRCNN 9-5-5: three convolutions on the bicubic enlargement (Dong et al., TPAMI 2016, 4.2.3).

9x9 to 64 maps, 5x5 to 32, 5x5 to one, ReLU between, on Y. The convolutions are unpadded, as in the
paper; the enlargement is continued by its border pixels instead, so that no zeros are seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from sr_models import bicubic


class SRCNN(nn.Module):
    """LR (n, 1, h, w) in [0, 1] to HR (n, 1, 4h, 4w): Y as MATLAB scales it, 16/255 to 235/255.

    ``plain_start`` takes the paper's start, a Gaussian of SD 0.001; otherwise Kaiming's, with
    which the training needs a hundredth of the updates.
    """

    channels = 1
    tile = 256
    reach = 4
    """LR pixels that an output pixel depends on, each side: 8 HR pixels, then bicubic's 2."""

    def __init__(
        self, *, widths: tuple[int, int] = (64, 32), sides: tuple[int, int, int] = (9, 5, 5),
        plain_start: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        self.extract = nn.Conv2d(1, widths[0], sides[0])
        self.map = nn.Conv2d(widths[0], widths[1], sides[1])
        self.reconstruct = nn.Conv2d(widths[1], 1, sides[2])
        self.margin = sum(side // 2 for side in sides)
        self.register_buffer("phases", bicubic.phases(), persistent=False)
        for conv in (self.extract, self.map, self.reconstruct):
            if plain_start:
                nn.init.normal_(conv.weight, std=0.001)
            else:
                nn.init.kaiming_normal_(conv.weight)
            nn.init.zeros_(conv.get_parameter("bias"))

    def forward(self, lr: Tensor) -> Tensor:
        """Enlarge a batch by four."""
        enlarged = bicubic.enlarge(lr, self.get_buffer("phases"))
        x = F.pad(enlarged, (self.margin,) * 4, mode="replicate")
        x = F.relu(self.map(F.relu(self.extract(x))))
        return self.reconstruct(x).to(enlarged.dtype)


def shape(state: Mapping[str, Tensor]) -> dict[str, Any]:
    """The arguments of :class:`SRCNN` that give the shapes in ``state``."""
    weights = [state[f"{name}.weight"] for name in ("extract", "map", "reconstruct")]
    return {
        "widths": (weights[0].shape[0], weights[1].shape[0]),
        "sides": tuple(weight.shape[-1] for weight in weights),
    }
