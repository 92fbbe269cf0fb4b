"""What every training run shares: the clock, the progress bar, the log, resuming.

A run is driven by its clock, not by a number of updates: ``progress`` is the share of the
training time that has passed, kept in the checkpoint, so that a resumed run anneals as an
unbroken one would have.
"""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, TextIO

import torch
from torch import Tensor
from tqdm import tqdm

from sr_models.training import checkpoint
from sr_models.training.patches import Photos
from sr_models.training.recipes import Recipe

LOG_EVERY = 20
"""Updates between two lines of the log."""
SAVE_EVERY = 60.0
"""Seconds between two checkpoints: what a kill can cost."""


class Task(Protocol):
    """One thing to train: holds networks and optimisers, knows one update."""

    def step(self, lr: Tensor, hr: Tensor, *, update: int, progress: float) -> dict[str, Tensor]:
        """One update; returns the loss terms as tensors (nothing here waits for the device)."""

    def validate(self) -> dict[str, float]:
        """Figures of the moving average on photographs kept out of the training."""

    def weights(self) -> dict[str, Tensor]:
        """The weights to ship: the moving average."""

    def state_dict(self) -> dict[str, Any]:
        """Everything that :meth:`load_state_dict` needs to go on."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a checkpoint."""


def learning_rate(recipe: Recipe, update: int, progress: float) -> float:
    """Linear warm-up over ``recipe.warm_up`` updates, then one cosine to a hundredth.

    >>> learning_rate(Recipe("r", 1, learning_rate=1.0, warm_up=10), 4, 0.0)
    0.5
    >>> round(learning_rate(Recipe("r", 1, learning_rate=1.0, warm_up=10), 1000, 1.0), 3)
    0.01
    """
    rise = min(1.0, (update + 1) / recipe.warm_up)
    return recipe.learning_rate * rise * (0.505 + 0.495 * math.cos(math.pi * min(progress, 1.0)))


def run(
    task: Task,
    photos: Photos,
    recipe: Recipe,
    *,
    out: Path,
    minutes: float,
    facts: Mapping[str, object],
    updates: int | None = None,
) -> Path:
    """Train ``task`` until it has had ``minutes`` of training time in all; returns the weights.

    With ``updates`` their number rules instead of the clock, and progress is the share of them
    that is done: such a run comes out the same on the same machine, resumed or not.
    Writes into ``out``: ``checkpoint.pt`` (resumed from when it is there), ``log.jsonl`` (one
    object a line) and ``NAME.safetensors``. Raises ``FloatingPointError`` when a loss is no longer
    a number; the last checkpoint then stays as it is.
    """
    out.mkdir(parents=True, exist_ok=True)
    state_file, weight_file = out / "checkpoint.pt", out / f"{recipe.name}.safetensors"
    update, seconds = 0, 0.0
    if state_file.exists():
        state = checkpoint.load(state_file)
        if state.get("recipe") != recipe.name:
            raise ValueError(f"{state_file} belongs to the recipe {state.get('recipe')!r}")
        task.load_state_dict(state["task"])
        update, seconds = state["update"], state["seconds"]
    budget = 60 * minutes

    def progress() -> float:
        return seconds / budget if updates is None else update / updates

    log = _open_log(out / "log.jsonl", update)
    bar = tqdm(
        total=100, initial=round(100 * min(progress(), 1)), desc=recipe.name, disable=None,
        bar_format="{desc} {percentage:3.0f}%|{bar}| {elapsed}<{remaining} [{postfix}]",
    )  # fmt: skip

    def save() -> None:
        state = {
            "recipe": recipe.name,
            "update": update,
            "seconds": seconds,
            "task": task.state_dict(),
        }
        checkpoint.save(state_file, state)
        done = {"updates": update, "patches": update * recipe.batch, "minutes": seconds / 60}
        checkpoint.save_weights(weight_file, task.weights(), {**facts, **done})

    saved = last = time.monotonic()
    logged, logged_at = update, seconds
    with log, bar:
        while progress() < 1:
            lr, hr = photos.batch(recipe.batch, recipe.patch, recipe.seed + update)
            terms = task.step(lr, hr, update=update, progress=progress())
            update += 1
            now = time.monotonic()
            seconds, last = seconds + now - last, now
            if update % LOG_EVERY and progress() < 1:
                continue
            figures = {name: float(value) for name, value in terms.items()}
            if not all(map(math.isfinite, figures.values())):
                raise FloatingPointError(
                    f"update {update} of {recipe.name} gave {figures}: training has diverged. The "
                    f"last good state is in {state_file}; lower the learning rate and go on"
                )
            rate = (update - logged) * recipe.batch / max(seconds - logged_at, 1e-9)
            logged, logged_at = update, seconds
            line = {"update": update, "seconds": round(seconds, 1), "patches_per_s": round(rate, 1)}
            bar.n = round(100 * min(progress(), 1))
            shown = ", ".join(f"{name} {value:.4g}" for name, value in figures.items())
            bar.set_postfix_str(f"{rate:.1f} patches/s, {shown}")
            if now - saved > SAVE_EVERY or progress() >= 1:
                save()
                figures |= task.validate()
                last = saved = time.monotonic()
            log.write(json.dumps({**line, **figures}) + "\n")
            log.flush()
    if not weight_file.exists() or update == 0:
        save()
    return weight_file


def _open_log(path: Path, update: int) -> TextIO:
    """The log, cut back to the checkpoint: a resumed run will write the later lines again."""
    lines = []
    if path.exists():
        for line in path.read_text().splitlines():
            try:
                if json.loads(line)["update"] <= update:
                    lines.append(line)
            except (ValueError, KeyError):
                continue  # a line cut short by a kill
    text = "".join(line + "\n" for line in lines)
    checkpoint.replace(path, lambda beside: beside.write_text(text))
    return path.open("a")


class Average:
    """Exponential moving average of a network's weights, with a warm-up (decay grows to its value).

    Early on, the mean over the last few updates would otherwise be dominated by the start.
    ``network`` is a copy with these weights, ready to run; ``values`` are the weights themselves.
    """

    def __init__(self, network: torch.nn.Module, decay: float) -> None:
        self.decay = decay
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self.values = self.network.state_dict()

    @torch.no_grad()
    def update(self, network: torch.nn.Module, update: int) -> None:
        decay = min(self.decay, (1 + update) / (10 + update))
        for key, value in network.state_dict().items():
            if value.is_floating_point():
                self.values[key].lerp_(value, 1 - decay)
            else:
                self.values[key].copy_(value)
