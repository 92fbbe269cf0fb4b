"""How far long work has come, told while it goes on: by the terminal's bar, or to who listens."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol, TypeVar

from tqdm import tqdm

T = TypeVar("T")


class Listener(Protocol):
    """Hears how many of how many images are done, what is at work on now, and which share of the
    work lies behind, if that is another one: large images are more of it than small ones.
    """

    def __call__(self, done: int, total: int, what: str, share: float | None = None, /) -> object:
        """What it returns is not looked at."""


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
    weight: float = 0
    """Of all of it; nothing if each is as much work as the others."""
    behind: float = 0

    def at(self, what: str) -> None:
        """Something is begun."""
        self.what = what
        self._tell()

    def step(self, number: int = 1, *, weight: float = 0) -> None:
        """So many more are done, which were ``weight`` of the whole."""
        self.done += number
        self.behind += weight
        self._tell()

    def _tell(self) -> None:
        if self.weight:
            self.hear(self.done, self.total, self.what, min(self.behind / self.weight, 1.0))
        else:
            self.hear(self.done, self.total, self.what)

    def each(self, things: Iterable[T], named: Callable[[T], str]) -> Iterator[T]:
        """``things``, each of them done when the next one is asked for."""
        for thing in things:
            self.at(named(thing))
            yield thing
            self.step()


@contextmanager
def counted(
    total: int, progress: Progress, *, what: str = "", leave: bool = True, weight: float = 0
) -> Iterator[Count]:
    """Count ``total`` images for whoever is told by ``progress``.

    ``weight``: how much work all of them are, in a unit of the caller's. What a listener raises
    ends the work. ``leave``: whether the terminal keeps the bar in the end.

    >>> with counted(2, print, what="reading") as count:
    ...     count.at("a.png")
    ...     count.step()
    0 2 a.png
    1 2 a.png
    """
    if callable(progress):
        yield Count(total, progress, what, weight=weight)
        return
    shown = progress and total > 0
    with tqdm(
        desc=what, total=total, unit=" images", bar_format=BAR, leave=leave, disable=not shown
    ) as bar:

        def show(done: int, _: int, what: str, share: float | None = None) -> None:
            bar.set_description_str(what, refresh=done == bar.n)
            bar.update(done - bar.n)

        yield Count(total, show, what)


def along(things: Sequence[T], progress: Progress, *, named: Callable[[T], str]) -> Iterator[T]:
    """``things``, counted for whoever is told; a bar of the terminal is gone in the end."""
    with counted(len(things), progress, leave=False) as count:
        yield from count.each(things, named)
