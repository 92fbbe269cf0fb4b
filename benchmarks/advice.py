"""What a refusal advises, in the words of whoever reads it.

A refusal tells what would be right: an option, a command. Somebody at a page has neither, but
fields and buttons that do the same. So a refusal names what it advises, and the words for that are
looked up when it is raised: those of commands, unless it is said that pages are spoken of.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

COMMANDS: Mapping[str, str] = {
    "pattern": "--pattern",
    "LR pattern": "--lr-pattern",
    "LR": "--lr",
    "as they are": "--as-they-are",
    "no originals": "--no-reference",
    "scale": "--scale {scale}",
    "set": "--set",
    "set of name": "--set {name}",
    "title": "--title",
    "license": "--license",
    "mixed scales": "let create_study mix them by --mixed-scales",
    "other methods": "name others by --methods",
    "remove method": "python manage.py remove_method {name}",
    "remove set": "python manage.py remove_set {name}",
    "bring outputs": "python manage.py add_method {name} --outputs FOLDER --set {set}",
    "bring method": "python manage.py add_method",
    "bring set": "python manage.py add_set",
    "bring set of elsewhere": "python manage.py add_set {name} {file}",
    "bring benchmark": "python manage.py fetch_benchmarks {name}",
    "bring benchmarks": "python manage.py fetch_benchmarks",
    "from": " --source DIR-or-URL",
    "get a copy": "get a copy and name its folder: --source FOLDER",
    "mend set": "python manage.py add_set {name} FOLDER{options}, with the images that it was made "
    "from,",
    "make": "python manage.py generate",
    "make these": "python manage.py generate --sets {sets} --methods {methods}",
    "calibration folder": "CALIBRATION_DIR",
}
"""By what is advised. Each of them stands where a noun does, or is what one is to do."""

_words: ContextVar[Mapping[str, str]] = ContextVar("words", default=COMMANDS)


def advice(what: str, **about: object) -> str:
    """The words for ``what``, one of `COMMANDS`, as whoever is spoken to knows it.

    >>> advice("remove set", name="streets")
    'python manage.py remove_set streets'
    """
    return _words.get()[what].format(**about)


@contextmanager
def in_words(words: Mapping[str, str]) -> Iterator[None]:
    """Advise in other words than those of commands; ``words`` has all that `COMMANDS` has.

    >>> with in_words({"make": "a button"}):
    ...     advice("make")
    'a button'
    """
    token = _words.set(words)
    try:
        yield
    finally:
        _words.reset(token)
