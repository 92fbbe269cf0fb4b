"""Running a network on an image of any size: whole where it fits, else in tiles that nobody sees.

Tiles overlap by a margin, the network's reach. Where that is known, a tiled answer is the untiled
one but for rounding in the last bit. Where it was only found by trial, both answers along every
seam are compared; if they differ, the image is done again with twice the margin, in the end whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sr_models import SCALE, bicubic, colour

Image = NDArray[np.uint8]
Call = Callable[[Tensor], Tensor]
"""(1, c, h, w) in [0, 1] to (1, c, scale h, scale w), float32, on one device."""
LUMA = torch.tensor([0.299, 0.587, 0.114])
"""BT.601 full range: how a network's RGB answer to a grey image becomes grey again."""
STRIP = 2
"""LR pixels on each side of a seam in which two tiles' answers are compared."""


class NoNumbersError(ValueError):
    """A network answered with NaN or infinity."""


@dataclass(frozen=True)
class Layout:
    """How an image is laid out for a network; lengths in LR pixels.

    ``channels``: 3 for RGB, 1 for luma, with chroma by bicubic. ``tile``: the side of what is kept
    of a tile. ``reach``: what a tile needs around that, ``None`` where only a whole image will do.
    Tiles begin at multiples of ``align`` and are ``least`` wide or more. ``tolerance``: by how many
    grey levels two tiles may differ at their seam, ``None`` where the reach is known to be enough.
    ``bytes_per_pixel`` is what one LR pixel takes while the network runs. ``fixed``: a network that
    takes tiles with their margins and nothing larger.
    """

    tile: int
    reach: int | None
    channels: int = 3
    scale: int = SCALE
    align: int = 1
    least: int = 1
    tolerance: float | None = None
    bytes_per_pixel: int = 0
    fixed: bool = False


@torch.inference_mode()
def run(network: Call, lr: Image, layout: Layout, device: torch.device) -> Image:
    """An LR image (h, w) or (h, w, 3), uint8, to (scale h, scale w[, 3]), uint8.

    A network of one channel enlarges the luma, and bicubic the chroma. A grey image enters as three
    equal channels and leaves as the luma of the answer. Values are clipped and rounded, halves
    up. Raises ``ValueError`` for any other type or shape, for an answer that is no image, and for
    an image that the network would have to see as a whole and that does not fit into memory.
    """
    if (
        lr.dtype != np.uint8
        or lr.ndim not in (2, 3)
        or lr.shape[2:] not in ((), (3,))
        or not lr.size
    ):
        raise ValueError(
            f"an LR image is a uint8 array (h, w) or (h, w, 3), not {lr.dtype} {lr.shape}"
        )
    colour = lr if lr.ndim == 3 else lr[..., None].repeat(3, axis=2)
    x = torch.from_numpy(np.ascontiguousarray(colour)).permute(2, 0, 1)[None].float() / 255
    x = x.to(device)
    # On a GPU convolutions would use TF32, ten bits of each factor, and whatever algorithm is
    # fastest today. What is not said here is off, the library itself included.
    with torch.backends.cudnn.flags(
        enabled=True, deterministic=True, benchmark=False, allow_tf32=False
    ):
        for sides, margin in _attempts(layout, lr.shape[0], lr.shape[1], device):
            answer = _tiled(network, x, layout, sides, margin, grey=lr.ndim == 2)
            if answer is not None:
                return answer
    height, width = lr.shape[:2]
    if layout.fixed:
        raise ValueError(
            f"the tiles that this network takes do not fit together on a {width}x{height} image; "
            "export it with dynamic height and width, or bring its outputs"
        )
    raise ValueError(
        f"this network would have to see the {width}x{height} image as a whole, which takes about "
        f"{height * width * layout.bytes_per_pixel / 1e9:.1f} GB of memory and more than is free; "
        "run it on a larger machine, or elsewhere and bring its outputs"
    )


