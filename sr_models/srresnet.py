"""The generator of SRGAN, which is SRResNet (Ledig et al. 2017, figure 4).

9x9 convolution to 64 channels and PReLU; 16 residual blocks (3x3, BN, PReLU, 3x3, BN, sum);
3x3 and BN under a long skip; two times 3x3 to 256, pixel shuffle by 2 and PReLU; 9x9 to RGB.

Two choices leave the paper and are read from the weights themselves: batch normalisation may
be missing (others measured that it costs about 0.1 dB), and a fixed bicubic enlargement may be
added to the output, so that the network learns only what bicubic misses. A weight file with
the buffer ``skip`` has the second, one without ``bn`` keys the first.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sr_models import SCALE, interpolation


def bicubic_phases() -> Tensor:
    """MATLAB's x4 bicubic as (16, 1, 5, 5) filters: one for each of the 16 output phases."""
    offsets, weights = interpolation.kernel(Fraction(SCALE))
    rows = torch.zeros(SCALE, 5, dtype=torch.float64)
    for phase in range(SCALE):
        rows[phase, offsets[phase] + 2] = torch.from_numpy(weights[phase].copy())
    return torch.einsum("pi,qj->pqij", rows, rows).reshape(SCALE * SCALE, 1, 5, 5).float()


def enlarge(lr: Tensor, phases: Tensor) -> Tensor:
    """Bicubic x4 of (n, c, h, w) by :func:`bicubic_phases`, borders replicated, not rounded."""
    n, c, h, w = lr.shape
    padded = F.pad(lr.reshape(n * c, 1, h, w), (2, 2, 2, 2), mode="replicate")
    return F.pixel_shuffle(F.conv2d(padded, phases), SCALE).reshape(n, c, SCALE * h, SCALE * w)


