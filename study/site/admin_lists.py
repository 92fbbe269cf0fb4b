"""Lists of the admin that read a page of their table, however many rows it has."""

from __future__ import annotations

from functools import cached_property
from typing import Any, cast

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest

from study.models import Rater

MOST_LISTED = 10_000
"""Rows of a table that its list goes through; of more, those that a filter or a search leaves."""
MOST_CHOICES = 50
"""Sets, methods or studies that a filter offers."""


class Bounded(Paginator[Any]):
    """Pages of a table of any size: no further counted than somebody turns pages."""

    @cached_property
    def count(self) -> int:
        """How many rows there are, or that there are as many as a list goes through."""
        return cast("QuerySet[Any]", self.object_list).order_by()[:MOST_LISTED].count()


class Few(admin.RelatedFieldListFilter):
    """A filter by another row, of which the first are offered and not all; any can be asked for."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> Any:
        """What can be chosen: the key of each row, and what it is called."""
        rows = field.related_model._default_manager.all()[:MOST_CHOICES]
        return [(row.pk, str(row)) for row in rows]


class OfRaters(Few):
    """A filter by the study of the rater, for tables that are listed in the order of raters.

    By the keys of the raters: an index has the rows in their order, and only a page of them is
    read; joined, all rows of the study would be sorted.
    """

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        """The rows of raters in the chosen study."""
        chosen = {"study__in": self.lookup_val} if self.lookup_val else {}
        return of_raters(queryset, self.field_path, **chosen)


class OfSimulated(admin.BooleanFieldListFilter):
    """A filter by whether raters were simulated, in the same way."""

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        """The rows of people, or of simulated raters."""
        chosen = {"simulated": self.lookup_val[-1] == "1"} if self.lookup_val else {}
        return of_raters(queryset, self.field_path, **chosen)


def of_raters(rows: QuerySet[Any], path: str, **chosen: Any) -> QuerySet[Any]:
    """Those of ``rows`` whose rater, of whom ``path`` names a field, is as ``chosen``."""
    rater = path.rpartition("__")[0]
    return rows.filter(**{f"{rater}__in": Rater.objects.filter(**chosen)}) if chosen else rows


class Listed(admin.ModelAdmin):
    """A list that reads a page of its table and never the whole."""

    paginator = Bounded
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # each is a count over all rows
    list_max_show_all = 0

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """The list; one that does not go to the end of its table says so."""
        response = super().changelist_view(request, extra_context)
        context = getattr(response, "context_data", None) or {}
        if "cl" in context and context["cl"].result_count >= MOST_LISTED:
            context["subtitle"] = f"The first {MOST_LISTED} rows; filters and searches find others."
        return response
