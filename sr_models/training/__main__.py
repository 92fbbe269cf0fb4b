"""Train a network: ``python -m sr_models.training RECIPE --images DIR [DIR ...] --out DIR``.

The same command goes on from the last checkpoint in --out, where there is one.
``python -m sr_models.training plot LOG`` draws the curves of a run, and
``python -m sr_models.training pack WEIGHTS --out FILE`` makes a file of half the size to ship.
Under ``torchrun`` it trains on several GPUs.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import torch

from sr_models import weightfile
from sr_models.drcn import DRCN
from sr_models.espcn import ESPCN
from sr_models.features import LPIPS, VGG22, VGG54, ContentLoss
from sr_models.networks import Network, build
from sr_models.srcnn import SRCNN
from sr_models.srresnet import Generator
from sr_models.training import checkpoint, heldout, loop, parallel, patches, photographs, plot
from sr_models.training.photographs import Picture
from sr_models.training.recipes import NAMES, RECIPES, SCALES, Recipe, Scale
from sr_models.training.trainer import Trainer
from sr_models.upscale import pick_device


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m sr_models.training", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("recipe", choices=NAMES)
    parser.add_argument("--images", type=Path, nargs="+", required=True, metavar="DIR")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument(
        "--scale", choices=SCALES,
        help="size of the undertaking: the paper's, one GPU's, two CPU cores' (default: by device)",
    )  # fmt: skip
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--minutes", type=float, help="training time in all, over every resume")
    length.add_argument("--updates", type=int, help="updates in all, whatever time they take")
    parser.add_argument(
        "--slice", type=float, metavar="M", help="stop after M minutes; the same command goes on"
    )
    parser.add_argument("--batch", type=int, help="crops in an update, on each device")
    parser.add_argument("--seed", type=int, help="start and crops (default: the recipe's)")
    parser.add_argument(
        "--from", dest="start", type=Path, metavar="WEIGHTS", help="the generator to start from"
    )
    parser.add_argument(
        "--features", type=Path, metavar="DIR",
        default=os.environ.get("PERCEPTUAL_WEIGHTS_DIR") or None,
        help="folder with the weights of VGG and LPIPS (default: $PERCEPTUAL_WEIGHTS_DIR)",
    )  # fmt: skip
    parser.add_argument(
        "--fetch-vgg19", action="store_true",
        help="let torchvision bring VGG19 (550 MB) for srgan; else VGG16 conv5_3 stands in for it",
    )  # fmt: skip
    parser.add_argument(
        "--precision", choices=["auto", "bf16", "float32"], default="auto",
        help="in what the networks compute (default: bf16 where the processor has it)",
    )  # fmt: skip
    parser.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto")
    options = parser.parse_args(arguments)
    for name in ("minutes", "updates", "slice", "batch"):
        value = getattr(options, name)
        if value is not None and not value > 0:
            raise ValueError(f"--{name} must be above 0, not {value}")
    return options


def choose(options: argparse.Namespace, device: torch.device) -> tuple[Recipe, loop.Length]:
    """The recipe, with what the command line changes in it, and the length of the run."""
    scale: Scale = options.scale or ("gpu" if device.type == "cuda" else "cpu")
    recipe = RECIPES[options.recipe, scale]
    changed = {
        key: value
        for key, value in {"batch": options.batch, "seed": options.seed}.items()
        if value is not None
    }
    recipe = replace(recipe, **changed)
    if recipe.start and options.start is None:
        raise ValueError(
            f"{recipe.name} starts from a trained {recipe.start}; name it by --from WEIGHTS"
        )
    minutes, updates = recipe.minutes, recipe.updates
    if options.minutes or options.updates:
        minutes, updates = options.minutes, options.updates
    return recipe, loop.Length(minutes or float("inf"), updates, options.slice or float("inf"))


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
    before_relu = recipe.content_before_relu
    if recipe.content == "vgg22":
        return ContentLoss(VGG22(features, before_relu=before_relu), recipe.content_loss)
    deep = VGG54(features, before_relu=before_relu, fetch=fetch)
    if deep.title != "VGG19 conv5_4":
        print(
            f"{recipe.name}: {deep.title} stands in for VGG19 conv5_4; --fetch-vgg19 brings that",
            file=sys.stderr,
        )
    return ContentLoss(deep, recipe.content_loss)


def watch(
    photos: list[heldout.Picture], features: Path | None, device: torch.device
) -> heldout.HeldOut:
    """The held-out photographs, looked at by LPIPS too where its weights are at hand."""
    lpips = None
    if features and (features / "lpips_v0.1_alex_lin.safetensors").is_file():
        lpips = LPIPS(features).to(device)
    return heldout.HeldOut(photos, device, lpips)


def read(folders: Sequence[Path], *, smallest: int) -> tuple[list[Picture], list[Picture]]:
    """The photographs to train on and those to watch: the same ones whatever cannot be read."""
    paths = photographs.find(folders)
    found = photographs.Reading(paths, smallest=smallest).wait()
    training, watched = (
        [found[path] for path in part if path in found] for part in heldout.split(paths)
    )
    if not training:
        raise ValueError("the photographs that can be used are all held out; add some")
    return training, watched


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
    with parallel.world(pick_device(options.device)) as (world, device):
        # In a function of its own: its networks are gone before the processes part.
        return _train(options, world, device)


def _train(options: argparse.Namespace, world: parallel.World, device: torch.device) -> Path:
    if device.type == "cpu":
        keep_memory()
    else:
        torch.backends.cudnn.benchmark = True
    recipe, length = choose(options, device)
    torch.manual_seed(recipe.seed)
    network = start(recipe, options.start)
    content = content_loss(recipe, options.features, fetch=options.fetch_vgg19)
    smallest = recipe.patch + 2 * patches.MARGIN
    training, watched = read(options.images, smallest=smallest)
    held_out = watch(watched, options.features, device)
    photos = patches.Photos.gather(
        training, smallest=smallest, scales=recipe.photo_scales, device=device
    )
    bf16 = None if options.precision == "auto" else options.precision == "bf16"
    trainer = Trainer(network, recipe, device, content=content, world=world, bf16=bf16)
    facts = {
        **{f"recipe_{key}": value for key, value in asdict(recipe).items()},
        "minutes_planned": None if length.updates else length.minutes,
        "updates_planned": length.updates,
        "photographs": len(training), "photographs_held_out": len(watched),
        "megapixels": round(photos.pixels.shape[0] / 1e6, 1), "torch": torch.__version__,
        "device": torch.cuda.get_device_name() if device.type == "cuda" else "cpu",
        "precision": "bf16" if trainer.bf16 else "float32", "processes": world.size,
        "started_from": options.start.name if options.start else None,
        "features": content.features.title if content else None,
    }  # fmt: skip
    return loop.run(trainer, photos, held_out, out=options.out, length=length, facts=facts)


def pack(arguments: Sequence[str]) -> Path:
    """Store weights in float16, checked to be a network's; returns the file."""
    parser = argparse.ArgumentParser(prog="python -m sr_models.training pack")
    parser.add_argument("weights", type=Path)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    options = parser.parse_args(arguments)
    state = weightfile.load(options.weights)
    build(state)
    content = weightfile.dump(state, weightfile.facts(options.weights), half=True)
    checkpoint.replace(options.out, lambda beside: beside.write_bytes(content))
    return Path(options.out)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status: 0, 2 for an error, 130 when interrupted."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if words[:1] == ["plot"]:
            print(plot.main(words[1:]))
        elif words[:1] == ["pack"]:
            print(pack(words[1:]))
        else:
            print(train(parse(words)))
    except (ValueError, OSError, FloatingPointError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except RuntimeError as error:
        # A GPU has a type for it, a CPU's allocator does not.
        if not (isinstance(error, torch.OutOfMemoryError) or "allocate memory" in str(error)):
            raise
        print("error: out of memory; a smaller --batch needs less", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped; the same command goes on from the last checkpoint", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
