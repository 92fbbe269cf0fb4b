"""Studies in the admin, and what of them was asked for, written and done."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from django import forms
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import transaction
from django.forms import BaseInlineFormSet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from study import models
from study.admin.frozen import Frozen
from study.desk import members, shelf
from study.desk.told import INCOMPLETE, Seen, in_words
from study.models.deeds import note
from study.site.access import by
from study.site.admin_lists import Few, Listed

MOST_INLINE = 200
"""Images of a draft that are edited on its page: a form may have a thousand fields."""


class DraftForm(forms.ModelForm[models.Study]):
    """A study; a draft as nobody else has changed it meanwhile.

    What somebody else changed since the page was made, and is here as it was, stays as it is now;
    what both have changed is told, and nothing is stored.
    """

    seen = Seen(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk and "seen" in self.fields:
            names = [*(self.fields.keys() - {"seen"}), "wanted"]
            seen = {name: getattr(self.instance, name) for name in names}
            self.initial["seen"] = seen | {"picked": _picked(self.instance)}

    def clean(self) -> dict[str, Any]:
        """Also what somebody else has changed."""
        cleaned = super().clean() or {}
        seen = cleaned.get("seen")
        if not self.instance.pk or "seen" not in self.fields:
            return cleaned
        if not isinstance(seen, dict) or not self.fields.keys() - {"seen"} <= seen.keys():
            raise forms.ValidationError(INCOMPLETE)
        stored = models.Study.objects.get(pk=self.instance.pk)
        for name in cleaned.keys() - {"seen"}:
            now = getattr(stored, name)
            if now == seen[name] or now == cleaned[name]:
                continue
            if cleaned[name] == seen[name]:
                cleaned[name] = now
                continue
            was, is_now = in_words(name, seen[name]), in_words(name, now)
            self.add_error(
                name, f"Changed by somebody else meanwhile, from {was} to {is_now}; load it again."
            )
        return cleaned


def _picked(study: models.Study) -> list[int]:
    """The stimuli of a draft that are picked one by one, as the rows of its page have them."""
    rows = models.StudyStimulus.objects.filter(study=study).order_by("pk")
    picked = list(rows.values_list("stimulus", flat=True)[: MOST_INLINE + 1])
    return picked if len(picked) <= MOST_INLINE else []


class Picks(BaseInlineFormSet[models.StudyStimulus, models.Study, Any]):
    """Stimuli that are picked one by one, unless somebody else chose meanwhile what is shown."""

    def clean(self) -> None:
        """Raises ``ValidationError`` if they did."""
        super().clean()
        if not self.instance.pk or not self.has_changed():
            return
        seen = Seen().to_python(self.data.get("seen", "")) or {}
        stored = models.Study.objects.values_list("wanted", flat=True).get(pk=self.instance.pk)
        now = [stored, _picked(self.instance)]
        if not isinstance(seen, dict) or [seen.get("wanted"), seen.get("picked")] != now:
            raise forms.ValidationError(
                "Somebody else chose meanwhile what is shown; load it again, and pick anew."
            )


class StimulusInline(admin.TabularInline):
    """The stimuli of a study, fixed from the moment it is opened."""

    model = models.StudyStimulus
    formset = Picks
    extra = 0
    autocomplete_fields = ["stimulus"]

    def has_add_permission(self, request: HttpRequest, obj: models.Study | None = None) -> bool:
        return not (obj and obj.frozen) and super().has_add_permission(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return not (obj and obj.frozen) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return not (obj and obj.frozen) and super().has_delete_permission(request, obj)


@admin.register(models.Study)
class StudyAdmin(Listed):
    form = DraftForm
    list_display = ["slug", "title", "state", "created_at", "opened_at", "closed_at"]
    list_filter = ["state"]
    search_fields = ["slug", "title"]
    readonly_fields = [
        "state", "created_at", "opened_at", "closed_at", "stimuli_sha256", "images", "people"
    ]  # fmt: skip
    fieldsets = [
        (None, {"fields": ["slug", "title", "seen", *readonly_fields]}),
        ("What raters read", {"fields": [
"language", "consent", "instructions", "researcher", "institution", "contact",
"ethics", "storage",
]}),
        (
            "Who may take part",
            {
                "fields": [
                    "screen_device", "screen_window", "screen_vision", "plates", "plate_errors"
                ]
            },
        ),
        (
            "Calibration",
            {
                "fields": [
                    "calibrate", "calibration_folder", "calibration_set", "calibration_examples",
                    "calibration_checks", "calibration_errors", "calibration_attempts",
                ]
            },
        ),
        (
            "Sessions",
            {
                "fields": [
                    "session_minutes", "sessions", "break_minutes", "first_stabilising",
                    "later_stabilising",
                ]
            },
        ),
        ("Order", {"fields": ["source_gap", "longest_run", "retests", "share"]}),
        ("The page", {"fields": ["shortest_view_ms", "undo_seconds", "hint_seconds"]}),
        ("Analysis", {"fields": ["planned_raters", "least_correlation"]}),
    ]  # fmt: skip

    def get_inlines(self, request: HttpRequest, obj: models.Study | None) -> list[Any]:
        editable = obj is None or (not obj.frozen and obj.stimuli.count() <= MOST_INLINE)
        return [StimulusInline] if editable else []

    @admin.display(description="images")
    def images(self, study: models.Study) -> str:
        """How many there are, and the way to them."""
        address = reverse("admin:study_stimulus_changelist")
        count = study.stimuli.count() if study.pk else 0
        return format_html(
            '<a href="{}?study__id__exact={}">{} images</a>', address, study.pk, count
        )

    @admin.display(description="people")
    def people(self, study: models.Study) -> str:
        """Who works on it, and the way to where that is changed."""
        if not study.pk:
            return "Whoever makes it owns it; others are added on its own page."
        names = ", ".join(f"{each.user} ({each.role})" for each in study.members.all()) or "nobody"
        return format_html(
            '{}; <a href="{}">change</a>', names, reverse("members", args=[study.slug])
        )

    def view_on_site(self, obj: models.Study) -> str:
        # The admin's own detour asks for no permission; study/desk/urls.py closes it.
        return obj.get_absolute_url()

    def get_readonly_fields(
        self, request: HttpRequest, obj: models.Study | None = None
    ) -> list[str]:
        # The title is in every export: once raters come it does not change here either.
        frozen = ("title", *models.Study.FROZEN, *models.Study.DECLARED)
        return [*(frozen if obj and obj.frozen else ()), *self.readonly_fields]

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        # The last step of saving, in the transaction of the whole: every change is known here.
        super().save_related(request, form, formsets, change)
        pairs = {name: _from_to(form, name) for name in form.changed_data if name != "seen"}
        changed = {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
        for formset in formsets:
            rows = (*formset.new_objects, *(row for row, _ in formset.changed_objects))
            if rows:
                changed["stimuli with"] = [str(row) for row in rows]
            if formset.deleted_objects:
                changed["stimuli without"] = [str(row) for row in formset.deleted_objects]
            if (rows or formset.deleted_objects) and form.instance.wanted is not None:
                # Who picks images one by one means these: a wish would lay its own over them.
                form.instance.wanted = None
                form.instance.save(update_fields=["wanted"])
        if not change:
            members.own(form.instance, cast("User", request.user))
        kind = models.Deed.Kind.CHANGED if change else models.Deed.Kind.CREATED
        note(kind, by=by(request), study=form.instance, **changed)

    def delete_model(self, request: HttpRequest, obj: models.Study) -> None:
        with transaction.atomic():
            note(models.Deed.Kind.DELETED, by=by(request), study=obj)
            super().delete_model(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: models.Study | None = None) -> bool:
        # A list of studies may hold an open one, so deleting from the list is not offered.
        kept = obj is None or obj.frozen or shelf.why_kept(obj)
        return not kept and super().has_delete_permission(request, obj)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        # Jobs and links go along with their draft, though nobody may delete one by itself.
        shown, counts, _, protected = super().get_deleted_objects(objs, request)
        return shown, counts, set(), protected


def _from_to(form: Any, name: str) -> list[str]:
    """What a field of a form held, and what it holds now; of people, their names."""

    def said(value: Any) -> str:
        if isinstance(value, Iterable) and not isinstance(value, str):
            return ", ".join(sorted(map(str, value))) or "nobody"
        return "" if value is None else str(value)

    return [said(form.initial.get(name)), said(form.cleaned_data[name])]


@admin.register(models.Deed)
class DeedAdmin(Frozen):
    list_display = ["at", "account", "kind", "about", "told", "address"]
    ordering = ["-pk"]  # as they were written
    list_filter = ["kind", ("study", Few)]
    search_fields = ["account", "about", "address"]


@admin.register(models.Job)
class JobAdmin(Frozen):
    list_display = ["pk", "kind", "state", "study", "account", "asked_at", "ended_at"]
    list_filter = ["state", "kind", ("study", Few)]
    list_select_related = ["study"]


@admin.register(models.Invitation)
class InvitationAdmin(Frozen):
    view_on_site = False  # the page of a link is its rater's
    list_display = ["study", "number", "created_at", "opened_at", "revoked_at"]
    ordering = ["study_id", "number"]
    list_filter = [("study", Few)]
    list_select_related = ["study"]
    fields = ["study", "number", "created_at", "opened_at", "revoked_at"]


@admin.register(models.Letter)
class LetterAdmin(Frozen):
    """Without address and text, and what the mail server said, which may quote the address."""

    list_display = ["invitation", "kind", "asked_at", "sent_at", "failed"]
    ordering = ["-pk"]
    list_filter = ["kind"]
    list_select_related = ["invitation__study"]
    readonly_fields = ["failed"]
    fields = ["invitation", "kind", "asked_by", "asked_at", "begun_at", "sent_at", "failed"]

    @admin.display(boolean=True)
    def failed(self, letter: models.Letter) -> bool:
        return bool(letter.problem)


@admin.register(models.Member)
class MemberAdmin(Frozen):
    list_display = ["study", "user", "role"]
    ordering = ["study_id", "user_id"]
    list_filter = ["role"]
    list_select_related = ["study", "user"]
