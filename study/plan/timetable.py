"""When each trial is due: every method evenly over every session, retests half the load later.

A method's trials are spread as in stratified sampling: its time is cut into as many equal parts as
it has trials, and each trial falls somewhere into its own part. So each method is as likely early
as late, in every rater's plan and not only on average, and still nobody can guess the next one.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

from study.plan.design import Kind
from study.plan.share import shuffled


class Due(NamedTuple):
    """One trial and the place in the load (0 to its length) where it would like to be."""

    time: float
    item: int
    kind: Kind


def timetable(
    methods: Sequence[int],
    main: Sequence[int],
    again: Sequence[int],
    load: Sequence[int],
    rng: random.Random,
) -> tuple[list[Due], list[list[int]]]:
    """The trials in the order in which they are due, and how many each session has of each method.

    ``methods[i]``: the method of item i, 0, 1, ... ``main``: the items to show. ``again``: those of
    them to show twice. ``load``: trials of each session, stabilising ones left out.
    """
    kinds = max((methods[item] for item in main), default=-1) + 1
    of_method: list[list[int]] = [[] for _ in range(kinds)]
    for item in shuffled(main, rng):
        of_method[methods[item]].append(item)
    starts = [0, *accumulate(load)]
    twice = set(again)
    dealt = iter(_deal(load, rng))
    due: list[Due] = []
    shares = [[0] * kinds for _ in load]
    for method in shuffled(range(kinds), rng):
        retested = [item for item in of_method[method] if item in twice]
        once = [item for item in of_method[method] if item not in twice]
        count = len(of_method[method]) + len(retested)
        for _ in range(count):
            shares[next(dealt)][method] += 1
        parts = []
        for session, share in enumerate(shares):
            width = load[session] / (share[method] or 1)
            parts += [(starts[session] + n * width, width) for n in range(share[method])]
        far = count - count // 2
        firsts = shuffled(range(count - far), rng)[: len(retested)]
        for item, part in zip(retested, firsts, strict=True):
            # The same place within both parts, so that the distance is half the load or more.
            shift = rng.random()
            for place, kind in ((part, "main"), (part + far, "retest")):
                start, width = parts[place]
                due.append(Due(start + shift * width, item, kind))  # type: ignore[arg-type]
        taken = {*firsts, *(part + far for part in firsts)}
        free = [part for place, part in enumerate(parts) if place not in taken]
        for item, (start, width) in zip(once, free, strict=True):
            due.append(Due(start + rng.random() * width, item, "main"))
    return sorted(due), shares


def _deal(load: Sequence[int], rng: random.Random) -> list[int]:
    """Session numbers, ``load[s]`` times s, so mixed that any stretch of them is a fair share.

    Each session's turns are evenly spaced from a random start, like cards dealt round a table.
    """
    turns = []
    for session, trials in enumerate(load):
        phase = rng.random()
        turns += [((turn + phase) / trials, session) for turn in range(trials)]
    return [session for _, session in sorted(turns)]
