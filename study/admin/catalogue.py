"""Sets, methods, images and what was measured of them, in the admin."""

from __future__ import annotations

from django.contrib import admin

from study import models
from study.admin.frozen import Frozen
from study.site.admin_lists import Few


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
