"""Other people's networks: from weights to a function on images.

Our own networks are recognised first, then the architectures that spandrel knows by their weights
alone. What was measured of a network (``Facts``) says how it is run; nothing is believed that a
library says about it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sr_models import brought, networks, tiles, upscale, weightfile
from sr_models.facts import Facts
from sr_models.padding import Loaded, Padded, Sizes
from sr_models.tiles import Image

TOLERANCE = {"float32": 0.5, "float16": 1.0, "bfloat16": 4.0}
"""Grey levels by which tiles may differ at a seam: half of one, and what the number rounds off."""
WINDOWS = ("window_size", "win_size", "split_size", "square_size", "stripe_size")
"""How networks call the sides of the windows in which they attend."""
PURPOSES = {
    "Restoration": "restores images and does not enlarge them",
    "FaceSR": "restores faces and nothing else",
    "Inpainting": "fills holes in images and does not enlarge them",
}


def recognise(state: Mapping[str, Tensor], name: str) -> tuple[dict[str, Tensor], str, Any]:
    """Tensors under the names of a known network, its name, and spandrel's reader of it if any.

    Raises ``ValueError`` where no network is known that has such tensors.
    """
    refusal = ""
    for reading in brought.readings(dict(state)):
        try:
            network = networks.build({key: value.float() for key, value in reading.items()})
        except ValueError as error:
            refusal = refusal or str(error)
        else:
            return reading, networks.name_of(network), None
    from spandrel import MAIN_REGISTRY  # seconds: after ours, which need it not

    for reading in brought.readings(dict(state)):
        for support in MAIN_REGISTRY.architectures("detection"):
            if support.detect(reading):
                return reading, support.architecture.name, support.architecture
    if refusal.startswith("these are not"):
        raise ValueError(f"{name}: {refusal}")
    first = next(iter(state))
    raise ValueError(
        f"{name}: its {len(state)} tensors ({first}, ...) belong to none of the architectures that "
        f"are known here; {brought.OUTPUTS}"
    )


def load(
    state: Mapping[str, Tensor], name: str, *, scale: int | None, precision: str, device: str
) -> Loaded:
    """The network of spandrel's that the weights belong to, on ``device``.

    ``scale`` is what was declared, which decides where weights fit networks of two scales. Raises
    ``ValueError``, one sentence, for missing tensors, for what is no super-resolution, and for a
    precision that the network cannot do.
    """
    from spandrel import ImageModelDescriptor, UnsupportedDtypeError

    reading, title, reader = recognise(state, name)
    try:
        descriptor = reader.load(dict(reading))
    except Exception as error:  # each reader deduces sizes in its own way, and fails in its own
        raise ValueError(f"{name}: these are not the weights of {title}: {_lacks(error)}") from None
    if descriptor.purpose != "SR" or not isinstance(descriptor, ImageModelDescriptor):
        why = PURPOSES.get(descriptor.purpose, "is something else")
        raise ValueError(f"{name}: {title} {why}; only super-resolution is taken")
    if descriptor.input_channels not in (1, 3):
        raise ValueError(
            f"{name}: the network takes {descriptor.input_channels} channels; 3 (RGB) or 1 (luma) "
            "are taken"
        )
    if descriptor.output_channels != descriptor.input_channels:
        raise ValueError(
            f"{name}: the network takes {descriptor.input_channels} channels and gives "
            f"{descriptor.output_channels}; as many as it takes would be right"
        )
    if title == "ESRGAN":
        descriptor = _esrgan(descriptor, reading, name, scale)
    where = upscale.pick_device(device)
    dtype: torch.dtype = getattr(torch, precision)
    try:
        descriptor = descriptor.eval().to(where, dtype)
    except UnsupportedDtypeError:
        raise ValueError(f"{name}: {title} cannot run in {precision}; use float32") from None
    # All that were tried run faster so on a CPU, those that attend too.
    layout = torch.channels_last
    module = _settled(descriptor.model.requires_grad_(False)).to(memory_format=layout)
    # Spandrel's public call cuts its answer by the scale that it believes, and clips it, which
    # hides infinity.
    call = descriptor._call_fn

    def network(x: Tensor) -> Tensor:
        nonlocal layout
        try:
            y: Tensor = call(module, x.to(dtype).contiguous(memory_format=layout))
        except RuntimeError as error:
            if layout is torch.contiguous_format or "view" not in str(error):
                raise
            # One that takes its maps apart by views, which this layout has not.
            layout = torch.contiguous_format
            module.to(memory_format=layout)
            y = call(module, x.to(dtype).contiguous(memory_format=layout))
        return y.float()

    needs = descriptor.size_requirements
    return Loaded(
        architecture=title, kind="spandrel", network=network, channels=descriptor.input_channels,
        align=_grid(module, needs.multiple_of),
        sizes=Sizes(max(1, needs.minimum), needs.multiple_of, needs.square),
        parameters=sum(each.numel() for each in module.parameters()),
    )  # fmt: skip


def _settled(module: nn.Module) -> nn.Module:
    """``module`` with convolutions that SPAN folds anew for every image folded once for all."""
    for part in module.modules():
        fold = getattr(part, "update_params", None)
        if fold is not None and isinstance(getattr(part, "eval_conv", None), nn.Conv2d):
            fold()
            part.update_params = lambda: None  # type: ignore[assignment]
    return module


def _esrgan(descriptor: Any, state: Mapping[str, Tensor], name: str, scale: int | None) -> Any:
    """ESRGAN with what its weights do not say: one convolution after an enlargement by 2 or by 3.

    Spandrel takes every such file for x2, and leaves out tensors that it has no name for.
    """
    from spandrel import ImageModelDescriptor
    from spandrel.architectures.ESRGAN import ESRGAN

    loaded = descriptor.model.state_dict()
    if len(loaded) != len(state):
        raise ValueError(
            f"{name}: these are not the weights of ESRGAN: {abs(len(state) - len(loaded))} of "
            f"{len(state)} tensors are missing or have no place in it"
        )
    made_with = descriptor.model.hyperparameters
    if made_with.get("scale") != 2 or made_with.get("shuffle_factor"):
        return descriptor
    if scale is None:
        raise ValueError(
            f"{name}: these weights fit an ESRGAN of scale 2 and one of scale 3, and do not say "
            "which; declare its scale"
        )
    if scale != 3:
        return descriptor
    return ImageModelDescriptor(
        ESRGAN(**{**made_with, "scale": 3}), loaded, architecture=descriptor.architecture,
        purpose="SR", tags=descriptor.tags, supports_half=descriptor.supports_half,
        supports_bfloat16=descriptor.supports_bfloat16, scale=3,
        input_channels=descriptor.input_channels, output_channels=descriptor.output_channels,
        size_requirements=descriptor.size_requirements,
    )  # fmt: skip


def _lacks(error: Exception) -> str:
    """What a reader found wrong, as one tensor and how many there are."""
    text = str(error)
    wrong = [
        (key, what)
        for what, part in (
            ("missing", r"Missing key\(s\) in state_dict: (.*)"),
            ("unexpected", r"Unexpected key\(s\) in state_dict: (.*)"),
        )
        for found in re.findall(part, text)
        for key in re.findall(r'"([^"]+)"', found)
    ]
    wrong += [(key, "of another shape") for key in re.findall(r"size mismatch for ([^\s:]+)", text)]
    if wrong:
        key, what = wrong[0]
        return f"{key} is {what}" + f", one of {len(wrong)} such tensors" * (len(wrong) > 1)
    if isinstance(error, KeyError):
        return f"{error.args[0]} is missing"
    return f"their shapes fit none ({(text.splitlines() or [type(error).__name__])[0][:120]})"


def _grid(module: nn.Module, multiple: int) -> int:
    """The grid that tiles have to keep to: windows of attention and what is halved inside."""
    sides = {multiple}
    for part in module.modules():
        for attribute in WINDOWS:
            value = getattr(part, attribute, None)
            several = value if isinstance(value, (tuple, list)) else [value]
            sides |= {side for side in several if type(side) is int and 1 < side <= 64}
    return math.lcm(*sides) if math.lcm(*sides) <= 128 else max(sides)


def layout_of(facts: Facts) -> tiles.Layout:
    """How an image is laid out for a network of which ``facts`` are known."""
    return tiles.Layout(
        tile=facts.tile, reach=facts.reach, channels=facts.channels, scale=facts.scale,
        align=facts.align, least=facts.least, tolerance=TOLERANCE[facts.precision],
        bytes_per_pixel=facts.bytes_per_pixel,
    )  # fmt: skip


def upscaler(path: Path, facts: Facts, *, device: str = "auto") -> Callable[[Image], Image]:
    """The function from LR to HR of the network in ``path``, uint8 (h, w) or (h, w, 3).

    ``path`` is a file that :func:`sr_models.examine.take` wrote, and ``facts`` what it said. Raises
    ``ValueError`` where the file is not that network's, and for a device that is not there.
    """
    if facts.kind == "ours":
        return upscale.upscaler(path, device=device)
    where = upscale.pick_device(device)
    if facts.kind == "onnx":
        from sr_models import onnx_file

        loaded = onnx_file.load(path, device=device)
    else:
        loaded = load(weightfile.stored(path), path.name, scale=facts.scale,
                      precision=facts.precision, device=device)  # fmt: skip
    sizes = Sizes(facts.least, loaded.sizes.multiple, loaded.sizes.square, loaded.sizes.fixed)
    network = Padded(loaded.network, sizes, facts.scale)
    layout = replace(layout_of(facts), fixed=sizes.fixed is not None)
    return lambda lr: tiles.run(network, lr, layout, where)
