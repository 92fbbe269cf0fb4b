"""What is accepted from raters' browsers, checked field by field."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest, RawPostDataException
from django.utils.translation import gettext as _

from study.models import Rating
from study.rating.screening import Answers
from study.rating.viewing import LONGEST, Viewing

FAMILIES = (
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
"""Marks in a User-Agent, the more special first: every browser claims to be its forebears too."""


def browser_family(user_agent: str) -> str:
    """The family of a browser; the version and the system are not kept.

    >>> browser_family("Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0")
    'Firefox'
    """
    return next((name for mark, name in FAMILIES if mark in user_agent), "other")


VOTE: dict[str, forms.Field] = {
    "trial": forms.CharField(max_length=32),
    "score": forms.TypedChoiceField(choices=Rating.Score.choices, coerce=int),
    "id": forms.UUIDField(),
    "response_ms": forms.IntegerField(min_value=0, max_value=LONGEST),
    "device_pixel_ratio": forms.FloatField(min_value=0.01, max_value=100, required=False),
    "viewport_width": forms.IntegerField(min_value=0, max_value=100_000, required=False),
    "viewport_height": forms.IntegerField(min_value=0, max_value=100_000, required=False),
    "shown_width": forms.FloatField(min_value=0, max_value=100_000, required=False),
    "shown_height": forms.FloatField(min_value=0, max_value=100_000, required=False),
    "zoom": forms.FloatField(min_value=0.01, max_value=100, required=False),
    "waiting": forms.IntegerField(min_value=0, required=False),
}
"""The fields of a vote as the rating page sends it, a JSON object; sizes in CSS pixels.

No form: a form copies all of its fields for every request.
"""
HALF = re.compile("[\ud800-\udfff]")
"""Half of a pair of surrogates."""
UNDO = {"trial": VOTE["trial"]}
"""Those of taking one back."""


@dataclass(frozen=True)
class Vote:
    """A vote that a browser sent; with ``again`` one that was taken back, given anew."""

    trial: str
    score: int
    id: UUID
    viewing: Viewing
    waiting: bool
    again: bool

    @classmethod
    def of(cls, data: dict[str, Any], request: HttpRequest) -> Vote:
        """What ``data`` says. Raises ``ValueError`` with a sentence about what is not right."""
        for name in ("viewport", "shown"):
            pair = data.pop(name, None)
            if isinstance(pair, list) and len(pair) == 2:
                data[f"{name}_width"], data[f"{name}_height"] = pair
        score = data.get("score")
        if isinstance(score, bool) or not isinstance(score, int):
            data["score"] = None  # neither "4" nor 4.0 nor true is one of the five categories
        told = _cleaned(data, VOTE)
        seen = {name: told[name] for name in Viewing.__annotations__ if name in told}
        browser = browser_family(request.META.get("HTTP_USER_AGENT", ""))
        return cls(
            trial=told["trial"],
            score=told["score"],
            id=told["id"],
            viewing=Viewing(**seen, browser=browser),
            waiting=bool(told["waiting"]),
            # Pages of the version before timed themselves how soon a vote was taken back.
            again=data.get("again") is True or data.get("after_ms") is not None,
        )


@dataclass(frozen=True)
class Undo:
    """That a browser's rater takes the vote on a trial back."""

    trial: str


def sent(request: HttpRequest) -> Vote | Undo:
    """What is in a request's body. Raises ``ValueError`` with a sentence about what is not."""
    try:
        data = json.loads(request.body)
    except (ValueError, RecursionError, RawPostDataException):  # the last: it was read as a form
        data = None
    if not isinstance(data, dict):
        raise ValueError(_("A vote is a JSON object."))
    if data.get("undo") is True:
        return Undo(**_cleaned(data, UNDO))
    return Vote.of(data, request)


def _cleaned(data: dict[str, Any], fields: dict[str, forms.Field]) -> dict[str, Any]:
    return {name: _clean(name, field, data.get(name)) for name, field in fields.items()}


def _clean(name: str, field: forms.Field, value: Any) -> Any:
    if value is None and not field.required:
        return None
    if isinstance(value, str) and not value.isascii() and HALF.search(value):
        raise ValueError(_("%(name)s: there is half a character in this text.") % {"name": name})
    try:
        return field.clean(value)
    except ValidationError as error:
        if name == "score":
            raise ValueError(_("score: one of the whole numbers 1, 2, 3, 4, 5.")) from None
        raise ValueError(f"{name}: {error.messages[0]}") from None


class ScreeningForm(forms.Form):
    """What a rater and the screening page tell; sizes in CSS pixels."""

    device_pixel_ratio = forms.FloatField(min_value=0.01, max_value=100)
    viewport_width = forms.IntegerField(min_value=0, max_value=100_000)
    viewport_height = forms.IntegerField(min_value=0, max_value=100_000)
    screen_width = forms.IntegerField(min_value=0, max_value=100_000)
    screen_height = forms.IntegerField(min_value=0, max_value=100_000)
    zoom = forms.FloatField(min_value=0.01, max_value=100, required=False)
    touch = forms.BooleanField(required=False)
    vision = forms.ChoiceField(
        choices=[("plain", ""), ("corrected", ""), ("not", "")], required=False
    )

    def answers(self, request: HttpRequest, plates: int) -> Answers:
        """The answers, with those to ``plates`` plates; one that was left out is empty."""
        told = {name: self.cleaned_data[name] for name in self.fields}
        read = [request.POST.get(f"plate{i}", "")[:20].replace("\0", "") for i in range(plates)]
        agent = request.headers.get("User-Agent", "")[:300]
        return Answers(**told, user_agent=agent, plates=read)
