"""A table of others as rows of texts that know their lines, so that what is wrong can be found."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

MOST_BYTES = 32 * 1024 * 1024
"""Of a file: half a million rows, where the paper's study has twelve thousand for ten measures."""
SEPARATORS = ",;\t"
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


@dataclass(frozen=True)
class Row:
    """The cells of one row by their column, without blanks around them."""

    line: int
    cells: dict[str, str]
    decimal: str
    """The sign before decimals that stands beside the point, or nothing."""

    def __getitem__(self, column: str) -> str:
        return self.cells[column]

    def number(self, column: str) -> float | None:
        """A cell as a finite number, or None if it is none."""
        text = self.cells[column]
        if self.decimal and "." not in text:
            text = text.replace(self.decimal, ".")
        if not _NUMBER.fullmatch(text):
            return None
        value = float(text)
        return value if math.isfinite(value) else None


def read(path: Path, columns: Sequence[str]) -> list[Row]:
    """The rows of a CSV file that has ``columns`` in any order, in any case, among others.

    UTF-8, with or without a byte order mark; comma, semicolon or tab between cells, and with the
    latter two a comma before decimals too. Raises ``OSError``, or ``ValueError`` naming what is
    wrong with the file as a whole, or every line whose number of cells is not the header's.
    """
    if path.is_dir():
        raise ValueError(f"{path} is a folder; give a CSV file with {', '.join(columns)}")
    if (size := path.stat().st_size) > MOST_BYTES:
        raise ValueError(
            f"{path} has {size / 2**20:.0f} MiB; a table has {MOST_BYTES / 2**20:.0f} at most"
        )
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise ValueError(f"{path} is no text in UTF-8; save the table as CSV in UTF-8")
    if not text.strip():
        raise ValueError(f"{path} is empty; it needs a header line with {', '.join(columns)}")
    separator = max(SEPARATORS, key=text.lstrip().split("\n", 1)[0].count)
    try:
        lines = list(_lines(text, separator))
    except csv.Error as error:
        raise ValueError(f"{path} is no table of cells: {error}") from None
    (_, heads), *body = lines
    heads = [head.strip().lower() for head in heads]
    for column in columns:
        if heads.count(column) != 1:
            wrong = "is missing" if column not in heads else "is there twice"
            raise ValueError(
                f"{path}: the column '{column}' {wrong}; it needs {', '.join(columns)} "
                f"and has {', '.join(heads)}"
            )
    if not body:
        raise ValueError(f"{path} has a header line and no rows below it")
    uneven = [line for line, row in body if len(row) != len(heads)]
    if uneven:
        comma = " (a comma before decimals needs semicolons between cells)" * (separator == ",")
        raise ValueError(
            f"{path}: {in_lines(uneven)} not the {len(heads)} cells of the header{comma}"
        )
    decimal = "" if separator == "," else ","
    return [
        Row(line, dict(zip(heads, map(str.strip, row), strict=True)), decimal) for line, row in body
    ]


def in_lines(lines: Sequence[int], verb: tuple[str, str] = ("has", "have"), most: int = 5) -> str:
    """Where something is wrong, before what.

    >>> in_lines([3]), in_lines([3, 5, 6, 7, 8, 9, 11])
    ('line 3 has', 'lines 3, 5, 6, 7, 8 and 2 more have')
    """
    more = f" and {len(lines) - most} more" if len(lines) > most else ""
    named = f"line{'s' * (len(lines) > 1)} {', '.join(map(str, lines[:most]))}{more}"
    return f"{named} {verb[len(lines) > 1]}".rstrip()


def _lines(text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Every row that is not blank, with the line that it begins on."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    begins = 1
    for row in reader:
        if any(cell.strip() for cell in row):
            yield begins, row
        begins = reader.line_num + 1
