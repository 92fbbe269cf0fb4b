"""How settings are told: in a researcher's words, their unit, where they are explained; forms."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.core.exceptions import NON_FIELD_ERRORS
from django.forms.fields import InvalidJSONInput
from django.urls import reverse
from django.utils.functional import cached_property

from study.desk import rules
from study.models import Study
from study.rating.texts import LANGUAGES
from study.site.legible import ILLEGIBLE


@dataclass(frozen=True)
class Told:
    """How one setting is told."""

    label: str
    unit: str = ""
    page: str = ""
    """The heading in docs that explains it: ``protocol#sessions``."""
    sentence: str = ""
    """What it does, where the model's own help does not say it well to whoever edits a draft."""
    empty: str = ""
    """What it means that nothing is given."""


TOLD: dict[str, Told] = {
    "title": Told("Title", page="protocol#the-study"),
    "slug": Told(
        "Name in addresses",
        page="protocol#the-study",
        sentence="Letters, digits, hyphens and underscores. Raters do not see it.",
    ),
    "wanted": Told("What is shown", page="protocol#what-is-shown", empty="as it was made"),
    "screen_device": Told(
        "Only desktops and laptops",
        page="protocol#who-may-take-part",
        sentence="Phones and tablets are turned away; the same link works on a computer.",
    ),
    "screen_window": Told(
        "The window must hold the images",
        page="protocol#who-may-take-part",
        sentence="The largest image of the study, pixel by pixel; a rater whose window is smaller "
        "is asked to enlarge it.",
    ),
    "screen_vision": Told("Ask for normal or corrected vision", page="protocol#who-may-take-part"),
    "plates": Told(
        "Colour plates to be read",
        "plates",
        "protocol#who-may-take-part",
        "Discs of dots with a number in each, for colour vision; ITU-R BT.500 asks for some. 0: "
        "none are shown.",
    ),
    "plate_errors": Told(
        "Plates that may be misread",
        "plates",
        "protocol#who-may-take-part",
        "Whoever misreads more does not take part.",
    ),
    "language": Told(
        "Language of the pages",
        page="protocol#texts",
        sentence="Of everything that raters read, also beside your texts. What their browsers ask "
        "for is German or English, and English where it is neither.",
        empty="the language that the rater's browser asks for",
    ),
    "texts": Told("Texts of your own", page="protocol#texts", empty="the standard texts"),
    "consent": Told("Consent in every language", page="protocol#texts"),
    "instructions": Told("Instructions in every language", page="protocol#texts"),
    "researcher": Told("Responsible", page="protocol#texts"),
    "institution": Told("Institution", page="protocol#texts"),
    "contact": Told(
        "Contact",
        page="protocol#texts",
        sentence="Where questions go: a mail address or a telephone. It also stands on the pages "
        "on which raters end or stop.",
    ),
    "ethics": Told("Ethics approval", page="protocol#texts"),
    "storage": Told(
        "Storage time",
        page="protocol#texts",
        sentence="For how long answers are kept: “ten years after publication”.",
    ),
    "calibrate": Told(
        "Calibrate raters",
        page="protocol#calibration",
        sentence="Before the first vote raters see examples of a 1 and of a 5, then are asked "
        "about images that they have not seen.",
    ),
    "calibration_folder": Told("Folder of calibration images", page="protocol#calibration"),
    "calibration_set": Told("Set of calibration images", page="protocol#calibration"),
    "calibration_left_out": Told("Images left out", page="protocol#calibration"),
    "calibration_examples": Told(
        "Examples", "images", "protocol#calibration", "Each is shown as a 1 and as a 5."
    ),
    "calibration_checks": Told(
        "Checks",
        "images",
        "protocol#calibration",
        "So many others are then shown as a 1 or as a 5, and the rater says which score fits.",
    ),
    "calibration_errors": Told(
        "Errors that still pass",
        "answers",
        "protocol#calibration",
        "Answers in the check that are more than one point off.",
    ),
    "calibration_attempts": Told(
        "Attempts",
        "calibrations",
        "protocol#calibration",
        "After so many without passing the check a rater does not take part.",
    ),
    "session_minutes": Told(
        "Longest session",
        "minutes",
        "protocol#sessions",
        "Of active time, after which a session ends at the next image; a pause counts as half a "
        "minute at most. ITU-R BT.500 allows 30.",
    ),
    "sessions": Told(
        "Number of sessions",
        "sessions",
        "protocol#sessions",
        "Sittings of equal length that each rater’s images are divided into.",
        empty="as many as the longest session makes necessary",
    ),
    "break_minutes": Told(
        "Shortest break",
        "minutes",
        "protocol#sessions",
        "Between two sessions. 0: a rater may go on at once.",
    ),
    "first_stabilising": Told(
        "Stabilising images, first session",
        "images",
        "protocol#sessions",
        "They open the session, look like all others, and are in no table.",
    ),
    "later_stabilising": Told(
        "Stabilising images, later sessions",
        "images",
        "protocol#sessions",
        "They open every session after the first.",
    ),
    "source_gap": Told(
        "Gap between versions of one image",
        "images",
        "protocol#order",
        "So many other images lie between two that show the same scene, where possible.",
    ),
    "longest_run": Told(
        "Longest run of one method",
        "images",
        "protocol#order",
        "So many images by one method come in a row at most, where possible.",
    ),
    "retests": Told(
        "Images shown twice",
        "images",
        "protocol#retests-and-shares",
        "Each rater sees so many a second time, far from the first, unsaid: how well raters agree "
        "with themselves.",
    ),
    "share": Told(
        "Images for each rater",
        "images",
        "protocol#retests-and-shares",
        "Dealt out so that all images get equally many raters.",
        empty="all that the study shows",
    ),
    "shortest_view_ms": Told(
        "Shortest view",
        "milliseconds",
        "protocol#the-page",
        "Before an image was seen for so long, no answer is taken.",
    ),
    "undo_seconds": Told(
        "Time to take an answer back",
        "seconds",
        "protocol#the-page",
        "The latest answer alone, once. 0: never.",
    ),
    "hint_seconds": Told(
        "Hesitation before a hint",
        "seconds",
        "protocol#the-page",
        "After so long without an answer a rater reads that the first impression counts.",
    ),
    "planned_raters": Told(
        "Planned raters",
        "raters",
        "protocol#analysis",
        "How many are to finish, decided before the first one comes. It can be computed below.",
    ),
    "least_correlation": Told(
        "Least correlation with the others",
        "from −1 to 1",
        "protocol#analysis",
        "Raters whose scores agree less with the mean of the others are flagged; results are shown "
        "with and without them.",
    ),
}


