"""What a run needs before its first update: a network, losses, photographs, held-out figures."""

from __future__ import annotations

import argparse
import ctypes
import math
import os
import sys
from dataclasses import asdict
from pathlib import Path

import torch

from sr_models import weightfile
from sr_models.drcn import DRCN
from sr_models.espcn import ESPCN
from sr_models.features import BACKBONES, LPIPS, VGG22, VGG54, ContentLoss
from sr_models.networks import Network, build
from sr_models.srcnn import SRCNN
from sr_models.srresnet import Generator
from sr_models.training import compiling, heldout, patches, photographs
from sr_models.training.photographs import Picture
from sr_models.training.recipes import Recipe
from sr_models.training.trainer import Trainer


def add_options(parser: argparse.ArgumentParser, *, needed: bool = True) -> None:
    """The options that every way of training has; ``needed``: photographs and a place to write."""
    parser.add_argument("--images", type=Path, nargs="+", required=needed, metavar="DIR")
    parser.add_argument(
        "--also", type=Path, nargs="+", default=[], metavar="DIR",
        help="photographs to train on too: none of them is held out, whatever their number",
    )  # fmt: skip
    parser.add_argument(
        "--out", type=Path, required=needed, metavar="DIR", help="where all files are written"
    )
    add_features(parser)
    parser.add_argument("--batch", type=int, help="crops in an update, on each device")
    parser.add_argument("--seed", type=int, help="start and crops (default: the recipe's)")
    parser.add_argument(
        "--precision", choices=["auto", "bf16", "float32"], default="auto",
        help="in what the networks compute (default: bf16 where the processor has it)",
    )  # fmt: skip
    parser.add_argument(
        "--compile", choices=["auto", *compiling.MODES], default="auto",
        help="make kernels of the networks (default: by regions on a GPU, not at all on a CPU)",
    )  # fmt: skip
    parser.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto")


def add_features(parser: argparse.ArgumentParser) -> None:
    """The option that names the folder of feature networks."""
    parser.add_argument(
        "--features", type=Path, metavar="DIR",
        default=os.environ.get("PERCEPTUAL_WEIGHTS_DIR") or None,
        help="folder with the weights of VGG and LPIPS (default: $PERCEPTUAL_WEIGHTS_DIR)",
    )  # fmt: skip


def check_positive(options: argparse.Namespace, *names: str) -> None:
    """Raises ``ValueError`` for an option among ``names`` that was given and is not above 0."""
    for name in names:
        value = getattr(options, name)
        if value is not None and not (value > 0 and math.isfinite(value)):
            raise ValueError(f"--{name} must be above 0, not {value}")


def fresh(recipe: Recipe) -> Network:
    """The network of a recipe before any training, at the start that its paper gives."""
    plain = recipe.scale == "paper"
    if recipe.network == "srcnn":
        return SRCNN(plain_start=plain)
    if recipe.network == "espcn":
        return ESPCN(plain_start=plain)
    if recipe.network == "drcn":
        return DRCN()
    return Generator(batch_norm=recipe.batch_norm, bicubic_skip=recipe.bicubic_skip)


def start(recipe: Recipe, weights: Path | None) -> Network:
    """The network to train: that of a weight file of the recipe's kind, or a fresh one."""
    network = fresh(recipe)
    if weights is None:
        return network
    found = build(weightfile.load(weights))
    if type(found) is not type(network):
        raise ValueError(
            f"{weights} holds a {type(found).__name__}, and {recipe.name} trains a "
            f"{type(network).__name__}"
        )
    return found


def content_loss(
    recipe: Recipe, features: Path | None, *, fetch: bool = False
) -> ContentLoss | None:
    """The loss on feature maps that a recipe names. Raises ``ValueError`` without their weights."""
    if recipe.content is None:
        return None
    if features is None:
        raise ValueError(f"{recipe.name} needs VGG's weights; name their folder by --features DIR")
    before_relu, pooling = recipe.content_before_relu, recipe.content_pooling
    if recipe.content == "vgg22":
        return ContentLoss(
            VGG22(features, before_relu=before_relu, pooling=pooling), recipe.content_loss
        )
    deep = VGG54(features, before_relu=before_relu, pooling=pooling, fetch=fetch)
    if deep.title != "VGG19 conv5_4":
        print(
            f"{recipe.name}: {deep.title} stands in for VGG19 conv5_4; --fetch-vgg19 brings that",
            file=sys.stderr,
        )
    return ContentLoss(deep, recipe.content_loss)


def watch(
    photos: list[heldout.Picture], features: Path | None, device: torch.device
) -> heldout.HeldOut:
    """The held-out photographs, looked at by LPIPS too where AlexNet is at hand."""
    lpips = None
    if features and (features / BACKBONES["alex"]).is_file():
        lpips = LPIPS(features).to(device)
    return heldout.HeldOut(photos, device, lpips)


def smallest(recipe: Recipe) -> int:
    """Pixels that a photograph needs a side to be cut into crops of a recipe."""
    return recipe.patch + 2 * patches.MARGIN


def paths(options: argparse.Namespace) -> tuple[list[Path], list[Path]]:
    """The photographs to train on and those to watch, which are of ``--images`` alone.

    Figures of runs with more and with fewer photographs are then of the same pictures. Raises
    ``ValueError`` for a folder without any, and for one that is in both options.
    """
    training, watched = heldout.split(photographs.find(options.images))
    also = photographs.find(options.also) if options.also else []
    if twice := {path.resolve() for path in also} & {p.resolve() for p in (*training, *watched)}:
        raise ValueError(f"--also {min(twice)}: that photograph is among --images already")
    return training + also, watched


def read(options: argparse.Namespace, *, smallest: int) -> tuple[list[Picture], list[Picture]]:
    """The photographs to train on and those to watch: the same ones whatever cannot be read."""
    training_paths, watched_paths = paths(options)
    found = photographs.Reading([*training_paths, *watched_paths], smallest=smallest).wait()
    training, watched = (
        [found[path] for path in part if path in found] for part in (training_paths, watched_paths)
    )
    if not training:
        raise ValueError("the photographs that can be used are all held out; add some")
    return training, watched


def prepare(device: torch.device) -> None:
    """Set up this process for training on ``device``.

    A GPU looks for its fastest kernels, and convolutions in float32 are in float32: with TF32, ten
    bits of each factor, an LR would not be MATLAB's and a bicubic skip not what is shipped.
    """
    if device.type == "cpu":
        keep_memory()
    else:
        torch.backends.cudnn.benchmark = True
        torch.backends.cudnn.allow_tf32 = False


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


def name_of(device: torch.device) -> str:
    """What a device is called."""
    return torch.cuda.get_device_name() if device.type == "cuda" else "cpu"


def facts(
    trainer: Trainer, *, photographs: int, held_out: int, start: Path | None
) -> dict[str, object]:
    """How weights are made, for their file: recipe, photographs, device, versions, start."""
    features = getattr(trainer.content, "features", None)
    return {
        **{f"recipe_{key}": value for key, value in asdict(trainer.recipe).items()},
        "photographs": photographs, "photographs_held_out": held_out, "torch": torch.__version__,
        "device": name_of(trainer.device), "precision": "bf16" if trainer.bf16 else "float32",
        "processes": trainer.world.size, "started_from": start.name if start else None,
        "features": getattr(features, "title", None),
    }  # fmt: skip
