"""What the desk accepts from browsers, checked field by field."""

from __future__ import annotations

from django import forms

from study.desk.studies import MOST_INVITATIONS


class InviteForm(forms.Form):
    """How many links to make."""

    count = forms.IntegerField(min_value=1, max_value=MOST_INVITATIONS)
