"""What a plan is made of: stimuli and rules in, trials and the proof of what they keep out."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, fields
from typing import Literal

Kind = Literal["stabilising", "main", "retest"]


@dataclass(frozen=True)
class Item:
    """One stimulus as the plan sees it: its source image and the method that made it."""

    source: Hashable
    method: Hashable


@dataclass(frozen=True)
class Rules:
    """What a study asks of every rater's plan. What cannot be had is told in the proof.

    ``source_gap``: at least so many other trials between two of one source. ``longest_run``: at
    most so many trials of one method in a row. ``sessions``: sittings of equal length. ``retests``:
    hidden second showings, far from the first. ``share``: different stimuli for each rater, all
    where ``None``. ``first_stabilising``, ``later_stabilising``: trials that open the first and
    every later session and are never analysed (ITU-R BT.500 asks for about five and three).
    """

    source_gap: int = 3
    longest_run: int = 2
    sessions: int = 1
    retests: int = 0
    share: int | None = None
    first_stabilising: int = 5
    later_stabilising: int = 3

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            least = 1 if field.name in ("longest_run", "sessions", "share") else 0
            if value is None and field.name == "share":
                continue
            if type(value) is not int or value < least:
                raise ValueError(f"{field.name} is {value!r}; a whole number from {least} on fits")


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
    ``method_imbalance``: the most by which one method's analysed trials in one session differ from
    that session's share of them, in trials; below 1 is as even as whole numbers are.
    """

    seed: int
    source_gap: int
    longest_run: int
    session_lengths: tuple[int, ...]
    stabilising: tuple[int, ...]
    retests: int
    retest_distance: int | None
    method_imbalance: float


@dataclass(frozen=True)
class Plan:
    """A rater's trials, first trial first, and the proof of what their order keeps."""

    trials: tuple[Planned, ...]
    proof: Proof


def prove(items: Sequence[Item], trials: Sequence[Planned], *, seed: int) -> Proof:
    """Count what ``trials`` keep, from nothing but the trials themselves.

    >>> items = [Item("baby", "nearest"), Item("bird", "nearest"), Item("baby", "hr")]
    >>> proof = prove(items, [Planned(i, 0, "main") for i in (0, 1, 2)], seed=1)
    >>> proof.source_gap, proof.longest_run, proof.session_lengths
    (1, 2, (3,))
    """
    gap, longest, run = len(trials), 0, 0
    last_place: dict[Hashable, int] = {}
    first_showing: dict[int, int] = {}
    distances: list[int] = []
    sessions = max((trial.session for trial in trials), default=-1) + 1
    lengths, opening = [0] * sessions, [0] * sessions
    analysed: dict[Hashable, list[int]] = {}
    previous: Hashable = None
    for place, trial in enumerate(trials):
        source, method = items[trial.item].source, items[trial.item].method
        gap = min(gap, place - last_place.get(source, -gap - 1) - 1)
        last_place[source] = place
        run = run + 1 if place and method == previous else 1
        longest, previous = max(longest, run), method
        lengths[trial.session] += 1
        if trial.kind == "stabilising":
            opening[trial.session] += 1
            continue
        analysed.setdefault(method, [0] * sessions)[trial.session] += 1
        if trial.kind == "main":
            first_showing[trial.item] = place
        else:
            distances.append(place - first_showing[trial.item])
    load = [length - stabilising for length, stabilising in zip(lengths, opening, strict=True)]
    return Proof(
        seed=seed,
        source_gap=gap,
        longest_run=longest,
        session_lengths=tuple(lengths),
        stabilising=tuple(opening),
        retests=len(distances),
        retest_distance=min(distances, default=None),
        method_imbalance=_imbalance(analysed, load),
    )


def _imbalance(counts: dict[Hashable, list[int]], load: Sequence[int]) -> float:
    """Largest deviation of a count from (its method's total) x (its session's part of the load)."""
    return max(
        (
            abs(count - sum(row) * trials / sum(load))
            for row in counts.values()
            for count, trials in zip(row, load, strict=True)
        ),
        default=0.0,
    )
