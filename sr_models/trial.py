"""A first run of a network that somebody brought: what it is, measured and not believed.

Run on a made picture with edges and the spectrum of photographs: by how much it enlarges, whether
its answer is one, how much memory a pixel takes, and how far an output pixel sees.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode

from sr_models import bicubic
from sr_models.brought import OUTPUTS
from sr_models.facts import SCALES, Facts
from sr_models.padding import Loaded, Padded, Sizes

SMALLEST = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)
QUARTER = 0.25 / 255
"""Of a grey level: so much may a tile's inside differ from the whole's, in float32."""
RANGES = {"0 to 255": (255.0, 0.0), "-1 to 1": (2.0, -1.0)}
"""Other ranges than 0 to 1 that answers come in: by what they are multiplied, and moved."""


def probe(height: int, width: int, channels: int) -> Tensor:
    """A made picture (1, c, h, w) in [0, 1], in steps of 1/255: leaves over leaves, and clouds.

    Discs that hide each other have edges and the 1/f spectrum of photographs (Lee, Mumford, Huang,
    IJCV 2001). The same sizes give the same picture.
    """
    random = np.random.default_rng(7)
    side = max(height, width)
    y, x = np.mgrid[:side, :side]
    image = np.full((side, side, 3), 0.5)
    for _ in range(400):
        radius = 2 * (1 - random.random() * 0.99) ** -0.6
        centre = random.random(2) * side
        colour = 0.5 + 0.25 * random.standard_normal() + 0.08 * random.standard_normal(3)
        image[(y - centre[0]) ** 2 + (x - centre[1]) ** 2 < radius**2] = colour
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None])
    frequency[0, 0] = np.inf
    clouds = np.fft.irfft2(np.fft.rfft2(random.standard_normal((side, side))) / frequency,
                           s=(side, side))  # fmt: skip
    image += 0.06 * (clouds / max(clouds.std(), 1e-9))[..., None]
    levels = np.round(np.clip(image[:height, :width], 0, 1) * 255) / 255
    return torch.from_numpy(levels).float().permute(2, 0, 1)[None, :channels].contiguous()


def measure(
    loaded: Loaded, name: str, *, scale: int | None, precision: str, memory: int,
    device: torch.device,
) -> Facts:  # fmt: skip
    """What is to be known of a network, by running it.

    ``memory`` is what it may take, in bytes. Raises ``ValueError``, one sentence, where its answer
    is no enlargement, or not that of ``scale``.
    """
    sizes, least = _least(loaded, name, device)
    found = _scale(loaded, sizes, name, scale, device)
    network = Padded(loaded.network, sizes, found)
    side = sizes.fixed or 64
    _answer(network, probe(side, side - (0 if sizes.fixed else 13), loaded.channels).to(device),
            name)  # fmt: skip
    if loaded.kind == "onnx":
        whole = sizes.fixed is None and _felt_afar(network, loaded.channels, device)
        held = _held(network, loaded.channels, device, sizes.fixed)
    else:
        whole, held = watch(loaded.network, sizes, loaded.channels, device)
    bytes_per_pixel = _rounded(held)
    align, reach = loaded.align, None
    if sizes.fixed is not None:
        align, reach = 1, _reach_of_fixed(network, loaded.channels, sizes.fixed, device)
        if reach is None:
            raise ValueError(
                f"{name}: it takes images of {sizes.fixed}x{sizes.fixed} alone, and its tiles do "
                f"not fit together; export it with dynamic height and width, or {OUTPUTS}"
            )
        tile = sizes.fixed - 2 * reach
    else:
        if not whole:
            reach = _reach(network, loaded.channels, loaded.align, device)
        tile = _tile(memory * 5 // 8, bytes_per_pixel, align, reach)
    return Facts(
        architecture=loaded.architecture, kind=loaded.kind, scale=found, channels=loaded.channels,
        align=align, least=least, reach=reach, tile=tile, bytes_per_pixel=bytes_per_pixel,
        parameters=loaded.parameters, precision=precision,
    )  # fmt: skip


def _least(loaded: Loaded, name: str, device: torch.device) -> tuple[Sizes, int]:
    """The smallest image that the network runs on, found by trying."""
    sizes, last = loaded.sizes, ""
    if sizes.fixed is not None:
        return sizes, sizes.fixed
    for side in SMALLEST:
        if side < sizes.least:
            continue
        tried = Sizes(side, sizes.multiple, sizes.square)
        height, width = tried.fit(side, side)
        try:
            y = loaded.network(probe(height, width, loaded.channels).to(device))
        except (RuntimeError, ValueError, IndexError, ZeroDivisionError, AssertionError) as error:
            if "memory" in str(error):
                raise
            last = (str(error).splitlines() or [type(error).__name__])[0][:160]
        else:
            if y.ndim == 4 and y.shape[2] >= height and y.shape[3] >= width:
                return tried, side
            last = f"{width}x{height} became {tuple(y.shape)}"
    raise ValueError(f"{name}: it runs on no image of up to 256 px a side ({last}); {OUTPUTS}")


def _scale(
    loaded: Loaded, sizes: Sizes, name: str, declared: int | None, device: torch.device
) -> int:
    height, width = sizes.fit(37, 29)
    if height == width and not (sizes.square or sizes.fixed):
        width += sizes.multiple
    y = loaded.network(probe(height, width, loaded.channels).to(device))
    if y.shape[1] != loaded.channels:
        raise ValueError(
            f"{name}: it takes {loaded.channels} channels and gives {y.shape[1]}; as many as it "
            "takes would be right"
        )
    down, across = y.shape[2] / height, y.shape[3] / width
    if down != across or down != int(down):
        raise ValueError(
            f"{name}: it makes {y.shape[3]}x{y.shape[2]} of {width}x{height}, which is no whole "
            "factor, the same in both directions"
        )
    scale = int(down)
    if scale == 1:
        raise ValueError(f"{name}: it does not enlarge; only super-resolution is taken")
    if scale not in SCALES:
        raise ValueError(f"{name}: it enlarges by {scale}; 2, 3, 4 or 8 are taken")
    if declared is not None and declared != scale:
        raise ValueError(f"{name}: it enlarges by {scale}, and {declared} was declared")
    return scale


def _answer(network: Padded, x: Tensor, name: str) -> None:
    """Raises ``ValueError`` where the answer to ``x`` is none."""
    y = network(x)
    if not torch.isfinite(y).all():
        raise ValueError(f"{name}: its answer to a picture holds NaN or infinity")
    if not torch.equal(y, network(x)):
        raise ValueError(f"{name}: it answers the same picture twice with different images")
    if y.amax() == y.amin():
        raise ValueError(f"{name}: its answer is the same everywhere, whatever it is given")
    if other := _other_range(x, y, network.scale):
        raise ValueError(
            f"{name}: its answer is no enlargement of what it was given: it seems to be in the "
            f"range {other}, and 0 to 1 is needed; {OUTPUTS}"
        )


def _other_range(x: Tensor, y: Tensor, scale: int) -> str:
    """The range that the answer is in, where it is surely the picture and surely in another one.

    Untrained networks answer anything; only one that follows bicubic closely (r > 0.95) is judged.
    """
    plain = bicubic.enlarge(x, bicubic.phases(scale).to(x.device)).flatten()
    answer = y.flatten()
    correlation = torch.corrcoef(torch.stack([plain, answer]))[0, 1]
    slope = correlation * answer.std() / plain.std()
    level = answer.mean() - slope * plain.mean()
    if correlation > 0.95:
        for name, (factor, shift) in RANGES.items():
            if abs(slope / factor - 1) < 0.2 and abs(level - shift) < 0.1 * factor:
                return name
    return ""


class _Watch(TorchDispatchMode):
    """Notes over how many values a network sums, sorts or attends at once, and what it holds."""

    def __init__(self) -> None:
        super().__init__()
        self.lengths: set[tuple[str, int]] = set()
        self.most = 0
        self._held: dict[StorageWeakRef, int] = {}

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        answer = func(*args, **(kwargs or {}))
        name = func._schema.name.removeprefix("aten::")
        if args and isinstance(args[0], Tensor):
            for length in self._over(name, args, answer):
                self.lengths.add((name, length))
        for each in answer if isinstance(answer, (tuple, list)) else [answer]:
            if isinstance(each, Tensor):
                storage = each.untyped_storage()
                self._held[StorageWeakRef(storage)] = storage.nbytes()
        self._held = {held: size for held, size in self._held.items() if not held.expired()}
        self.most = max(self.most, sum(self._held.values()))
        return answer

    @staticmethod
    def _over(name: str, args: tuple[Any, ...], answer: Any) -> Iterator[int]:
        first = args[0]
        if name in {"mm", "bmm", "baddbmm", "addmm"}:
            matrix = args[1] if name.startswith(("addmm", "baddbmm")) else first
            yield matrix.shape[-1]
        elif "scaled_dot_product" in name:
            yield args[1].shape[-2]
        elif name in {"_softmax", "sort", "argsort", "cumsum", "topk"}:
            dim = next((each for each in args[1:] if type(each) is int), -1)
            yield first.shape[dim if name != "topk" else -1] if first.ndim else 1
        elif name.startswith(("native_group_norm", "_fft", "fft", "median")):
            yield first[0].numel()
        elif name.startswith(("mean", "sum", "var", "std", "amax", "amin", "max", "min", "linalg",
                              "norm", "prod", "_adaptive", "adaptive", "argmax", "argmin",
                              "logsumexp")):  # fmt: skip
            made = answer[0] if isinstance(answer, (tuple, list)) else answer
            if isinstance(made, Tensor) and made.numel() and "max_pool2d" not in name:
                yield first.numel() // made.numel()
            elif isinstance(made, Tensor) and made.numel():
                yield math.prod(first.shape[-2:]) // math.prod(made.shape[-2:])


def watch(
    network: Callable[[Tensor], Tensor], sizes: Sizes, channels: int, device: torch.device
) -> tuple[bool, int]:
    """Whether the network must see an image as a whole, and the bytes that it holds for a pixel.

    It must where any of its sums is over more values the larger the image is (channel attention,
    transposed attention, instance normalisation): a tile's sums are not the image's, however wide
    its margin.
    """
    lengths = []
    unit = math.lcm(sizes.multiple, 16)
    for factor in (1, 2):
        side = -(-max(sizes.least, 48) // unit) * unit * factor
        picture = probe(side, side, channels).to(device)
        with torch.no_grad(), _Watch() as watch:
            network(picture)
        lengths.append(watch.lengths)
    return lengths[0] != lengths[1], watch.most // side**2


def _felt_afar(network: Padded, channels: int, device: torch.device) -> bool:
    """Whether another picture on the left is felt 160 LR px away, where nothing else is known.

    As far as that only what is summed over the whole image is more than a fiftieth of a grey level.
    """
    picture = probe(48, 288, channels).to(device)
    changed = picture.clone()
    changed[..., :64] = 1 - changed[..., :64]
    right = slice(network.scale * 224, None)
    pair = (network(each)[..., right].clamp(0, 1) for each in (picture, changed))
    return bool(torch.sub(*pair).abs().max() * 255 > 0.02)


def _reach(network: Padded, channels: int, align: int, device: torch.device) -> int | None:
    """The margin with which tiles are the whole; ``None``: no such margin.

    The smallest of 8, 16, 32 ... that brings the inside of crops to a quarter of a grey level of
    the whole picture's, and one step more for pictures that are harder than this one.
    """
    for steps in ((8, 16, 32), (64, 128)):
        core = max(16, align)
        margins = list(dict.fromkeys(-(-step // align) * align for step in steps))
        # The crops begin at an odd multiple of the grid, with context before and behind them.
        start = margins[-1] + align * (1 + margins[-1] // align % 2) + (16 if align < 16 else 0)
        side = 2 * start + core + 5
        picture = probe(side, side - 3, channels).to(device)
        whole = network(picture)
        for margin in margins:
            if _agrees(network, picture, whole, start, core, margin):
                return 2 * margin
    return None


def _agrees(
    network: Padded, picture: Tensor, whole: Tensor, start: int, core: int, margin: int
) -> bool:
    scale = network.scale
    first, last = start - margin, start + core + margin
    part = network(picture[:, :, first:last, first:last])
    inside = slice(scale * margin, scale * (margin + core))
    same = slice(scale * start, scale * (start + core))
    pair = (part[:, :, inside, inside].clamp(0, 1), whole[:, :, same, same].clamp(0, 1))
    return bool(torch.sub(*pair).abs().max() <= QUARTER)


def _reach_of_fixed(network: Padded, channels: int, side: int, device: torch.device) -> int | None:
    """The margin with which two tiles of the only size agree where they overlap."""
    step = side // 2
    picture = probe(side, side + step, channels).to(device)
    one, other = network(picture[:, :, :, :side]), network(picture[:, :, :, step:])
    scale = network.scale
    pair = (one[..., scale * step :].clamp(0, 1), other[..., : scale * (side - step)].clamp(0, 1))
    gap = torch.sub(*pair).abs().amax(dim=(0, 1, 2))
    for margin in (4, 8, 16, 32, 64, 128):
        inside = gap[scale * margin : len(gap) - scale * margin]
        # One step more, as for others, as long as a quarter of the side remains.
        if 16 * margin <= 3 * side and len(inside) and inside.max() <= QUARTER:
            return 2 * margin
    return None


def _tile(memory: int, bytes_per_pixel: int, align: int, reach: int | None) -> int:
    side = min(4096, math.isqrt(memory // bytes_per_pixel))
    if reach is None:
        return max(1, side)
    return max(align, (side - 2 * reach) // align * align)


def _rounded(held: int) -> int:
    """Bytes for a pixel with a third more for what operations need inside, in steps of an eighth.

    In steps, so that the same network comes to the same tiles.
    """
    each = max(256.0, held * 4 / 3)
    step = 2.0 ** (math.floor(math.log2(each)) - 2)
    return int(math.ceil(each / step) * step)


def _held(network: Padded, channels: int, device: torch.device, fixed: int | None) -> int:
    """What a run takes for each pixel, where only the system can tell."""
    side = fixed or 160
    picture = probe(side, side, channels).to(device)
    before = _high_water(reset=True)
    network(picture)
    used = _high_water() - before
    # Where it does not, what a large network takes.
    return used // side**2 if used > 0 else 16384


def _high_water(*, reset: bool = False) -> int:
    """The most memory that this process held, in bytes; from now on where ``reset`` works."""
    status = Path("/proc/self/status")
    if status.is_file():
        if reset:
            with contextlib.suppress(OSError):
                Path("/proc/self/clear_refs").write_text("5")
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
        return 1024 * int(lines["VmHWM"].split()[0])
    try:
        import resource
    except ImportError:  # Windows
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
