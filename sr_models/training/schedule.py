"""What changes over a run by a recipe: rates, weights of losses, reach of the average, stages."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

from sr_models.training.recipes import Recipe


def learning_share(recipe: Recipe, update: int, progress: float) -> float:
    """By what the learning rates are multiplied at ``update``, ``progress`` (0..1) into the run.

    >>> recipe = Recipe("r", "cpu", schedule="cosine", warm_up=10)
    >>> learning_share(recipe, 4, 0.0), round(learning_share(recipe, 1000, 1.0), 3)
    (0.5, 0.01)
    >>> learning_share(Recipe("r", "paper", steps=((0.5, 0.1),)), 0, 0.5)
    0.1
    """
    rise = min(1.0, (update + 1) / recipe.warm_up) if recipe.warm_up else 1.0
    if recipe.schedule == "cosine":
        return rise * (0.505 + 0.495 * math.cos(math.pi * min(progress, 1.0)))
    return rise * math.prod(factor for start, factor in recipe.steps if progress >= start)


def recursions_share(recipe: Recipe, progress: float) -> float:
    """The share of DRCN's recursions that is trained, ``progress`` (0..1) into the run.

    >>> recipe = Recipe("r", "cpu", growth=0.5)
    >>> [recursions_share(recipe, progress) for progress in (0.0, 0.25, 0.5, 1.0)]
    [0.25, 0.625, 1.0, 1.0]
    """
    grown = min(1.0, progress / recipe.growth) if recipe.growth else 1.0
    return 0.25 + 0.75 * grown


def average_share(recipe: Recipe, update: int, progress: float) -> float:
    """By what share of the way the average of the weights moves at ``update``.

    The average reaches over ``ema_share`` of all updates, whose number is told from how far
    ``update`` is. It begins shorter: early on, a longer mean would be dominated by the start.

    >>> recipe = Recipe("r", "gpu", ema_share=0.02)
    >>> round(1 / average_share(recipe, 4999, 0.5))
    200
    >>> round(average_share(recipe, 0, 0.0), 3), average_share(Recipe("r", "paper"), 9, 0.5)
    (0.9, 1.0)
    """
    if not recipe.ema_share:
        return 1.0
    reach = recipe.ema_share * (update + 1) / max(progress, 1e-9)
    return max(1 / max(reach, 1.0), 9 / (10 + update))


def loss_weights(recipe: Recipe, progress: float) -> dict[str, float]:
    """The weights of the losses that change over a run, ``progress`` (0..1) into it.

    DRCN's share of the picture after each recursion falls from 1 to 0 (Kim et al. 2016, equation
    8); the adversarial loss rises to its weight over ``adversarial_ramp`` of the run.

    >>> recipe = Recipe("r", "gpu", adversarial_weight=4e-3, adversarial_ramp=0.1)
    >>> [loss_weights(recipe, progress)["adversarial"] for progress in (0.0, 0.05, 0.5)]
    [0.0, 0.002, 0.004]
    """
    alpha = max(0.0, 1 - progress) if recipe.every_recursion else 0.0
    risen = min(1.0, progress / recipe.adversarial_ramp) if recipe.adversarial_ramp else 1.0
    return {
        "pixel": recipe.pixel_weight * (1 - alpha),
        "each": recipe.pixel_weight * alpha,
        "adversarial": recipe.adversarial_weight * risen,
    }


class Stage(NamedTuple):
    """What makes an update another computation, not the same one with other numbers."""

    pixel: Literal["l1", "mse"]
    recursions: float


def stage_of(recipe: Recipe, progress: float) -> Stage:
    """The stage of a run, ``progress`` (0..1) into it."""
    late = recipe.mse_share and progress >= 1 - recipe.mse_share
    return Stage("mse" if late else recipe.pixel_loss, recursions_share(recipe, progress))
