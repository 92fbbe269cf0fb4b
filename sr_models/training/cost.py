"""What training costs: operations of an update, the rate of a device, and what fits into a time."""

from __future__ import annotations

import time
import warnings

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from sr_models.training import compiling
from sr_models.training.recipes import Recipe
from sr_models.training.trainer import Trainer

EXPECTED = 0.23
"""Share of its matrix products that a GPU is planned to reach: an H200 had 0.24 and 0.22."""


def operations(trainer: Trainer) -> tuple[float, float]:
    """Floating-point operations for each patch: of the answer alone, and of a whole update.

    Counted on two patches, since what is normalised needs more than one, at the end of a run, when
    all of a network is trained. Nothing is learned.
    """
    recipe, device = trainer.recipe, trainer.device
    side = recipe.patch // 4
    lr = torch.rand(2, 3, side, side, device=device)
    hr = torch.rand(2, 3, recipe.patch, recipe.patch, device=device)
    lr, hr = (x.contiguous(memory_format=torch.channels_last) for x in (lr, hr))
    # To look for the fastest kernels for two patches would be a waste.
    plain = torch.backends.cudnn.flags(enabled=True, benchmark=False)
    with compiling.plainly(), plain, warnings.catch_warnings():
        # The counter's hooks are not meant for compiled modules, which are not compiled here.
        warnings.simplefilter("ignore", UserWarning)
        with FlopCounterMode(display=False) as forward, torch.no_grad():
            trainer.network(lr[:, : trainer.network.channels])
        with FlopCounterMode(display=False) as update:
            trainer.warm_up(lr, hr, progress=1.0)
    return forward.get_total_flops() / 2, update.get_total_flops() / 2


def wait(device: torch.device) -> None:
    """Until the device has done what it was told."""
    if device.type == "cuda":
        torch.cuda.synchronize()


def product_rate(device: torch.device, dtype: torch.dtype, times: int = 10) -> float:
    """Floating-point operations a second of a large matrix product, the best of ``times``."""
    side = 8192 if device.type == "cuda" else 2048
    a, b = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
    best = float("inf")
    for _ in range(times):
        wait(device)
        start = time.perf_counter()
        product: Tensor = a @ b
        wait(device)
        best = min(best, time.perf_counter() - start)
        del product
    return 2 * side**3 / best


def patches(update: float, *, seconds: float, rate: float) -> float:
    """How many fit, of ``update`` operations each, into ``seconds`` at ``rate``: planned."""
    return seconds * EXPECTED * rate / update


def plan(recipe: Recipe, forward: float, update: float, *, seconds: float, rate: float) -> str:
    """One line: what of a recipe fits into ``seconds`` on a device of ``rate`` operations a second.

    >>> from sr_models.training.recipes import RECIPES
    >>> line = plan(RECIPES["espcn", "cpu"], 2e9, 6e9, seconds=60, rate=1e12)
    >>> print(line.replace(";", ";\\n"))  # doctest: +NORMALIZE_WHITESPACE
    espcn: 2.0 GFLOP forward and 6.0 an update for a 96 px patch;
    in 60 s at 23 % of 1 TFLOP/s 2300 patches, 144 updates of 16
    """
    count = patches(update, seconds=seconds, rate=rate)
    return (
        f"{recipe.name}: {forward / 1e9:.1f} GFLOP forward and {update / 1e9:.1f} an update for a "
        f"{recipe.patch} px patch; in {seconds:.0f} s at {EXPECTED:.0%} of ".replace("%", " %")
        + f"{rate / 1e12:.3g} TFLOP/s {count:.0f} patches, "
        f"{count / recipe.batch:.0f} updates of {recipe.batch}"
    )
