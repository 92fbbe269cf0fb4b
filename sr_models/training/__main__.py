"""``python -m sr_models.training RECIPE --images DIR [DIR ...] --out DIR``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from sr_models.interpolation import Fraction, imresize
from sr_models.srresnet import Generator, build
from sr_models.training import checkpoint, loop, patches
from sr_models.training.pretrain import HeldOut, Pretraining
from sr_models.training.recipes import RECIPES, Recipe

HELD_OUT = 3
"""Photographs kept out of the training and used to watch it."""
HELD_OUT_SIDE = 192


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sr_models.training", description=__doc__)
    parser.add_argument("recipe", choices=sorted(RECIPES))
    parser.add_argument("--images", type=Path, nargs="+", required=True, metavar="DIR")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--minutes", type=float, help="training time in all, over every resume")
    parser.add_argument("--from", dest="start", type=Path, metavar="WEIGHTS")
    parser.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto")
    return parser.parse_args(arguments)


def split(paths: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """The photographs to train on and the ``HELD_OUT`` to watch, spread over the sorted list."""
    if len(paths) <= HELD_OUT:
        return list(paths), []
    watched = {round((i + 0.5) * len(paths) / HELD_OUT) for i in range(HELD_OUT)}
    return (
        [path for i, path in enumerate(paths) if i not in watched],
        [path for i, path in enumerate(paths) if i in watched],
    )


def held_out(paths: Sequence[Path], device: torch.device) -> HeldOut:
    """The centre of each photograph, at most 192 px a side, as an (LR, HR) pair."""
    pairs = []
    for path in paths:
        photo = patches.read_rgb(path)
        height, width = (min(HELD_OUT_SIDE, side // 4 * 4) for side in photo.shape[:2])
        top, left = (photo.shape[0] - height) // 2, (photo.shape[1] - width) // 2
        hr = np.ascontiguousarray(photo[top : top + height, left : left + width])
        pair = (imresize(hr, Fraction(1, 4)), hr)
        lr, hr_ = (torch.from_numpy(a).permute(2, 0, 1)[None].float() / 255 for a in pair)
        pairs.append((lr.to(device), hr_.to(device)))
    return HeldOut(pairs)


def train(options: argparse.Namespace) -> Path:
    """Run one recipe as the command line asks; returns the weight file."""
    recipe: Recipe = RECIPES[options.recipe]
    minutes = recipe.minutes if options.minutes is None else options.minutes
    if not minutes > 0:
        raise ValueError(f"--minutes must be above 0, not {minutes}")
    name = options.device
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    elif name == "cuda" and not torch.cuda.is_available():
        raise ValueError("--device cuda: this PyTorch sees no CUDA device; use --device cpu")
    device = torch.device(name)
    torch.manual_seed(recipe.seed)
    if options.start:
        network = build(checkpoint.load_weights(options.start))
    else:
        network = Generator(batch_norm=recipe.batch_norm, bicubic_skip=recipe.bicubic_skip)
    training, watched = split(patches.find_photos(options.images))
    photos = patches.Photos.load(
        training,
        smallest=recipe.patch + 2 * patches.MARGIN,
        scales=recipe.photo_scales,
        device=device,
    )
    task = Pretraining(network, recipe, device, held_out(watched, device))
    facts = {
        **asdict(recipe), "minutes_planned": minutes, "photographs": len(training),
        "megapixels": round(photos.pixels.shape[0] / 1e6, 1), "torch": torch.__version__,
        "device": torch.cuda.get_device_name() if name == "cuda" else "cpu",
        "start": options.start.name if options.start else None,
    }  # fmt: skip
    return loop.run(task, photos, recipe, out=options.out, minutes=minutes, facts=facts)


def main(arguments: Sequence[str] | None = None) -> int:
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
