"""The matrix of sets by methods in which a draft's images are chosen; what a choice comes to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from django import forms
from django.conf import settings
from django.http import QueryDict

from benchmarks import datasets, methods
from benchmarks.catalogue import at_all_scales
from benchmarks.datasets import Manifest
from benchmarks.methods import Method
from study.desk import people, shown
from study.desk.shown import Wish
from study.desk.told import SectionForm
from study.models import Job, Study

MOST_NAMED = 5
"""Accounts that may have outputs made."""


class ShownForm(SectionForm):
    """What is shown: cells of sets by methods, and images of a set that are left out."""

    wanted = forms.Field(required=False, widget=forms.HiddenInput)
    mixed = forms.BooleanField(
        required=False,
        label="Mix scales",
        help_text="Sets may be of several scales; tables keep them apart.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.stored = shown.wish_of(self.instance)
        """What the study is to show now."""
        self.wish = typed(self.data) if self.is_bound else self.stored  # type: ignore[arg-type]
        several = {of.scale for of in shown.known_sets(self.stored).values()}
        self.initial["mixed"] = len(several) > 1

    def again(self, changes: Mapping[str, Any]) -> None:
        """Show what was typed before, over what somebody else has stored."""
        super().again(changes)
        self.wish = shown.tidy(changes.get("wanted") or self.stored)

    def clean_wanted(self) -> Wish | None:
        """The wish, or ``None`` still for a study that nobody chose anything else for."""
        if self.instance.wanted is None and self.wish == self.stored:
            return None
        self.shows = [case.key for case in shown.cases(self.wish)]
        mixed = self.fields["mixed"].widget.value_from_datadict(self.data, self.files, "mixed")
        if said := shown.problem(self.wish, mixed_scales=bool(mixed)):
            raise forms.ValidationError(said)
        return self.wish

    def found_wrong(self) -> dict[str, str]:
        """Also whether what is wished for can still be shown."""
        said = shown.problem(self.instance.wanted or {}, mixed_scales=True)
        return super().found_wrong() | ({"wanted": said} if said else {})

    @property
    def shown_row(self) -> dict[str, Any]:
        """Of the whole matrix, as `row` of a setting."""
        return self.row("wanted")

    @property
    def scales(self) -> list[str]:
        """The sets that are here, at the other scales that they can be at, and are not shown at."""
        others = (
            other
            for name in datasets.names(_folder())
            if datasets.is_there(_folder(), name)
            for other in datasets.at_other_scales(name, _folder())
        )
        return [*shown.known_sets({name: None for name in others if name not in self.wish})]

    @property
    def may_make(self) -> bool:
        """Whether whoever looks may have outputs made."""
        return bool(self.user and people.may_add_to_catalogue(self.user))

    @property
    def makers(self) -> list[str]:
        """The names of some who may."""
        return [user.get_username() for user in people.of_the_catalogue()[:MOST_NAMED]]

    @property
    def matrix(self) -> dict[str, Any]:
        """Rows, columns and cells, see `page`."""
        return page(self.instance, self.wish)

    @property
    def sums(self) -> dict[str, Any]:
        """What the choice comes to, see `sums`."""
        return sums(self.instance, self.wish, untouched=self.wish == self.stored)


def typed(data: QueryDict) -> Wish:
    """The wish that a browser sent: cells, and of each set whose images it ``listed`` these."""
    some: dict[str, list[str]] = {}
    for cell in data.getlist("cell"):
        set_name, _, method = cell.partition(" ")
        some.setdefault(set_name, []).append(method)
    if (also := data.get("also")) and (more := shown.known_sets({also})):
        every = methods.methods(settings.METHODS_DIR).values()
        some[also] = [each.name for each in every if not each.cannot(more[also])]
    images = set(data.getlist("image"))
    listed = shown.known_sets(set(data.getlist("listed")) & some.keys())
    return shown.tidy(
        {
            name: {
                "methods": methods_of,
                "without": [
                    each.name
                    for each in (listed[name].images if name in listed else ())
                    if f"{name}/{each.name}" not in images
                ],
            }
            for name, methods_of in some.items()
        }
    )


def page(study: Study, wanted: Wish) -> dict[str, Any]:
    """The catalogue as a matrix: ``methods`` as columns, ``sets`` as rows of cells.

    A cell says whether it is wished for, how many of its images are made, and of a study that has
    rows alone how many it shows; or why there can be none. What is wished for and gone from the
    catalogue has a row or a column too, so that it can be taken out.
    """
    known = methods.methods(settings.METHODS_DIR)
    wished = {each for of in wanted.values() for each in of["methods"]}
    # What is chosen comes first: a wide matrix is scrolled, and would hide it.
    first = [each for each in known.values() if each.name in wished]
    others = [each for each in known.values() if each.name not in wished]
    columns: list[Method | str] = [*first, *sorted(wished - known.keys()), *others]
    there = Counter[shown.Cell]()
    if study.wanted is None:
        there.update((of, method) for of, method, _ in shown.rows(study))
    rows = []
    for name, of in _sets(wanted, known).items():
        told = wanted.get(name, {"methods": [], "without": []})
        rows.append(
            {
                "name": name,
                "base": datasets.base_of(name, _folder()),
                "title": of.title if of else "no longer in the catalogue",
                "scale": of.scale if of else None,
                "references": of.references if of else True,
                "images": [
                    {"name": each.name, "on": each.name not in told["without"]}
                    for each in (of.images if of else ())
                ],
                "shown": bool(told["methods"]),
                "chosen": len(of.images) - len(told["without"]) if of else 0,
                "here": of is not None and datasets.is_there(_folder(), name),
                "cells": [_cell(name, of, each, told, there) for each in columns],
            }
        )
    return {
        "methods": [_column(each) for each in columns],
        "sets": rows,
        "absent": [each for each in datasets.names(_folder()) if each not in _sets(wanted, known)],
    }


def _folder() -> Path:
    return Path(settings.BENCHMARKS_DIR)


def _column(method: Method | str) -> dict[str, str]:
    if isinstance(method, str):
        return {"name": method, "title": f"{method}, no longer in the catalogue"}
    return {"name": method.name, "title": method.title}


def _sets(wanted: Wish, known: Mapping[str, Method]) -> dict[str, Manifest | None]:
    """The sets whose images are here, also at scales of which there are outputs, and those wished
    for; ``None`` for one that is gone.
    """
    here = [
        datasets.manifest(name, _folder())
        for name in datasets.names(_folder())
        if datasets.is_there(_folder(), name)
    ]
    found: dict[str, Manifest | None] = {
        of.name: of for of in at_all_scales(here, _folder(), Path(settings.OUTPUTS_DIR), known)
    }
    wished = shown.known_sets(wanted)
    return found | {name: wished.get(name) for name in wanted if name not in found}


def _cell(
    name: str,
    of: Manifest | None,
    method: Method | str,
    told: Mapping[str, Iterable[str]],
    there: Mapping[shown.Cell, int],
) -> dict[str, Any]:
    method_name = method if isinstance(method, str) else method.name
    cell: dict[str, Any] = {"value": f"{name} {method_name}", "on": method_name in told["methods"]}
    if of is None or isinstance(method, str):
        return cell | {"why": "" if cell["on"] else "–"}
    if method.cannot(of):
        return cell | {"why": _why(of, method)}
    without = set(told["without"])
    entries = [entry for entry in of.images if entry.name not in without]
    made = sum(bool(shown.checksum(shown.Case(of, method, entry))) for entry in entries)
    partial = there.get((name, method_name), 0)
    return cell | {
        "made": made,
        "images": len(entries),
        "partial": partial if 0 < partial < len(entries) else None,
    }


def _why(of: Manifest, method: Method) -> str:
    """Why there can be no outputs, in two words: there is a cell's room for it."""
    if method.is_original and not of.references:
        return "no originals"
    return "none brought" if method.is_for(of) else f"×{method.scale} only"


def sums(study: Study, wanted: Wish, *, untouched: bool) -> dict[str, Any]:
    """What a choice comes to: stimuli, images, minutes and sessions of a rater, what is missing."""
    rows_alone = untouched and study.wanted is None
    stimuli = study.stimuli.count() if rows_alone else sum(1 for _ in shown.cases(wanted))
    missing = {} if rows_alone else shown.lacking(study, wanted, laid=False)
    jobs = Job.objects.due().filter(study=study, kind=Job.Kind.GENERATE) if study.pk else []
    wrong = shown.problem(wanted, mixed_scales=True)
    return {
        "stimuli": stimuli,
        **(study.effort(stimuli) if stimuli else {}),
        "missing": sum(missing.values()),
        "cells": [
            {"set": of, "method": method, "images": number}
            for (of, method), number in missing.items()
        ],
        "jobs": list(jobs),
        "remarks": [] if wrong else shown.remarks(wanted),
        "rows_alone": rows_alone,
    }
