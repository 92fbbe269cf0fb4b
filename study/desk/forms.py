"""What the desk accepts from browsers, checked field by field."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib.auth.models import User

from study.desk import letters
from study.desk.letters import Text
from study.desk.links import MOST_AT_ONCE, MOST_OF_A_STUDY
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


class Numbers(forms.CharField):
    """Numbers of links, as people write them: ``1-5, 8``."""

    def to_python(self, value: Any) -> Any:
        """The numbers, each once."""
        found: set[int] = set()
        for part in re.split(r"[\s,;]+", str(value or "").strip()):
            run = re.fullmatch(r"([0-9]{1,5})(?:[-–]([0-9]{1,5}))?", part)
            if part and not run:
                raise forms.ValidationError(f"“{part[:20]}” is no number; write 1-5, 8.")
            if run:
                first, last = int(run[1]), int(run[2] or run[1])
                if last > MOST_OF_A_STUDY:
                    raise forms.ValidationError(f"Links have numbers up to {MOST_OF_A_STUDY}.")
                found |= set(range(first, last + 1))
        return sorted(found)


class WhomForm(forms.Form):
    """Whom to write to, in which language."""

    WHOM = (
        ("new", "Invite those not written to yet"),
        ("unopened", "Remind those who were written to and have not opened the link"),
        ("away", "Remind those who opened the link and were not seen for some days"),
        ("invite", "Invite these links"),
        ("remind", "Remind these links"),
    )
    KINDS = {
        whom: letters.Kind.INVITE if whom in ("new", "invite") else letters.Kind.REMIND
        for whom, _ in WHOM
    }
    whom = forms.ChoiceField(choices=WHOM, label="To whom")
    numbers = Numbers(required=False, label="These links")
    days = forms.IntegerField(min_value=0, max_value=365, initial=3, label="Not seen for")
    language = forms.ChoiceField(
        choices=[("en", "English"), ("de", "Deutsch")], label="Standard text in"
    )
    again = forms.BooleanField(
        required=False, label="Also those who got the same letter within the last day"
    )


class LetterForm(forms.Form):
    """A text for raters, and the links that it was shown for."""

    numbers = Numbers()
    seen = forms.IntegerField(min_value=0)
    """The latest letter of the study when the page was made."""
    subject = forms.CharField(strip=True, required=False, label="Subject")
    body = forms.CharField(required=False, label="Text", widget=forms.Textarea(attrs={"rows": 16}))

    def clean(self) -> dict[str, Any]:
        """Also whether the text is one, as `study.desk.letters.unlike` says."""
        cleaned = super().clean() or {}
        body = str(cleaned.get("body", "")).replace("\r\n", "\n")
        cleaned["text"] = Text(str(cleaned.get("subject", "")), body)
        for name, problem in letters.unlike(cleaned["text"]).items():
            self.add_error(name, problem)
        return cleaned


class PersonForm(forms.ModelForm[User]):
    """A new account."""

    catalogue = forms.BooleanField(
        label="May add to the catalogue",
        required=False,
        help_text="Upload image sets and methods, and have outputs made.",
    )

    class Meta:
        model = User
        fields = ["username", "email"]
        labels = {"username": "Name", "email": "Mail address"}
        help_texts = {
            "username": "Letters, digits and @ . + - _, as people sign in.",
            "email": "If they have one: where the link for a forgotten password goes.",
        }
        error_messages = {"username": {"invalid": "Letters, digits and @ . + - _ only."}}

    def clean_username(self) -> str:
        """Also no name that differs from another's in case alone, which nobody tells apart."""
        name = str(self.cleaned_data["username"])
        if User.objects.filter(username__iexact=name).exists():
            raise forms.ValidationError("There is an account of that name.")
        return name

    def clean_email(self) -> str:
        """Also no address of another account."""
        mail = str(self.cleaned_data["email"])
        if mail and User.objects.filter(email__iexact=mail).exists():
            raise forms.ValidationError("Another account has this mail address.")
        return mail


class AddressForm(forms.Form):
    """One's own mail address, and the password that proves that it is oneself."""

    mail = forms.EmailField(required=False, max_length=254, label="Mail address")
    password = forms.CharField(strip=False, label="Your password")

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_password(self) -> str:
        """The right one."""
        password = str(self.cleaned_data["password"])
        if not self.user.check_password(password):
            raise forms.ValidationError("This is not your password.", code="password_incorrect")
        return password


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
