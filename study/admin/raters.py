"""What raters did, in the admin. To see how an open study is rated is a look that is kept."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Exists, OuterRef, QuerySet, Subquery
from django.http import HttpRequest

from study import models
from study.admin.frozen import Frozen
from study.desk import studies
from study.site.access import by
from study.site.admin_lists import Few, OfRaters, OfSimulated

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
