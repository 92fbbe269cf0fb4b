"""A family's lost seconds: reading, compiling by regions and as a whole, launches, ending late.

With ``TRAINING_DIR`` and ``PERCEPTUAL_WEIGHTS_DIR`` set, of the real photographs and losses.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from sr_models.training import compiling, equipment, photographs
from sr_models.training.patches import MARGIN, Photos
from sr_models.training.recipes import RECIPES, Scale
from sr_models.training.trainer import Trainer

CPU = torch.device("cpu")
FREE = {"detach", "empty", "empty_like", "empty_strided", "_unsafe_view"}
"""Operations that launch nothing, besides views."""


class Launches(TorchDispatchMode):
    """Counts operations that a device works on; a convolution's backward pass is three."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: Counter[str] = Counter()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        if not func.is_view and name not in FREE:
            self.seen[name] += 3 if name == "convolution_backward" else 1
        return func(*args, **(kwargs or {}))


def trainer(name: str, scale: Scale, mode: compiling.Mode = "off") -> Trainer:
    """A fresh trainer on this CPU, for batches of two."""
    recipe = replace(RECIPES[name, scale], batch=2)
    folder = os.environ.get("PERCEPTUAL_WEIGHTS_DIR")
    content = equipment.content_loss(recipe, Path(folder) if folder else None)
    return Trainer(equipment.fresh(recipe), recipe, CPU, content=content, compile=mode)


def batch(recipe: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Two crops of chance."""
    side = recipe.patch
    lr, hr = torch.rand(2, 3, side // 4, side // 4), torch.rand(2, 3, side, side)
    return tuple(x.contiguous(memory_format=torch.channels_last) for x in (lr, hr))  # type: ignore[return-value]


def compile_once(name: str, mode: compiling.Mode) -> float:
    """Seconds that the compiler takes for a network, in a process without caches."""
    # What every compilation needs once: the compiler itself, and what it asks the processor.
    first = compiling.prepare(torch.nn.Conv2d(3, 4, 3), "whole")
    first(torch.rand(2, 3, 8, 8)).sum().backward()
    made = trainer(name, "gpu", mode)
    seconds = []
    for _ in range(2):
        begun = time.perf_counter()
        made.warm_up(*batch(made.recipe))
        seconds.append(time.perf_counter() - begun)
    return seconds[0] - seconds[1]


def compilers() -> None:
    """Compiling by regions against compiling the whole."""
    for name in ("srresnet", "srgan"):
        if RECIPES[name, "gpu"].content and not os.environ.get("PERCEPTUAL_WEIGHTS_DIR"):
            continue
        seconds = {}
        for mode in ("regional", "whole"):
            run = subprocess.run(
                [sys.executable, "-m", "tests.bench_family", name, mode],
                capture_output=True, text=True, check=True,
                env=os.environ | {"TORCHINDUCTOR_FORCE_DISABLE_CACHES": "1"},
            )  # fmt: skip
            seconds[mode] = float(run.stdout)
        print(
            f"Compiling {name}: {seconds['regional']:.1f} s by regions, {seconds['whole']:.1f} s "
            f"as a whole, {seconds['regional'] / seconds['whole']:.2f} of it", flush=True,
        )  # fmt: skip


def reading() -> None:
    """Photographs from the disk to one tensor at three sizes."""
    if not os.environ.get("TRAINING_DIR"):
        print("Reading: not measured, TRAINING_DIR is not set")
        return
    paths = photographs.find([Path(os.environ["TRAINING_DIR"])])
    smallest = 96 + 2 * MARGIN
    seconds = {}
    for threads in (1, os.cpu_count() or 1):
        begun = time.perf_counter()
        photos = photographs.Reading(paths, smallest=smallest, threads=threads).wait()
        seconds[threads] = time.perf_counter() - begun
    pixels = sum(photo.shape[0] * photo.shape[1] for photo in photos.values()) / 1e6
    begun = time.perf_counter()
    Photos.gather(list(photos.values()), smallest=smallest, scales=(1.0, 0.8, 0.6))
    gathered = time.perf_counter() - begun
    said = ", ".join(f"{value:.1f} s by {count}" for count, value in seconds.items())
    print(f"Reading {len(photos)} photographs, {pixels:.0f} Mpixel: {said}; sizes on the "
          f"processor {gathered:.1f} s", flush=True)  # fmt: skip


def launches() -> None:
    """Operations that an update launches, uncompiled."""
    for name in ("srresnet", "srgan"):
        if RECIPES[name, "gpu"].content and not os.environ.get("PERCEPTUAL_WEIGHTS_DIR"):
            continue
        made = trainer(name, "gpu")
        made.step(*batch(made.recipe), update=0, progress=0.5)
        with Launches() as counted:
            made.step(*batch(made.recipe), update=1, progress=0.5)
        print(f"An update of {name} launches {counted.seen.total()} kernels", flush=True)


def ending() -> None:
    """How late a family of one minute ends, the whole process measured from outside."""
    if not os.environ.get("TRAINING_DIR"):
        return
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "sr_models.training", "family", "--minutes", "1", "--only",
             "srresnet", "espcn", "--images", os.environ["TRAINING_DIR"], "--out", folder,
             "--device", "cpu"],
            check=True, capture_output=True,
        )  # fmt: skip
        print(f"A family of 60 s ended after {time.perf_counter() - begun:.1f} s", flush=True)


def family() -> None:
    """All of it."""
    reading()
    launches()
    compilers()
    ending()


if __name__ == "__main__":
    if len(sys.argv) > 2:
        print(compile_once(sys.argv[1], sys.argv[2]))  # type: ignore[arg-type]
    else:
        family()
