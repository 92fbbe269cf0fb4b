"""What is computed from votes, computed once for a state of the votes and kept for everybody.

Tables, figures and archives are files below ``VAR_DIR/computed``, by study, kind of raters and a
mark of the votes, where all processes of the site find them. A small study's are computed when they
are asked for. A larger one's are made by a process of their own at the lowest priority, one at a
time: raters do not wait for a researcher, and a page shows the last figures with their age. Its
archive is a job, if a worker is there.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from benchmarks.files import write_whole
from benchmarks.progress import Progress
from study.desk import archive, by_image, claims, exports, jobs, results, studies
from study.desk.exports import Kind
from study.models import Job, Rating, Study
from study.models.deeds import By
from study.site.computed import folder

try:
    from fcntl import LOCK_EX, LOCK_NB, flock
except ImportError:  # Windows: two may compute the same, and one file takes the other's place
    flock = None  # type: ignore[assignment]

SMALL = 1000
"""Ratings up to which a request computes what it shows: well below a second."""
PATIENCE = 0.1
"""Seconds that a request waits for the process that computes what it asked for: the page that comes
instead asks again by itself, and no thread of the server waits for a computation."""
DRAWN = 4.0
"""The same for a figure on a page: an image cannot ask again."""
LOOK_AGAIN = 0.05
RETRY = timedelta(minutes=1)
"""After this a computation that failed is tried again."""
KEPT = 2
"""States of the votes whose files are kept: the newest, and the one that a page may show."""

PAGE = "page.json"
BY_IMAGE = "by_image.json"
ARCHIVE = "archive.zip"
ON_PAGE = (PAGE, *(f"{name}.svg" for name in exports.FIGURES))
"""What a study's page consists of; made together."""


@dataclass(frozen=True)
class Made:
    """A file that was computed, for a state of the votes that may not be the present one."""

    path: Path
    current: bool

    @property
    def mark(self) -> str:
        """Which state of the votes it was computed from."""
        return self.path.parent.name

    @property
    def at(self) -> datetime:
        """When it was computed."""
        return datetime.fromtimestamp(self.path.stat().st_mtime, UTC)


class Failed(Exception):
    """A computation ended without its file; the server's log says why."""


def names() -> list[str]:
    """The files that can be asked for."""
    return list(_makers())


def _makers(progress: Progress = False) -> dict[str, Callable[[Study, Kind], bytes]]:
    """For each file what makes it; ``progress`` hears of the steps of an archive.

    Raises ``ValueError`` where there is nothing to make it of.
    """
    makers: dict[str, Callable[[Study, Kind], bytes]] = {
        PAGE: results.page_json,
        BY_IMAGE: by_image.by_image_json,
        "ratings.csv": lambda study, kind: exports.ratings(study, kind=kind).encode(),
        ARCHIVE: lambda study, kind: archive.archive(study, kind=kind, progress=progress),
    }
    for extension, form in exports.TABLE_FORMATS.items():
        makers[f"results.{extension}"] = _table(form)
    for name in exports.FIGURES:
        for extension in exports.FIGURE_FORMATS:
            makers[f"{name}.{extension}"] = _figure(name, extension)
    return makers


def _table(form: str) -> Callable[[Study, Kind], bytes]:
    def made(study: Study, kind: Kind) -> bytes:
        if form == "xlsx":
            (workbook,) = exports.files(study, kind=kind, form=form).values()
            return workbook
        return exports.table(study, kind=kind, form=form).encode()

    return made


def _figure(name: str, extension: str) -> Callable[[Study, Kind], bytes]:
    return lambda study, kind: exports.figure(study, kind=kind, name=name, form=extension)


def mark_of(study: Study, kind: Kind, name: str) -> str:
    """The state that ``name`` is computed from: the votes, for an archive the log and plans too."""
    return archive.mark(study, kind=kind) if name == ARCHIVE else exports.mark(study, kind=kind)


