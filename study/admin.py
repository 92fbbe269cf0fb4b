"""Django's admin for every model. What is frozen is shown and cannot be changed.

What raters did (sessions, trials, ratings) and what they saw (stimuli) is never edited here.
A study's state is changed on its own page, where the reason of a refusal can be told.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Count, Exists, OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django_tasks_db.models import DBTaskResult

from study import models
from study.desk import shelf, studies
from study.models.deeds import note
from study.site.access import by
from study.site.admin_lists import Few, Listed, OfRaters, OfSimulated

MOST_INLINE = 200
"""Images of a draft that are edited on its page: a form may have a thousand fields."""


class Frozen(Listed):
    """Shown, never added, changed or deleted."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class StimulusInline(admin.TabularInline):
    """The stimuli of a study, fixed from the moment it is opened."""

    model = models.StudyStimulus
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
    list_display = ["slug", "title", "state", "created_at", "opened_at", "closed_at"]
    list_filter = ["state"]
    search_fields = ["slug", "title"]
    readonly_fields = [
        "state", "created_at", "opened_at", "closed_at", "stimuli_sha256", "images", "people"
    ]  # fmt: skip
    fieldsets = [
        (None, {"fields": ["slug", "title", *readonly_fields]}),
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
            return "Whoever works on it is chosen on its own page."
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
        changed = {name: _from_to(form, name) for name in form.changed_data}
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


TURNS = (models.Deed.Kind.OPENED, models.Deed.Kind.CLOSED)


class Telling(Frozen):
    """Rows that tell how a method is rated: to see them of an open study is a look at its means."""

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> Any:
        raise PermissionDenied  # before the row is looked up, which would be a look

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = super().get_queryset(request)
        if not self.has_view_permission(request):
            return rows  # Django looks a row up before it refuses to show it
        seen = request.session.setdefault("looked in the admin", {})
        turns = models.Deed.objects.filter(study=OuterRef("pk"), kind__in=TURNS).order_by()
        spells = turns.values("study").annotate(n=Count("pk")).values("n")
        # Closed ones too, which may be opened again; until then it is one look.
        for study in self.told().annotate(spell=Subquery(spells)):
            if seen.get(str(study.pk)) != str(study.spell):
                studies.look(study, by=by(request))
                seen = request.session["looked in the admin"] = seen | {
                    str(study.pk): str(study.spell)
                }
        return rows

    def told(self) -> QuerySet[models.Study]:
        """The studies of whose people there are rows."""
        raise NotImplementedError


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
    list_display = ["invitation", "kind", "asked_at", "sent_at", "problem"]
    ordering = ["-pk"]
    list_filter = ["kind"]
    list_select_related = ["invitation__study"]


@admin.register(models.Member)
class MemberAdmin(Frozen):
    list_display = ["study", "user", "role"]
    ordering = ["study_id", "user_id"]
    list_filter = ["role"]
    list_select_related = ["study", "user"]


@admin.register(models.Dataset)
class DatasetAdmin(Frozen):
    list_display = ["name", "title"]


@admin.register(models.SourceImage)
class SourceImageAdmin(Frozen):
    list_display = ["name", "dataset"]
    list_filter = [("dataset", Few)]
    list_select_related = ["dataset"]
    search_fields = ["name"]


@admin.register(models.Method)
class MethodAdmin(Frozen):
    list_display = ["name", "title", "place"]


@admin.register(models.Stimulus)
class StimulusAdmin(Frozen):
    list_display = ["source", "method", "width", "height", "sha256", "fault"]
    ordering = ["pk"]
    list_filter = [
        ("source__dataset", Few), ("method", Few), ("study", Few),
        ("fault", admin.EmptyFieldListFilter),
    ]  # fmt: skip
    list_select_related = ["source__dataset", "method"]
    search_fields = ["source__name", "method__name", "sha256"]


@admin.register(models.Measure)
class MeasureAdmin(Frozen):
    list_display = ["name", "title", "higher_is_better", "place"]


@admin.register(models.StimulusMeasure)
class StimulusMeasureAdmin(Frozen):
    list_display = ["stimulus", "measure", "value", "version"]
    ordering = ["pk"]
    list_filter = [
        ("measure", Few), ("stimulus__source__dataset", Few), ("stimulus__method", Few)
    ]  # fmt: skip
    list_select_related = ["measure", "stimulus__source__dataset", "stimulus__method"]


@admin.register(models.SetMeasure)
class SetMeasureAdmin(Frozen):
    list_display = ["dataset", "method", "measure", "value", "version"]
    ordering = ["pk"]
    list_filter = [("measure", Few), ("dataset", Few), ("method", Few)]
    list_select_related = ["measure", "dataset", "method"]


@admin.register(models.Anchor)
class AnchorAdmin(Frozen):
    list_display = ["stimulus", "score", "study"]
    ordering = ["pk"]
    list_filter = [("study", Few)]
    list_select_related = ["study", "stimulus__source__dataset", "stimulus__method"]


@admin.register(models.Text)
class TextAdmin(Frozen):
    list_display = ["sha256", "language"]


@admin.register(models.Rater)
class RaterAdmin(Frozen):
    list_display = [
        "label", "study", "simulated", "stage", "position", "enrolled_at", "completion_code"
    ]  # fmt: skip
    ordering = ["study_id", "simulated", "number"]
    list_filter = [("study", Few), "simulated", "stage"]
    search_fields = ["completion_code"]
    list_select_related = ["study"]


class OfRater(Frozen):
    """Rows of raters, beside each whether a person is behind it."""

    @admin.display(boolean=True)
    def simulated(self, row: Any) -> bool:
        return row.rater.simulated


@admin.register(models.Screening)
class ScreeningAdmin(OfRater):
    list_display = ["rater", "simulated", "refusal", "created_at"]
    ordering = ["-pk"]
    sortable_by = ()  # by anything else all rows would be sorted
    list_filter = [
        ("rater__study", OfRaters), ("rater__simulated", OfSimulated),
        ("refusal", admin.EmptyFieldListFilter),
    ]  # fmt: skip
    list_select_related = ["rater__study"]


@admin.register(models.Session)
class SessionAdmin(OfRater):
    list_display = [
        "rater", "simulated", "calibration", "number", "started_at", "ended_at", "active_ms"
    ]  # fmt: skip
    ordering = ["rater_id", "calibration", "number"]
    sortable_by = ()  # by anything else all rows would be sorted
    list_filter = [("rater__study", OfRaters), ("rater__simulated", OfSimulated)]
    list_select_related = ["rater__study"]


@admin.register(models.Trial)
class TrialAdmin(OfRater):
    list_display = ["rater", "simulated", "position", "kind", "stimulus", "repeat"]
    ordering = ["rater_id", "position"]
    sortable_by = ()  # by anything else all rows would be sorted
    list_filter = [("rater__study", OfRaters), ("rater__simulated", OfSimulated)]
    list_select_related = [
        "rater__study", "stimulus__source__dataset", "stimulus__method"
    ]  # fmt: skip


@admin.register(models.Rating)
class RatingAdmin(Telling):
    list_display = ["trial", "score", "simulated", "received_at", "response_ms", "browser"]
    ordering = ["trial__rater_id", "trial__position"]
    sortable_by = ()  # by anything else all rows would be sorted
    list_filter = [("trial__rater__study", OfRaters), ("trial__rater__simulated", OfSimulated)]
    list_select_related = ["trial__rater__study"]

    def told(self) -> QuerySet[models.Study]:
        """By raters who have voted: the first of a million votes is not looked for."""
        voted = models.Rater.objects.filter(simulated=False, erased=False, position__gt=0)
        return models.Study.objects.filter(Exists(voted.filter(study=OuterRef("pk"))))

    @admin.display(boolean=True)
    def simulated(self, row: models.Rating) -> bool:
        return row.trial.rater.simulated


@admin.register(models.Revision)
class RevisionAdmin(Telling):
    list_display = ["rating", "simulated", "original_score", "score", "after_ms", "received_at"]
    ordering = ["pk"]
    sortable_by = ()  # by anything else all rows would be sorted
    list_select_related = ["rating__trial__rater__study"]

    def told(self) -> QuerySet[models.Study]:
        """By the revisions themselves, which are few, and step by step: joined, the database may
        begin with the trials, of which there are most.
        """
        ratings = models.Rating.objects.filter(pk__in=models.Revision.objects.values("rating"))
        trials = models.Trial.objects.filter(pk__in=ratings.values("trial"))
        people = models.Rater.objects.filter(pk__in=trials.values("rater"), simulated=False)
        return models.Study.objects.filter(pk__in=people.values("study"))

    @admin.display(boolean=True)
    def simulated(self, row: models.Revision) -> bool:
        return row.rating.trial.rater.simulated


admin.site.unregister([User, Group])
# A bell that was rung says nothing: what there is to do is in our own rows.
admin.site.unregister(DBTaskResult)


@admin.register(Group)
class GroupsAdmin(Listed, GroupAdmin):
    """Django's."""


@admin.register(User)
class AccountAdmin(Listed, UserAdmin):
    """Django's; that somebody's password was set here is told where other deeds are."""

    list_filter = ["is_staff", "is_superuser", "is_active", ("groups", Few)]

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        parts = message if isinstance(message, list) else []
        if any("password" in part.get("changed", {}).get("fields", []) for part in parts):
            note(models.Deed.Kind.PASSWORD, by=by(request), of=obj.get_username())
        return super().log_change(request, obj, message)
