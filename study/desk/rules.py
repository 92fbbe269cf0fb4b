"""Which rules of a study cannot be kept together: said while it is a draft, refused at opening."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.exceptions import ValidationError

from study.models import Study
from study.rating import texts


def problems(study: Study, images: int) -> dict[str, str]:
    """By field, what is wrong with the rules of ``study`` for so many ``images``; empty if nothing.

    What needs the disk, such as calibration images that are not there, is not looked at.
    """
    found: dict[str, str] = {}
    try:
        study.clean_fields(exclude=["slug", "title"])
    except ValidationError as error:
        found = {name: worded(said[0]) for name, said in error.error_dict.items()}
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
