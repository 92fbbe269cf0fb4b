"""How far long work has come, told while it goes on: by the terminal's bar, or to who listens."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")
Listener = Callable[[int, int, str], object]
"""Hears how many of how many images are done, and what is at work on now."""
Progress = bool | Listener
"""Who is told: the terminal, nobody (``False``), or a listener."""
BAR = "{desc} {percentage:3.0f}% |{bar}| {n_fmt}/{total_fmt}, {rate_noinv_fmt}, {remaining} left"


@dataclass
class Count:
    """How many of ``total`` are done, and what is at work on now."""

    total: int
    hear: Listener
    what: str = ""
    done: int = 0

    def at(self, what: str) -> None:
        """Something is begun."""
        self.what = what
        self.hear(self.done, self.total, self.what)

    def step(self, number: int = 1) -> None:
        """So many more are done."""
        self.done += number
        self.hear(self.done, self.total, self.what)

    def each(self, things: Iterable[T], named: Callable[[T], str]) -> Iterator[T]:
        """``things``, each of them done when the next one is asked for."""
        for thing in things:
            self.at(named(thing))
            yield thing
            self.step()


@contextmanager
def counted(
    total: int, progress: Progress, *, what: str = "", leave: bool = True
) -> Iterator[Count]:
    """Count ``total`` images for whoever is told by ``progress``.

    What a listener raises ends the work. ``leave``: whether the terminal keeps the bar in the end.

    >>> with counted(2, print, what="reading") as count:
    ...     count.at("a.png")
    ...     count.step()
    0 2 a.png
    1 2 a.png
    """
    if callable(progress):
        yield Count(total, progress, what)
        return
    shown = progress and total > 0
    with tqdm(
        desc=what, total=total, unit=" images", bar_format=BAR, leave=leave, disable=not shown
    ) as bar:

        def show(done: int, _: int, what: str) -> None:
            bar.set_description_str(what, refresh=done == bar.n)
            bar.update(done - bar.n)

        yield Count(total, show, what)


def along(things: Sequence[T], progress: Progress, *, named: Callable[[T], str]) -> Iterator[T]:
    """``things``, counted for whoever is told; a bar of the terminal is gone in the end."""
    with counted(len(things), progress, leave=False) as count:
        yield from count.each(things, named)
