"""Who sees what in which order. Pure: plain data in, a plan out, the same for the same seed."""

from __future__ import annotations

import random
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["stabilising", "main", "retest"]


@dataclass(frozen=True)
class Item:
    """One stimulus as the plan sees it: its source image and the method that made it."""

    source: Hashable
    method: Hashable


@dataclass(frozen=True)
class Rules:
    """What a study asks of every rater's plan; what cannot be had is told in the proof.

    ``source_gap``: at least so many other trials between two of one source. ``longest_run``: at
    most so many trials of one method in a row. ``sessions``: sittings of equal length. ``retests``:
    hidden second showings, far from the first. ``share``: different stimuli for each rater, all
    where ``None``. ``first_stabilising``, ``later_stabilising``: trials that open the first and
    every later session and are never analysed (ITU-R BT.500).
    """

    source_gap: int = 3
    longest_run: int = 2
    sessions: int = 1
    retests: int = 0
    share: int | None = None
    first_stabilising: int = 5
    later_stabilising: int = 3


@dataclass(frozen=True)
class Planned:
    """One trial: the index of its item, its session (0, 1, ...) and what it is for."""

    item: int
    session: int
    kind: Kind


@dataclass(frozen=True)
class Proof:
    """What a plan really keeps, counted from its trials, whatever was asked.

    ``source_gap``: fewest other trials between two of one source (the number of trials where no
    source comes twice). ``longest_run``: most trials of one method in a row. Both over the whole
    plan, stabilising trials and session borders included. ``session_lengths`` and ``stabilising``:
    trials in each session, and how many of them open it. ``retests``: second showings.
    ``retest_distance``: fewest places from a first showing to its second, ``None`` without one.
    """

    seed: int
    source_gap: int
    longest_run: int
    session_lengths: tuple[int, ...]
    stabilising: tuple[int, ...]
    retests: int
    retest_distance: int | None


@dataclass(frozen=True)
class Plan:
    """A rater's trials, first trial first, and the proof of what their order keeps."""

    trials: tuple[Planned, ...]
    proof: Proof


def plan(
    items: Sequence[Item],
    *,
    seed: int,
    rules: Rules = Rules(),
    votes: Sequence[int] | None = None,
) -> Plan:
    """A random order of ``items`` for one rater, by ``rules``; the same for the same arguments.

    ``votes[i]``: votes that item i has, or is owed by raters who are still active; a rater who
    sees a share is given the items with the fewest. Raises ``ValueError`` for nonsense only.
    """
    rng = random.Random(seed)
    owed = votes or [0] * len(items)
    by_votes = sorted(range(len(items)), key=lambda i: (owed[i], rng.random()))
    shown = by_votes[: rules.share]
    rest = by_votes[len(shown) :] or list(reversed(shown))
    main = sorted(shown, key=lambda _: rng.random())
    again = main[: rules.retests]
    load: list[tuple[int, Kind]] = [(i, "main") for i in main] + [(i, "retest") for i in again]
    opening = [rules.first_stabilising] + [rules.later_stabilising] * (rules.sessions - 1)
    opening = [min(count, len(rest)) for count in opening]
    total = len(load) + sum(opening)
    trials: list[Planned] = []
    for session, stabilising in enumerate(opening):
        trials += [Planned(i, session, "stabilising") for i in rest[:stabilising]]
        here = total * (session + 1) // rules.sessions - len(trials)
        trials += [Planned(i, session, kind) for i, kind in load[:here]]
        load = load[here:]
    return Plan(tuple(trials), prove(items, trials, seed))


def prove(items: Sequence[Item], trials: Sequence[Planned], seed: int) -> Proof:
    """Count what ``trials`` keep, from nothing but the trials themselves."""
    gap, longest, run = len(trials), 0, 0
    last_source: dict[Hashable, int] = {}
    first_showing: dict[int, int] = {}
    distances = []
    sessions = max((trial.session for trial in trials), default=-1) + 1
    lengths, opening = [0] * sessions, [0] * sessions
    for place, trial in enumerate(trials):
        item = items[trial.item]
        if item.source in last_source:
            gap = min(gap, place - last_source[item.source] - 1)
        last_source[item.source] = place
        same = place > 0 and items[trials[place - 1].item].method == item.method
        run = run + 1 if same else 1
        longest = max(longest, run)
        if trial.kind == "main":
            first_showing[trial.item] = place
        elif trial.kind == "retest":
            distances.append(place - first_showing[trial.item])
        lengths[trial.session] += 1
        opening[trial.session] += trial.kind == "stabilising"
    return Proof(
        seed=seed,
        source_gap=gap,
        longest_run=longest,
        session_lengths=tuple(lengths),
        stabilising=tuple(opening),
        retests=len(distances),
        retest_distance=min(distances, default=None),
    )
