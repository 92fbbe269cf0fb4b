"""Train a network: ``python -m sr_models.training RECIPE --images DIR [DIR ...] --out DIR``.

The same command goes on from the last checkpoint in --out, where there is one.
``python -m sr_models.training family --minutes M ...`` trains several within M minutes by the
wall clock.
``python -m sr_models.training plot LOG`` draws the curves of a run, and
``python -m sr_models.training pack WEIGHTS --out FILE`` makes a file of half the size to ship,
with ``--mix OTHER SHARE`` of weights between these and others;
``python -m sr_models.training look WEIGHTS --images DIR`` prints what held-out photographs say.
Under ``torchrun`` it trains on several GPUs.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from sr_models import weightfile
from sr_models.networks import build
from sr_models.training import (
    checkpoint,
    equipment,
    family,
    heldout,
    loop,
    parallel,
    patches,
    photographs,
    plot,
)
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
    equipment.add_options(parser)
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
    parser.add_argument(
        "--from", dest="start", type=Path, metavar="WEIGHTS", help="the generator to start from"
    )
    parser.add_argument(
        "--fetch-vgg19", action="store_true",
        help="let torchvision bring VGG19 (550 MB) for srgan; else VGG16 conv5_3 stands in for it",
    )  # fmt: skip
    options = parser.parse_args(arguments)
    equipment.check_positive(options, "minutes", "updates", "slice", "batch")
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


def train(options: argparse.Namespace) -> Path:
    """Run one recipe as the command line asks; returns the weight file."""
    with parallel.world(pick_device(options.device)) as (world, device):
        # In a function of its own: its networks are gone before the processes part.
        return _train(options, world, device)


def _train(options: argparse.Namespace, world: parallel.World, device: torch.device) -> Path:
    equipment.prepare(device)
    recipe, length = choose(options, device)
    torch.manual_seed(recipe.seed)
    network = equipment.start(recipe, options.start)
    content = equipment.content_loss(recipe, options.features, fetch=options.fetch_vgg19)
    smallest = equipment.smallest(recipe)
    training, watched = equipment.read(options, smallest=smallest)
    held_out = equipment.watch(watched, options.features, device)
    photos = patches.Photos.gather(
        training, smallest=smallest, scales=recipe.photo_scales, device=device
    )
    bf16 = None if options.precision == "auto" else options.precision == "bf16"
    trainer = Trainer(
        network, recipe, device, content=content, world=world, bf16=bf16,
        compile=None if options.compile == "auto" else options.compile,
    )  # fmt: skip
    facts = equipment.facts(
        trainer, photographs=len(training), held_out=len(watched), start=options.start
    ) | {
        "minutes_planned": None if length.updates else length.minutes,
        "updates_planned": length.updates, "megapixels": round(photos.pixels.shape[0] / 1e6, 1),
    }  # fmt: skip
    return loop.run(trainer, photos, held_out, out=options.out, length=length, facts=facts)


def pack(arguments: Sequence[str]) -> Path:
    """Store weights in float16, checked to be a network's; returns the file."""
    parser = argparse.ArgumentParser(prog="python -m sr_models.training pack")
    parser.add_argument("weights", type=Path)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    parser.add_argument(
        "--mix", nargs=2, metavar=("OTHER", "SHARE"),
        help="a SHARE of these weights, and the rest of those that they were trained on from",
    )  # fmt: skip
    options = parser.parse_args(arguments)
    state, facts = weightfile.load(options.weights), weightfile.facts(options.weights)
    if options.mix:
        state, facts = mix(options.weights, Path(options.mix[0]), options.mix[1])
    build(state)
    content = weightfile.dump(state, facts, half=True)
    checkpoint.replace(options.out, lambda beside: beside.write_bytes(content))
    return Path(options.out)


def look(arguments: Sequence[str]) -> None:
    """Print the held-out figures of weight files, a line each, as a run of the same folders has."""
    parser = argparse.ArgumentParser(prog="python -m sr_models.training look")
    parser.add_argument("weights", type=Path, nargs="+", metavar="WEIGHTS")
    parser.add_argument("--images", type=Path, nargs="+", required=True, metavar="DIR")
    equipment.add_features(parser)
    parser.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto")
    options = parser.parse_args(arguments)
    device = pick_device(options.device)
    networks = [(path, build(weightfile.load(path)).eval().to(device)) for path in options.weights]
    _, paths = heldout.split(photographs.find(options.images))
    if not paths:
        raise ValueError("of a single photograph none is held out; add some")
    smallest = equipment.smallest(RECIPES["srresnet", "gpu"])
    found = photographs.Reading(paths, smallest=smallest).wait()
    held_out = equipment.watch(list(found.values()), options.features, device)
    for path, network in networks:
        figures, _ = held_out.look(network)
        said = ", ".join(f"{key.removeprefix('heldout_')} {n}" for key, n in figures.items())
        print(f"{path}: {said}", flush=True)


def mix(weights: Path, other: Path, said: str) -> tuple[dict[str, Tensor], dict[str, object]]:
    """Tensors and facts of a ``said`` share (0..1) of ``weights`` and the rest of ``other``'s.

    Network interpolation (Wang et al., ESRGAN, 2018, section 3.4): between a network trained on
    pixels and one trained on from it by an adversarial loss lie networks that give up some texture
    for PSNR. Held-out figures are of neither and left out. Raises ``ValueError`` for a share that
    is none and for weights of different networks.
    """
    try:
        share = float(said)
    except ValueError:
        share = float("nan")
    if not 0 <= share <= 1:
        raise ValueError(f"--mix: a share is a number from 0 to 1, not {said}")
    ours, theirs = weightfile.load(weights), weightfile.load(other)
    if {key: t.shape for key, t in ours.items()} != {key: t.shape for key, t in theirs.items()}:
        raise ValueError(f"{weights} and {other} hold networks of different shapes")
    state = {key: share * ours[key] + (1 - share) * theirs[key] for key in ours}
    facts = {
        key: value
        for key, value in weightfile.facts(weights).items()
        if not key.startswith("heldout")
    }
    return state, {**facts, "mixed_with": other.name, "mixed_share": share}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status: 0, 2 for an error, 130 when interrupted."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if words[:1] == ["plot"]:
            print(plot.main(words[1:]))
        elif words[:1] == ["pack"]:
            print(pack(words[1:]))
        elif words[:1] == ["look"]:
            look(words[1:])
        elif words[:1] == ["family"]:
            return family.main(words[1:])
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