def ask(
    study: Study, *, kind: Kind, name: str, patience: float = PATIENCE, by: By | None = None
) -> Made | None:
    """The file ``name`` for the present state of the votes, for a request that must not take long.

    ``None`` if it is being made and was not there within ``patience`` seconds; ``by`` asks for the
    job, where it is one. Raises
    ``ValueError`` if there is nothing to make it of, :class:`Failed` if making it failed just now.
    """
    mark = mark_of(study, kind, name)
    made = _at(study, kind, mark, name)
    if made is None and _is_small(study, kind):
        make(study, kind=kind, names=[name])
        return last(study, kind=kind, name=name)
    until = time.monotonic() + patience
    process, job = None, None if made else _job(study, kind, name, by)
    while made is None:
        if process is None and job is None and not _at_work(study, kind):
            process = _start(study, kind, ON_PAGE if name in ON_PAGE else [name])
        if time.monotonic() >= until:
            return None
        time.sleep(LOOK_AGAIN)
        made = _at(study, kind, mark, name)
        if process is not None and process.poll() is not None:
            process = None
    return made


def _job(study: Study, kind: Kind, name: str, by: By | None) -> Job | None:
    """The job that makes the file, if that is long work and somebody is there to do it.

    Raises :class:`Failed` if it failed or was cancelled just now.
    """
    if name != ARCHIVE or not claims.worker_is_there():
        return None
    before = study.jobs.filter(kind=Job.Kind.ARCHIVE, ended_at__gt=timezone.now() - RETRY)
    for job in before.exclude(state=Job.State.DONE):
        if job.what == {"raters": kind}:
            raise Failed(f"{name} was not made: {job.told or job.get_state_display().lower()}")
    return jobs.ask(Job.Kind.ARCHIVE, by=by or By(), study=study, raters=kind)


def job_of(study: Study, kind: Kind, name: str) -> Job | None:
    """The job that is at ``name`` or will be, if it is one."""
    due = study.jobs.filter(kind=Job.Kind.ARCHIVE, state__in=[Job.State.WAITING, Job.State.RUNNING])
    return next((job for job in due if name == ARCHIVE and job.what == {"raters": kind}), None)


def last(study: Study, *, kind: Kind, name: str, mark: str = "") -> Made | None:
    """The newest file of that name, or that of ``mark``; ``None`` if there is none."""
    present = mark_of(study, kind, name)
    if mark:
        path = folder(study.pk) / kind / Path(mark).name / name
        return Made(path, current=mark == present) if path.is_file() else None
    states = _states(study, kind, present)
    found = [state / name for state in states if (state / name).is_file()]
    return Made(found[0], current=found[0].parent.name == present) if found else None


def newest(study: Study, *, kind: Kind, name: str) -> Path | None:
    """The newest file of that name, whatever was voted since; ``None`` if there is none.

    As :func:`last`, without counting the votes: that takes long in a large study.
    """
    states = _states(study, kind, exports.deletions(study))
    return next((state / name for state in states if (state / name).is_file()), None)


def renew(study: Study, *, kind: Kind, name: str) -> None:
    """Have the file ``name`` made for the present votes, and do not wait for it.

    Of a small study it is made at once. Raises ``ValueError`` and :class:`Failed` as :func:`ask`.
    """
    ask(study, kind=kind, name=name, patience=0)


def make(study: Study, *, kind: Kind, names: Sequence[str], progress: Progress = False) -> None:
    """Make those of the files ``names`` that are not there for the present state of the votes.
    ``progress`` hears of the steps of an archive.

    Waits while another process computes for the same. Raises ``ValueError`` as the first of them
    that cannot be made does; the others are made all the same.
    """
    problem: ValueError | None = None
    with _alone(study, kind):
        for name in names:
            mark = mark_of(study, kind, name)
            path = folder(study.pk) / kind / mark / name
            if path.is_file():
                continue
            try:
                write_whole(path, _makers(progress)[name](study, kind))
            except ValueError as error:
                _tell(path, f"ValueError {error}")
                problem = problem or error
            except Exception:
                _tell(path, "Failed")
                raise
            else:
                _tell(path, "")
            _sweep(study, kind, mark)
    if problem:
        raise problem


