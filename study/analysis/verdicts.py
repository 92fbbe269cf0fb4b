"""What a paired test may be read as: where it cannot succeed, its failure says nothing.

The exact signed-rank test of n raters' means cannot give less than 2/2^n, and Holm over m pairs no
less than m times that: with few raters no answers whatever show a difference, and "not
significantly different" would be a statement about the number of raters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from study.analysis.significance import ALPHA, holm


def least_p(differences: int) -> float:
    """The smallest p that the signed-rank test of so many differences can give: 2/2^n.

    It takes that all of them point one way. Of the exact test: the normal approximation, which
    stands in for it at ties and zeros, goes lower than any arrangement of signs does.

    >>> least_p(5), least_p(6), least_p(0)
    (0.0625, 0.03125, 1.0)
    """
    return min(1.0, 2.0 ** (1 - differences))


def least_raters(pairs: int = 1, alpha: float = ALPHA) -> int:
    """The fewest raters with whom any of ``pairs`` pairs can differ, at ``alpha`` after Holm.

    Holm multiplies the smallest p of the family by their number: 2/2^n times ``pairs`` has to be
    below ``alpha``.

    >>> least_raters(), least_raters(36), least_raters(66)
    (6, 11, 12)
    """
    raters = 1
    while max(pairs, 1) * least_p(raters) >= alpha:
        raters += 1
    return raters


def can_differ(differences: Sequence[int], alpha: float = ALPHA) -> list[bool]:
    """Whether each pair of a family can get below ``alpha`` after Holm, by its differences' number.

    Each as if all differences of all pairs pointed one way: what Holm makes of that is the least
    for every pair, since no adjusted p falls when another p rises.

    >>> can_differ([6]), can_differ([5]), can_differ([26, 26, 6])
    ([True], [False], [True, True, True])
    >>> can_differ([6, 6, 0])
    [False, False, False]
    """
    return [bool(p < alpha) for p in holm([least_p(n) for n in differences])]


def too_few(raters: int, pairs: int, alpha: float = ALPHA) -> str:
    """What so few raters cannot say of methods, as a sentence; nothing if they are enough.

    >>> too_few(3, 36)[:62], too_few(26, 36)
    ('With 3 raters no difference between two methods can be shown, ', '')
    >>> print(too_few(1, 1))  # doctest: +NORMALIZE_WHITESPACE
    With 1 rater no difference between two methods can be shown, whatever the answers are: it takes
    at least 6 raters for one pair.
    """
    needed = least_raters(pairs, alpha)
    if raters >= needed or not pairs:
        return ""
    return (
        f"With {raters} rater{'s' * (raters != 1)} no difference between two methods can be shown, "
        f"whatever the answers are: it takes at least {needed} raters for "
        f"{'one pair' if pairs == 1 else f'{pairs} pairs'}."
    )


def judged(pairs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The tested pairs of a set by one unit, rows of `significance.pairs`, and how to read their p.

    ``can_differ``: so many units could have shown a difference; ``differs``: they did;
    ``unmarked``: p is below 0.05 only as an approximation, for the means of most are equal, and no
    arrangement of signs of the others comes so low.

    >>> few = {"n": 5, "n_zero": 0, "p_holm": 0.025}
    >>> [(row["can_differ"], row["differs"]) for row in judged([few])]
    [(False, False)]
    """
    could = can_differ([row["n"] for row in pairs])
    carried = can_differ([row["n"] - row["n_zero"] for row in pairs])
    found = []
    for row, can, carries in zip(pairs, could, carried, strict=True):
        small = can and row["p_holm"] is not None and row["p_holm"] < ALPHA
        reading = {"can_differ": can, "differs": small and carries, "unmarked": small > carries}
        found.append({**row, **reading})
    return found


def notes(pairs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Which sets have too few raters for any test, as sentences, and what then holds of figures.

    ``pairs``: rows of all sets and units, as in a report.
    """
    said: dict[str, list[str]] = {}
    for name in dict.fromkeys(str(row["set"]) for row in pairs):
        rows = [row for row in pairs if row["set"] == name and row["unit"] == "raters" and row["n"]]
        if sentence := too_few(max((row["n"] for row in rows), default=0), len(rows)):
            said.setdefault(sentence, []).append("The ratings" if name == "all" else name)
    return [
        f"{', '.join(names)}: {sentence[0].lower()}{sentence[1:]} A p above 0.05 says nothing "
        "there, a smaller one of raters is an approximation, one of cells is about these raters "
        "alone, and no difference has the power that is given."
        for sentence, names in said.items()
    ]
