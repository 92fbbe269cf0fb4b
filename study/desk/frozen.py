"""What does not change any more once a study is open, and whether it is what somebody has seen."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence

from study.models import Study

IMAGES = "images"
"""Stands for the stimuli among the names of fields."""


class Changed(Exception):
    """The draft is not what was looked at; ``names`` are the fields, or :data:`IMAGES`."""

    def __init__(self, names: list[str]) -> None:
        super().__init__("the draft was changed since it was looked at")
        self.names = names


def marks(study: Study, shown: Sequence[str] | None = None) -> dict[str, str]:
    """By field what opening freezes, each as a short checksum, and the images.

    ``shown``: checksums of the files that the study shows, sorted; read if not given.
    """
    if shown is None:
        shown = list(study.stimuli.order_by("sha256").values_list("sha256", flat=True))
    held = {name: getattr(study, name) for name in (*study.FROZEN, *study.DECLARED, "wanted")}
    return {name: _short(value) for name, value in {**held, IMAGES: list(shown)}.items()}


def changed(study: Study, seen: Mapping[str, str], shown: Sequence[str] | None = None) -> list[str]:
    """The names of what is other than when its marks were ``seen``."""
    return [name for name, mark in marks(study, shown).items() if seen.get(name) != mark]


def _short(value: object) -> str:
    text = json.dumps(value, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
