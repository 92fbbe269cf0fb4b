"""How an image was seen: what the browser tells of it, and what this server measures itself.

A browser's times are its word. This server knows when it sent an image and when the vote on it
came, and that a rater sees one image at a time: from that follows the first moment at which each
can have been seen for as long as the study asks. A clock that was set back meanwhile says nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from study.models.steps import Place

TOLERANCE_MS = 1000
"""By so much a browser's clock may run ahead of this server's while an image is seen."""
LONGEST = 2**31 - 1
"""Milliseconds that a column holds: 24 days."""


@dataclass(frozen=True)
class Viewing:
    """What the browser reports of how the image was shown; sizes in CSS pixels."""

    response_ms: int | None = None
    device_pixel_ratio: float | None = None
    viewport_width: int | None = None
    viewport_height: int | None = None
    shown_width: float | None = None
    shown_height: float | None = None
    zoom: float | None = None
    browser: str = ""


def since_delivery(due: Place, now: datetime) -> int | None:
    """Whole milliseconds from the image being sent until ``now``, 0 if the clock was set back.

    ``None`` for a simulated rater, who is sent none.
    """
    return None if due.delivered_at is None else milliseconds(due.delivered_at, now)


def milliseconds(begin: datetime, end: datetime) -> int:
    """From ``begin`` to ``end``, whole milliseconds within what a column holds: never below 0."""
    return min(LONGEST, max(0, round((end - begin) / timedelta(milliseconds=1))))


def seen_until(due: Place, now: datetime) -> datetime | None:
    """The first moment at which the image can have been seen for as long as the study asks.

    Counted from when it was sent, or from when that was over for the image before it in the same
    session, whichever came later. ``None`` where the clock was set back since, and nothing can be
    said: of this image and, in a burst, of those behind it.
    """
    begins = [moment for moment in (due.delivered_at, due.shown_until) if moment is not None]
    if not begins or clock_was_set_back(due, now):
        return None
    return max(begins) + timedelta(milliseconds=due.shortest_view_ms)


def claims_too_much(due: Place, response_ms: int | None, now: datetime) -> bool:
    """Whether the browser says that the image was seen for longer than it can have been there."""
    since = since_delivery(due, now)
    if response_ms is None or since is None or clock_was_set_back(due, now):
        return False
    return response_ms > since + TOLERANCE_MS


def clock_was_set_back(due: Place, now: datetime) -> bool:
    """Whether something of this session is written down as later than ``now``."""
    known = (due.delivered_at, due.shown_until, due.started_at, due.seen_at)
    return any(moment is not None and moment > now for moment in known)
