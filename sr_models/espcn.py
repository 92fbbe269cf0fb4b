"""ESPCN: three convolutions at LR size, then pixel shuffle (Shi et al., CVPR 2016, section 3.1).

5x5 to 64 maps, tanh, 3x3 to 32, tanh, 3x3 to 16, which become 4x4 pixels of Y. Borders are
continued by their pixels, so that no zeros are seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sr_models import SCALE


class ESPCN(nn.Module):
    """LR (n, 1, h, w) in [0, 1] to HR (n, 1, 4h, 4w): Y as MATLAB scales it, 16/255 to 235/255.

    ``plain_start`` takes PyTorch's own start, with which every tanh is as good as linear for ten
    thousand updates: the contrasts within an image are small. Otherwise the first filters begin
    blind to brightness and strong enough to bend the detail (held out, after 40 s on a CPU, 26.40
    dB instead of 26.14).
    """

    channels = 1
    tile = 256
    reach = 4
    """LR pixels that an output pixel depends on, each side."""

    def __init__(self, *, widths: tuple[int, int] = (64, 32), plain_start: bool = False) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, widths[0], 5)
        self.conv2 = nn.Conv2d(widths[0], widths[1], 3)
        self.conv3 = nn.Conv2d(widths[1], SCALE * SCALE, 3)
        if not plain_start:
            self._start_bent()

    def _start_bent(self) -> None:
        with torch.no_grad():
            nn.init.normal_(self.conv1.weight)
            self.conv1.weight -= self.conv1.weight.mean(dim=(1, 2, 3), keepdim=True)
            nn.init.normal_(self.conv1.get_parameter("bias"), std=0.5)
            nn.init.xavier_normal_(self.conv2.weight)
            nn.init.normal_(self.conv3.weight, std=0.01)
            nn.init.constant_(self.conv3.get_parameter("bias"), 0.45)

    def forward(self, lr: Tensor) -> Tensor:
        """Enlarge a batch by four."""
        x = F.pad(lr, (4, 4, 4, 4), mode="replicate")
        x = F.tanh(self.conv2(F.tanh(self.conv1(x))))
        return F.pixel_shuffle(self.conv3(x).to(lr.dtype), SCALE)


def shape(state: Mapping[str, Tensor]) -> dict[str, Any]:
    """The arguments of :class:`ESPCN` that give the shapes in ``state``."""
    return {"widths": (state["conv1.weight"].shape[0], state["conv2.weight"].shape[0])}
