"""How networks become kernels: not at all, by regions or as a whole, and how long that may last.

A compiler may fail, hang or take minutes, and a run on a clock cannot wait: what it has not done
within its allowance is done without it.
"""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sr_models.regions import BiasedReLU, Region

Mode = Literal["off", "regional", "whole"]
MODES: tuple[Mode, ...] = ("off", "regional", "whole")
SHAPES = 64
"""Sets of shapes that one region is compiled for; PyTorch gives up after eight by itself."""


Backend = str | Callable[..., Any]
"""What makes kernels of a graph: the name of one that PyTorch knows, or a function."""


def prepare(module: nn.Module, mode: Mode, backend: Backend = "inductor") -> nn.Module:
    """``module`` as it is to be called: compiled when it is called first, or as it is.

    ``regional`` changes ``module`` itself and leaves its weights and their names alone. A module
    without a :class:`~sr_models.regions.Region` is small and compiled as a whole.
    """
    if mode == "off":
        return module
    torch._dynamo.config.recompile_limit = max(torch._dynamo.config.recompile_limit, SHAPES)
    if mode == "regional":
        _share_biases(module)
        regions = [part for part in module.modules() if isinstance(part, Region)]
        for region in regions:
            region.compile(backend=backend, dynamic=region.dynamic)
        if regions:
            return module
    whole: Any = torch.compile(module, backend=backend)
    return whole


def give_up() -> None:
    """From now on what was to be compiled runs as it is, in this process."""
    torch.compiler.set_stance("force_eager")


@contextlib.contextmanager
def plainly() -> Iterator[None]:
    """What was to be compiled runs as it is inside the block."""
    if not _loaded():
        yield
        return
    with torch.compiler.set_stance("force_eager"):
        yield


@contextlib.contextmanager
def for_now() -> Iterator[None]:
    """A compiler that is given up inside the block is at work again after it."""
    try:
        yield
    finally:
        if _loaded():
            torch.compiler.set_stance("default")


def _loaded() -> bool:
    """Whether the compiler is there; to ask it anything takes seconds to load it."""
    return "torch._dynamo" in sys.modules


class _Convolution(nn.Module):
    """A convolution and the ReLU after it, the bias added where the ReLU is taken."""

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        self.conv = conv
        self.finish = BiasedReLU()

    def forward(self, x: Tensor) -> Tensor:
        conv = self.conv
        y = F.conv2d(x, conv.weight, None, conv.stride, conv.padding)
        # A view is no parameter: a compiler may take its length for variable.
        result: Tensor = self.finish(y, conv.get_parameter("bias").view(-1))
        return result


def _share_biases(module: nn.Module) -> None:
    """Take each convolution with the ReLU after it, in frozen networks, as one region's work.

    PyTorch adds a bias in a pass over the maps of its own, and the ReLU is another.
    """
    for sequence in [part for part in module.modules() if isinstance(part, nn.Sequential)]:
        for place, (conv, after) in enumerate(pairwise(list(sequence))):
            if not (isinstance(conv, nn.Conv2d) and isinstance(after, nn.ReLU)):
                continue
            if conv.bias is not None and not conv.weight.requires_grad:
                sequence[place] = _Convolution(conv)
                sequence[place + 1] = nn.Identity()


class Overtime(BaseException):
    """What took longer than it was allowed to. No ``Exception``, so that no library swallows it."""


@contextlib.contextmanager
def allowance(seconds: float) -> Iterator[None]:
    """Raise :class:`Overtime` inside the block once ``seconds`` have passed, by a signal.

    Only the main thread of a POSIX system can be interrupted so; elsewhere the block takes as long
    as it takes.
    """
    able = hasattr(signal, "SIGALRM") and threading.current_thread() is threading.main_thread()
    if not able:
        yield
        return

    def ring(*_: object) -> None:
        raise Overtime

    before = signal.signal(signal.SIGALRM, ring)
    # Again every five seconds: the first may come where nothing is let through.
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.001), 5.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
