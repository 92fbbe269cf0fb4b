"""What every method of somebody's own has, whatever makes its images: its name, what is told of it.

And the folder of all of them, in which one run at a time changes anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from benchmarks import methods
from benchmarks.advice import advice
from benchmarks.files import sweep, write_whole
from benchmarks.methods import FIRST_OWN_PLACE, OwnMethod

try:
    from fcntl import LOCK_EX, flock
except ImportError:  # Windows: two runs at once are not kept apart there
    flock = None  # type: ignore[assignment]

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,49}")
REFERENCES = ("hr", "reference", "ref", "original", "hidden_reference", "ground_truth", "gt")
"""What tables of ratings call the original: the analysis would take such a method for it."""
MOST_LETTERS = {"title": 100, "license": 200, "source": 500}


def lines(title: str | None, license: str | None, source: str | None) -> dict[str, str]:
    """What is told of a method, by what it is. Raises ``ValueError`` for what is no line."""
    told = {"title": title, "license": license, "source": source}
    return {what: _line(what, text) for what, text in told.items() if text is not None}


def described(name: str, folder: Path, told: Mapping[str, str], kind: str) -> OwnMethod:
    """The method as it is, or as it will be when it is new, with what is ``told`` of it.

    Raises ``ValueError`` for a name that is none or another's, for what is told otherwise already,
    and for a method that is there and is of another ``kind``.
    """
    if not NAME.fullmatch(name):
        raise ValueError(
            f"{name!r} cannot be a method's name: letters, digits, hyphens and underscores, at "
            "most 50, a letter or digit first"
        )
    own = {each.name: each for each in methods.own_methods(folder)}
    names = {each.casefold(): each for each in methods.methods()} | {
        each.casefold(): each for each in own
    }
    there = names.get(name.casefold())
    if name.casefold() in REFERENCES:
        raise ValueError(f"{name!r} cannot be a method's name: it stands for the original")
    if there is not None and there not in own:
        raise ValueError(f"there is a built-in method {there}; give yours another name")
    if there not in (None, name):
        raise ValueError(f"there is a method {there} already, in another case; use one of them")
    if there is None and (folder / name).exists():
        raise ValueError(f"{folder / name} is in the way, and is no method: move it elsewhere")
    place = max((each.place for each in own.values()), default=FIRST_OWN_PLACE - 1) + 1
    before = own.get(name) or OwnMethod(name, told.get("title", name), place, kind=kind)
    if before.kind != kind:
        raise ValueError(
            f"{name} is there already, and is no method of this kind ({before.kind}, not {kind}); "
            f"{advice('remove method', name=name)}, and add it again, or give this another name"
        )
    for what, text in told.items():
        if getattr(before, what) not in ("", text):
            raise ValueError(
                f"the {what} of {name} is {getattr(before, what)!r}, not {text!r}; "
                f"{advice('remove method', name=name)}, and add it again"
            )
    _check_title(name, before.title, folder)
    return replace(
        before,
        license=told.get("license", before.license),
        source=told.get("source", before.source),
    )


def tell(name: str, folder: Path, *, title: str, license: str, source: str) -> OwnMethod:
    """Tell otherwise of a method that is there; what it was told before, as it was.

    A license or source that is empty is none. Raises ``ValueError`` for what is no line, a title
    that another one has, and a method that is not there.
    """
    told = lines(title, license or None, source or None)
    with alone(folder):
        own = {each.name: each for each in methods.own_methods(folder)}
        if name not in own:
            raise ValueError(f"there is no method of your own called {name!r}")
        _check_title(name, told["title"], folder)
        now = replace(
            own[name],
            title=told["title"],
            license=told.get("license", ""),
            source=told.get("source", ""),
        )
        write_whole(folder / name / methods.OWN, methods.as_json(now).encode())
    return own[name]


def _check_title(name: str, title: str, folder: Path) -> None:
    for other in methods.methods(folder).values():
        if other.name != name and other.title.casefold() == title.casefold():
            raise ValueError(
                f"{other.name} has the title {other.title!r}, and tables could not tell the two "
                f"apart; give yours another by {advice('title')}"
            )


def following(name: str, sets: str = "SET") -> str:
    """What comes after a method was taken, for people."""
    chosen = f"--sets {sets} --methods {name}"
    return (
        f"Next: python manage.py generate {chosen}, then python manage.py create_study SLUG "
        f"{chosen} ..."
    )


def _line(what: str, text: str) -> str:
    """A line about a method. Raises ``ValueError`` if it is not one, or too long."""
    text = text.strip()
    if not text or not text.isprintable() or len(text) > MOST_LETTERS[what]:
        raise ValueError(
            f"the {what} of a method is one line of at most {MOST_LETTERS[what]} letters"
        )
    return text


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """The only run that changes the methods in ``folder``, which is made; others wait.

    What killed runs left there goes. Raises ``ValueError`` if the folder cannot be used.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / ".lock").open("wb")
    except OSError as error:
        raise ValueError(
            f"{folder} cannot be written to: {error.strerror}; METHODS_DIR names the folder of "
            "your own methods"
        ) from None
    with file:
        if flock is not None:
            flock(file, LOCK_EX)
        sweep(folder)
        yield
