"""DRCN: one convolution applied sixteen times (Kim et al., CVPR 2016, section 3).

Two 3x3 convolutions embed the bicubic enlargement in 256 maps; one 3x3 convolution with ReLU is
applied ``recursions`` times; after every time two more reconstruct a picture, to which
the enlargement is added. The answer is the sum of all these pictures by learned weights.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sr_models import bicubic
from sr_models.regions import Region


class Recursion(Region):
    """One recursion with the convolutions that all share, which are handed in."""

    def forward(
        self, hidden: Tensor, recur: nn.Module, reconstruct1: nn.Module, reconstruct2: nn.Module
    ) -> tuple[Tensor, Tensor]:
        """Maps (n, width, h, w) to the next ones, and what they add to the enlargement."""
        hidden = F.relu(recur(hidden))
        return hidden, reconstruct2(F.relu(reconstruct1(hidden)))


class DRCN(nn.Module):
    """LR (n, 1, h, w) in [0, 1] to HR (n, 1, 4h, 4w): Y as MATLAB scales it, 16/255 to 235/255."""

    channels = 1
    tile = 48
    """The maps are 256 at HR size: 40 MB for each LR tile of this side and as much again."""

    def __init__(self, *, width: int = 256, recursions: int = 16) -> None:
        super().__init__()
        self.embed1 = nn.Conv2d(1, width, 3, padding=1)
        self.embed2 = nn.Conv2d(width, width, 3, padding=1)
        self.recur = nn.Conv2d(width, width, 3, padding=1)
        self.reconstruct1 = nn.Conv2d(width, width, 3, padding=1)
        self.reconstruct2 = nn.Conv2d(width, 1, 3, padding=1)
        self.once = Recursion()
        self.ensemble = nn.Parameter(torch.full((recursions,), 1 / recursions))
        self.register_buffer("phases", bicubic.phases(), persistent=False)
        for conv in (self.embed1, self.embed2, self.reconstruct1, self.reconstruct2):
            nn.init.kaiming_normal_(conv.weight)
        # The paper's start: the recursion hands its input on unchanged.
        nn.init.dirac_(self.recur.weight)
        for module in self.modules():
            if isinstance(module, nn.Conv2d) and module.bias is not None:
                nn.init.zeros_(module.bias)

    @property
    def reach(self) -> int:
        """LR pixels that an output pixel depends on, each side: convolutions, then bicubic's 2."""
        return -(-(4 + len(self.ensemble)) // 4) + 2

    def forward(self, lr: Tensor, *, every: bool = False, share: float = 1.0) -> Tensor:
        """Enlarge a batch by four.

        With ``every``, the picture after each recursion too: (recursions + 1, n, 1, 4h, 4w), the
        weighted sum first. The paper's loss looks at all of them. No more than a ``share`` of the
        recursions is applied: a training run can begin with the cheap part of the network.
        """
        enlarged = bicubic.enlarge(lr, self.get_buffer("phases"))
        hidden = F.relu(self.embed2(F.relu(self.embed1(enlarged))))
        weights = self.ensemble[: math.ceil(share * len(self.ensemble))]
        weights = weights / weights.sum()
        pictures, total = [], torch.zeros_like(enlarged)
        for weight in weights:
            hidden, detail = self.once(hidden, self.recur, self.reconstruct1, self.reconstruct2)
            picture = detail.to(enlarged.dtype) + enlarged
            total = total + weight * picture
            if every:
                pictures.append(picture)
        return torch.stack([total, *pictures]) if every else total


def shape(state: Mapping[str, Tensor]) -> dict[str, Any]:
    """The arguments of :class:`DRCN` that give the shapes in ``state``."""
    return {"width": state["recur.weight"].shape[0], "recursions": len(state["ensemble"])}
