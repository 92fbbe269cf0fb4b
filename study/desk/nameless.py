"""The log of a study as it is published: whoever did a deed is a number, and is named nowhere."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

import pandas as pd
from django.contrib.auth.models import User

from study.models import Deed, Study

COMMAND_LINE = "command line"


def deeds(study: Study) -> pd.DataFrame:
    """The study's log up to now, whoever did a deed under a number instead of a name."""
    found = list(study.deeds.select_related("user"))
    numbers: dict[object, str] = {}
    known = dict.fromkeys(_names(User.objects.all()), "an account")
    # Whoever was given a role may have no account any more.
    known |= {str(each.details["of"]): "an account" for each in found if each.details.get("of")}
    for deed in found:
        if who := deed.user_id or deed.account:
            by_hand = deed.user_id is None and deed.account.startswith(COMMAND_LINE)
            accounts = sum(number != COMMAND_LINE for number in numbers.values())
            numbers.setdefault(who, COMMAND_LINE if by_hand else f"account {accounts + 1}")
            said = [deed.account, *(_names([deed.user]) if deed.user else [])]
            known |= dict.fromkeys(filter(None, said), numbers[who])
    rows = [
        {
            "at": deed.at.isoformat(timespec="seconds"),
            "deed": deed.kind,
            "by": numbers.get(deed.user_id or deed.account, ""),
            "details": json.dumps(_published(deed, known), ensure_ascii=False),
        }
        for deed in found
    ]
    return pd.DataFrame(rows, columns=["at", "deed", "by", "details"])


def _published(deed: Deed, known: dict[str, str]) -> Any:
    """The details without names; roles are what they are, whoever is called so."""
    role = {"role": deed.details["role"]} if "role" in deed.details else {}
    return _nameless(deed.details, known) | role


def _names(users: Iterable[User]) -> list[str]:
    """What people who have an account here are called."""
    said = [name for u in users for name in (u.username, u.email, u.get_full_name())]
    return [name for name in said if name]


def _nameless(value: Any, known: dict[str, str]) -> Any:
    """Plain data in whose texts no ``known`` name stands, but what it is known as."""
    if isinstance(value, str) and known:
        longest_first = sorted(known, key=len, reverse=True)
        names = "|".join(map(re.escape, longest_first))
        return re.sub(rf"(?<!\w)({names})(?!\w)", lambda found: known[found[1]], value)
    if isinstance(value, list):
        return [_nameless(item, known) for item in value]
    if isinstance(value, dict):
        return {key: _nameless(item, known) for key, item in value.items()}
    return value
