"""The part of a draft with what raters read: each text in every language, side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils import translation
from django.utils.safestring import SafeString

from study.desk.told import SectionForm
from study.models import Study
from study.rating import texts

Texts = dict[str, dict[str, str]]
EVERY = tuple((name, code) for name in texts.NAMES for code in texts.LANGUAGES)


class Areas(forms.Widget):
    """A text area for each text in each language; the page lays them out, see `TextsForm.columns`.

    A button ``standard`` puts the standard text into the one that it names.
    """

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Texts:
        """What is in every area, by text and language."""
        typed: Texts = {}
        for text, code in EVERY:
            said = data.get(f"{name}_{text}_{code}", "").replace("\r\n", "\n")
            if data.get("standard") == f"{text}_{code}":
                said = _standard(data, text, code)
            typed.setdefault(text, {})[code] = said
        return typed

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        """Whether no area was sent."""
        return not any(f"{name}_{text}_{code}" in data for text, code in EVERY)


def _standard(data: Any, text: str, code: str) -> str:
    told = {field: data.get(field, "") for field in texts.TELLS}
    with translation.override(code):
        return texts.standard(Study(**told), text)


class TextsField(forms.Field):
    """The texts of a study; what is empty is none of them."""

    widget = Areas

    def to_python(self, value: Any) -> Texts:
        """Only what is written. Raises ``ValidationError`` for a text that is too long."""
        written: Texts = {}
        for text, by_language in (value or {}).items():
            for code, said in by_language.items():
                if said.strip():
                    written.setdefault(text, {})[code] = said
                if len(said) > texts.LONGEST:
                    where = f"{text} in {texts.LANGUAGES[code]}"
                    raise forms.ValidationError(f"{where}: {texts.too_long(said)}")
        return written


@dataclass(frozen=True)
class Column:
    """A text in one language, as its page shows it."""

    text: str
    code: str
    language: str
    typed: str
    read: SafeString
    """What raters read, as HTML."""
    own: bool
    """Whether that is the study's own text."""
    used: bool
    problem: str

    @property
    def place(self) -> str:
        """What it is called on the page."""
        return f"{self.text}_{self.code}"


class TextsForm(SectionForm):
    """What raters read, and what the standard consent says of who asks.

    A text for every language, as studies had it at first, is shown as that of each language, and
    kept as that once the page is saved.
    """

    texts = TextsField(required=False)
    consent = forms.CharField(required=False, widget=forms.HiddenInput)
    instructions = forms.CharField(required=False, widget=forms.HiddenInput)

    class Meta(SectionForm.Meta):
        fields = ["language", *texts.TELLS]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        study = self.instance
        written: Texts = {}
        for text, code in EVERY:
            said = study.texts.get(text, {}).get(code, "")
            if study.language in ("", code):
                said = texts.own(study, text, code)
            if said:
                written.setdefault(text, {})[code] = said.replace("\r\n", "\n")
        self.initial["texts"] = written

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The settings that have a field of their own."""
        return [self.row(name) for name in self.Meta.fields]

    @property
    def language_row(self) -> dict[str, Any]:
        """The language of the pages."""
        return self.row("language")

    @property
    def about(self) -> list[dict[str, Any]]:
        """What a study says of itself."""
        return [self.row(name) for name in texts.TELLS]

    @property
    def problems_of_texts(self) -> list[str]:
        """What is wrong with the texts, but is not said at one of them."""
        missing = set(texts.missing(self.instance).values())
        return [said for said in self.row("texts")["problems"] if said not in missing]

    @property
    def kinds(self) -> list[tuple[str, list[Column]]]:
        """The columns of each text."""
        return [
            (name, [each for each in self.columns if each.text == name]) for name in texts.NAMES
        ]

    @property
    def columns(self) -> list[Column]:
        """Every text in every language."""
        typed, study = self["texts"].value(), self.instance
        missing = texts.missing(study)
        found = []
        for name, code in EVERY:
            with translation.override(code):
                read = texts.consent(study) if name == "consent" else texts.instructions(study)
            found.append(
                Column(
                    name,
                    code,
                    texts.LANGUAGES[code],
                    typed.get(name, {}).get(code, ""),
                    texts.html(read),
                    own=bool(texts.own(study, name, code)),
                    used=study.language in ("", code),
                    problem=missing.get((name, code), ""),
                )
            )
        return found
