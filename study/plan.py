"""Who sees what in which order. Pure: plain data in, a plan out, the same for the same seed.

Rule 7 of the protocol: never the same source image twice in a row, and more distance where the
numbers allow it. The order is otherwise random, and no method is treated unlike another.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

ATTEMPTS = 200
"""Random orders tried for one gap before the next smaller gap is taken."""


@dataclass(frozen=True)
class Plan:
    """``order``: indices into the stimuli, each once. ``gap``: others between two of a source."""

    order: tuple[int, ...]
    gap: int


def plan(sources: Sequence[Hashable], *, seed: int, gap: int = 1) -> Plan:
    """A random order of ``len(sources)`` stimuli; ``sources[i]`` is the source image of stimulus i.

    Between two stimuli of one source lie at least ``gap`` others; where the numbers make that
    impossible (one source alone, say), the largest possible smaller gap is kept and returned.
    Only ``Random.random`` is used, whose numbers Python promises to keep for a seed.

    >>> plan("aabbcc", seed=1).gap
    1
    >>> plan("aaab", seed=1).gap
    0
    >>> plan("aabbcc", seed=7, gap=2) == plan("aabbcc", seed=7, gap=2)
    True
    """
    rng = random.Random(seed)
    for kept in range(gap, -1, -1):
        if not _possible(sources, kept):
            continue
        for _ in range(ATTEMPTS):
            order = _attempt(sources, kept, rng)
            if order is not None:
                return Plan(tuple(order), kept)
    raise AssertionError("an order without a gap always exists")


def _possible(sources: Sequence[Hashable], gap: int) -> bool:
    """Whether the most frequent sources fit at all: (c - 1)(gap + 1) + their number <= length."""
    counts = [sources.count(source) for source in set(sources)]
    most = max(counts, default=0)
    return most <= 1 or (most - 1) * (gap + 1) + counts.count(most) <= len(sources)


def _attempt(sources: Sequence[Hashable], gap: int, rng: random.Random) -> list[int] | None:
    """One random order that keeps ``gap``, or ``None`` when it runs into a corner."""
    left: dict[Hashable, list[int]] = {}
    for index, source in enumerate(sources):
        left.setdefault(source, []).append(index)
    recent: deque[Hashable] = deque(maxlen=gap)
    order: list[int] = []
    for free in range(len(sources), 0, -1):
        open_to = [source for source in left if source not in recent]
        # A source whose stimuli need every place that is left must come now.
        pressing = [s for s in open_to if (len(left[s]) - 1) * (gap + 1) + 1 >= free]
        candidates = pressing or open_to
        if not candidates:
            return None
        source = _draw(candidates, [len(left[s]) for s in candidates], rng)
        stimuli = left[source]
        order.append(stimuli.pop(int(rng.random() * len(stimuli))))
        if not stimuli:
            del left[source]
        recent.append(source)
    return order


def _draw(candidates: Sequence[Hashable], weights: Sequence[int], rng: random.Random) -> Hashable:
    """One of ``candidates``, with a probability in proportion to its weight."""
    mark = rng.random() * sum(weights)
    for candidate, weight in zip(candidates, weights, strict=True):
        mark -= weight
        if mark < 0:
            return candidate
    return candidates[-1]