def _attempts(
    layout: Layout, height: int, width: int, device: torch.device
) -> Iterator[tuple[tuple[int, int], int]]:
    """Heights and widths of tiles and their margins, to be tried in this order."""
    whole, margin = max(height, width), layout.reach
    if layout.tolerance is None and margin is not None:
        yield (layout.tile, layout.tile), margin
        return
    side = layout.tile + 2 * (margin or 0)
    if whole <= side or (height * width <= side * side and not layout.fixed):
        yield (whole, whole), 0
        return
    while margin and side - 2 * margin >= max(layout.align, side // 4):
        yield _shape(layout, height, width, margin), margin
        margin *= 2
    if not layout.fixed and height * width * layout.bytes_per_pixel <= room(device):
        yield (whole, whole), 0


def _shape(layout: Layout, height: int, width: int, margin: int) -> tuple[int, int]:
    """The height and width of tiles that see the fewest pixels twice, in the memory of a square."""
    side = layout.tile + 2 * (layout.reach or 0)
    square = (side - 2 * margin) // layout.align * layout.align
    shapes = {(square, square)}
    for columns in range(1, -(-width // square) if not layout.fixed else 1):
        across = -(-width // (columns * layout.align)) * layout.align
        seen = min(width, across + 2 * margin)
        down = (side * side // seen - 2 * margin) // layout.align * layout.align
        if down >= layout.align:
            shapes.add((down, across))

    def seen_in_all(shape: tuple[int, int]) -> int:
        rows, columns = -(-height // shape[0]), -(-width // shape[1])
        return (height + 2 * margin * (rows - 1)) * (width + 2 * margin * (columns - 1))

    return min(sorted(shapes), key=seen_in_all)


def _tiled(
    network: Call, x: Tensor, layout: Layout, sides: tuple[int, int], margin: int, *, grey: bool
) -> Image | None:
    """The answer in tiles of (height, width) ``sides``; ``None`` where two differ at a seam."""
    scale, (height, width) = layout.scale, x.shape[2:]
    out = np.empty((scale * height, scale * width) + (() if grey else (3,)), np.uint8)
    above: dict[int, Tensor] = {}
    for top, bottom in _spans(height, sides[0]):
        beside: Tensor | None = None
        for left, right in _spans(width, sides[1]):
            y0, y1 = _region(top, bottom, height, margin, layout)
            x0, x1 = _region(left, right, width, margin, layout)
            part = _enlarge(network, x[:, :, y0:y1, x0:x1], layout)[0].cpu()
            if not part.sum().isfinite():  # one pass, and nothing finite comes to infinity
                raise NoNumbersError(
                    "the network's answer holds NaN or infinity; if it runs in float16 or "
                    "bfloat16, float32 may do"
                )

            def inside(
                rows: tuple[int, int], columns: tuple[int, int],
                part: Tensor = part, y0: int = y0, x0: int = x0,
            ) -> Tensor:  # fmt: skip
                (a, b), (c, d) = rows, columns
                return part[
                    :, scale * (a - y0) : scale * (b - y0), scale * (c - x0) : scale * (d - x0)
                ]

            mine = (slice(scale * top, scale * bottom), slice(scale * left, scale * right))
            out[mine] = _rounded(inside((top, bottom), (left, right)), grey)
            if layout.tolerance is None or not margin:
                continue
            before, after = (max(0, left - STRIP), left + STRIP), (right - STRIP, right + STRIP)
            upper, lower = (max(0, top - STRIP), top + STRIP), (bottom - STRIP, bottom + STRIP)
            if (
                beside is not None
                and _differ(beside, inside((top, bottom), before), layout.tolerance)
            ) or (
                left in above
                and _differ(above[left], inside(upper, (left, right)), layout.tolerance)
            ):
                return None
            beside = inside((top, bottom), after).clone()
            above[left] = inside(lower, (left, right)).clone()
    return out


def _differ(one: Tensor, other: Tensor, tolerance: float) -> bool:
    # A strip that the image's end cut short is compared as far as both have it.
    rows, columns = (min(a, b) for a, b in zip(one.shape[1:], other.shape[1:], strict=True))
    pair = (each[:, :rows, :columns].clamp(0, 1) for each in (one, other))
    return bool(torch.sub(*pair).abs().max() * 255 > tolerance)


def _rounded(part: Tensor, grey: bool) -> Image:
    """(3, h, w) in about [0, 1] to (h, w, 3) or (h, w), uint8."""
    if grey:
        part = torch.einsum("c,chw->hw", LUMA, part)[None]
    # In place, and cut off at the end: large images spend their time in passes such as these.
    levels = (part * 255).add_(0.5).clamp_(0, 255).byte()
    rounded: Image = levels.permute(1, 2, 0).numpy()
    return rounded[..., 0] if grey else rounded


def _enlarge(network: Call, rgb: Tensor, layout: Layout) -> Tensor:
    """RGB (1, 3, h, w) to RGB (1, 3, scale h, scale w) by a network of either kind."""
    if layout.channels == 3:
        return network(rgb)
    ycbcr = colour.ycbcr(rgb)
    chroma = bicubic.enlarge(ycbcr[:, 1:], bicubic.phases(layout.scale).to(rgb.device))
    return colour.rgb(torch.cat([network(ycbcr[:, :1]), chroma], dim=1))


def _region(start: int, stop: int, length: int, margin: int, layout: Layout) -> tuple[int, int]:
    """What the network is given so that it answers for ``start`` to ``stop``."""
    if layout.fixed:
        # As much of the image as it takes anyway: what it would be padded with is no image.
        side = layout.tile + 2 * (layout.reach or 0)
        first = max(0, min(start - margin, length - side))
        return first, min(length, first + side)
    first = max(0, min(start - margin, length - layout.least)) // layout.align * layout.align
    last = -(-(stop + margin) // layout.align) * layout.align
    return first, min(length, last)


def _spans(length: int, tile: int) -> Iterator[tuple[int, int]]:
    for start in range(0, length, tile):
        yield start, min(start + tile, length)


def room(device: torch.device) -> int:
    """Bytes that are free for one image, with a quarter held back.

    What a container may have counts where the system says it; 4 GB where it says nothing.
    """
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0] * 3 // 4
    free = []
    meminfo = Path("/proc/meminfo")
    if meminfo.is_file():
        lines = dict(line.split(":", 1) for line in meminfo.read_text().splitlines())
        free.append(1024 * int(lines["MemAvailable"].split()[0]))
    limit, used = (Path("/sys/fs/cgroup", f"memory.{name}") for name in ("max", "current"))
    if limit.is_file() and used.is_file() and limit.read_text().strip().isdigit():
        free.append(int(limit.read_text()) - int(used.read_text()))
    return max(0, min(free, default=4 << 30)) * 3 // 4
