"""The parts of a draft that are edited on a page each, and how every setting is told there."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from django import forms

from study.desk import rules
from study.models import Study


@dataclass(frozen=True)
class Told:
    """How a setting is told: in a researcher's words, in what unit, explained where."""

    label: str
    unit: str = ""
    page: str = ""
    """The place in docs that explains it: ``protocol#order``."""


TOLD: dict[str, Told] = {
    "session_minutes": Told("Longest session", "minutes", "protocol#sessions"),
    "sessions": Told("Number of sessions", "sessions", "protocol#sessions"),
    "break_minutes": Told("Shortest break between sessions", "minutes", "protocol#sessions"),
}


class SectionForm(forms.ModelForm[Study]):
    """Some settings of a draft.

    Beside the fields travels ``seen``, what they held when the page was made: whoever was overtaken
    by somebody else is told, see `study.desk.drafts.change`.
    """

    seen = forms.JSONField(widget=forms.HiddenInput, required=False)

    class Meta:
        model = Study
        fields: list[str] = []

    def __init__(self, *args: Any, images: int = 0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.images = images
        self.before = {name: getattr(self.instance, name) for name in self.settings}
        self.initial["seen"] = json.dumps(self.before)
        for name, field in self.fields.items():
            told = TOLD.get(name)
            if told:
                field.label = told.label

    @property
    def settings(self) -> list[str]:
        """The names of the settings on this page."""
        return [name for name in self.fields if name != "seen"]

    @property
    def rows(self) -> list[dict[str, Any]]:
        """What the page needs to know of each setting: its field, unit, default and explanation."""
        found = []
        for name in self.settings:
            told, model_field = TOLD.get(name, Told("")), Study._meta.get_field(name)
            default = model_field.get_default()  # type: ignore[union-attr]
            if isinstance(default, bool):
                default = "yes" if default else "no"
            found.append(
                {
                    "field": self[name],
                    "unit": told.unit,
                    "default": "empty" if default in (None, "") else default,
                    "page": told.page,
                }
            )
        return found

    def clean(self) -> dict[str, Any]:
        """Also whether the settings can be kept together with all others of the study."""
        cleaned = super().clean() or {}
        for name in self.settings:
            if name in cleaned:
                setattr(self.instance, name, cleaned[name])
        for name, problem in rules.problems(self.instance, self.images).items():
            if name not in self.errors:
                self.add_error(name if name in self.fields else None, problem)
        return cleaned


class SessionsForm(SectionForm):
    """Sessions and breaks."""

    class Meta(SectionForm.Meta):
        fields = ["session_minutes", "sessions", "break_minutes"]


@dataclass(frozen=True)
class Section:
    """A part of a draft with a page of its own."""

    name: str
    """As in addresses."""
    title: str
    form: type[SectionForm]
    template: str = "study/desk/section.html"


SECTIONS = {
    section.name: section for section in (Section("sessions", "Sessions and order", SessionsForm),)
}
