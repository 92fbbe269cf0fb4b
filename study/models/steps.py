"""What every vote reads and writes, as SQL that is not made anew each time.

Django takes ten times as long to write these queries as SQLite takes to answer them, and a vote
holds the only lock for writing meanwhile; ``make bench`` measures what it amounts to. Elsewhere
the queries are Django's.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.db import connection
from django.utils import timezone

from study.models.session import Rater, Rating


class Visitor(NamedTuple):
    """Whose browser sent a request: an invitation, and the rater if they have enrolled."""

    invitation: int
    revoked: bool
    language: str
    rater: Rater | None
    """With no more than its stage and position; the rest is read when it is asked for."""


class Place(NamedTuple):
    """A trial and all that decides about a vote on it."""

    trial: int
    position: int
    kind: str
    anchor: int | None
    rating: int | None
    following: int | None
    """The session of the trial after this one."""
    delivered_at: datetime | None
    session: int
    calibration: bool
    active_ms: int
    started_at: datetime | None
    seen_at: datetime | None
    ended_at: datetime | None
    shown_until: datetime | None
    reached: int
    """The rater's position."""
    stage: str
    simulated: bool
    state: str
    shortest_view_ms: int
    session_minutes: int


class Upcoming(NamedTuple):
    """What a browser is told of a trial, and how its session stands."""

    position: int
    token: str
    kind: str
    anchor: int | None
    width: int
    height: int
    session: int
    calibration: bool
    active_ms: int
    started_at: datetime | None
    ended_at: datetime | None
    state: str
    """The study's."""
    session_minutes: int


def session_data(key: str) -> str | None:
    """The content of the session of a browser, encoded, or ``None`` if there is no valid one."""
    sql = "SELECT session_data FROM django_session WHERE session_key = %s AND expire_date > %s"
    found = _rows(sql, key, connection.ops.adapt_datetimefield_value(timezone.now()))
    return found[0][0] if found else None


def visitor(invitation: int) -> Visitor | None:
    """Who comes by the invitation of this key, or ``None`` if there is none."""
    found = _rows(
        """
        SELECT i.revoked_at, s.language, r.id, r.study_id, r.stage, r.position
        FROM study_invitation i
        JOIN study_study s ON s.id = i.study_id
        LEFT JOIN study_rater r ON r.invitation_id = i.id
        WHERE i.id = %s
        """,
        invitation,
    )
    for revoked_at, language, *told in found:
        fields = ("id", "study_id", "stage", "position")
        rater = Rater.from_db(connection.alias, fields, told) if told[0] is not None else None
        return Visitor(invitation, revoked_at is not None, language, rater)
    return None


def place(rater: Rater, token: str) -> Place | None:
    """The trial of ``rater`` that ``token`` names, or ``None``."""
    found = _rows(
        """
        SELECT t.id, t.position, t.kind, t.anchor, g.id, n.session_id, t.delivered_at,
            s.id, s.calibration, s.active_ms, s.started_at, s.seen_at, s.ended_at, s.shown_until,
            r.position, r.stage, r.simulated, y.state, y.shortest_view_ms, y.session_minutes
        FROM study_trial t
        JOIN study_session s ON s.id = t.session_id
        JOIN study_rater r ON r.id = t.rater_id
        JOIN study_study y ON y.id = r.study_id
        LEFT JOIN study_rating g ON g.trial_id = t.id
        LEFT JOIN study_trial n ON n.rater_id = t.rater_id AND n.position = t.position + 1
        WHERE t.token = %s AND t.rater_id = %s
        """,
        token,
        rater.pk,
    )
    return Place(*found[0]) if found else None


def upcoming(rater: Rater, count: int) -> list[Upcoming]:
    """The next ``count`` trials that are due to ``rater``, the first one now."""
    found = _rows(
        """
        SELECT t.position, t.token, t.kind, t.anchor, i.width, i.height,
            s.id, s.calibration, s.active_ms, s.started_at, s.ended_at,
            y.state, y.session_minutes
        FROM study_trial t
        JOIN study_stimulus i ON i.id = t.stimulus_id
        JOIN study_session s ON s.id = t.session_id
        JOIN study_rater r ON r.id = t.rater_id
        JOIN study_study y ON y.id = r.study_id
        WHERE t.rater_id = %s AND t.position >= %s
        ORDER BY t.position LIMIT %s
        """,
        rater.pk,
        rater.position,
        count,
    )
    return [Upcoming(*row) for row in found]


def delivered(trial: int, now: datetime) -> None:
    """The image of the trial of this key is sent now; the first time is the one that stays."""
    moment = connection.ops.adapt_datetimefield_value(now)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE study_trial SET delivered_at = %s WHERE id = %s AND delivered_at IS NULL",
            [moment, trial],
        )


def advance(
    rater: Rater,
    done: Place,
    *,
    active_ms: int,
    now: datetime,
    shown_until: datetime | None,
    ends: bool,
) -> bool:
    """The rater's position and the session's time after the vote on ``done``.

    Changes nothing and returns ``False`` if the rater or the study has moved on since ``done``
    was read. A session that ``ends`` has ended when it did so first.
    """
    moment, shown = map(connection.ops.adapt_datetimefield_value, (now, shown_until))
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE study_rater SET position = position + 1, seen_at = %s
            WHERE id = %s AND position = %s AND stage = %s
                AND study_id IN (SELECT id FROM study_study WHERE state = %s)
            """,
            [moment, rater.pk, done.position, done.stage, done.state],
        )
        if not cursor.rowcount:
            return False
        cursor.execute(
            """
            UPDATE study_session SET active_ms = %s, seen_at = %s, shown_until = %s,
                ended_at = coalesce(ended_at, %s)
            WHERE id = %s
            """,
            [active_ms, moment, shown, moment if ends else None, done.session],
        )
    return True


def insert(rating: Rating) -> None:
    """Store a new rating, whose key it then has. Raises as saving it would."""
    values: list[Any] = []
    for field in _FIELDS:
        value = field.pre_save(rating, add=True)
        # Numbers and texts are stored as they are; only these have another form in a database.
        values.append(field.get_db_prep_save(value, connection) if field in _ADAPTED else value)
    with connection.cursor() as cursor:
        if connection.features.can_return_columns_from_insert:
            cursor.execute(f"{_INSERT} RETURNING id", values)
            (rating.pk,) = cursor.fetchone()
        else:  # SQLite before 3.35
            cursor.execute(_INSERT, values)
            rating.pk = cursor.lastrowid


_FIELDS = [field for field in Rating._meta.concrete_fields if not field.primary_key]
_ADAPTED = {
    field for field in _FIELDS if field.get_internal_type() in ("DateTimeField", "UUIDField")
}
_COLUMNS = ", ".join(str(field.column) for field in _FIELDS)
_VALUES = ", ".join(["%s"] * len(_FIELDS))
_INSERT = f"INSERT INTO study_rating ({_COLUMNS}) VALUES ({_VALUES})"  # noqa: S608


def _rows(sql: str, *values: Any) -> list[Sequence[Any]]:
    """What is found. A time of SQLite's, which Django stores in UTC, comes as one that says so."""
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return [
            [
                value.replace(tzinfo=UTC)
                if type(value) is datetime and value.tzinfo is None
                else value
                for value in row
            ]
            for row in cursor.fetchall()
        ]
