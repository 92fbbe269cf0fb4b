"""Training speed: each recipe's patches per second, and the same step written the ordinary way.

The ordinary way is that of most public repositories: float32, NCHW, a DataLoader over image
files, LR made by Pillow, PyTorch's own layers, ``Adam`` as it comes. Both halves are measured in
turns.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import skimage.data
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

import sr_models
from sr_models.srresnet import Generator, UpsampleBlock
from sr_models.training.cost import operations, product_rate, wait
from sr_models.training.equipment import content_loss, fresh, prepare
from sr_models.training.equipment import smallest as smallest_of
from sr_models.training.patches import Ahead, Photos
from sr_models.training.recipes import NAMES, RECIPES, Recipe, Scale
from sr_models.training.recording import Recording
from sr_models.training.trainer import Trainer
from sr_models.upscale import upscaler

WEIGHTS = Path(sr_models.__file__).parent / "weights"
TURNS = 4
SECONDS = 2.0
"""How long each turn lasts at least."""


class PillowCrops(Dataset[tuple[Tensor, Tensor]]):
    """Random crops of image files, LR by Pillow's bicubic: a data set as it is usually written."""

    def __init__(self, paths: list[Path], recipe: Recipe) -> None:
        self.paths, self.recipe = paths, recipe

    def __len__(self) -> int:
        return 1_000_000

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """One pair: LR (3, h, w) and HR (3, 4h, 4w) in [0, 1]."""
        size = self.recipe.patch
        with Image.open(self.paths[index % len(self.paths)]) as file:
            image = file.convert("RGB")
        rng = np.random.default_rng(index)
        left, top = (int(rng.integers(side - size)) for side in image.size)
        hr = image.crop((left, top, left + size, top + size))
        lr = hr.resize((size // 4, size // 4), Image.Resampling.BICUBIC)
        low, high = (torch.from_numpy(np.array(x)).permute(2, 0, 1) / 255 for x in (lr, hr))
        return low, high


class PlainGenerator(Generator):
    """The same network as its paper draws it: shuffle first, one 9x9 convolution last."""

    def __init__(self) -> None:
        super().__init__(batch_norm=False)
        for module in list(self.modules()):
            for name, child in list(module.named_children()):
                if isinstance(child, nn.PReLU):
                    setattr(module, name, nn.PReLU(init=0.25))

    def forward(self, lr: Tensor) -> Tensor:
        """Enlarge a batch by four."""
        first = self.act(self.head(lr))
        x = first + self.conv(self.body(first))
        for block in self.upsample:
            assert isinstance(block, UpsampleBlock)
            x = block.act(F.pixel_shuffle(block.conv(x), 2))
        return self.tail(x)


def ordinary_step(recipe: Recipe, paths: list[Path], device: torch.device) -> Callable[[], None]:
    """One update of SRResNet, the ordinary way."""
    network = PlainGenerator().to(device).train()
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-4)
    loader = DataLoader(
        PillowCrops(paths, recipe), batch_size=recipe.batch,
        num_workers=0 if device.type == "cpu" else min(8, os.cpu_count() or 1),
    )  # fmt: skip
    batches: Iterator[tuple[Tensor, Tensor]] = iter(loader)

    def step() -> None:
        lr, hr = (tensor.to(device) for tensor in next(batches))
        optimiser.zero_grad()
        # As PyTorch comes; ours has it off, so that LR is MATLAB's to the bit.
        torch.backends.cudnn.allow_tf32 = True
        loss = F.mse_loss(network(lr), hr)
        loss.backward()
        torch.backends.cudnn.allow_tf32 = False
        optimiser.step()
        loss.item()

    return step


def our_step(
    recipe: Recipe, photos: Photos, device: torch.device
) -> tuple[Callable[[], None], float]:
    """One update by a recipe, recorded on a GPU, and the floating-point operations in it."""
    folder = os.environ.get("PERCEPTUAL_WEIGHTS_DIR")
    content = content_loss(recipe, Path(folder) if folder else None)
    trainer = Trainer(fresh(recipe), recipe, device, content=content)
    updates = iter(range(10**9))
    counted = operations(trainer)[1] * recipe.batch
    ahead = Ahead(
        lambda u: photos.batch(
            recipe.batch, recipe.patch, recipe.seed + u, busiest_of=recipe.busiest_of
        ),
        device,
    )
    if device.type == "cuda":
        trainer.run = Recording(trainer)

    def step() -> None:
        update = next(updates)
        # At the end of a run, when a network that grows is whole.
        trainer.step(*ahead.take(update), update=update, progress=1.0)

    return step, counted


def rates(
    device: torch.device, *steps: Callable[[], None], seconds: float = SECONDS
) -> list[float]:
    """Median updates per second of each of ``steps``, measured in turns after two unmeasured."""
    found: list[list[float]] = [[] for _ in steps]
    for turn in range(TURNS + 1):
        for step, measured in zip(steps, found, strict=True):
            wait(device)
            start, count = time.perf_counter(), 0
            while count < 2 or (turn and time.perf_counter() - start < seconds):
                step()
                count += 1
            wait(device)
            if turn:
                measured.append(count / (time.perf_counter() - start))
    return [statistics.median(measured) for measured in found]


def training(names: Sequence[str] = NAMES, seconds: float = SECONDS) -> None:
    """Print a line for each recipe, and the ratio to the ordinary way for SRResNet."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    scale: Scale = "gpu" if device.type == "cuda" else "cpu"
    prepare(device)
    images = [skimage.data.chelsea(), skimage.data.astronaut(), skimage.data.coffee()]
    smallest = max(smallest_of(RECIPES[name, scale]) for name in names)
    photos = Photos.gather(
        [np.ascontiguousarray(i) for i in images], smallest=smallest, device=device
    )
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{number}.png" for number in range(len(images))]
        for image, path in zip(images, paths, strict=True):
            Image.fromarray(image).save(path)
        for name in names:
            recipe = RECIPES[name, scale]
            if recipe.content and not os.environ.get("PERCEPTUAL_WEIGHTS_DIR"):
                print(f"Training {name}: not measured, PERCEPTUAL_WEIGHTS_DIR is not set")
                continue
            step, flops = our_step(recipe, photos, device)
            steps = [step]
            if name == "srresnet":
                steps.append(ordinary_step(recipe, paths, device))
            updates, *ordinary = rates(device, *steps, seconds=seconds)
            bf16 = Trainer(fresh(recipe), replace(recipe, adversarial_weight=0.0), device).bf16
            rate = product_rate(device, torch.bfloat16 if bf16 else torch.float32)
            line = (
                f"Training {name}: {updates * recipe.batch:.0f} patches of {recipe.patch} px a "
                f"second, {flops * updates / rate:.0%} of {'bf16' if bf16 else 'float32'} products"
            )
            if ordinary:
                line += f", {updates / ordinary[0]:.2f} times as fast as the ordinary way"
            print(line, flush=True)


def enlarging() -> None:
    """Print how long a GPU needs for one output of 512 x 512 px, by SRResNet and by DRCN."""
    lr = np.ascontiguousarray(skimage.data.astronaut()[::4, ::4])
    for name in ("srresnet", "drcn"):
        enlarge = upscaler(WEIGHTS / f"{name}.safetensors", device="cuda")
        seconds = []
        for _ in range(4):
            begun = time.perf_counter()
            enlarge(lr)
            seconds.append(time.perf_counter() - begun)
        print(f"512 x 512 px by {name}: {1000 * min(seconds):.1f} ms", flush=True)


def main() -> None:
    """Measure as the command line asks: ``python -m tests.bench_training [RECIPE ...]``."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench_training", description=__doc__)
    parser.add_argument("recipes", nargs="*", metavar="RECIPE", help="these (default: all)")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of each of four turns")
    options = parser.parse_args()
    if unknown := sorted(set(options.recipes) - set(NAMES)):
        parser.error(f"{', '.join(unknown)}: no such recipe; known are {', '.join(NAMES)}")
    training(options.recipes or NAMES, options.seconds)
    if torch.cuda.is_available():
        enlarging()


if __name__ == "__main__":
    main()
