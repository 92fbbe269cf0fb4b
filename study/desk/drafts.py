"""Changing a draft: by several people, none of whom overwrites what another has just set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from study.desk.told import in_words
from study.models import Deed, Study
from study.models.deeds import By, note


@dataclass(frozen=True)
class Other:
    """A field that somebody else has changed since a page was shown."""

    field: str
    was: Any
    now: Any
    account: str
    """Who changed it last, as far as the log tells."""
    at: datetime | None


class Overtaken(Exception):
    """Somebody else changed the draft meanwhile; nothing was stored."""

    def __init__(self, others: list[Other]) -> None:
        super().__init__("the draft was changed by somebody else meanwhile")
        self.others = others


def change(
    study: Study, changes: Mapping[str, Any], *, seen: Mapping[str, Any], by: By
) -> list[str]:
    """Set fields of a draft; returns the names of those that are other than before.

    ``seen``: what the fields held when whoever changes them saw them. Raises :class:`Overtaken` if
    one of them holds something else by now, which is not what is wanted either, and ``ValueError``
    if the study is no draft any more or another one has its name; nothing is stored then. What is
    written into the log says each setting from what to what.
    """
    try:
        with transaction.atomic():
            study.refresh_from_db()
            if study.frozen:
                raise ValueError(
                    f"{study.title} was opened meanwhile; what raters see does not change any more"
                )
            # Who wants what is stored by now overwrites nobody: a second click on Save comes so.
            others = [
                name
                for name in seen
                if getattr(study, name) not in (seen[name], changes.get(name, seen[name]))
            ]
            if others:
                raise Overtaken([_other(study, name, seen[name]) for name in others])
            changed = {
                name: [getattr(study, name), value]
                for name, value in changes.items()
                if getattr(study, name) != value
            }
            for name, (_, value) in changed.items():
                setattr(study, name, value)
            if changed:
                study.save()
                note(Deed.Kind.CHANGED, by=by, study=study, **_told(changed))
            return list(changed)
    except IntegrityError:
        raise ValueError(f"there is a study {changes.get('slug')} already") from None


def merged(was: Any, mine: Any, now: Any) -> Any:
    """What a setting is with both changes, mine and another's: mine where both changed the same.

    Texts in several languages and choices of images are many things each, and two people who
    change two of them are not in each other's way.

    >>> merged({"en": "a", "de": "b"}, {"en": "A", "de": "b"}, {"en": "a", "de": "B"})
    {'de': 'B', 'en': 'A'}
    >>> merged(["x", "y"], ["x"], ["x", "y", "z"])
    ['x', 'z']
    """
    if mine in (was, now):
        return now
    if now == was:
        return mine
    if isinstance(mine, dict) and isinstance(now, dict):
        before = was if isinstance(was, dict) else {}
        names = sorted({*before, *mine, *now})
        both = {name: merged(before.get(name), mine.get(name), now.get(name)) for name in names}
        return {name: value for name, value in both.items() if value is not None}
    if isinstance(mine, list) and isinstance(now, list):
        old = was if isinstance(was, list) else []
        kept = [each for each in now if each in mine or each not in old]
        return [*kept, *(each for each in mine if each not in old and each not in now)]
    return mine


def _told(changed: Mapping[str, list[Any]]) -> dict[str, Any]:
    """From what to what, as the log keeps it: what is no plain value, or none, in words."""
    return {
        name: [
            in_words(name, each) if isinstance(each, dict | list | None) else each for each in pair
        ]
        for name, pair in changed.items()
    }


def _other(study: Study, name: str, was: Any) -> Other:
    deeds = study.deeds.filter(kind__in=[Deed.Kind.CHANGED, Deed.Kind.CREATED])
    last = next((deed for deed in deeds.order_by("-pk") if name in deed.details), None)
    return Other(
        name, was, getattr(study, name), last.account if last else "", last.at if last else None
    )
