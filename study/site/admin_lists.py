"""Lists of the admin that read a page of their table, however many rows it has."""

from __future__ import annotations

from functools import cached_property
from typing import Any, cast

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest

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
