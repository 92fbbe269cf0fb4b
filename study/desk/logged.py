"""The log of deeds as it is read: found by kind, account and time, and told in words.

Who did what to a study when is told to everybody who may see it; from which network address, to its
owners and to superusers alone: it is personal data, and answers for misuse, not for curiosity.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from difflib import SequenceMatcher
from functools import cache
from typing import Any

import pandas as pd
from django import forms
from django.core.validators import MaxValueValidator
from django.db.models import Q, QuerySet, TextField
from django.db.models.functions import Cast

from study.analysis import layout
from study.desk.told import TOLD, in_words, label
from study.models import Deed, Study

LOOKS = (Deed.Kind.LOOKED, Deed.Kind.TOOK, Deed.Kind.TOLD)
OF_THINGS = (Deed.Kind.ADDED, Deed.Kind.REMOVED)
"""Deeds whose ``of`` names no account, but a set or a method."""
LONG = 80
"""Characters above which a value is folded away, and two are told by what differs."""
MOST_ALIKE = 10_000_000
"""Pairs of equal words, times words, of texts of which a difference is still looked for: somebody
might write one word a thousand times, and readers of the log would wait for it."""

WORDS = {
    "stimuli": "images", "preset": "made as", "source": "copied from", "again": "once more",
    "stimuli_sha256": "checksum of all images", "ratings": "ratings until then", "count": "links",
    "number": "link", "new": "new link", "of": "account", "state": "the study was",
    "removed": "removed before", "mos": "assumed MOS", "fault": "what is wrong",
    "sha256": "checksum", "stimulus": "row of the image", "replaced": "of them replaced",
    "lr_images_came_with": "LR images came with", "why": "because", "place": "network",
    "stimuli with": "images added", "stimuli without": "images taken out",
}  # fmt: skip
"""What details are called, where they are no settings."""


@dataclass(frozen=True)
class Piece:
    """A stretch of two texts: ``in`` both, only in the ``old`` one, or only in the ``new`` one."""

    of: str
    text: str


@dataclass(frozen=True)
class Part:
    """One detail of a deed."""

    label: str
    value: str
    before: str | None = None
    """Of a change, what it was."""

    @property
    def long(self) -> bool:
        """Whether it is folded away."""
        return len(self.value) + len(self.before or "") > LONG or "\n" in self.value

    @property
    def said(self) -> str:
        """In a line of text."""
        return self.value if self.before is None else f"{self.before} → {self.value}"

    @property
    def pieces(self) -> list[Piece]:
        """What differs, word by word."""
        if self.before is None:
            return [Piece("both", self.value)]
        return list(_pieces(self.before, self.value))


@dataclass(frozen=True)
class Entry:
    """A deed as the page tells it."""

    deed: Deed
    parts: list[Part]
    mark: str
    """``look``, ``file``, ``simulated`` or nothing."""


class Filter(forms.Form):
    """Which deeds are looked for. All fields may be empty."""

    kind = forms.ChoiceField(required=False, label="What")
    account = forms.CharField(required=False, max_length=150, label="Who")
    since = forms.DateField(required=False, label="From")
    until = forms.DateField(
        required=False, label="To", validators=[MaxValueValidator(date(9999, 1, 1))]
    )
    q = forms.CharField(required=False, max_length=200, label="Words")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kinds = sorted(Deed.Kind.choices, key=lambda choice: choice[1])
        looks = ("looks", "Looks and downloads")
        self.fields["kind"].choices = [("", "Everything"), looks, *kinds]  # type: ignore[attr-defined]

    @property
    def problems(self) -> list[str]:
        """What is wrong, each with its field."""
        return [
            f"{self.fields[name].label}: {problem}"
            for name, some in self.errors.items()
            for problem in some
        ]


def deeds(
    study: Study | None, wanted: dict[str, Any], *, addresses: bool = False
) -> QuerySet[Deed]:
    """The deeds of a study, or all of the site, that are ``wanted`` (of `Filter`), latest first.

    ``addresses``: whether words are also looked for among network addresses.
    """
    rows = Deed.objects.filter(study=study) if study else Deed.objects.select_related("study")
    kind = wanted.get("kind")
    if kind:
        rows = rows.filter(kind__in=LOOKS if kind == "looks" else [kind])
    if account := wanted.get("account"):
        rows = rows.filter(account=account)
    if since := wanted.get("since"):
        rows = rows.filter(at__gte=_midnight(since))
    if until := wanted.get("until"):
        rows = rows.filter(at__lt=_midnight(until + timedelta(days=1)))
    if words := (wanted.get("q") or "").strip():
        rows = rows.alias(said=Cast("details", TextField())).filter(_about(words, addresses))
    return rows.order_by("-at", "-pk") if study else rows.order_by("-pk")


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _about(words: str, addresses: bool) -> Q:
    """Deeds in which ``words`` stand: among details, as they are told, or as who, what or where."""
    low = words.lower()
    kinds = [kind for kind, said in Deed.Kind.choices if low in said.lower()]
    found = Q(account__icontains=words) | Q(about__icontains=words) | Q(kind__in=kinds)
    # JSON keeps other letters than English ones as their numbers, but not in every database.
    for spelt in {words, json.dumps(words)[1:-1]}:
        found |= Q(said__icontains=spelt)
    for name in (*TOLD, *WORDS):
        if low in _label(name).lower():
            found |= Q(details__has_key=name)
    return found | Q(address__icontains=words) if addresses else found


def accounts(study: Study | None) -> list[str]:
    """Who did something, to be offered: of the whole site without names that failed to sign in."""
    rows = Deed.objects.filter(study=study) if study else Deed.objects.all()
    named = rows.exclude(kind=Deed.Kind.REFUSED).exclude(account="").order_by("account")
    return list(named.values_list("account", flat=True).distinct()[:200])


def entries(rows: Iterable[Deed]) -> list[Entry]:
    """Deeds as the page tells them."""
    return [Entry(deed, list(parts(deed)), _mark(deed)) for deed in rows]


def parts(deed: Deed) -> Iterator[Part]:
    """What a deed did: settings by their labels, from what to what; what is empty is left out."""
    for name, value in deed.details.items():
        if value in (None, "", [], {}, False):
            continue
        said = "What" if name == "of" and deed.kind in OF_THINGS else _label(name)
        if _is_change(deed, name, value):
            old, new = (_words(name, each) for each in value)
            yield Part(said, new, old)
        else:
            yield Part(said, _words(name, value))


def table(rows: Iterable[Deed], *, addresses: bool, sites: bool) -> str:
    """Deeds as CSV, one row each; network addresses and studies as far as they are to be told."""
    told = [
        {
            "at": deed.at.isoformat(timespec="seconds"),
            "account": deed.account,
            **({"address": deed.address} if addresses else {}),
            **({"study": deed.about} if sites else {}),
            "deed": deed.get_kind_display(),
            "details": "; ".join(f"{part.label}: {part.said}" for part in parts(deed)),
        }
        for deed in rows
    ]
    columns = ["at", "account", *["address"] * addresses, *["study"] * sites, "deed", "details"]
    return layout.csv(pd.DataFrame(told, columns=columns))


def _mark(deed: Deed) -> str:
    if deed.kind in LOOKS:
        return "look" if deed.kind == Deed.Kind.LOOKED else "file"
    return "simulated" if deed.kind == Deed.Kind.REHEARSED else ""


def _is_change(deed: Deed, name: str, value: Any) -> bool:
    """Whether a detail says from what to what, and is no list of two."""
    if not isinstance(value, list) or len(value) != 2:
        return False
    return name == "role" or deed.kind == Deed.Kind.RIGHTS or name in _settings()


@cache
def _settings() -> frozenset[str]:
    fields = {field.name for field in Study._meta.get_fields()}
    return frozenset({*TOLD, *fields} - {"stimuli"})


def _label(name: str) -> str:
    if name in TOLD:
        return label(name)
    said = WORDS.get(name) or name.replace("_", " ")
    return said[:1].upper() + said[1:]


def _words(name: str, value: Any) -> str:
    if isinstance(value, list):
        between = " to " if name == "numbers" else ", "  # of links: the first and the last
        return between.join(_words("", each) for each in value)
    return in_words(name if name in TOLD and name != "wanted" else "", value)


def _pieces(old: str, new: str) -> Iterator[Piece]:
    a, b = _split(old), _split(new)
    many, of = Counter(a), Counter(b)
    alike = sum(count * of[word] for word, count in many.items())
    if alike * min(len(a), len(b)) > MOST_ALIKE:
        yield from (Piece("old", old), Piece("new", new))
        return
    for what, i, j, k, n in SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        if what == "equal":
            yield Piece("both", "".join(a[i:j]))
            continue
        if j > i:
            yield Piece("old", "".join(a[i:j]))
        if n > k:
            yield Piece("new", "".join(b[k:n]))


def _split(text: str) -> list[str]:
    """Words, each with what stands behind it, which together are the text again."""
    return re.findall(r"\s+|\S+\s*", text)
