"""Who sees what in which order. Pure: plain data in, a plan out, the same for the same seed.

The orders of trials live here and nothing else. No Django, no clock and no other part of ``study``
may be imported: an order must be replayed from what a report prints.

A plan is made in three steps, one module each: which stimuli the rater sees (:mod:`.share`), when
each of them would best come (:mod:`.timetable`), and a walk that puts them in order and keeps
the rules (:mod:`.order`). What came of it is counted from the trials (:func:`.design.prove`).

Only ``Random.random``, arithmetic and sorting are used: numbers that Python promises to keep for
a seed. No order of a set or of hashes enters, so a plan in a report can be replayed for ever.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence

from study.plan.design import Item, Kind, Plan, Planned, Proof, Rules, prove
from study.plan.order import Walk
from study.plan.share import choose, shuffled
from study.plan.timetable import Due, timetable

__all__ = ["Item", "Kind", "Plan", "Planned", "Proof", "Rules", "lengths", "plan", "prove", "room"]

ATTEMPTS = 6
"""Walks of each of two kinds that look for an order with one gap before the best is taken."""


def plan(
    items: Sequence[Item],
    *,
    seed: int,
    rules: Rules = Rules(),  # noqa: B008 (frozen)
    votes: Sequence[int] | None = None,
) -> Plan:
    """A random order of ``items`` for one rater, by ``rules``; the same for the same arguments.

    ``votes[i]``: votes that item i has, or is owed by raters who are still active. A rater who
    sees a share is given the items with the fewest, so that all end with equal numbers, however
    many raters drop out.

    Where the numbers leave no room for a rule, the plan keeps as much of it as there is room for
    and the proof says how much: the distance between two of a source comes first, then the runs
    of a method, then each session's share of the methods. A share or a number of retests beyond
    the items there are means all of them; no session is empty. Raises ``ValueError`` for nonsense
    only: a negative vote, or votes of another number of items.

    >>> items = [Item(source, method) for source in "abcd" for method in "xyz"]
    >>> made = plan(items, seed=1, rules=Rules(first_stabilising=0))
    >>> sorted(trial.item for trial in made.trials) == list(range(12))
    True
    >>> made.proof.source_gap, made.proof.longest_run
    (3, 2)
    >>> plan(items, seed=1, rules=Rules(sessions=2, retests=2)).proof.session_lengths
    (11, 11)
    """
    if votes is not None and (len(votes) != len(items) or min(votes, default=0) < 0):
        raise ValueError(f"votes must be {len(items)} numbers from 0 on, one for each item")
    rng = random.Random(seed)
    share = len(items) if rules.share is None else rules.share
    main = choose(items, range(len(items)), share, rng=rng, votes=votes)
    again = choose(items, main, rules.retests, rng=rng)
    opening, load = lengths(len(main) + len(again), len(items), rules)
    sources = _numbered(item.source for item in items)
    methods = _numbered(item.method for item in items)
    of_source = Counter(sources[item] for item in [*main, *again])
    of_method = Counter(methods[item] for item in [*main, *again])
    run = max(rules.longest_run, _shortest_run(of_method.values(), opened=sum(opening)))

    best: tuple[tuple[int, int, int, float], Plan] | None = None
    gap = min(rules.source_gap, sum(load))
    while True:
        while not _possible(of_source, gap):
            gap -= 1
        for attempt in range(2 * ATTEMPTS):
            due, shares = timetable(methods, main, again, load, rng)
            walk = Walk(sources, methods, due, gap=gap, run=run)
            for session, trials in enumerate(load):
                warm_ups = _warm_ups(len(items), due, again, session, load, rng)
                walk.stabilise(session, opening[session], warm_ups)
                scarce_first = attempt >= ATTEMPTS
                if not walk.work(session, trials, shares[session], scarce_first=scarce_first):
                    break
            else:
                made = Plan(tuple(walk.trials), prove(items, walk.trials, seed=seed))
                flaws = _flaws(made.proof, gap=rules.source_gap, run=run, load=sum(load))
                if best is None or flaws < best[0]:
                    best = flaws, made
                if made.proof.source_gap >= gap and flaws[1:] < (0, 0, 1):
                    return best[1]
        kept = best[1].proof.source_gap if best else 0
        if best and kept >= gap - 1:
            return best[1]
        # A stabilising trial was too near to its source. A smaller gap may leave it more room.
        gap = min(gap - 1, (gap + kept + 1) // 2)


def _flaws(proof: Proof, *, gap: int, run: int, load: int) -> tuple[int, int, int, float]:
    """By how much a plan fails the rules, the gravest first; the smallest is the best."""
    # Two places of one pair may each be moved a little: 31/32 of half the load is far enough.
    far = load // 2 * 31 // 32
    return (
        max(0, gap - proof.source_gap),
        max(0, proof.longest_run - run),
        max(0, far - proof.retest_distance) if proof.retest_distance else 0,
        proof.method_imbalance,
    )


def _numbered(names: Iterable[Hashable]) -> list[int]:
    """Each name as a number, 0, 1, ... in the order in which they first come."""
    numbers: dict[Hashable, int] = {}
    return [numbers.setdefault(name, len(numbers)) for name in names]


def lengths(load: int, items: int, rules: Rules) -> tuple[list[int], list[int]]:
    """Stabilising trials and other trials of each session, so that all sessions are as long.

    A session that would hold nothing but stabilising trials gives some of them up.
    """
    sessions = min(rules.sessions, load)
    opening = [min(items, rules.first_stabilising)] * min(1, sessions)
    opening += [min(items, rules.later_stabilising)] * (sessions - 1)
    while True:
        ends = [(sum(opening) + load) * n // sessions for n in range(sessions + 1)] if load else []
        rest = [b - a - first for a, b, first in zip(ends, ends[1:], opening, strict=False)]
        if min(rest, default=1) > 0:
            return opening, rest
        opening[opening.index(max(opening))] -= 1


def room(items: Sequence[Item], rules: Rules) -> tuple[int, int]:
    """The widest gap between two of one source, and the shortest longest run of one method, that
    plans of ``items`` have room for, whatever ``rules`` ask; stabilising trials left out.

    >>> room([Item(source, method) for source in "abcd" for method in "xyz"], Rules())
    (3, 1)
    """
    rng = random.Random(0)
    share = len(items) if rules.share is None else rules.share
    main = choose(items, range(len(items)), share, rng=rng)
    shown = [*main, *choose(items, main, rules.retests, rng=rng)]
    of_source = Counter(items[item].source for item in shown)
    gap = len(shown)
    if (most := max(of_source.values(), default=0)) > 1:
        gap = (len(shown) - [*of_source.values()].count(most)) // (most - 1) - 1
    return gap, _shortest_run(Counter(items[item].method for item in shown).values())


def _shortest_run(of_method: Collection[int], *, opened: int = 0) -> int:
    """How many trials of one method come in a row at least, where each method has so many.

    One method alone is one long run; else the others part the heaviest method's runs.
    """
    trials, heaviest = sum(of_method), max(of_method, default=0)
    others = trials - heaviest
    return -(-heaviest // (others + 1)) if others else trials + opened


def _possible(of_source: Mapping[int, int], gap: int) -> bool:
    """Whether the most frequent sources fit at all: (c - 1)(gap + 1) + their number <= length."""
    counts = list(of_source.values())
    most = max(counts, default=0)
    return most <= 1 or (most - 1) * (gap + 1) + counts.count(most) <= sum(counts)


def _warm_ups(
    items: int,
    due: Sequence[Due],
    again: Sequence[int],
    session: int,
    load: Sequence[int],
    rng: random.Random,
) -> list[list[int]]:
    """Items to open a session with, where its votes cannot touch an analysed one; all the others.

    Best are items that this rater is never asked about. Where all are shown: in the first session
    items of the last quarter of the load, in a later one items rated in the earlier half of the
    time so far. Items that come twice for their own sake are spared.
    """
    start, end = sum(load[:session]), sum(load)
    asked = {trial.item for trial in due}
    suited = [item for item in range(items) if item not in asked]
    if not suited:
        spared = set(again)
        suited = [
            trial.item
            for trial in due
            if trial.item not in spared
            and (trial.time < start / 2 if session else trial.time >= end * 3 / 4)
        ]
    chosen = set(suited)
    others = [item for item in range(items) if item not in chosen]
    return [shuffled(suited, rng), shuffled(others, rng)]
