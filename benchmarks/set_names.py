"""What a set of somebody's own may be called, and what may be told of it."""

from __future__ import annotations

import re
from pathlib import Path

from benchmarks import datasets
from benchmarks.advice import advice
from benchmarks.datasets import AT, SHIPPED
from benchmarks.material import is_legible, readable

NAME = re.compile("[A-Za-z0-9][A-Za-z0-9_-]{0,49}")
RESERVED = ("calibration",)
"""What the study keeps images under that are in no set."""
LONGEST = {"title": 100, "license": 200}
"""Characters."""


def check_name(name: str, folder: Path) -> None:
    """Raises ``ValueError`` for what cannot be the name of a new set beside those in ``folder``."""
    if not NAME.fullmatch(name):
        raise ValueError(
            f"'{readable(name)}' cannot be the name of a set: it needs 1 to 50 letters (a to z), "
            "digits, hyphens and underscores, a letter or digit first"
        )
    for shipped in SHIPPED:
        if name.casefold() == shipped.casefold():
            raise ValueError(
                f"{shipped} is a set that comes with this product; choose another name"
            )
    if name.casefold() in RESERVED:
        raise ValueError(f"{name} is what images for calibration lie under; choose another name")
    if not (folder / name / datasets.OWN).is_file():
        _check_scales(name, folder)
    for other in folder.iterdir() if folder.is_dir() else ():
        if other.name != name and other.name.casefold() == name.casefold():
            raise ValueError(
                f"{other} is there, whose name differs in case only; choose another name"
            )


def _check_scales(name: str, folder: Path) -> None:
    """``Set5_x2`` is Set5 at x2, and no name for another set."""
    known = {each.casefold(): each for each in datasets.names(folder)}
    at = AT.fullmatch(name.casefold())
    if at and (base := known.get(at[1])):
        raise ValueError(f"{name} is what {base} is called at x{at[2]}; choose another name")
    for folded, other in known.items():
        if (at := AT.fullmatch(folded)) and at[1] == name.casefold():
            raise ValueError(
                f"there is a set {other}, which is what {name} would be called at x{at[2]}; choose "
                "another name"
            )


def check_text(option: str, text: str) -> None:
    """Raises ``ValueError`` for a title or a license that is no line, or too long."""
    if len(text) > LONGEST[option] or not is_legible(text):
        raise ValueError(f"{advice(option)} needs one line of at most {LONGEST[option]} characters")
