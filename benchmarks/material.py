"""Images as people bring them: a folder or an archive, looked through once, within limits.

Nothing that is brought decides where a file is put: what an archive holds is unpacked under numbers
of ours.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import gettempdir
from typing import NamedTuple

from benchmarks import archives
from benchmarks.files import FORMATS, UNREAD, folder_aside, images_below, may_be_image

MOST_LOOKED_AT = 20_000
"""Files and folders in what is brought: the largest sets of the field have some thousands."""

ILLEGIBLE = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""Kinds of signs (Unicode) that are not seen, or change what is seen around them."""


class Found(NamedTuple):
    """A file that may be an image: where it lay in what was brought, and where it can be read."""

    place: PurePosixPath
    path: Path


@contextmanager
def opened(
    source: Path,
    *,
    room: Path | None = None,
    problems: list[str] | None = None,
    others: bool = True,
) -> Iterator[list[Found]]:
    """The files in ``source`` that may be images, readable for the length of a block.

    In the order of their places; at least one. An archive is unpacked in a folder in ``room`` (the
    system's for temporary files, unless given), which is gone when the block ends. A file that
    cannot be taken, wherever it leads to, becomes a line of ``problems``; with ``others`` also an
    image of a format that is not read. Raises ``ValueError`` with a sentence, without ``problems``
    also for these.
    """
    source = source.expanduser()
    told = [] if problems is None else problems
    if source.is_dir():
        yield _checked(source, _in_folder(source, told, others), told, problems is None)
    elif source.is_file() and not may_be_image(PurePosixPath(source.name)):
        with folder_aside((room or Path(gettempdir())) / "unpacked") as unpacked:
            found = sorted(_in_archive(source, unpacked, told, others))
            yield _checked(source, found, told, problems is None)
    else:
        what = "is one image" if source.is_file() else "is not there"
        raise ValueError(f"{source} {what}; name a folder of images, or a zip or tar archive of it")


def _checked(source: Path, found: list[Found], told: list[str], strict: bool) -> list[Found]:
    if strict:
        refuse(str(source), told)
    if not found and not told:
        raise ValueError(f"{source} holds no images; {', '.join(FORMATS)} files are read")
    return found


def _in_folder(source: Path, problems: list[str], others: bool) -> list[Found]:
    found, real = [], source.resolve()

    def place(path: Path) -> PurePosixPath:
        return PurePosixPath(path.relative_to(source).as_posix())

    def lost(path: Path, reason: str) -> None:
        if others or reason != UNREAD:
            problems.append(f"{readable(place(path))} {reason}")

    for path in images_below(source, most=MOST_LOOKED_AT, lost=lost):
        if path.is_symlink() and not path.resolve().is_relative_to(real):
            lost(path, "is a link that leads out of the folder; put the image itself there")
        else:
            found.append(Found(place(path), path))
    return found


def _in_archive(source: Path, unpacked: Path, problems: list[str], others: bool) -> Iterator[Found]:
    def unread(place: str, reason: str) -> None:
        if others:
            problems.append(f"{readable(place.removeprefix(f'{source.name}/'))} {reason}")

    for number, (place, content) in enumerate(archives.images(source, unread=unread)):
        if number == MOST_LOOKED_AT:
            raise ValueError(
                f"{source} holds more than {MOST_LOOKED_AT} images; unpack it and name a folder "
                "of those that are meant"
            )
        name = place.removeprefix(f"{source.name}/")
        if reason := _misplaced(name):
            problems.append(f"{readable(name)} {reason}; pack it again, in plain folders")
        elif content is None:
            problems.append(
                f"{readable(name)} is longer than {archives.LARGEST >> 20} MiB, the most for an "
                "image in an archive"
            )
        else:
            inside = PurePosixPath(name)
            path = unpacked / f"{number:06}{inside.suffix}"
            try:
                path.write_bytes(content.read())
            except OSError as error:
                raise OSError(error.errno, error.strerror, str(path)) from None
            yield Found(inside, path)


def _misplaced(name: str) -> str:
    """What is wrong with where a file in an archive is to lie; empty if nothing is."""
    if (
        name.startswith(("/", "\\"))
        or re.match("[A-Za-z]:", name)
        or ".." in re.split(r"[/\\]", name)
    ):
        return "would lie outside the archive's folder"
    return "has a backslash in its name" if "\\" in name else ""


def refuse(what: str, problems: Sequence[str]) -> None:
    """Raise ``ValueError`` with all of ``problems``, a line each, if there are any.

    >>> refuse("shots", ["a.png is empty"])
    Traceback (most recent call last):
    ValueError: shots was not taken: a.png is empty
    """
    if len(problems) == 1:
        raise ValueError(f"{what} was not taken: {problems[0]}")
    if problems:
        lines = "".join(f"\n  {problem}" for problem in problems)
        raise ValueError(f"{what} was not taken: {len(problems)} problems{lines}")


def matcher(pattern: str) -> Callable[[PurePosixPath], str | None]:
    """The function that says what stands in a place for the ``{}`` of ``pattern``, if it matches.

    ``pattern`` is the whole name of a file, its suffix only where it matters; one with slashes is
    the end of the place. Upper and lower case are one. Raises ``ValueError`` for no pattern.

    >>> matcher("HR/{}_x4")(PurePosixPath("Set5/HR/baby_x4.png"))
    'baby'
    >>> matcher("{}_HR")(PurePosixPath("img_001_LR.png"))
    """
    before, *after = unicodedata.normalize("NFC", pattern).split("{}")
    if len(after) != 1:
        raise ValueError(
            f"the pattern {pattern!r} has {len(after)} places for a name; it needs one {{}}, "
            "as in '{}_HR'"
        )
    ending = PurePosixPath(after[0]).suffix
    ending = ending if may_be_image(PurePosixPath(f"a{ending}")) else ""
    end = after[0].removesuffix(ending)
    whole = re.compile(
        rf"(?:.*/)?{re.escape(before)}([^/]+){re.escape(end)}", re.DOTALL | re.IGNORECASE
    )

    def match(place: PurePosixPath) -> str | None:
        found = whole.fullmatch(stem(place))
        return found[1] if found and ending.lower() in ("", place.suffix.lower()) else None

    return match


def stem(place: PurePosixPath) -> str:
    """A place without its suffix, signs composed (NFC): macOS takes them apart.

    >>> stem(PurePosixPath("HR/cafe\\u0301.PNG")) == "HR/caf\\u00e9"
    True
    """
    return unicodedata.normalize("NFC", place.with_suffix("").as_posix())


def is_legible(text: str) -> bool:
    r"""Whether all of a text can be seen, and stored.

    >>> is_legible("Süße Bilder 東京"), is_legible("a\tb"), is_legible("\udcff")
    (True, False, False)
    """
    return not any(unicodedata.category(sign) in ILLEGIBLE for sign in text)


def readable(place: PurePosixPath | str) -> str:
    r"""A place as it is told to people: what is not legible is spelled out.

    >>> readable("a\n\udcff.png")
    'a\\n\\udcff.png'
    """
    return "".join(
        sign if is_legible(sign) else sign.encode("unicode_escape").decode() for sign in str(place)
    )
