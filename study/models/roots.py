"""Folders of the server that a browser may name: those below roots chosen by whoever runs the site.

What lies elsewhere is told to nobody, not even whether it is there: every name that leads out of
the roots is refused in the same words.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ValidationError

CALIBRATION = "CALIBRATION_DIR or one of CALIBRATION_ROOTS"


def below(named: str, roots: Sequence[Path], *, called: str) -> Path:
    """What ``named`` means, every link followed: ``roots`` or what lies below one of them.

    A name that is not absolute counts from the first root that has it, then from the checkout; if
    none has it, from the first root. Whether anything lies outside the roots makes no difference.
    Raises ``ValueError`` for any other name; ``called`` says in it what the roots are.
    """
    places: list[Path | None] = [None]
    # The shell's ~ and a way back up tell of what is outside by whether they lead back inside.
    if named.strip() and not named.startswith("~") and ".." not in Path(named).parts:
        places = [_inside(base / named, roots) for base in (*roots, settings.BASE_DIR)]
    found = [place for place in places if place and os.path.lexists(place)]
    place = (found or places)[0]
    if place is None:
        raise ValueError(f"it does not lie in {called}; name a folder that does, without .. and ~")
    return place


def _inside(path: Path, roots: Sequence[Path]) -> Path | None:
    """``path`` with every link followed if that is in ``roots``."""
    try:
        real = path.resolve()
    except (OSError, RuntimeError, ValueError):  # loops of links, NUL, what no disk can name
        return None
    return real if any(real.is_relative_to(root) for root in roots) else None


def told(path: Path, roots: Sequence[Path]) -> str:
    """``path`` for people: as it is called within its root; of a root itself, its last part."""
    within = [
        path.relative_to(root) for root in roots if path != root and path.is_relative_to(root)
    ]
    return readable(min(map(Path.as_posix, within), key=len) if within else path.name)


def readable(name: str) -> str:
    """A file's name with its bytes spelled out where they are no text: what can be stored, told."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def leads_into(path: Path, roots: Sequence[Path]) -> bool:
    """Whether ``path`` lies in ``roots`` with every link followed."""
    return _inside(path, roots) is not None


def of_calibration() -> list[Path]:
    """Where images for calibrating raters may lie, ``CALIBRATION_DIR`` first."""
    roots = [settings.CALIBRATION_DIR, *settings.CALIBRATION_ROOTS]
    return [Path(root).resolve() for root in roots if root]


def calibration_folder(named: str) -> Path:
    """The folder that a study's ``calibration_folder`` means. Raises ``ValueError`` as `below`."""
    return below(named, of_calibration(), called=CALIBRATION)


def check_calibration_folder(named: str) -> None:
    """The validator of that field."""
    try:
        calibration_folder(named)
    except ValueError as error:
        raise ValidationError(f"{error}") from None
