"""One network's part of a family: from what it starts with to the best that its time allows."""

from __future__ import annotations

import gc
import math
import resource
import sys
from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from sr_models import weightfile
from sr_models.tiles import NoNumbersError
from sr_models.training import (
    budget,
    checkpoint,
    compiling,
    cost,
    equipment,
    heldout,
    loop,
    patches,
    recording,
)
from sr_models.training.budget import Pace
from sr_models.training.heldout import HeldOut, Picture
from sr_models.training.lease import Run
from sr_models.training.recipes import Recipe
from sr_models.training.trainer import Trainer

SAY_EVERY = 5.0
"""Seconds between two lines on standard error."""
LOOK_EVERY = 15.0
"""Seconds between two looks at held-out photographs, or longer where a look takes long."""
LOOK_SHARE = 0.05
"""Share of the time that looks may take, but for the first and the last."""
LONGEST_LOOK = 0.1
"""Share of a network's time that one look may take; a slow one is looked at in fewer places."""
COMPILE_SHARE = 0.15
"""Share of a network's time that its compiler may take before it is done without."""
RETURNS = 4
"""How often a network that diverges goes back, to half of its rates, before it is given up."""
BEHIND = 4
"""Updates that a GPU may be behind: enough to keep it busy, few enough to end in time."""


