"""Which raters break a rule of the screening, for a page that is watched while people rate.

They come from the figures that were computed last. What is told of them here is the rule in words
and no figure: a sentence of the analysis may say how a rater finds the original or the worst method
on average, and means of an open study are told to nobody who has not asked to see them. In words
the rules say that somebody answers unlike others, and nothing of which image or method gets what.
So there is no second way to the means here, whoever looks and whatever state the study is in; the
figures stand on the page of results, behind its look.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from django.core.cache import cache

from study.desk import computed
from study.desk.exports import Kind
from study.models import Study

WORDS = {
    "BT.500": "votes outside the others’ range",
    "correlation": "unlike the others",
    "straight-lining": "nearly always the same score",
    "too fast": "answers too fast",
    "anchors": "misjudges images of known quality",
}
"""How a reason of `study.analysis.screening.flags` begins, and the rule in words."""
NOW_AND_THEN = 300
"""Seconds at least between two times that newer figures are asked for."""


@dataclass(frozen=True)
class Known:
    """What the latest figures say; nothing, if there are none."""

    at: datetime | None = None
    ratings: int = 0
    raters: dict[int, int] = field(default_factory=dict)
    """The raters that they are of, by number, each with how many of their ratings."""
    reasons: dict[int, list[str]] = field(default_factory=dict)
    """Those who are flagged, by number."""


def known(study: Study, *, kind: Kind) -> Known:
    """What is known of the study's raters."""
    path = computed.newest(study, kind=kind, name=computed.PAGE)
    with suppress(OSError, ValueError):  # swept away meanwhile, or of another version
        if path is not None:
            return _read(path, path.stat().st_mtime)
    return Known()


@lru_cache(maxsize=8)
def _read(path: Path, modified: float) -> Known:
    found = json.loads(path.read_bytes())
    rows = found.get("raters", [])
    return Known(
        datetime.fromtimestamp(modified, UTC),
        found.get("counted", 0),
        {_number(row["rater"]): row["n"] for row in rows},
        {_number(row["rater"]): in_words(row["flags"]) for row in rows if row["flags"]},
    )


def _number(label: str) -> int:
    return int(label[1:])


def in_words(reasons: list[str]) -> list[str]:
    """Reasons of the analysis without their figures."""
    said = [
        next((words for begins, words in WORDS.items() if reason.startswith(begins)), "flagged")
        for reason in reasons
    ]
    return list(dict.fromkeys(said))


def renew(study: Study, *, kind: Kind) -> None:
    """Ask for newer figures, at most now and then. Those of a large study come later."""
    if cache.add(f"flags-{study.pk}-{kind}", True, NOW_AND_THEN):
        with suppress(ValueError, computed.Failed):  # nobody has rated, or the log says why
            computed.renew(study, kind=kind, name=computed.PAGE)
