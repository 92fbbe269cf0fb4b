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
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sr_models import bicubic
from sr_models.regions import Region


def before_shuffle(weight: Tensor) -> Tensor:
    """The 9x9 filters that follow a pixel shuffle by 2, as 5x5 filters that may come before it.

    weight: (out, in, 9, 9) for maps at full size. Returns (4 out, 4 in, 5, 5) for the maps that
    are still to be shuffled, so that ``shuffle(conv(x, result)) == conv(shuffle(x), weight)`` but
    for rounding. A 9x9 convolution to 3 maps leaves most of a processor's vector lanes empty;
    this one has four times the maps on a quarter of the positions, and needs a third of the time
    of both passes.
    """
    outs, ins, side, _ = weight.shape
    padded = F.pad(weight, (1, 1, 1, 1))
    phase, tap = (torch.arange(n, device=weight.device) for n in (2, 5))
    # From output phase p, tap t of input phase q lies 2 (t - 2) + q - p pixels away.
    index = 2 * (tap[None, None] - 2) + phase[None, :, None] - phase[:, None, None] + side // 2 + 1
    grid = padded[:, :, index][..., index]  # out, in, p, q, t (rows), p, q, t (columns)
    return grid.permute(0, 2, 5, 1, 3, 6, 4, 7).reshape(4 * outs, 4 * ins, 5, 5)


def shuffle(x: Tensor) -> Tensor:
    """Maps (n, 4c, h, w) to (n, c, 2h, 2w), as ``F.pixel_shuffle`` by 2.

    Channels come out last. On a GPU PyTorch's own leaves another layout behind, and the next
    convolution turns it again.
    """
    return F.pixel_shuffle(x, 2) if x.is_cpu else _shuffle_cells(x)


def _shuffle_cells(x: Tensor) -> Tensor:
    n, c, h, w = x.shape
    cells = x.permute(0, 2, 3, 1).reshape(n, h, w, c // 4, 2, 2)
    return cells.permute(0, 1, 4, 2, 5, 3).reshape(n, 2 * h, 2 * w, c // 4).permute(0, 3, 1, 2)


class _Prelu(torch.autograd.Function):
    """PReLU with one slope, its backward pass made of PyTorch's fast CPU kernels."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, slope: Tensor) -> Tensor:
        ctx.save_for_backward(x, slope)
        return F.prelu(x, slope.to(x.dtype))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor]:
        (gradient,) = gradients
        x, slope = ctx.saved_tensors
        to_x = torch.ops.aten.leaky_relu_backward(gradient, x, slope.item(), False)
        below = x.clamp(max=0).permute(0, 2, 3, 1).reshape(-1)
        to_slope = torch.dot(below, gradient.permute(0, 2, 3, 1).reshape(-1))
        return to_x, to_slope.to(slope.dtype).reshape(slope.shape)


class PReLU(nn.PReLU):
    """``nn.PReLU`` with one slope; on a CPU its backward pass takes a seventh of the time."""

    def forward(self, x: Tensor) -> Tensor:
        """Features (n, c, h, w) to the same."""
        ours = x.is_cpu and torch.is_grad_enabled() and not torch.compiler.is_compiling()
        if not ours:
            return F.prelu(x, self.weight.to(x.dtype))
        result: Tensor = _Prelu.apply(x, self.weight)
        return result


class ResidualBlock(Region):
    """3x3, BN, PReLU, 3x3, BN and the sum with the input; ``batch_norm`` says whether with BN."""

    def __init__(self, width: int, batch_norm: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1, bias=not batch_norm)
        self.bn1 = nn.BatchNorm2d(width) if batch_norm else nn.Identity()
        self.act = PReLU(init=0.25)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=not batch_norm)
        self.bn2 = nn.BatchNorm2d(width) if batch_norm else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Features (n, width, h, w) to the same."""
        y = self.act(self.bn1(self.conv1(x)))
        return x + self.bn2(self.conv2(y))


class UpsampleBlock(Region):
    """3x3 to four times the channels and PReLU; the pixel shuffle by 2 that follows is left out.

    One slope serves all maps alike, so that the activation may come first, and the last shuffle
    after the convolution that follows it.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, 4 * width, 3, padding=1)
        self.act = PReLU(init=0.25)

    def forward(self, x: Tensor) -> Tensor:
        """Features (n, width, h, w) to (n, 4 width, h, w), still to be shuffled."""
        return self.act(self.conv(x))


class Generator(nn.Module):
    """SRResNet: LR (n, 3, h, w) in [0, 1] to HR (n, 3, 4h, 4w) in about [0, 1], float32.

    The paper's network gives HR in [-1, 1]; that affine change is part of this module, so
    that every network here reads and writes the same range.
    """

    channels = 3
    tile = 256
    """Side of a tile in LR pixels: about 1.5 GB of activations."""

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
        self.act = PReLU(init=0.25)
        self.body = nn.Sequential(*(ResidualBlock(width, batch_norm) for _ in range(blocks)))
        self.conv = nn.Conv2d(width, width, 3, padding=1, bias=not batch_norm)
        self.bn = nn.BatchNorm2d(width) if batch_norm else nn.Identity()
        self.upsample = nn.ModuleList([UpsampleBlock(width), UpsampleBlock(width)])
        self.tail = nn.Conv2d(width, 3, 9, padding=4)
        self.skip: Tensor | None
        self.register_buffer("skip", bicubic.phases() if bicubic_skip else None)
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

    @property
    def reach(self) -> int:
        """LR pixels that an output pixel depends on, each side.

        9x9 reads 4, each block 2, the convolution after them 1; then 1 at the same size, 1 at twice
        and 4 at four times it, which is 2.5; the bicubic sum reads 2.
        """
        return 4 + 2 * len(self.body) + 1 + 3

    def forward(self, lr: Tensor) -> Tensor:
        """Enlarge a batch by four."""
        first = self.act(self.head(lr))
        x = first + self.bn(self.conv(self.body(first)))
        first_half, second_half = self.upsample.children()
        x = second_half(shuffle(first_half(x)))
        filters = before_shuffle(self.tail.weight)
        # Over a bicubic picture 8 bits of the remainder are enough; a whole picture needs more.
        coarse = self.skip is not None and torch.is_autocast_enabled(lr.device.type)
        with torch.autocast(lr.device.type, enabled=coarse):
            parts = F.conv2d(x if coarse else x.to(filters.dtype), filters, padding=2)
        image = shuffle(parts.to(filters.dtype)) + self.tail.get_parameter("bias")[:, None, None]
        if self.skip is None:
            return image * 0.5 + 0.5
        return image + bicubic.enlarge(lr, self.skip)


def shape(state: Mapping[str, Tensor]) -> dict[str, Any]:
    """The arguments of :class:`Generator` that give the shapes in ``state``."""
    return {
        "width": state["head.weight"].shape[0],
        "blocks": len({key.split(".")[1] for key in state if key.startswith("body.")}),
        "batch_norm": "bn.weight" in state,
        "bicubic_skip": "skip" in state,
    }


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
    plain = Generator(**shape(folded))
    plain.load_state_dict(folded)
    return plain


BN_NAMES = ("bn", "bn1", "bn2")
