"""Methods of somebody's own, brought in as the command of a program that makes their images.

The program stays where it is. Before it is taken it enlarges two photographs, twice each: by how
much it enlarges is measured, and an answer that is another the next time is none to be rated.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import methods, programs
from benchmarks.datasets import SCALES
from benchmarks.fetch import cut_sample
from benchmarks.files import folder_aside, write_whole
from benchmarks.likeness import blue_first, compared
from benchmarks.material import readable
from benchmarks.methods import OwnMethod
from benchmarks.own_names import alone, described, following, lines
from benchmarks.programs import Program
from sr_models.interpolation import bicubic

Image = NDArray[np.uint8]

HEIGHT, WIDTH = 61, 83
"""Of the photographs that a program is tried on: odd, and not to be mistaken for each other."""
PHOTOGRAPHS = {"colour": "chelsea", "grey": "camera"}
INSTEAD = "bring its outputs by --outputs"
TIME_LIMIT = 600.0
"""Seconds for an image, unless it is said."""


@dataclass(frozen=True)
class Added:
    """What ``add`` did: the command as it was taken, by how much it enlarges, the seconds that it
    took for a small image, and whether it was there already."""

    name: str
    command: str
    scale: int
    seconds: float
    there: bool = False

    @property
    def sentence(self) -> str:
        """What was done and what comes next, for people."""
        return (
            f"{self.name}: "
            + ("there already is" if self.there else "took")
            + f" the command {self.command}; it enlarges by {self.scale}, and made the same of two "
            f"small photographs, in colour and grey, each time ({self.seconds:.1f} s an image). "
            f"{following(self.name)}"
        )


def add(
    name: str,
    *,
    command: str,
    folder: Path,
    scale: int | None = None,
    time_limit: float = TIME_LIMIT,
    title: str | None = None,
    license: str | None = None,
    source: str | None = None,
) -> Added:
    """Take the program of a command, such as ``upscale {lr} {out}``, as a method into ``folder``.

    It is run here, with all the rights of whoever runs this. ``scale`` is by how much it enlarges,
    if it is to be held to that; ``time_limit`` the seconds that it may take for an image. Raises
    ``ValueError`` with what is wrong with it; then nothing was taken.
    """
    told = lines(title, license, source)
    program = programs.parsed(command, time_limit=time_limit)
    if scale is None and any("{scale}" in word for word in program.arguments):
        raise ValueError("{scale} in the command is by how much to enlarge: --scale says it")
    if scale not in (None, *SCALES):
        raise ValueError(f"there is no scale {scale}; methods enlarge by {_said(SCALES)}")
    with alone(folder):
        method = described(name, folder, told, "command")
        if said := _other(method.command, program):
            raise ValueError(
                f"{name} {said}; python manage.py remove_method {name}, and add it again, or give "
                "this another name"
            )
        found, seconds = tried(program, scale)
        there = method.command is not None
        if there and method.scale != found:
            raise ValueError(
                f"{name} enlarges by {method.scale}, and the command by {found}; python manage.py "
                f"remove_method {name}, and add it again"
            )
        _keep(replace(method, scale=found, command=program), folder, there=there)
    return Added(name, program.line, found, seconds, there)


def _other(there: Program | None, program: Program) -> str:
    """How the command that is there is another, if it is; empty if it makes the same images."""
    if there is None or there.fingerprint == program.fingerprint:
        return ""
    if there.arguments != program.arguments:
        return f"is another command already, {there.line}"
    changed = [path for path, wanted in program.files.items() if there.files.get(path) != wanted]
    return f"was added with another {', '.join(map(readable, changed))}"


def _keep(method: OwnMethod, folder: Path, *, there: bool) -> None:
    content, home = methods.as_json(method).encode(), folder / method.name
    if there:
        write_whole(home / methods.OWN, content)
        return
    with folder_aside(home) as part:
        write_whole(part / methods.OWN, content)
        part.rename(home)


def tried(program: Program, scale: int | None) -> tuple[int, float]:
    """By how much a program enlarges, and the seconds that an image took: it is run four times.

    Raises ``ValueError`` if it fails, if that is not ``scale`` or none that is taken, and if its
    answers are not the same each time.
    """
    found, began = scale, time.monotonic()
    for colours, photograph in PHOTOGRAPHS.items():
        lr = np.ascontiguousarray(cut_sample(photograph)[160 : 160 + HEIGHT, 150 : 150 + WIDTH])
        try:
            first = programs.made(program, lr, scale)
            found = found or _measured(first, lr)
            kept = programs.fitted(first, lr, found)
            again = programs.fitted(programs.made(program, lr, scale), lr, found)
        except ValueError as error:
            raise ValueError(
                f"the command {program.line} was not taken: of a photograph of {WIDTH}x{HEIGHT} "
                f"in {colours}: {error}"
            ) from None
        if not np.array_equal(kept, again):
            raise ValueError(
                f"the command {program.line} was not taken: its answer differs from run to run: "
                f"fix its seed, or {INSTEAD}"
            )
        if blue_first([compared(photograph, kept, bicubic(lr, found))]):
            raise ValueError(
                f"the command {program.line} was not taken: its answer seems to be in BGR: with "
                "red and blue exchanged it is much nearer to what it was made of"
            )
    return found or 0, (time.monotonic() - began) / (2 * len(PHOTOGRAPHS))


def _measured(image: Image, lr: Image) -> int:
    found = programs.scale_of(image, lr)
    if found not in SCALES:
        raise ValueError(f"it enlarges by {found}; methods enlarge by {_said(SCALES)}")
    return found


def _said(scales: tuple[int, ...]) -> str:
    return f"{', '.join(map(str, scales[:-1]))} or {scales[-1]}"
