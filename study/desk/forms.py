"""What the desk accepts from browsers, checked field by field."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib.auth.models import User

from study.desk.links import MOST_AT_ONCE
from study.desk.rehearsal import MOST_RATERS
from study.models import Study


class InviteForm(forms.Form):
    """How many links to make."""

    count = forms.IntegerField(min_value=1, max_value=MOST_AT_ONCE)


class SelectedForm(forms.Form):
    """Raters by the numbers of their links, and what is to be done with them."""

    numbers = forms.TypedMultipleChoiceField(coerce=int)
    do = forms.ChoiceField(
        choices=[(name, name) for name in ("revoke", "approve", "take_back")],
    )

    def __init__(self, *args: Any, study: Study, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known = study.invitations.order_by("number").values_list("number", flat=True)
        self.fields["numbers"].choices = [  # type: ignore[attr-defined]
            (number, number) for number in known
        ]


class RehearsalForm(forms.Form):
    """How many simulated raters are to play, and from which seed: the same gives the same votes."""

    raters = forms.IntegerField(min_value=1, max_value=MOST_RATERS)
    seed = forms.IntegerField(min_value=0, max_value=2**31 - 1)


class PersonForm(forms.ModelForm[User]):
    """A new account."""

    catalogue = forms.BooleanField(
        label="May add to the catalogue",
        required=False,
        help_text="Upload image sets and methods, and have outputs made.",
    )

    class Meta:
        model = User
        fields = ["username"]
        labels = {"username": "Name"}
        help_texts = {"username": "Letters, digits and @ . + - _, as people sign in."}
        error_messages = {"username": {"invalid": "Letters, digits and @ . + - _ only."}}

    def clean_username(self) -> str:
        """Also no name that differs from another's in case alone, which nobody tells apart."""
        name = str(self.cleaned_data["username"])
        if User.objects.filter(username__iexact=name).exists():
            raise forms.ValidationError("There is an account of that name.")
        return name


class PlanForm(forms.Form):
    """What a study is to be able to show, for computing how many raters that takes."""

    difference = forms.FloatField(
        min_value=0.05,
        max_value=2,
        initial=0.5,
        label="Difference of two methods’ MOS",
        widget=forms.NumberInput(attrs={"step": "0.05"}),
    )
    power = forms.IntegerField(
        min_value=10,
        max_value=98,
        initial=80,
        label="To be found in so many of 100 studies (power)",
    )
    set = forms.ChoiceField(required=False, label="On the set")

    def __init__(self, *args: Any, sets: Iterable[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["set"].choices = [(name, name) for name in sets]  # type: ignore[attr-defined]
