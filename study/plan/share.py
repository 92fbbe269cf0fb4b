"""Which stimuli a rater sees, where nobody sees all: those with the fewest votes, evenly mixed."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Hashable, Sequence

from study.plan.design import Item


def choose(
    items: Sequence[Item],
    candidates: Sequence[int],
    count: int,
    *,
    rng: random.Random,
    votes: Sequence[int] | None = None,
) -> list[int]:
    """``count`` of the ``candidates`` (indices into ``items``), all of them if they are fewer.

    Those with the fewest votes come first, whatever else: that alone makes the numbers of votes
    equal in the end. Among equals each method, and then each source, has its turns in proportion
    to its candidates, evenly spaced from a random start; what is still equal is drawn.

    >>> squares = [Item(source, method) for source in "abcd" for method in "wxyz"]
    >>> drawn = choose(squares, range(16), 4, rng=random.Random(1))
    >>> sorted(squares[i].source for i in drawn), sorted(squares[i].method for i in drawn)
    (['a', 'b', 'c', 'd'], ['w', 'x', 'y', 'z'])
    """
    levels: dict[int, list[int]] = {}
    for index in candidates:
        levels.setdefault(votes[index] if votes else 0, []).append(index)
    methods = _Turns([items[index].method for index in candidates], rng)
    sources = _Turns([items[index].source for index in candidates], rng)
    chosen: list[int] = []

    def take(index: int) -> None:
        chosen.append(index)
        methods.taken[items[index].method] += 1
        sources.taken[items[index].source] += 1

    for level in sorted(levels):
        wanted = count - len(chosen)
        if len(levels[level]) <= wanted:
            for index in levels[level]:
                take(index)
            continue
        left: dict[Hashable, list[int]] = {}
        for index in shuffled(levels[level], rng):
            left.setdefault(items[index].method, []).append(index)
        for _ in range(wanted):
            method = min(left, key=methods.next)
            index = min(left[method], key=lambda i: sources.next(items[i].source))
            left[method].remove(index)
            if not left[method]:
                del left[method]
            take(index)
        break
    return chosen


class _Turns:
    """When each name has its next turn, as a part of all turns: (turns taken + start) / number."""

    def __init__(self, names: Sequence[Hashable], rng: random.Random) -> None:
        self.number = Counter(names)
        self.start = {name: rng.random() for name in self.number}
        self.taken = dict.fromkeys(self.number, 0)

    def next(self, name: Hashable) -> float:
        return (self.taken[name] + self.start[name]) / self.number[name]


def shuffled(values: Sequence[int], rng: random.Random) -> list[int]:
    """``values`` in random order, from ``Random.random`` alone (``shuffle`` may change)."""
    order = list(values)
    for end in range(len(order), 1, -1):
        place = int(rng.random() * end)
        order[end - 1], order[place] = order[place], order[end - 1]
    return order