class Sprint:
    """A network of a family. ``shares`` are those of the networks to come, its own first."""

    def __init__(self, run: Run, recipe: Recipe, shares: Mapping[str, float]) -> None:
        self.run, self.recipe, self.shares = run, recipe, shares
        self.file = run.out / f"{recipe.name}.safetensors"
        self.old = run.starts.get(recipe.name)
        self.update = 0
        self.returns = 0
        self.mode: compiling.Mode = "off"
        """How it is compiled."""
        self.recorded = False
        """Whether updates are replayed."""
        self.best: dict[str, float] = {}
        self.facts: dict[str, Any] = {"kept": "nothing"}
        run.report["networks"][recipe.name] = self.facts

    @property
    def start(self) -> Path | None:
        """The weights it starts from: its own, or those of the network that it builds on."""
        parent = self.recipe.start
        if self.old or parent is None:
            return self.old
        made = self.run.out / f"{parent}.safetensors"
        if not made.exists() and parent not in self.run.starts:
            raise ValueError(f"{self.recipe.name} starts from {parent}, of which nothing came")
        return made if made.exists() else self.run.starts[parent]

    def train(self) -> None:
        """Train over this network's share of the time that is left."""
        run = self.run
        torch.manual_seed(self.recipe.seed)
        network = equipment.start(self.recipe, self.start)
        if self.old:
            whole = self.old.read_bytes()
            checkpoint.replace(self.file, lambda beside: beside.write_bytes(whole))
            self.facts["kept"] = "old"
        bf16 = None if run.options.precision == "auto" else run.options.precision == "bf16"
        self.mode = run.mode(COMPILE_SHARE * self.seconds)
        if self.mode != "off":
            # Done without for the one before, perhaps.
            compiling.take_up()
        self.trainer = Trainer(
            network, self.recipe, run.device,
            content=run.contents[self.recipe.name], bf16=bf16,
            compile=self.mode, compiler=run.backend,
        )  # fmt: skip
        self.count()
        run.ledger.book("other")
        self.compile()
        run.ledger.book("compile")
        photos, held_out = run.material(self.recipe.photo_scales)
        run.ledger.book("data")
        self.held_out = self.watch(held_out)
        begun = run.now()
        before = self.look()
        look = run.now() - begun
        self.trainer.remember()
        self.facts["heldout_start"] = before
        self.best = before if self.old else {}
        until = run.now() + self.seconds - 1.3 * look - 0.5
        if until > run.now():
            self.loop(photos, until, max(LOOK_EVERY, look / LOOK_SHARE))
            self.look_and_keep()
        self.finish()

    @property
    def seconds(self) -> float:
        """This network's share of the time that is left."""
        return budget.share_out(self.run.left, self.shares)[self.recipe.name]

    def count(self) -> None:
        """Count the operations of an update, and say what fits."""
        forward, self.operations = cost.operations(self.trainer)
        self.facts["gflop_per_patch"] = round(self.operations / 1e9, 2)
        run, seconds = self.run, self.seconds
        run.say(cost.plan(self.recipe, forward, self.operations, seconds=seconds, rate=run.rate))
        self.before = patches_behind(self.old, self.recipe.patch) if self.old else 0.0
        planned = cost.patches(self.operations, seconds=seconds, rate=run.rate)
        self.trainer.done = budget.part_done(self.before, planned)
        if self.before:
            run.say(
                f"{self.recipe.name}: {self.before:.0f} patches lie behind it; it goes on as at "
                f"{self.trainer.done:.0%} of one run"
            )

    def compile(self) -> None:
        """Let the compiler work for as long as it may."""
        run = self.run
        if self.mode == "off" and run.device.type == "cpu":
            return
        allowed = COMPILE_SHARE * self.seconds
        side = self.recipe.patch // 4
        try:
            with compiling.allowance(allowed):
                self.fit(side)
        except compiling.Overtime:
            if self.mode != "off":
                run.too_slow = max(run.too_slow, allowed)
            self.without(f"compiling took longer than {allowed:.0f} s")
        except Exception as error:
            if self.mode == "off":
                raise
            run.compiles = False
            self.without(f"compiling failed ({type(error).__name__}: {first_line(error)})")

    def fit(self, side: int) -> None:
        """Warm up with a batch of the recipe's size, or with half of it until it fits."""
        while True:
            lr, hr = (
                torch.rand(self.recipe.batch, 3, n, n, device=self.run.device).contiguous(
                    memory_format=torch.channels_last
                )
                for n in (side, 4 * side)
            )
            try:
                self.trainer.warm_up(lr, hr)
                cost.wait(self.run.device)
                return
            except torch.OutOfMemoryError:
                if self.recipe.batch == 1:
                    raise
            del lr, hr
            gc.collect()
            torch.cuda.empty_cache()
            self.recipe = replace(self.recipe, batch=self.recipe.batch // 2)
            self.trainer.recipe = self.recipe
            self.run.say(f"{self.recipe.name}: out of memory, now {self.recipe.batch} in an update")

    def without(self, why: str) -> None:
        """Go on without a compiler."""
        compiling.give_up()
        self.mode = "off"
        self.run.say(f"{self.recipe.name}: {why}; it is trained without")

    def loop(self, photos: patches.Photos, until: float, look_every: float) -> None:
        """Update until then, with a line every few seconds and looks in between."""
        run, recipe, trainer = self.run, self.recipe, self.trainer
        pace = Pace(run.now(), until)
        ahead = patches.Ahead(
            lambda update: photos.batch(
                recipe.batch, recipe.patch, recipe.seed + update, busiest_of=recipe.busiest_of
            ),
            run.device,
        )
        means, behind = loop.Means(), Behind(run.device)

        def step() -> None:
            crops = ahead.take(self.update)
            means.add(trainer.step(*crops, update=self.update, progress=pace.progress))
            self.update += 1
            behind.keep_up()
            pace.advance(run.now())

        def elapsed() -> float:
            cost.wait(run.device)
            return run.now()

        if run.device.type == "cuda" and not run.options.no_recording:
            self.facts["recording"] = recording.trial(trainer, step, elapsed=elapsed)
            self.recorded = trainer.run != trainer.update
            run.say(f"{recipe.name}: {self.facts['recording']}")
        said = looked = run.now()
        counted = self.update
        while pace.fits(run.now()):
            step()
            now = run.now()
            if now - said >= SAY_EVERY or not pace.fits(now):
                figures = means.take()
                now = run.now()
                rate = (self.update - counted) * recipe.batch / max(now - said, 1e-9)
                said, counted = now, self.update
                if all(map(math.isfinite, figures.values())):
                    self.tell(pace.progress, rate, figures)
                else:
                    self.go_back(FloatingPointError(f"diverged by update {self.update}: {figures}"))
            if now - looked >= look_every and until - now > look_every / 2:
                run.ledger.book("train")
                try:
                    self.look_and_keep()
                    trainer.remember()
                except FloatingPointError as error:
                    self.go_back(error)
                run.ledger.book("look")
                said += run.now() - now
                looked = run.now()
                pace.skip(looked)
        cost.wait(run.device)
        run.ledger.book("train")

    def go_back(self, error: FloatingPointError) -> None:
        """Go on from the last look at half the rates, or raise ``error`` if that was of no use."""
        if self.returns == RETURNS:
            raise error
        self.returns += 1
        self.trainer.go_back()
        if self.recorded:
            # The old recording writes where moments lay before.
            self.trainer.run = recording.Recording(self.trainer)
        self.run.say(f"{self.recipe.name}: {error}; back to the last look, at half the rates")

    def tell(self, progress: float, rate: float, figures: Mapping[str, float]) -> None:
        """One line for whoever watches, and one for the log."""
        run, name = self.run, self.recipe.name
        losses = ", ".join(f"{key} {value:.4g}" for key, value in figures.items())
        run.say(f"{name} {progress:.0%}: update {self.update}, {rate:.4g} patches/s, {losses}")
        run.log({"network": name, "update": self.update, "seconds": round(run.now(), 1),
                 "patches_per_s": round(rate, 1), **figures})  # fmt: skip

    def watch(self, held_out: HeldOut) -> HeldOut:
        """As many of the held-out parts as this network can be looked at in its time."""
        one = held_out.some(1)
        self.pictures(one)  # the first takes longer
        begun = self.run.now()
        self.pictures(one)
        each = self.run.now() - begun
        fewer = held_out.some(max(1, int(LONGEST_LOOK * self.seconds / max(each, 1e-9))))
        self.facts["heldout_parts"] = len(fewer.pairs)
        return fewer

    def pictures(self, held_out: HeldOut) -> tuple[dict[str, float], Picture | None]:
        """Held-out figures of the average of the weights, and a strip of pictures.

        Raises ``FloatingPointError`` where the network's answer is no numbers.
        """
        try:
            return held_out.look(self.trainer.average.network)
        except NoNumbersError:
            raise FloatingPointError(
                f"diverged by update {self.update}: its answers are no numbers"
            ) from None

    def look(self) -> dict[str, float]:
        """Held-out figures of the average of the weights as it is."""
        figures, self.strip = self.pictures(self.held_out)
        self.run.ledger.book("look")
        self.run.log({"network": self.recipe.name, "update": self.update,
                      "seconds": round(self.run.now(), 1), **figures})  # fmt: skip
        return figures

    def look_and_keep(self) -> None:
        """Look, and write the weights if they are the best so far.

        Raises ``FloatingPointError`` if they are no numbers: pictures would be some all the same.
        """
        values = self.trainer.average.values.values()
        if not all(bool(value.isfinite().all()) for value in values):
            raise FloatingPointError(f"diverged by update {self.update}: weights are no numbers")
        figures = self.look()
        recipe, kept = self.recipe, loop.better(figures, self.best, self.recipe.judged_by)
        if kept:
            self.best = figures
            facts = equipment.facts(
                self.trainer, photographs=self.run.read, held_out=self.held_out.photographs,
                start=self.start,
            ) | {
                "updates": self.update, "patches": self.update * recipe.batch, **figures,
                "patches_before": round(self.before),
                "minutes": round(self.run.ledger.seconds.get("train", 0.0) / 60, 2),
            }  # fmt: skip
            checkpoint.save_weights(self.file, self.trainer.average.values, facts)
            self.facts["kept"] = "new"
            if self.strip is not None:
                strip = self.strip
                checkpoint.replace(
                    self.run.out / f"{recipe.name}.png",
                    lambda beside: heldout.write_strip(strip, beside),
                )
        self.facts |= {"heldout_end": figures, "heldout_kept": self.best}
        shown = ", ".join(f"{key.removeprefix('heldout_')} {n}" for key, n in figures.items())
        self.run.say(f"{recipe.name}: {shown}: {'written' if kept else 'not better'}")
        self.account()

    def account(self) -> None:
        """Write into the report where this network's time went, and what it did in it."""
        run, recipe = self.run, self.recipe
        spent = run.ledger.seconds
        done = self.update * recipe.batch
        rate = done / max(spent.get("train", 0.0), 1e-9)
        self.facts |= {
            "seconds": {name: round(value, 1) for name, value in spent.items()},
            "updates": self.update, "patches": done, "batch": recipe.batch, "patch": recipe.patch,
            "patches_per_s": round(rate, 1),
            "share_of_products": round(rate * self.operations / run.rate, 3),
            "memory_gib": round(memory(run.device) / 2**30, 2), "compiled": self.mode,
        }  # fmt: skip
        run.write_report()

    def finish(self) -> None:
        """Say what came of it, and free what it held."""
        run, judge = self.run, self.recipe.judged_by
        first, last, kept = (
            self.facts.get(f"heldout_{when}", {}).get(f"heldout_{judge}")
            for when in ("start", "end", "kept")
        )
        said = f"held-out {judge.upper()} {first} at the start"
        if self.facts["kept"] == "new":
            said += f", {kept} in the file"
        elif self.update:
            said += f", {last} at the end: not better, the old file is kept"
        else:
            said += ": there was no time to train it"
        self.facts["said"] = said
        self.account()
        run.say(f"{self.recipe.name}: {said}")


class Behind:
    """Keeps the processor no more than a few updates ahead of a GPU, without draining it.

    A queue of launches has room for many seconds of recorded updates; a run by the clock would end
    that much too late.
    """

    def __init__(self, device: torch.device) -> None:
        self.events: deque[torch.cuda.Event] | None = deque() if device.type == "cuda" else None

    def keep_up(self) -> None:
        """An update has been launched; wait until the one some updates before it is done."""
        if self.events is None:
            return
        event = torch.cuda.Event(blocking=True)
        event.record()
        self.events.append(event)
        if len(self.events) > BEHIND:
            self.events.popleft().synchronize()


def patches_behind(weights: Path, side: int) -> float:
    """How many patches of ``side`` px the weights of a file have seen, by area; 0 if unknown."""
    facts = weightfile.facts(weights)
    seen = [facts.get(key, 0) for key in ("patches", "patches_before")]
    was = facts.get("recipe_patch", side)
    numbers = [number for number in (*seen, was) if isinstance(number, int | float)]
    return sum(numbers[:2]) * (numbers[2] / side) ** 2 if len(numbers) == 3 else 0.0


def memory(device: torch.device) -> int:
    """The most bytes in use so far: of a GPU's memory, or of this process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated()
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def first_line(error: BaseException) -> str:
    """What an error says, shortened to a line."""
    return (str(error).strip().splitlines() or [""])[0][:200]
