"""What every training run shares: the clock, the progress bar, the log, resuming, the best weights.

A run is driven by its clock or by a number of updates. ``progress`` is the share that is done,
kept in the checkpoint, so that a resumed run anneals as an unbroken one would have.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor
from tqdm import tqdm

from sr_models.training import checkpoint, heldout
from sr_models.training.heldout import HeldOut
from sr_models.training.journal import Journal
from sr_models.training.patches import Ahead, Batch, Photos
from sr_models.training.trainer import Trainer

LOG_EVERY = {"cpu": 20, "cuda": 200}
"""Updates between two lines of the log, for which the losses are read and the device waited for."""
SAVE_EVERY = 50.0
"""Seconds between two checkpoints, and a log line may come on top: what a kill can cost."""
LOOK_EVERY = 180.0
"""Seconds between two looks at the held-out photographs."""
LONGEST_UPDATE = 60.0
"""Seconds: what lies beyond was no training but a process or a machine that stood still."""


@dataclass(frozen=True)
class Length:
    """How long a run is: ``minutes`` by the clock, or ``updates``; ``slice`` minutes of it now."""

    minutes: float = math.inf
    updates: int | None = None
    slice: float = math.inf

    def progress(self, update: int, seconds: float) -> float:
        """The share that is done after so many updates and seconds of training."""
        return update / self.updates if self.updates else seconds / (60 * self.minutes)


def run(
    trainer: Trainer,
    photos: Photos,
    held_out: HeldOut,
    *,
    out: Path,
    length: Length,
    facts: Mapping[str, object],
) -> Path:
    """Train until ``length`` is reached, over all resumptions; returns the weight file.

    A run by ``updates`` comes out the same on the same CPU, resumed or not. Writes into ``out``:
    a checkpoint (resumed from when it is there), ``log.jsonl`` and TensorBoard's files, a strip
    of pictures at every look, and ``NAME.safetensors``: the moving average with the best held-out
    figure so far. Raises ``FloatingPointError`` when a loss is no longer a number; the last
    checkpoint then stays.
    """
    recipe, world = trainer.recipe, trainer.world
    out.mkdir(parents=True, exist_ok=True)
    weight_file = out / f"{recipe.name}.safetensors"
    update, seconds, best = _resume(trainer, out)
    log_every = LOG_EVERY[trainer.device.type]
    ended = length.progress(update, seconds) >= 1

    def keep() -> None:
        """Write the moving average as the weights to ship."""
        done = {"updates": update, "patches": update * recipe.batch * world.size,
                "minutes": round(seconds / 60, 2)}  # fmt: skip
        checkpoint.save_weights(weight_file, trainer.average.values, {**facts, **done, **best})

    def save() -> None:
        state = {"recipe": recipe.name, "scale": recipe.scale, "update": update,
                 "seconds": seconds, "best": best, "trainer": trainer.state_dict()}  # fmt: skip
        checkpoint.save(out, state, update=update)

    def look() -> dict[str, float]:
        """The figures of now; the weights are kept if they are the best so far."""
        nonlocal best
        figures, strip = held_out.look(trainer.average.network)
        if strip is not None:
            (out / "strips").mkdir(exist_ok=True)
            heldout.write_strip(strip, out / "strips" / f"{update:08d}.png")
        if better(figures, best, recipe.judged_by):
            best = figures
            keep()
        return figures

    def batch(update: int) -> Batch:
        return photos.batch(
            recipe.batch, recipe.patch, recipe.seed + update,
            busiest_of=recipe.busiest_of, part=(world.rank, world.size),
        )  # fmt: skip

    ahead = Ahead(batch, trainer.device)
    journal = Journal(out, update) if world.leads else None
    bar = tqdm(
        total=100, initial=round(100 * min(length.progress(update, seconds), 1)),
        desc=recipe.name, disable=None if world.leads else True,
        bar_format="{desc} {percentage:3.0f}%|{bar}| {elapsed}<{remaining} [{postfix}]",
    )  # fmt: skip
    begun = last = saved = looked = time.monotonic()
    logged, logged_at = update, seconds
    means = Means()
    try:
        while not ended:
            terms = trainer.step(
                *ahead.take(update), update=update, progress=length.progress(update, seconds)
            )
            update += 1
            means.add(terms)
            now = time.monotonic()
            (seconds, sliced) = world.agree(
                seconds + min(now - last, LONGEST_UPDATE), (now - begun) / 60
            )
            last = now
            ended = length.progress(update, seconds) >= 1
            if (update % log_every and not ended and sliced < length.slice) or not world.leads:
                if sliced >= length.slice:
                    break
                continue
            figures = _checked(means.take(), update, recipe.name, out)
            rate = (update - logged) * recipe.batch * world.size / max(seconds - logged_at, 1e-9)
            logged, logged_at = update, seconds
            bar.n = round(100 * min(length.progress(update, seconds), 1))
            shown = ", ".join(f"{name} {value:.4g}" for name, value in figures.items())
            bar.set_postfix_str(f"{rate:.1f} patches/s, {shown}")
            stopping = ended or sliced >= length.slice
            if now - looked > LOOK_EVERY or stopping:
                figures |= look()
                looked = time.monotonic()
            if now - saved > SAVE_EVERY or stopping:
                save()
                saved = time.monotonic()
            if journal:
                journal.write(
                    update,
                    {"seconds": round(seconds, 1), "patches_per_s": round(rate, 1), **figures},
                )
            if stopping:
                break
            last = time.monotonic()
    finally:
        bar.close()
        if journal:
            journal.close()
    if world.leads and not weight_file.exists():
        keep()
    return weight_file


def _resume(trainer: Trainer, out: Path) -> tuple[int, float, dict[str, float]]:
    """Updates, seconds and best figures of the checkpoint in ``out``, loaded into ``trainer``."""
    state = checkpoint.load(out)
    if state is None:
        return 0, 0.0, {}
    recipe = trainer.recipe
    if (state.get("recipe"), state.get("scale")) != (recipe.name, recipe.scale):
        raise ValueError(
            f"{out} holds a run of {state.get('recipe')} at scale {state.get('scale')}, not of "
            f"{recipe.name} at scale {recipe.scale}; name another folder by --out"
        )
    try:
        trainer.load_state_dict(state["trainer"])
    except (RuntimeError, KeyError, ValueError):
        raise ValueError(
            f"{out} holds a run of {recipe.name} by another version of this program or with other "
            "options; name another folder by --out, and its weights by --from to train on"
        ) from None
    return state["update"], state["seconds"], state["best"]


def better(figures: Mapping[str, float], best: Mapping[str, float], judge: str) -> bool:
    """Whether weights with ``figures`` are to be kept; without figures the last are."""
    key = "heldout_lpips" if judge == "lpips" and "heldout_lpips" in figures else "heldout_psnr"
    if key not in figures or key not in best:
        return True
    return figures[key] < best[key] if key == "heldout_lpips" else figures[key] > best[key]


class Means:
    """Means of the losses since they were last asked for, summed on the device."""

    def __init__(self) -> None:
        self.sums: dict[str, Tensor] = {}
        self.counts: Counter[str] = Counter()

    def add(self, terms: Mapping[str, Tensor]) -> None:
        """The losses of one update."""
        for name, term in terms.items():
            # A copy: a recorded update writes the next one's terms into the same place.
            self.sums[name] = self.sums[name] + term if name in self.sums else term.clone()
        self.counts.update(terms.keys())

    def take(self) -> dict[str, float]:
        """The means as numbers: here the device is waited for."""
        means = {name: float(total / self.counts[name]) for name, total in self.sums.items()}
        self.sums, self.counts = {}, Counter()
        return means


def _checked(figures: dict[str, float], update: int, name: str, out: Path) -> dict[str, float]:
    """The same figures. Raises ``FloatingPointError`` if one is no number."""
    if not all(map(math.isfinite, figures.values())):
        raise FloatingPointError(
            f"update {update} of {name} gave {figures}: training has diverged. The last good state "
            f"is in {out}; the same command with another --seed goes on from there"
        )
    return figures
