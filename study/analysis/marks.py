"""Who rated, said on everything that leaves: nothing of simulated raters passes for people's.

A report knows its ``raters_kind``; whatever is made of it, a row, a title, a file, a figure, takes
its mark from here. Ratings of others may not say who gave them: then nothing is said either.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

SIMULATED = "SIMULATED raters, not people"
WORDS = {"people": "people", "simulated": SIMULATED, "nobody": "nobody yet"}


def title(kind: str | None, text: str) -> str:
    """A title, heading or caption.

    >>> title("simulated", "Raters"), title("people", "Raters")
    ('Raters (SIMULATED raters, not people)', 'Raters')
    """
    return f"{text} ({SIMULATED})" if kind == "simulated" else text


def short(kind: str | None, text: str) -> str:
    """A name with little room, such as that of a sheet.

    >>> short("simulated", "methods")
    'SIMULATED methods'
    """
    return f"SIMULATED {text}" if kind == "simulated" else text


def file_name(kind: str | None, path: str) -> str:
    """The path of a file; one that is marked already stays as it is.

    >>> file_name("simulated", "tables/methods.csv"), file_name("people", "tables/methods.csv")
    ('tables/SIMULATED-methods.csv', 'tables/methods.csv')
    """
    own = PurePosixPath(path)
    if kind != "simulated" or own.name.startswith("SIMULATED-"):
        return path
    return str(own.with_name(f"SIMULATED-{own.name}"))


def rows(kind: str | None, value: Any) -> Any:
    """Plain data of which every object, however deep, has a ``raters_kind``.

    >>> rows("simulated", [{"n": 3}])
    [{'n': 3, 'raters_kind': 'simulated'}]
    """
    if kind is None:
        return value
    if isinstance(value, Mapping):
        return {key: rows(kind, item) for key, item in value.items()} | {"raters_kind": kind}
    return [rows(kind, item) for item in value] if isinstance(value, list) else value


def headings(kind: str | None, markdown: str) -> str:
    """A text in Markdown all of whose headings are marked.

    >>> headings("simulated", "# Raters")
    '# Raters (SIMULATED raters, not people)'
    """
    return re.sub(r"(?m)^( {0,3}#{1,6}[ \t].*?)\s*$", lambda found: title(kind, found[1]), markdown)


def first_line(kind: str | None, text: str) -> str:
    """A plain text that says in its first line if the raters were simulated."""
    return f"{SIMULATED}\n\n{text}" if kind == "simulated" else text
