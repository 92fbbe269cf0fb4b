"""The discriminator of SRGAN (Ledig et al. 2017, figure 4): is this crop a photograph?"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

WIDTHS = (3, 64, 64, 128, 128, 256, 256, 512, 512)
SLOPE = 0.2


class Stage(nn.Module):
    """3x3 convolution, batch normalisation and LeakyReLU.

    The batch's own statistics normalise it, in training and after it: a discriminator judges
    batches, and none of it is ever shipped.
    """

    def __init__(self, before: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(before, width, 3, stride, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(width, track_running_stats=False)
        self.act = nn.LeakyReLU(SLOPE)

    def forward(self, x: Tensor) -> Tensor:
        """(n, before, h, w) to (n, width, h, w) or, with stride 2, half as high and wide."""
        y: Tensor = self.act(self.norm(self.conv(x)))
        return y


class Discriminator(nn.Module):
    """Eight 3x3 convolutions 64..512 with strides 1, 2, 1, 2.., Dense 1024, Dense 1.

    LeakyReLU of slope 0.2 throughout, batch normalisation after every convolution but the first.
    RGB crops (n, 3, patch, patch) in [0, 1] to logits (n,): the paper's last sigmoid belongs to
    the loss, where it can be computed without overflow. ``patch`` is a multiple of 16.
    """

    def __init__(self, patch: int) -> None:
        super().__init__()
        if patch < 16 or patch % 16:
            raise ValueError(f"the discriminator judges crops of a multiple of 16 px, not {patch}")
        first, *others = pairwise(WIDTHS)
        self.convolutions = nn.Sequential(
            nn.Conv2d(*first, 3, padding=1), nn.LeakyReLU(SLOPE),
            *(Stage(*widths, 1 + number % 2) for number, widths in enumerate(others, start=1)),
        )  # fmt: skip
        self.judge = nn.Sequential(
            nn.Flatten(),
            nn.Linear(WIDTHS[-1] * (patch // 16) ** 2, 1024),
            nn.LeakyReLU(SLOPE),
            nn.Linear(1024, 1),
        )

    def forward(self, image: Tensor) -> Tensor:
        """Logits (n,): above 0 where a crop is taken for a photograph."""
        # The paper shows the discriminator HR pictures in [-1, 1].
        logits: Tensor = self.judge(self.convolutions(image * 2 - 1))
        return logits.squeeze(1)