def convolve_wide(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """``conv2d`` with a large kernel and few output channels, padded to the same size.

    A k x k convolution to 3 channels leaves most of a CPU's vector lanes empty. The same sum
    as one 1 x k convolution to 3k channels and k shifted additions is exact to rounding and
    several times faster.
    """
    out_channels, in_channels, kh, kw = weight.shape
    height = x.shape[2]
    rows = weight.permute(2, 0, 1, 3).reshape(kh * out_channels, in_channels, 1, kw)
    parts = F.conv2d(x, rows, padding=(kh // 2, kw // 2))
    total = parts[:, :out_channels, :height].float()
    for dy in range(1, kh):
        total = total + parts[:, dy * out_channels : (dy + 1) * out_channels, dy : dy + height]
    return total if bias is None else total + bias.float()[:, None, None]


class ResidualBlock(nn.Module):
    """3x3, BN, PReLU, 3x3, BN and the sum with the input; ``batch_norm`` says whether with BN."""

    def __init__(self, width: int, batch_norm: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1, bias=not batch_norm)
        self.bn1 = nn.BatchNorm2d(width) if batch_norm else nn.Identity()
        self.act = nn.PReLU(init=0.25)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=not batch_norm)
        self.bn2 = nn.BatchNorm2d(width) if batch_norm else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Features (n, width, h, w) to the same."""
        y = self.act(self.bn1(self.conv1(x)))
        return x + self.bn2(self.conv2(y))


class UpsampleBlock(nn.Module):
    """3x3 to four times the channels, pixel shuffle by 2, PReLU."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, 4 * width, 3, padding=1)
        self.act = nn.PReLU(init=0.25)

    def forward(self, x: Tensor) -> Tensor:
        """Features (n, width, h, w) to (n, width, 2h, 2w)."""
        return self.act(F.pixel_shuffle(self.conv(x), 2))


class Generator(nn.Module):
    """SRResNet: LR (n, 3, h, w) in [0, 1] to HR (n, 3, 4h, 4w) in about [0, 1], float32.

    The paper's network gives HR in [-1, 1]; that affine change is part of this module, so
    that every network here reads and writes the same range.
    """

    def __init__(
        self,
        *,
        width: int = 64,
        blocks: int = 16,
        batch_norm: bool = True,
        bicubic_skip: bool = False,
    ) -> None:
        super().__init__()
        self.head = nn.Conv2d(3, width, 9, padding=4)
        self.act = nn.PReLU(init=0.25)
        self.body = nn.Sequential(*(ResidualBlock(width, batch_norm) for _ in range(blocks)))
        self.conv = nn.Conv2d(width, width, 3, padding=1, bias=not batch_norm)
        self.bn = nn.BatchNorm2d(width) if batch_norm else nn.Identity()
        self.upsample = nn.Sequential(UpsampleBlock(width), UpsampleBlock(width))
        self.tail = nn.Conv2d(width, 3, 9, padding=4)
        self.skip: Tensor | None
        self.register_buffer("skip", bicubic_phases() if bicubic_skip else None)
        if not batch_norm:
            self._start_small()

    def _start_small(self) -> None:
        # Without normalisation a sum of sixteen fresh blocks explodes; a tenth of Kaiming's
        # scale keeps each block near the identity at the start (Wang et al., ESRGAN, 2018).
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, a=0.25)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        for block in self.body.children():
            for conv in (block.get_submodule("conv1"), block.get_submodule("conv2")):
                conv.get_parameter("weight").data.mul_(0.1)
        self.tail.weight.data.mul_(0.1)

    def forward(self, lr: Tensor) -> Tensor:
        """Enlarge a batch by four."""
        first = self.act(self.head(lr))
        x = self.upsample(first + self.bn(self.conv(self.body(first))))
        image = convolve_wide(x, self.tail.weight, self.tail.bias)
        if self.skip is None:
            return image * 0.5 + 0.5
        with torch.autocast(lr.device.type, enabled=False):
            return image + enlarge(lr.float(), self.skip)


def build(state: Mapping[str, Tensor]) -> Generator:
    """The generator whose weights ``state`` holds, its shape deduced from keys and sizes.

    Raises ``ValueError`` where ``state`` is not a generator's.
    """
    if "head.weight" not in state or state["head.weight"].ndim != 4:
        raise ValueError("these are not the weights of an SRResNet: there is no head.weight")
    blocks = len({key.split(".")[1] for key in state if key.startswith("body.")})
    network = Generator(
        width=state["head.weight"].shape[0],
        blocks=blocks,
        batch_norm="bn.weight" in state,
        bicubic_skip="skip" in state,
    )
    found = {key: value.shape for key, value in state.items()}
    wanted = {key: value.shape for key, value in network.state_dict().items()}
    if wrong := sorted(dict(found.items() ^ wanted.items())):
        raise ValueError(
            f"these are not the weights of an SRResNet: {wrong[0]} is missing, unexpected or of "
            f"another shape, one of {len(wrong)} such tensors"
        )
    network.load_state_dict(dict(state))
    return network


def fold_batch_norm(network: Generator) -> Generator:
    """The same function with every BN's statistics folded into the convolution before it.

    Exact up to float32 rounding for a network in evaluation mode. A network without batch
    normalisation is returned as it is.
    """
    if isinstance(network.bn, nn.Identity):
        return network
    state = network.state_dict()
    folded = {
        key: value for key, value in state.items() if not key.rpartition(".")[0].endswith(BN_NAMES)
    }
    pairs = [("conv", "bn")]
    for block in range(len(network.body)):
        pairs += [(f"body.{block}.conv{i}", f"body.{block}.bn{i}") for i in (1, 2)]
    for conv, bn in pairs:
        gain = state[f"{bn}.weight"] / torch.sqrt(state[f"{bn}.running_var"] + 1e-5)
        folded[f"{conv}.weight"] = state[f"{conv}.weight"] * gain[:, None, None, None]
        folded[f"{conv}.bias"] = state[f"{bn}.bias"] - state[f"{bn}.running_mean"] * gain
    return build(folded)


BN_NAMES = ("bn", "bn1", "bn2")
