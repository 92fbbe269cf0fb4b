"""The list of a study's raters as a file: whom to write to, and whom to pay."""

from __future__ import annotations

import pandas as pd

from study.analysis import layout
from study.desk import roster
from study.models import Deed, Study
from study.models.deeds import By, by_command, note


def taken(study: Study, asked: roster.Asked, *, by: By | None = None) -> str:
    """All rows that are asked for, as CSV with names and links. It holds what is personal, so it is
    noted that it was taken, and how many rows it had.
    """
    rows = roster.everything(study, asked)
    columns = {
        "number": [row.number for row in rows],
        "rater": [row.label for row in rows],
        "name": [row.name for row in rows],
        "mail": [row.mail for row in rows],
        "link": [row.link for row in rows],
        "state": [roster.STATES[row.state].lower() for row in rows],
        "position": [row.done for row in rows],
        "total": [row.total for row in rows],
        "last_seen": [row.seen.isoformat(timespec="seconds") if row.seen else "" for row in rows],
        "minutes": [None if row.minutes is None else round(row.minutes, 1) for row in rows],
        "completion_code": [row.code for row in rows],
        "approved": ["yes" if row.approved_at else "" for row in rows],
    }
    frame = pd.DataFrame(columns).astype({"position": "Int64", "total": "Int64"})
    if asked.kind == "simulated":
        frame["simulated"] = True
    note(Deed.Kind.LISTED, by=by or by_command(), study=study, rows=len(rows), raters=asked.kind)
    return layout.csv(frame)
