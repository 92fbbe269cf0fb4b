"""Images as people bring them: a folder or an archive, looked through once, within limits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from benchmarks.files import images_below

MOST_LOOKED_AT = 20_000
"""Files and folders in what is brought: the largest sets of the field have some thousands."""


class Found(NamedTuple):
    """A file that may be an image: where it lay in what was brought, and where it can be read."""

    place: PurePosixPath
    path: Path


@contextmanager
def opened(source: Path) -> Iterator[list[Found]]:
    """The files in ``source`` that may be images, readable for the length of a block.

    In the order of their places. Raises ``ValueError`` with a sentence.
    """
    files = images_below(source, most=MOST_LOOKED_AT)
    yield [Found(PurePosixPath(path.relative_to(source).as_posix()), path) for path in files]


def refuse(what: str, problems: Sequence[str]) -> None:
    """Raise ``ValueError`` with all of ``problems``, a line each, if there are any."""
    if problems:
        number = f"{len(problems)} problem{'s' * (len(problems) > 1)}"
        raise ValueError(
            f"{what} was not taken: {number}\n" + "\n".join(f"  {p}" for p in problems)
        )
