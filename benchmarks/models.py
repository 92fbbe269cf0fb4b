"""Networks of somebody's own: one file each, as it was taken in, and what was found out of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray

from benchmarks.files import file_hash
from benchmarks.material import readable
from sr_models.facts import Facts

Image = NDArray[np.uint8]
P = ParamSpec("P")
T = TypeVar("T")

INFERENCE = 1
"""Raised when the same file would give another image, so that outputs are made again."""


@dataclass(frozen=True)
class Model:
    """``file``: its name in the folder of the method, and what that holds (SHA-256)."""

    file: str
    sha256: str
    facts: Facts

    @property
    def fingerprint(self) -> str:
        """Changes whenever its answers could."""
        return f"{self.sha256} x{self.facts.scale} {self.facts.precision} {INFERENCE}"


def differs(path: Path, model: Model) -> str:
    """What is wrong with the file of a model, as a sentence; empty if nothing is."""
    try:
        right = file_hash(path) == model.sha256
    except FileNotFoundError:
        return f"{path} is missing"
    except OSError as error:
        return f"{path} cannot be read: {error.strerror}"
    return "" if right else f"{path} is not the model that was taken in"


def upscaler(path: Path, model: Model, *, device: str) -> Callable[[Image], Image]:
    """The function from LR to HR of the model, whose file lies at ``path``.

    Raises ``ValueError`` if it cannot be run on ``device``; so does the function, for an image that
    it makes nothing of, for want of memory too.
    """
    from sr_models import foreign  # torch is loaded where a network runs

    upscale = _refusing(lambda: foreign.upscaler(path, model.facts, device=device))()
    return _refusing(upscale)


def _refusing(run: Callable[P, T]) -> Callable[P, T]:
    """``run``, with what the library of a network raises for want of memory as a refusal."""

    def refusing(*args: P.args, **options: P.kwargs) -> T:
        try:
            return run(*args, **options)
        except (MemoryError, RuntimeError) as error:  # PyTorch's are of the second kind
            lines = str(error).splitlines() or ["there is too little memory"]
            raise ValueError(f"the network cannot be run: {readable(lines[0][:200])}") from None

    return refusing