def taken(study: Study, *, kind: Kind, name: str, by: By | None = None) -> bytes:
    """The content of the file ``name``, made if it is not there, taken away and noted.

    Raises ``ValueError`` as :func:`make` does.
    """
    make(study, kind=kind, names=[name])
    content = (folder(study.pk) / kind / mark_of(study, kind, name) / name).read_bytes()
    if kind == "people":
        studies.look(study, by=by, file=name)
    return content


def _at(study: Study, kind: Kind, mark: str, name: str) -> Made | None:
    path = folder(study.pk) / kind / mark / name
    if path.is_file():
        return Made(path, current=True)
    problem = _problem_file(path)
    if not problem.is_file():
        return None
    what, _, why = problem.read_text().partition(" ")
    if what == "ValueError":
        raise ValueError(why)
    if timezone.now() - datetime.fromtimestamp(problem.stat().st_mtime, UTC) < RETRY:
        raise Failed(f"{name} of {study.slug} could not be made; the server's log says why")
    return None


def _problem_file(path: Path) -> Path:
    return path.with_name(f"{path.name}.problem")


def _tell(path: Path, problem: str) -> None:
    """Leave word for those who wait for the file of ``path`` in other processes."""
    if problem:
        write_whole(_problem_file(path), problem.encode())
    else:
        _problem_file(path).unlink(missing_ok=True)


def _is_small(study: Study, kind: Kind) -> bool:
    counted = Rating.objects.counted().of(study, simulated=kind == "simulated")
    return counted.order_by()[: SMALL + 1].count() <= SMALL


def _states(study: Study, kind: Kind, present: str) -> list[Path]:
    """The folders of states since the latest deletion of anybody's answers, the newest first."""
    since = present.partition("-")[0]
    found = (folder(study.pk) / kind).glob(f"{since}-*")
    return sorted(found, key=lambda state: state.stat().st_mtime, reverse=True)


def _sweep(study: Study, kind: Kind, present: str) -> None:
    """Remove the files of states that no page shows any more."""
    states = _states(study, kind, present)
    older = [state for state in states if state.name != present][KEPT:]
    deleted = [s for s in (folder(study.pk) / kind).iterdir() if s not in states]
    for state in (*older, *deleted):
        shutil.rmtree(state, ignore_errors=True)


@contextmanager
def _alone(study: Study, kind: Kind) -> Iterator[None]:
    """The only computation for this study's raters of that kind, in whichever process.

    A few people's figures take a moment and are made while somebody waits: not behind those of a
    large rehearsal of the same study.
    """
    folder(study.pk).mkdir(parents=True, exist_ok=True)
    with _lock(study, kind).open("wb") as file:
        if flock is not None:
            flock(file, LOCK_EX)
        yield


def _lock(study: Study, kind: Kind) -> Path:
    return folder(study.pk) / f"lock-{kind}"


def _at_work(study: Study, kind: Kind) -> bool:
    """Whether a process computes for this study's raters of that kind."""
    path = _lock(study, kind)
    if flock is None or not path.is_file():
        return False
    with path.open("wb") as file:
        try:
            flock(file, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _start(study: Study, kind: Kind, names: Sequence[str]) -> subprocess.Popen[bytes]:
    """A process that makes ``names`` at the lowest priority and outlives this request."""
    nice = [found, "-n", "19"] if (found := shutil.which("nice")) else []
    return subprocess.Popen(
        [*nice, sys.executable, str(Path(settings.BASE_DIR) / "manage.py"), "compute", study.slug,
         "--raters", kind, "--only", *names],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
