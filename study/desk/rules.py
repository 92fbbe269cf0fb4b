"""Which rules of a study cannot be kept together: said while it is a draft, refused at opening."""

from __future__ import annotations

from django.core.exceptions import ValidationError

from study.models import Study


def problems(study: Study, images: int) -> dict[str, str]:
    """By field, what is wrong with the rules of ``study`` for so many ``images``; empty if nothing.

    What needs the disk, such as calibration images that are not there, is not looked at.
    """
    found: dict[str, str] = {}
    try:
        study.clean_fields(exclude=["slug", "title"])
    except ValidationError as error:
        found = {name: said[0] for name, said in error.message_dict.items()}
    if found or not images:
        return found
    seen = study.share or images
    if seen > images:
        found["share"] = f"{seen} images for each rater, of {images} only"
    if study.retests > seen:
        found["retests"] = f"{study.retests} second showings of {seen} only"
    if study.sittings(seen + study.retests) > seen + study.retests:
        found["sessions"] = f"{study.sessions} sessions for {seen} images"
    return found
