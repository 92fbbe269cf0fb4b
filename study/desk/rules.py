"""Which rules of a study cannot be kept together: said while it is a draft, refused at opening."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db.models import FloatField

from study.models import Study
from study.models.protocol import SECONDS_PER_VOTE
from study.plan import Item, room
from study.rating import texts

FEWEST_RATINGS = 15
"""Of one image, by ITU-R BT.500."""
NO_NUMBER = {"required", "invalid", "min_value", "max_value"}
"""Codes of refusals that say a number is none, or not within its limits."""


def problems(study: Study, images: int) -> dict[str, str]:
    """By field, what is wrong with the rules of ``study`` for so many ``images``; empty if nothing.

    What needs the disk, such as calibration images that are not there, is not looked at.
    """
    found: dict[str, str] = {}
    try:
        study.clean_fields(exclude=["slug", "title"])
    except ValidationError as error:
        found = {name: in_few_words(name, said)[0] for name, said in error.error_dict.items()}
    found |= _together(study)
    if found or not images:
        return found
    seen = study.share or images
    if seen > images:
        found["share"] = f"the study shows {_images(images)} only"
    if study.retests > seen:
        found["retests"] = f"each rater sees {_images(seen)} only"
    if study.sittings(seen + study.retests) > seen + study.retests:
        found["sessions"] = f"{study.sessions} sessions are more than there are images: {seen}"
    return found


def remarks(study: Study, shows: Sequence[tuple[str, str, str]]) -> dict[str, str]:
    """By field, which rules of ``study``, in itself right, have no effect or cannot be kept whole.

    ``shows``: set, method and image of what is shown. None of it bars opening: an order keeps as
    much of a rule as there is room for. Nothing is said of what `problems` finds.
    """
    found: dict[str, str] = {}
    if study.plates and study.plate_errors >= study.plates:
        found["plate_errors"] = f"whoever misreads all {study.plates} would pass"
    if study.calibrate and study.calibration_errors >= study.calibration_checks:
        found["calibration_errors"] = (
            f"whoever gets all {study.calibration_checks} answers wrong would pass"
        )
    if not shows:
        return found
    items = [Item((of, image), method) for of, method, image in shows]
    gap, run = room(items, study.rules(len(shows)))
    if study.source_gap > gap:
        found["source_gap"] = f"there is room for {gap} at most: {_scenes(items)}"
    if study.longest_run < run:
        found["longest_run"] = f"{run} in a row at least cannot be avoided with what is shown"
    for name in ("first_stabilising", "later_stabilising"):
        if getattr(study, name) > len(shows):
            found[name] = f"the study shows {_images(len(shows))}, so no more than that open it"
    return found | _of_share(study, len(shows)) | _of_time(study, len(shows))


def _scenes(items: Sequence[Item]) -> str:
    scenes = len({item.source for item in items})
    return f"the study shows {scenes} scene{'' if scenes == 1 else 's'}"


def _of_share(study: Study, images: int) -> dict[str, str]:
    """Whether the planned raters, each with a share, give every image ratings enough."""
    each = study.planned_raters * min(study.share or images, images) / images
    if study.share is None or each >= FEWEST_RATINGS:
        return {}
    return {
        "share": f"{study.planned_raters} planned raters give each image {each:.2g} ratings; "
        f"ITU-R BT.500 asks for {FEWEST_RATINGS}"
    }


def _of_time(study: Study, images: int) -> dict[str, str]:
    """Whether sessions of a number that was set can be as short as they have to be."""
    told = study.effort(images)
    minutes = math.ceil(told["total"] * SECONDS_PER_VOTE / 60 / max(1, told["sessions"]))
    if not study.sessions or minutes <= study.session_minutes:
        return {}
    return {
        "sessions": f"each would take about {minutes} minutes; after {study.session_minutes} a "
        "session ends, and what is left comes in further ones"
    }


def _images(count: int) -> str:
    return f"{count} image{'' if count == 1 else 's'}"


def worded(error: ValidationError) -> str:
    """A refusal in few words where Django has many."""
    limit = (error.params or {}).get("limit_value")
    match error.code:
        case "max_value":
            return f"{limit} at most"
        case "min_value":
            return f"{limit} at least"
    return str(error.messages[0])


def in_few_words(name: str, said: Sequence[ValidationError]) -> list[str]:
    """Why a setting was refused; of a number, once, which ones would be right."""
    field = next((each for each in Study._meta.concrete_fields if each.name == name), None)
    between = limits(field) if field else None
    if field is None or between is None or not any(each.code in NO_NUMBER for each in said):
        return [worded(each) for each in said]
    number = "number" if isinstance(field, FloatField) else "whole number"
    or_none = ", or leave it empty" if field.null else ""
    return [f"give a {number} from {between[0]:g} to {between[1]:g}{or_none}"]


def limits(field: Any) -> tuple[float, float] | None:
    """The least and the most that a field of a study can be; nothing if it has no such limits."""
    told = {type(each): getattr(each, "limit_value", None) for each in field.validators}
    least, most = told.get(MinValueValidator), told.get(MaxValueValidator)
    return None if least is None or most is None else (least, most)


def unlike(name: str, value: Any) -> str:
    """Why a setting that is neither text nor number cannot be ``value``; empty if it can."""
    return SHAPES[name](value) if name in SHAPES else ""


def _no_names(value: Any) -> str:
    """Why these are no names of images."""
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return ""
    return 'names of images are written as in ["one", "folder/another"]'


def _no_wish(value: Any) -> str:
    """Why this is nothing that a study can wish to show."""
    if value is None:
        return ""
    cells = list(value.values()) if isinstance(value, dict) else [None]
    for cell in cells:
        lists = cell if isinstance(cell, dict) else {}
        if any(_no_names(lists.get(each)) for each in ("methods", "without")):
            return 'what is shown is written as in {"Set5": {"methods": ["hr"], "without": []}}'
    return ""


SHAPES: dict[str, Callable[[Any], str]] = {
    "texts": texts.unlike,
    "calibration_left_out": _no_names,
    "wanted": _no_wish,
}


def _together(study: Study) -> dict[str, str]:
    """What is wrong with texts and images for the calibration, as far as no disk is asked."""
    found = {name: unlike(name, getattr(study, name)) for name in SHAPES}
    if not found["texts"]:
        found["texts"] = next(iter(texts.missing(study).values()), "")
    if study.calibration_set and study.calibration_folder:
        found["calibration_set"] = (
            "there is a calibration_folder too; name one of them, and leave the other empty"
        )
    return {name: said for name, said in found.items() if said}
