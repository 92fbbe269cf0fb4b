"""Train a network: ``python -m sr_models.training RECIPE --images DIR [DIR ...] --out DIR``.

The same command goes on from the last checkpoint in --out, where there is one.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from sr_models import weightfile
from sr_models.features import LPIPS, VGG22, ContentLoss
from sr_models.srresnet import Generator, build
from sr_models.training import heldout, loop, patches
from sr_models.training.adversarial import Adversarial
from sr_models.training.pretrain import Pretraining
from sr_models.training.recipes import RECIPES, Recipe
from sr_models.upscale import pick_device


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(prog="python -m sr_models.training", description=__doc__)
    parser.add_argument("recipe", choices=sorted(RECIPES))
    parser.add_argument("--images", type=Path, nargs="+", required=True, metavar="DIR")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--minutes", type=float, help="training time in all, over every resume")
    length.add_argument("--updates", type=int, help="updates in all, whatever time they take")
    parser.add_argument(
        "--from", dest="start", type=Path, metavar="WEIGHTS", help="the generator to start from"
    )
    parser.add_argument(
        "--features", type=Path, metavar="DIR",
        default=os.environ.get("PERCEPTUAL_WEIGHTS_DIR") or None,
        help="folder with the weights of VGG19 and LPIPS (default: $PERCEPTUAL_WEIGHTS_DIR)",
    )  # fmt: skip
    parser.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto")
    return parser.parse_args(arguments)


def start(recipe: Recipe, weights: Path | None) -> Generator:
    """The generator to train: that of a weight file, or a fresh one."""
    if weights:
        return build(weightfile.load(weights))
    if recipe.adversarial:
        raise ValueError(f"{recipe.name} starts from a trained SRResNet; name it by --from WEIGHTS")
    return Generator(batch_norm=recipe.batch_norm, bicubic_skip=recipe.bicubic_skip)


def prepare(
    recipe: Recipe, network: Generator, features: Path | None, watched: list[np.ndarray],
    device: torch.device,
) -> loop.Task:  # fmt: skip
    """The task of a recipe, with the held-out photographs ``watched`` beside it."""
    lpips = None
    if features and (features / "lpips_v0.1_alex_lin.safetensors").is_file():
        lpips = LPIPS(features).to(device)
    held_out = heldout.HeldOut(watched, device, lpips)
    if not recipe.adversarial:
        return Pretraining(network, recipe, device, held_out)
    if features is None:
        raise ValueError(f"{recipe.name} needs VGG19; name its folder by --features DIR")
    return Adversarial(network, ContentLoss(VGG22(features)), recipe, device, held_out)


def keep_memory() -> None:
    """Tell glibc to keep freed memory for the next update instead of handing it back.

    Every update frees and asks again for the same gigabyte; the page faults of getting it from the
    kernel each time cost a CPU a third of its time. A C library without ``mallopt`` is left alone.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt:
        no_mmap, trim_threshold, top_pad = -4, -1, -2
        for option, value in ((no_mmap, 0), (trim_threshold, 2**31 - 1), (top_pad, 200_000_000)):
            mallopt(option, value)


def train(options: argparse.Namespace) -> Path:
    """Run one recipe as the command line asks; returns the weight file."""
    recipe = RECIPES[options.recipe]
    minutes = recipe.minutes if options.minutes is None else options.minutes
    if not minutes > 0:
        raise ValueError(f"--minutes must be above 0, not {minutes}")
    if options.updates is not None and options.updates < 1:
        raise ValueError(f"--updates must be above 0, not {options.updates}")
    device = pick_device(options.device)
    if device.type == "cpu":
        keep_memory()
    torch.manual_seed(recipe.seed)
    network = start(recipe, options.start)
    smallest = recipe.patch + 2 * patches.MARGIN
    paths = patches.find_photos(options.images)
    training, watched = heldout.split(patches.read_photos(paths, smallest=smallest))
    task = prepare(recipe, network, options.features, watched, device)
    photos = patches.Photos.gather(
        training, smallest=smallest, scales=recipe.photo_scales, device=device
    )
    facts = {
        **asdict(recipe), "minutes_planned": minutes, "photographs": len(training),
        "megapixels": round(photos.pixels.shape[0] / 1e6, 1), "torch": torch.__version__,
        "device": torch.cuda.get_device_name() if device.type == "cuda" else "cpu",
        "start": options.start.name if options.start else None,
    }  # fmt: skip
    return loop.run(
        task, photos, recipe,
        out=options.out, minutes=minutes, updates=options.updates, facts=facts,
    )  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status: 0, 2 for an error, 130 when interrupted."""
    try:
        print(train(parse(arguments)))
    except (ValueError, OSError, FloatingPointError, torch.OutOfMemoryError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped; the same command goes on from the last checkpoint", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
