"""``python -m sr_models.training family --minutes M``: several networks within one budget of time.

Time on a GPU comes rarely and in pieces of some minutes. This turns any number of them into the
best weights that fit: networks are trained one after another, each over its share of the time
that is really left, from the weights that are shipped; and what is best by held-out photographs is
a whole file at every look.
"""

from __future__ import annotations

import argparse
import gc
import math
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import torch

import sr_models
from sr_models import training
from sr_models.features import ContentLoss
from sr_models.training import budget, compiling, cost, equipment, photographs
from sr_models.training.lease import Run
from sr_models.training.recipes import NAMES, RECIPES, Recipe, Scale
from sr_models.training.sprint import Sprint
from sr_models.training.trainer import Trainer, bf16_pays
from sr_models.upscale import pick_device

SHIPPED = Path(sr_models.__file__).parent / "weights"
GRACE = 2.5
"""Seconds after the end when whatever still goes on is cut off."""


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The options of the command line. Raises ``ValueError`` for what cannot be."""
    parser = argparse.ArgumentParser(
        prog="python -m sr_models.training family", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument(
        "--minutes", type=float, required=True, help="from the process's first line to its last"
    )
    plans = any(word.startswith("--plan") for word in arguments)
    equipment.add_options(parser, needed=not plans)
    parser.add_argument(
        "--from", dest="start", default=str(SHIPPED), metavar="DIR",
        help="folder of weights to train on from (default: what is shipped), or none",
    )  # fmt: skip
    parser.add_argument("--only", nargs="+", choices=NAMES, metavar="NAME", help="these networks")
    parser.add_argument(
        "--shares", nargs="+", metavar="NAME=SHARE",
        help="how the time is dealt out, as in srresnet=60 srgan=30",
    )  # fmt: skip
    parser.add_argument(
        "--scale", choices=["gpu", "cpu"], help="of the recipes (default: by device)"
    )
    parser.add_argument(
        "--no-recording", action="store_true",
        help="do not try on a GPU whether recorded updates (CUDA graphs) are faster",
    )  # fmt: skip
    parser.add_argument(
        "--plan", type=float, metavar="TFLOPS",
        help="train nothing; say what would fit on a device of so many TFLOP/s",
    )  # fmt: skip
    options = parser.parse_args(arguments)
    equipment.check_positive(options, "minutes", "batch", "plan")
    options.shares = shares(options.only, options.shares, options.minutes)
    return options


def shares(
    only: Sequence[str] | None, said: Sequence[str] | None, minutes: float
) -> dict[str, float]:
    """The networks to train, in order, each with its share of the time.

    >>> shares(None, None, 10)
    {'srresnet': 60.0, 'srgan': 30.0}
    >>> shares(["espcn"], None, 10), shares(None, ["srgan=2", "srresnet=1"], 10)
    ({'espcn': 15.0}, {'srresnet': 1.0, 'srgan': 2.0})

    Raises ``ValueError`` for a share that is none and for names that do not match ``only``.
    """
    if said is None:
        names = budget.in_order(only or budget.choose(minutes))
        return {name: budget.SHARES[name] for name in names}
    found: dict[str, float] = {}
    for word in said:
        name, equals, number = word.partition("=")
        if name not in NAMES or not equals:
            raise ValueError(f"--shares {word}: a share is NAME=NUMBER, as in srresnet=60")
        try:
            found[name] = float(number)
        except ValueError:
            found[name] = math.nan
        if not (found[name] > 0 and math.isfinite(found[name])):
            raise ValueError(f"--shares {word}: a share is a number above 0")
    if only and (different := sorted(set(only) ^ set(found))):
        raise ValueError(f"--only and --shares name different networks: {', '.join(different)}")
    return {name: found[name] for name in budget.in_order(found)}


def starts(folder: str) -> dict[str, Path]:
    """The weights in a folder by network. Raises ``ValueError`` if there is no such folder."""
    if folder == "none":
        return {}
    if not Path(folder).is_dir():
        raise ValueError(f"--from {folder}: there is no such folder; name one, or say --from none")
    files = {name: Path(folder) / f"{name}.safetensors" for name in NAMES}
    return {name: file for name, file in files.items() if file.is_file()}


def recipe_of(name: str, scale: Scale, options: argparse.Namespace) -> Recipe:
    """A recipe with what the command line changes in it; how long it lasts the budget says."""
    changed = {"batch": options.batch, "seed": options.seed}
    return replace(
        RECIPES[name, scale], minutes=None,
        **{key: value for key, value in changed.items() if value is not None},
    )  # fmt: skip


@contextmanager
def cut_off(now: Callable[[], float], end: float, out: Path) -> Iterator[None]:
    """End the process, whatever it is doing, unless the block is over when ``now()`` is ``end``.

    Weights and report are whole files at every moment: what is lost came after the last look.
    """
    over = threading.Event()

    def watch() -> None:
        while (left := end - now()) > 0:
            if over.wait(left):
                return
        said = f"error: time is up and something still goes on; what was best is in {out}"
        print(said, file=sys.stderr, flush=True)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        over.set()


def check(
    options: argparse.Namespace, recipes: Sequence[Recipe]
) -> tuple[dict[str, Path], dict[str, ContentLoss | None]]:
    """By network, weights to start from and the loss on feature maps.

    Raises ``ValueError`` for what cannot work, before anything is done.
    """
    if int(os.environ.get("WORLD_SIZE", 1)) > 1:
        raise ValueError("family trains on one device; torchrun is for single recipes")
    found = starts(options.start)
    contents: dict[str, ContentLoss | None] = {}
    names = tuple(recipe.name for recipe in recipes)
    if name := budget.missing_start(names, found):
        parent = RECIPES[name, "gpu"].start
        raise ValueError(
            f"{name} starts from {parent}: train that too, or name a folder that holds it by --from"
        )
    for recipe in recipes:
        if (options.out / f"{recipe.name}.safetensors").exists():
            raise ValueError(
                f"{options.out} holds {recipe.name}.safetensors already; name another folder by "
                "--out (and this one by --from, to go on from there)"
            )
        contents[recipe.name] = equipment.content_loss(recipe, options.features)
        start = found.get(recipe.name) or found.get(recipe.start or "")
        equipment.start(recipe, start)
    return found, contents


def train(
    options: argparse.Namespace,
    now: Callable[[], float],
    backend: compiling.Backend = "inductor",
) -> Path:
    """Train what ``options`` ask for within their minutes; returns the report.

    ``now`` gives the seconds that have passed of them, ``backend`` is the compiler. Raises
    ``ValueError`` for what cannot work, and once all is over if a network has failed.
    """
    seconds = 60 * options.minutes
    device = pick_device(options.device)
    scale: Scale = options.scale or ("gpu" if device.type == "cuda" else "cpu")
    recipes = [recipe_of(name, scale, options) for name in options.shares]
    with cut_off(now, seconds + GRACE, options.out), compiling.for_now():
        equipment.prepare(device)
        bf16 = bf16_pays(device) if options.precision == "auto" else options.precision == "bf16"
        rate = cost.product_rate(device, torch.bfloat16 if bf16 else torch.float32, times=3)
        training_paths, watched = equipment.paths(options)
        # The held-out ones first; the others such that those read in time are a fair sample.
        order = torch.randperm(len(training_paths), generator=torch.Generator().manual_seed(0))
        reading = photographs.Reading(
            [*watched, *(training_paths[i] for i in order.tolist())],
            smallest=max(map(equipment.smallest, recipes)),
        )
        found, contents = check(options, recipes)
        options.out.mkdir(parents=True, exist_ok=True)
        run = Run(
            options, device, seconds, now, rate, reading, watched, found, contents, backend
        )  # fmt: skip
        run.report = {
            "minutes": options.minutes, "device": equipment.name_of(device),
            "torch": torch.__version__, "tflops": round(rate / 1e12, 1),
            "photographs": len(reading.paths), "started_from": options.start,
            "scale": scale, "networks": {},
        }  # fmt: skip
        dealt = budget.share_out(run.left, options.shares)
        run.say(
            f"{equipment.name_of(device)}, {rate / 1e12:.3g} TFLOP/s in matrix products: "
            + ", ".join(f"{name} {part:.0f} s" for name, part in dealt.items())
        )
        run.ledger.book("import")
        for number, recipe in enumerate(recipes):
            _train_one(run, recipe, {r.name: options.shares[r.name] for r in recipes[number:]})
        run.write_report()
    networks = run.report["networks"]
    if failed := [name for name, facts in networks.items() if "failed" in facts]:
        raise ValueError(
            f"{', '.join(failed)} failed, see above; {options.out} holds what was best"
        )
    return Path(options.out) / "report.json"


def _train_one(run: Run, recipe: Recipe, shares: dict[str, float]) -> None:
    """Train one network; if that fails, its time is the others'."""
    sprint = Sprint(run, recipe, shares)
    try:
        sprint.train()
    except Exception as error:
        if run.photos is None:
            # Without photographs no other network fares better.
            raise
        traceback.print_exc()
        sprint.facts["failed"] = f"{type(error).__name__}: {error}"
        run.say(f"{recipe.name} failed: {error}")
        run.write_report()
    compiled = sprint.mode != "off"
    del sprint
    run.ledger.begin()
    gc.collect()
    if compiled:
        torch.compiler.reset()
    if run.device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def plan(options: argparse.Namespace) -> None:
    """Say of each network what it costs and what fits into its time on the device asked about."""
    dealt = budget.share_out(60 * options.minutes, options.shares)
    for name, seconds in dealt.items():
        recipe = recipe_of(name, options.scale or "gpu", options)
        content = equipment.content_loss(recipe, options.features)
        trainer = Trainer(
            equipment.fresh(recipe), recipe, torch.device("cpu"), content=content, compile="off"
        )
        forward, update = cost.operations(trainer)
        print(cost.plan(recipe, forward, update, seconds=seconds, rate=1e12 * options.plan))


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns its exit status: 0, or 130 when interrupted.

    Raises what :func:`train` raises.
    """
    options = parse(arguments)
    if options.plan:
        plan(options)
        return 0
    try:
        print(train(options, lambda: time.monotonic() - training.BEGAN))
    except KeyboardInterrupt:
        print(f"stopped; what was best is in {options.out}", file=sys.stderr)
        return 130
    return 0