def label(name: str) -> str:
    """What the setting ``name`` is called on pages."""
    return TOLD[name].label if name in TOLD else name.replace("_", " ")


def in_words(name: str, value: Any) -> str:
    """A value of the setting ``name``, as people read it.

    >>> in_words("screen_device", True), in_words("sessions", None), in_words("retests", 8)
    ('yes', 'as many as the longest session makes necessary', '8')
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or value in ("", [], {}):
        return (TOLD[name].empty if name in TOLD else "") or "none"
    if name == "wanted":
        return "; ".join(_cells(of, told) for of, told in value.items())
    if isinstance(value, Mapping):
        return "; ".join(f"{key}: {in_words('', each)}" for key, each in value.items())
    if isinstance(value, list):
        return ", ".join(in_words("", each) for each in value)
    return str(value)


def _cells(of: str, told: Mapping[str, Any]) -> str:
    without = told.get("without", [])
    left_out = f", without {', '.join(without)}" if without else ""
    return f"{of} by {', '.join(told['methods'])}{left_out}"


def parts(name: str, value: Any) -> dict[str, str]:
    """A value of the setting ``name`` in words, by what of it is told of by itself.

    >>> parts("texts", {"consent": {"en": "Do you agree?"}})
    {'Consent in English': 'Do you agree?'}
    >>> parts("wanted", {"Set5": {"methods": ["hr"], "without": []}})
    {'What is shown of Set5': 'Set5 by hr'}
    >>> parts("retests", 8)
    {'Images shown twice': '8'}
    """
    if name == "texts" and isinstance(value, Mapping):
        return {
            f"{text.capitalize()} in {LANGUAGES[code]}": said
            for text, by_language in value.items()
            for code, said in by_language.items()
        }
    if name == "wanted" and isinstance(value, Mapping):
        return {f"{label(name)} of {of}": _cells(of, told) for of, told in value.items()}
    return {label(name): in_words(name, value)}


INCOMPLETE = "the page was incomplete; load it again"
STUDY = {field.name for field in Study._meta.concrete_fields}


class Seen(forms.JSONField):
    """What a page sends back as it got it. Whatever else comes is no JSON, and refused as that."""

    def to_python(self, value: Any) -> Any:
        """What was sent. Raises ``ValidationError`` for what no page has sent."""
        try:
            found = super().to_python(value)
        except (ValueError, RecursionError):  # numbers without end, lists within lists
            raise forms.ValidationError(INCOMPLETE) from None
        if ILLEGIBLE.search(json.dumps(found, ensure_ascii=False)):
            raise forms.ValidationError(INCOMPLETE)
        return found

    def bound_data(self, data: Any, initial: Any) -> Any:
        """The same, for the page that comes again."""
        try:
            return self.to_python(data)
        except forms.ValidationError:
            return InvalidJSONInput(data)


class SectionForm(forms.ModelForm[Study]):
    """Some settings of a draft: name them in ``Meta.fields``, tell them in `TOLD`.

    Beside the fields travels ``seen``, what they held when the page was made: whoever was overtaken
    by somebody else is told, see `study.desk.drafts.change`. A setting that no form of a model has,
    such as JSON, is declared as a field of the class; its initial value is what the study holds.
    """

    seen = Seen(widget=forms.HiddenInput, required=False)

    class Meta:
        model = Study
        fields: list[str] = []

    def __init__(
        self,
        *args: Any,
        shows: Sequence[tuple[str, str, str]] = (),
        user: User | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.shows = shows
        """Set, method and image of what the study shows."""
        self.user = user
        """Who looks at it."""
        self.before = {name: getattr(self.instance, name) for name in self.settings}
        self.initial = {**self.before, **self.initial, "seen": self.before}
        for name in self.settings:
            self._tell(name)

    def _tell(self, name: str) -> None:
        field, told = self.fields[name], TOLD.get(name)
        field.label = label(name)
        if told and told.sentence:
            field.help_text = told.sentence
        place = self[name].auto_id
        field.widget.attrs["aria-describedby"] = f"{place}_helptext {place}_problems"

    @property
    def settings(self) -> list[str]:
        """The names of the settings on this page."""
        return [name for name in self.fields if name in STUDY]

    @property
    def rows(self) -> list[dict[str, Any]]:
        """What the page needs to know of each setting."""
        return [self.row(name) for name in self.settings]

    def row(self, name: str) -> dict[str, Any]:
        """Of one setting: its field, unit, default, explanation, and what is wrong with it."""
        told, model_field = TOLD.get(name, Told("")), Study._meta.get_field(name)
        default = model_field.get_default()  # type: ignore[union-attr]
        given = model_field.has_default() or model_field.null  # type: ignore[union-attr]
        said = in_words(name, default)
        problems = self.said_wrong
        return {
            "field": self[name],
            "box": isinstance(self.fields[name], forms.BooleanField),
            "unit": told.unit,
            "default": (f"empty, {said}" if default is None else said) if given else "",
            "more": _address(told.page),
            "problems": problems.get(name, []),
            "remark": "" if problems else self._remarks.get(name, ""),
        }

    @cached_property
    def _remarks(self) -> dict[str, str]:
        """By setting, what of it cannot be kept whole."""
        return rules.remarks(self.instance, self.shows)

    @property
    def whole_problems(self) -> list[str]:
        """What is wrong, but with none of these settings alone."""
        return self.said_wrong.get("", [])

    @property
    def said_wrong(self) -> dict[str, list[str]]:
        """By setting; of a page that was only opened, what is wrong with what is stored."""
        if self.is_bound:
            return {
                "" if name == NON_FIELD_ERRORS else name: rules.in_few_words(name, said)
                for name, said in self.errors.as_data().items()
            }
        found = self.found_wrong()
        return {name: [said] for name, said in found.items() if name in self.fields}

    def clean_seen(self) -> dict[str, Any]:
        """What the settings held when the page was made, all of them."""
        seen = self.cleaned_data["seen"]
        if not isinstance(seen, dict) or not set(self.settings) <= seen.keys():
            raise forms.ValidationError(INCOMPLETE)
        if any(rules.unlike(name, seen[name]) for name in self.settings):
            raise forms.ValidationError(INCOMPLETE)
        return {name: seen[name] for name in self.settings}

    def clean(self) -> dict[str, Any]:
        """Also whether the settings can be kept together with all others of the study."""
        cleaned = super().clean() or {}
        for name in self.settings:
            if name not in cleaned:
                continue
            if isinstance(cleaned[name], str):
                cleaned[name] = cleaned[name].replace("\r\n", "\n")  # as browsers send them
            setattr(self.instance, name, cleaned[name])
        for name, problem in self.found_wrong().items():
            if name not in self.errors:
                self.add_error(name if name in self.fields else None, _placed(name, problem, self))
        return cleaned

    def found_wrong(self) -> dict[str, str]:
        """By setting, also of other pages, what is wrong with the study as it is in the form."""
        return rules.problems(self.instance, len(self.shows))

    def again(self, changes: Mapping[str, Any]) -> None:
        """Show ``changes`` over what the study holds."""
        self.initial = {**self.initial, **changes}

    def point(self) -> None:
        """Let the cursor stand in the first field that is wrong when the page comes."""
        wrong = next((name for name in self.settings if name in self.errors), None)
        if wrong:
            self.fields[wrong].widget.attrs["autofocus"] = True

    def changed_from(self, seen: Mapping[str, Any]) -> dict[str, Any]:
        """The settings that are typed otherwise than they were ``seen``, as typed."""
        typed = {name: self.cleaned_data[name] for name in self.settings}
        return {name: value for name, value in typed.items() if value != seen[name]}


def _placed(name: str, problem: str, form: SectionForm) -> str:
    """A problem of a setting on another page says which it is."""
    return problem if name in form.fields else f"{label(name)}: {problem}"


def _address(page: str) -> str:
    """Where a place of the documentation is read: ``protocol#sessions``."""
    name, _, place = page.partition("#")
    return f"{reverse('doc', args=[name])}#{place}" if page else ""


@dataclass(frozen=True)
class Section:
    """A part of a draft with a page of its own."""

    name: str
    """As in addresses."""
    title: str
    form: type[SectionForm]
    template: str = "study/desk/section.html"
    also: str = ""
    """A template that is filled anew, with the problems of fields, while somebody types."""
