"""A list of people to be invited, as somebody pastes it: read line by line, or refused by line."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from typing import NamedTuple

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from study.models import Invitation

LONGEST_NAME: int = Invitation._meta.get_field("name").max_length  # type: ignore[assignment]
LONGEST_MAIL: int = Invitation._meta.get_field("mail").max_length  # type: ignore[assignment]
RIGHT = "A line is a name, a mail address, or both: “Jane Doe, jane@example.org”"
"""What would be right, for a page or a command that tells problems."""
TOLD = 10
"""Problems that are told at a time: a list of the wrong kind is wrong in every line."""


class Person(NamedTuple):
    """Whom a link is for, as far as it was said; ``line``: where, from 1."""

    name: str = ""
    mail: str = ""
    line: int = 0


class Unreadable(ValueError):
    """A list that cannot be taken; ``problems`` has a sentence for each line that is wrong."""

    def __init__(self, problems: list[str]) -> None:
        more = len(problems) - TOLD
        self.problems = problems[:TOLD] + ([f"{more} more lines are wrong."] if more > 0 else [])
        super().__init__(" ".join(self.problems))


def read(text: str) -> list[Person]:
    """The people of a list, one a line, in its order; lines without anything are passed over.

    A line is a name, a mail address or both, in either order, parted by a comma, a semicolon or a
    tab as spreadsheets do, or ``Jane Doe <jane@example.org>``; a name with a comma in it stands in
    quotes. Raises `Unreadable` for lines that are none of that and for an address that is there
    twice: nothing is guessed, for a link that goes to the wrong person cannot be taken back.
    """
    people, problems = [], []
    lines: dict[str, int] = {}
    for number, line in enumerate(text.lstrip("\ufeff").splitlines(), start=1):
        if not line.strip(" \t,;"):
            continue
        try:
            person = _person(line)
        except ValueError as problem:
            problems.append(f"Line {number}: {problem}.")
            continue
        mail = person.mail.casefold()
        if mail and mail in lines:
            problems.append(
                f"Line {number}: {person.mail} is in line {lines[mail]} already; one person gets "
                "one link."
            )
        lines.setdefault(mail, number)
        people.append(person._replace(line=number))
    if problems:
        raise Unreadable(problems)
    if not people:
        raise Unreadable([f"The list is empty. {RIGHT}."])
    return people


def checked(name: str, mail: str) -> tuple[str, str]:
    """Name and mail address as they are stored. Raises ``ValueError`` with what is wrong."""
    name, mail = " ".join(name.split()), mail.strip()
    if len(name) > LONGEST_NAME:
        raise ValueError(f"the name has {len(name)} characters; {LONGEST_NAME} can be kept")
    if not name.isprintable():
        raise ValueError("the name has characters in it that cannot be seen")
    if mail:
        try:
            validate_email(mail)
        except ValidationError:
            raise ValueError(f"“{mail[:80]}” is no mail address") from None
        if len(mail) > LONGEST_MAIL:
            raise ValueError(f"the mail address has {len(mail)} characters, which none has")
    return name, mail


def _person(line: str) -> Person:
    fields = list(_fields(line))
    if len(fields) > 2:
        raise ValueError(f"it has {len(fields)} columns, and a name with a comma stands in quotes")
    name, mail = fields[0], fields[1] if len(fields) == 2 else ""
    if "@" in name and not mail:
        name, mail = "", name
    elif "@" in name and "@" not in mail:
        name, mail = mail, name
    if len(fields) == 2 and not mail:
        raise ValueError("the mail address is missing")
    return Person(*checked(name, mail))


def _fields(line: str) -> Iterator[str]:
    """The columns of a line, those at its end that are empty left out."""
    if bracketed := re.fullmatch(r"([^<>]*)<([^<>]*)>", line.strip().rstrip(" \t,;")):
        name = bracketed[1].strip()
        name = name.removeprefix('"').removesuffix('"')
        if '"' not in name:
            yield from filter(None, (name.strip(), bracketed[2].strip()))
            return
    parting = "\t" if "\t" in line else ","
    if parting not in line and ";" in line and "@" in line:
        parting = ";"
    try:
        (found,) = csv.reader([line.strip(" ")], delimiter=parting, skipinitialspace=True,
                              strict=True)  # fmt: skip
    except (csv.Error, ValueError):
        raise ValueError("a quote in it is not closed") from None
    found = [field.strip() for field in found]
    while found and not found[-1]:
        found.pop()
    yield from found
