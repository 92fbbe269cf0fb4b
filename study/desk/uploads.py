"""What people upload, until a job has taken it in: a folder for each upload, its owner's alone.

An upload, ``VAR_DIR/uploads/ID/``, grows file by file and each file piece by piece, so that it can
break off anywhere and go on. It holds the files that are whole, in the folders in which they lay;
beside it, in ``.ID/``, ``known/`` says of each file what it is to be, and ``parts/`` holds those
that are not whole. Nothing of it is in the catalogue: only a job brings something there, by the
verbs that the commands use.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import re
import secrets
import shutil
import time
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from django.conf import settings

from benchmarks.files import is_aside, may_be_image, remove_folder, write_whole
from benchmarks.material import MOST_LOOKED_AT, is_legible, readable

if TYPE_CHECKING:
    from django.contrib.auth.models import User

MOST_FILES = MOST_LOOKED_AT
"""In one upload: no more are looked at."""
LONGEST_PART, DEEPEST = 200, 8
"""Bytes of a file's name or a folder's, and folders that lie in one another."""
KEPT_FREE = 512 << 20
"""Bytes of the disk that uploads leave alone: votes need some."""
KEPT_FOR = 24 * 3600
"""Seconds after its last piece that an upload waits to be gone on with or used."""
LEFT_ALONE = 600
"""Seconds after its last piece that an upload is offered where its form is opened anew: until then
another window may be at it."""
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
BESIDE = ("Thumbs.db", "desktop.ini")
"""What Windows puts into folders of images."""
NAMES = re.compile(r"[0-9a-f]{32}")


class NotTaken(ValueError):
    """Why something was not taken, as a sentence; ``there``: bytes of the file that are."""

    def __init__(self, said: str, *, status: int = 400, there: int | None = None) -> None:
        super().__init__(said)
        self.status = status
        self.there = there


@dataclass(frozen=True)
class File:
    """A file of an upload: what it is to be, and how many bytes of it are there."""

    place: str
    """Its name, with the folders it lay in."""
    size: int
    mark: str
    """By what the browser would know that it was changed: another one is another file."""
    there: int

    @property
    def whole(self) -> bool:
        """Whether all of it is there."""
        return self.there == self.size


def folder() -> Path:
    """Where all uploads lie."""
    return Path(settings.VAR_DIR) / "uploads"


def begin(owner: User, of: str = "") -> str:
    """A new, empty upload of somebody's, for the field ``of`` of a form; its id.

    Raises :class:`NotTaken` on a full disk.
    """
    _check_room(0)
    name = secrets.token_hex(16)
    told = {"owner": owner.pk, "account": owner.get_username(), "of": of[:50]}
    told |= {"files": 0, "bytes": 0}
    try:
        write_whole(_notes(name) / "told.json", json.dumps(told).encode())
        (folder() / name).mkdir()
    except OSError as error:
        forget(name)
        raise full(error) from error
    return name


def take(
    upload: str, *, owner: User, name: str, size: int, mark: str, offset: int, piece: bytes
) -> int:
    """Take the bytes from ``offset`` on of the file ``name``, of ``size`` in all; how many are
    there now.

    Raises :class:`NotTaken`; what was there of the file stays. With the status 409 it says from
    where to go on.
    """
    home, place = _home(upload, owner), clean(name)
    with _alone(home):
        part, whole = home / "parts" / _key(place), folder() / upload / place
        known = _known(home, place)
        if known is None or (known.size, known.mark) != (size, mark[:100]):
            if offset:
                raise NotTaken(f"the file {readable(place)} begins anew", status=409, there=0)
            _expect(home, known, File(str(place), size, mark[:100], 0))
            there = 0
        else:
            there = known.there
        if offset != there:
            raise NotTaken(f"the file {readable(place)} goes on elsewhere", status=409, there=there)
        if offset + len(piece) > size:
            raise NotTaken(
                f"the file {readable(place)} is longer than the {size} bytes that were announced"
            )
        _check_room(len(piece))
        last = there + len(piece) == size
        try:
            _append(part, piece, there, last)
            if last and not whole.exists():
                _settle(part, whole)
        except OSError as error:
            raise full(error) from error
    return there + len(piece)


def take_whole(upload: str, *, owner: User, name: str, path: Path) -> None:
    """Take a file that has arrived in one go; ``path`` leads to it no more then.

    Raises :class:`NotTaken`; of two files of one name too.
    """
    home, place = _home(upload, owner), clean(name)
    with _alone(home):
        if _known(home, place) is not None:
            raise NotTaken(f"the file {readable(place)} is there twice; leave one of them out")
        _expect(home, None, File(str(place), path.stat().st_size, "", 0))
        try:
            _settle(path, folder() / upload / place)
        except OSError as error:
            raise full(error) from error


def files(upload: str, owner: User) -> list[File]:
    """What is there, whole or not, in the order of the names."""
    home = _home(upload, owner)
    return [_of(home, path) for path in sorted((home / "known").glob("*"))]


def finish(upload: str, owner: User) -> None:
    """See that all of it is there, for a job: images in folders, or one file that is no image.

    Raises :class:`NotTaken` if a file is not whole, there is none, or an archive is not alone.
    """
    found = files(upload, owner)
    lacking = [each.place for each in found if not each.whole]
    if lacking:
        raise NotTaken(
            f"the file {readable(lacking[0])} is not whole yet"
            + (f", nor are {len(lacking) - 1} others" if len(lacking) > 1 else "")
            + "; send the rest, or start again"
        )
    if not found:
        raise NotTaken("there is no file; choose at least one")
    images = [each for each in found if may_be_image(PurePosixPath(each.place))]
    if not images and len(found) > 1:
        raise NotTaken(
            f"the file {readable(found[0].place)} and {len(found) - 1} more are no images; bring "
            "images, or one archive alone"
        )
    if not images and "/" in found[0].place:
        raise NotTaken(
            f"the file {readable(found[0].place)} lies in a folder; bring the file alone"
        )


def is_there(upload: str, owner: User) -> bool:
    """Whether somebody has such an upload."""
    try:
        _home(upload, owner)
    except NotTaken:
        return False
    return True


def left(owner: User, of: str, *, needed: set[str]) -> str:
    """The latest upload for the field ``of`` that somebody left behind; empty if there is none.

    That is one of files, which nobody has gone on with for a while, and none of ``needed``, which
    jobs have.
    """
    found = []
    for home in folder().glob(".*"):
        name = home.name.removeprefix(".")
        if NAMES.fullmatch(name) is None or name in needed or not (home / "lock").exists():
            continue
        told, since = _told(home), (home / "lock").stat().st_mtime
        mine = (told.get("owner"), told.get("of")) == (owner.pk, of)
        if mine and told["files"] and time.time() - since > LEFT_ALONE:
            found.append((since, name))
    return max(found, default=(0, ""))[1]


def forget(upload: str) -> None:
    """Remove an upload, whole or not; nothing if it is gone already."""
    if NAMES.fullmatch(upload):
        for place in (_notes(upload), folder() / upload):
            with suppress(FileNotFoundError):
                remove_folder(place)


def forget_old(needed: set[str]) -> int:
    """Remove uploads that nobody has gone on with for a day, but ``needed`` ones; how many."""
    gone = 0
    every = folder().iterdir() if folder().is_dir() else ()
    for upload in {path.name.removeprefix(".") for path in every}:
        if not NAMES.fullmatch(upload) or upload in needed:
            continue
        there = [path for path in (folder() / upload, _notes(upload)) if path.exists()]
        looked_at = [*there, *(each for path in there for each in path.glob("*"))]
        if time.time() - max(path.stat().st_mtime for path in looked_at) > KEPT_FOR:
            forget(upload)
            gone += 1
    return gone


def clean(name: str) -> PurePosixPath:
    """The place of a file inside its upload, from what a browser calls it.

    Raises :class:`NotTaken` for a name that leads out, or that is none.

    >>> clean("Set5/baby.png")
    PurePosixPath('Set5/baby.png')
    >>> clean("../baby.png")
    Traceback (most recent call last):
    study.desk.uploads.NotTaken: '../baby.png' is no name of a file inside a folder; rename it
    """
    parts = unicodedata.normalize("NFC", name).split("/")
    fits = all(
        part and part == part.strip() and not is_aside(part) and set(part) - {"."}
        and len(part.encode(errors="replace")) <= LONGEST_PART
        for part in parts
    )  # fmt: skip
    if not fits or "\\" in name or not is_legible(name) or len(parts) > DEEPEST:
        raise NotTaken(f"'{readable(name)}' is no name of a file inside a folder; rename it")
    return PurePosixPath(*parts)


def is_kept(name: str) -> bool:
    """Whether a file of this name is meant: not what systems put beside people's files.

    >>> is_kept("photos/.DS_Store"), is_kept("photos/a.png"), is_kept("../a.png")
    (False, True, True)
    """
    parts = name.split("/")
    return not any(map(is_aside, parts)) and parts[-1] not in BESIDE


def aside(upload: str) -> Path:
    """Where a file may be written that is to be taken whole; it goes with its upload."""
    place = _notes(upload) / "parts"
    place.mkdir(exist_ok=True)
    return place / f"{secrets.token_hex(16)}.whole"


def _notes(upload: str) -> Path:
    return folder() / f".{upload}"


def _home(upload: str, owner: User) -> Path:
    """Where it is written down what comes, if it is this person's and not gone."""
    home = _notes(upload)
    told = _told(home) if NAMES.fullmatch(upload) else {}
    if told.get("owner") != owner.pk or not (folder() / upload).is_dir():
        raise NotTaken("there is no such upload any more; choose the files again", status=404)
    return home


