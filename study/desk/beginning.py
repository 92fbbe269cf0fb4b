"""What a new study can start from, and the form that asks for it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User
from django.core.validators import validate_slug
from django.utils.text import slugify

from benchmarks import datasets
from study.desk import studies
from study.desk.presets import PRESETS
from study.models import Right, Study

LONGEST_SLUG: int = Study._meta.get_field("slug").max_length  # type: ignore[assignment]
NOTHING, COPY = "nothing", "copy"


def slug_of(title: str) -> str:
    """A name in addresses that nobody has taken, made of a title.

    >>> slugify("Which image – A or B?")
    'which-image-a-or-b'
    """
    stem = slugify(title)[:LONGEST_SLUG].strip("-") or "study"
    taken = set(Study.objects.filter(slug__startswith=stem[:40]).values_list("slug", flat=True))
    names = (f"{stem[: LONGEST_SLUG - 5]}-{number}" for number in range(2, len(taken) + 3))
    return next(name for name in (stem, *names) if name not in taken)


def there() -> list[str]:
    """The sets whose images are all here: what a first study can show."""
    return datasets.available(Path(settings.BENCHMARKS_DIR))


def presets() -> list[dict[str, Any]]:
    """What presets show: title, sentence, how large a study of each is, and what is not here."""
    return [_preset(name) for name in PRESETS]


def _preset(name: str) -> dict[str, Any]:
    preset, folder = PRESETS[name], Path(settings.BENCHMARKS_DIR)
    images = sum(
        len(datasets.manifest(each, folder).images) * len(preset.methods_of(each))
        for each in preset.sets
    )
    study = Study(**preset.protocol)
    shows = {each: datasets.manifest(each, folder).references for each in preset.sets}
    with suppress(ValueError):  # a folder that cannot be looked through is told of by the draft
        studies.set_protocol(study, studies.at_hand(study, name, shows))
    return {
        "name": name,
        "title": preset.title,
        "sentence": preset.sentence,
        "images": images,
        "absent": [each for each in preset.sets if not datasets.is_there(folder, each)],
        **study.effort(images),
    }


class NewStudyForm(forms.Form):
    """Title, name in addresses, and what the study starts from."""

    title = forms.CharField(
        max_length=200, help_text="For researchers, and in every table. Raters do not see it."
    )
    slug = forms.CharField(
        required=False,
        max_length=LONGEST_SLUG,
        label="Name in addresses",
        help_text="Letters, digits, hyphens and underscores. Empty: made of the title.",
    )
    start = forms.ChoiceField(choices=[(name, name) for name in (*PRESETS, NOTHING, COPY)])
    copied = forms.ModelChoiceField(
        Study.objects.none(),
        to_field_name="slug",
        required=False,
        label="Study to copy",
        empty_label="choose a study",
    )

    def __init__(self, *args: Any, user: User | AnonymousUser, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.visible = Study.objects.allowing(user, Right.COPY)
        self.fields["copied"].queryset = self.visible  # type: ignore[attr-defined]
        if self.initial.get("copied"):
            self.initial["start"] = COPY
        for name in self.fields:
            place = f"id_{name}"
            self.fields[name].widget.attrs["aria-describedby"] = f"{place}_helptext {place}_errors"
        self.fields["copied"].label_from_instance = lambda study: (  # type: ignore[attr-defined]
            f"{study.title} ({study.slug})"
        )

    @property
    def presets(self) -> list[dict[str, Any]]:
        """Those to choose from, see `presets`."""
        return presets()

    @property
    def started(self) -> str:
        """What is chosen to start from."""
        return str(self["start"].value() or next(iter(PRESETS)))

    @property
    def chosen(self) -> dict[str, Any]:
        """What `study.desk.studies.draft` is told."""
        told, start = self.cleaned_data, self.cleaned_data["start"]
        return {
            "slug": told["slug"] or slug_of(told["title"]),
            "title": told["title"],
            "preset": start if start in PRESETS else "",
            "source": told["copied"] if start == COPY else None,
        }

    def clean_slug(self) -> str:
        """A name that is well formed and free, or none."""
        slug = str(self.cleaned_data["slug"])
        if slug:
            try:
                validate_slug(slug)
            except forms.ValidationError:
                raise forms.ValidationError(
                    "Letters, digits, hyphens and underscores only"
                ) from None
            if Study.objects.filter(slug=slug).exists():
                raise forms.ValidationError(f"There is a study {slug} already; choose another name")
        return slug

    def clean(self) -> dict[str, Any]:
        """Also whether it is said what to copy."""
        cleaned = super().clean() or {}
        if cleaned.get("start") == COPY and not cleaned.get("copied") and not self.errors:
            self.add_error("copied", "Choose the study to copy.")
        return cleaned

    def point(self) -> None:
        """Let the cursor stand in the first field that is wrong, or in the first."""
        wrong = next((name for name in self.fields if name in self.errors), "title")
        self.fields[wrong].widget.attrs["autofocus"] = True
