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
from typing import Any, Literal

import torch
from torch import nn

from sr_models.regions import Region

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
        regions = [part for part in module.modules() if isinstance(part, Region)]
        for region in regions:
            region.compile(backend=backend, dynamic=False)
        if regions:
            return module
    whole: Any = torch.compile(module, backend=backend)
    return whole


def give_up() -> None:
    """From now on what was to be compiled runs as it is, in this process."""
    torch.compiler.set_stance("force_eager")


def take_up() -> None:
    """From now on it is compiled again."""
    if _loaded():
        torch.compiler.set_stance("default")


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
        take_up()


def _loaded() -> bool:
    """Whether the compiler is there; to ask it anything takes seconds to load it."""
    return "torch._dynamo" in sys.modules


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