def _files(home: Path) -> Path:
    return home.with_name(home.name.removeprefix("."))


def _told(home: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((home / "told.json").read_bytes())
    except FileNotFoundError:
        return {}
    return found


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """One piece after another, in whatever processes they come."""
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        os.utime(home / "lock")
        yield


def _key(place: PurePosixPath) -> str:
    """Upper and lower case are one, as they are on many disks."""
    return hashlib.sha256(str(place).casefold().encode()).hexdigest()[:32]


def _known(home: Path, place: PurePosixPath) -> File | None:
    path = home / "known" / _key(place)
    if not path.is_file():
        return None
    found = _of(home, path)
    if found.place != str(place):
        raise NotTaken(
            f"the file {readable(found.place)} and {readable(place)} differ in upper and lower "
            "case alone; rename one of them"
        )
    return found


def _of(home: Path, path: Path) -> File:
    place, size, mark = json.loads(path.read_bytes())
    for where in (_files(home) / place, home / "parts" / path.name):
        with suppress(FileNotFoundError, NotADirectoryError):
            return File(place, size, mark, where.stat().st_size)
    return File(place, size, mark, 0)


def _expect(home: Path, before: File | None, file: File) -> None:
    """Write down that a file comes, in the place of another one of its name."""
    told = _told(home)
    files = told["files"] + (before is None)
    size = told["bytes"] + file.size - (before.size if before else 0)
    most = settings.UPLOAD_LIMIT_GB << 30
    if files > MOST_FILES:
        raise NotTaken(f"more than {MOST_FILES} files; bring an archive of them", status=413)
    if size > most or file.size < 0:
        raise NotTaken(
            f"with {readable(file.place)} it would be more than {settings.UPLOAD_LIMIT_GB} GB, the "
            "most for an upload (UPLOAD_LIMIT_GB)",
            status=413,
        )
    _check_room(file.size)
    key = _key(PurePosixPath(file.place))
    try:
        for old in (_files(home) / file.place, home / "parts" / key):
            with suppress(FileNotFoundError):
                old.unlink()
        write_whole(home / "told.json", json.dumps(told | {"files": files, "bytes": size}).encode())
        known = json.dumps([file.place, file.size, file.mark]).encode()
        write_whole(home / "known" / key, known)
    except OSError as error:
        raise full(error) from error


def _settle(part: Path, whole: Path) -> None:
    try:
        whole.parent.mkdir(parents=True, exist_ok=True)
        part.replace(whole)
    except (FileExistsError, NotADirectoryError, IsADirectoryError):
        raise NotTaken(
            f"the file {readable(whole.name)} is a folder and a file; rename one of them"
        ) from None


def _append(part: Path, piece: bytes, there: int, last: bool) -> None:
    """Write a piece behind those that are there, all of it or none."""
    part.parent.mkdir(exist_ok=True)
    with part.open("ab", buffering=0) as file:
        try:
            rest = memoryview(piece)
            while rest:
                rest = rest[file.write(rest) :]
            if last:
                os.fsync(file.fileno())
        except OSError:
            file.truncate(there)
            raise


def _check_room(more: int) -> None:
    folder().mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder()).free
    if free < more + KEPT_FREE:
        raise NotTaken(
            f"the disk has no room for it: {free >> 20} MB are free, {KEPT_FREE >> 20} of which "
            "are left for votes; make room and send it again, what is there already stays",
            status=507,
        )


def full(error: OSError) -> Exception:
    """What to raise of a write that failed: a sentence, if for want of room."""
    if error.errno not in FULL:
        return error
    return NotTaken(
        "the disk is full; make room and send it again, what is there already stays", status=507
    )
