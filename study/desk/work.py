"""Carrying out one job, in a process of its own: a function for each kind, made of existing verbs.

Each of them finds what is missing, so that a job which was killed is simply begun again.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from benchmarks import datasets, fetch, own_methods, own_models, own_sets
from benchmarks.advice import in_words
from benchmarks.files import is_aside, may_be_image
from benchmarks.progress import Listener
from study.desk import claims, computed, jobs, post, rehearsal, shown, stimuli, uploads
from study.desk.advice import PAGES
from study.desk.exports import Kind as Raters
from study.models import Deed, Job, Study
from study.models.deeds import By, note
from study.models.jobs import TRIES
from study.models.turns import turn

EVERY = 0.5
"""Seconds between two entries of how far a job has come."""
MOST_TOLD = 20
"""Images that could not be used which are named."""
BROUGHT = {
    Job.Kind.FETCH: "set",
    Job.Kind.ADD_SET: "set",
    Job.Kind.ADD_OUTPUTS: "method",
    Job.Kind.ADD_MODEL: "method",
}
"""What comes into the catalogue by a kind of job."""

NO_ROOM = (
    f"the disk that votes are kept on (VAR_DIR) is full: the last {jobs.KEPT_FREE >> 20} MB of it "
    "are left for them. Once there is more room, try again; what was made is kept"
)

PLACES = (
    "BENCHMARKS_DIR", "METHODS_DIR", "OUTPUTS_DIR", "STIMULI_DIR", "PERCEPTUAL_WEIGHTS_DIR",
    "VAR_DIR",
)  # fmt: skip
"""Folders that are told by the name of their setting."""

logger = logging.getLogger(__name__)


def carry_out(
    job: int, *, explain: Callable[[Exception], str], parent: int = 0, say: Listener | None = None
) -> Job | None:
    """Carry a job out and write down what came of it; ``None`` if it is another's, or is over.

    ``explain`` puts into words what is wrong with input, disk or database. ``parent``: the process
    with which this one ends. ``say`` hears how far it is, as the database does.
    """
    held = claims.lock(job)
    if held is None or not claims.claim(job):
        return None
    with held:
        row = Job.objects.select_related("study", "asked_by").get(pk=job)
        rows = Job.objects.filter(pk=job, state=Job.State.RUNNING, holder=row.holder)
        progress = _Progress(rows, parent, say, parts=_parts(row))
        if (row.vain or 0) >= TRIES:
            jobs.end(rows, Job.State.FAILED, _in_vain(row))
            return Job.objects.get(pk=job)
        try:
            with in_words(PAGES):  # where it is read what came of it
                told = KINDS[Job.Kind(row.kind)](row, progress)
            progress.store(over=True)
        except Exception as error:
            jobs.end(rows, Job.State.FAILED, _told(row, _reason(error, explain)))
        else:
            _done(row, rows, told)
        return Job.objects.get(pk=job)


def _in_vain(job: Job) -> str:
    place = f" with {job.least_left} {job.unit} to go" if job.least_left else ""
    kept = "What was uploaded for it" if jobs.uploaded(job) else "What it had made"
    return (
        f"It was begun again and again, and whoever was at it was gone each time{place}: killed "
        "together with the worker, or with the whole machine, as where memory runs out. It is not "
        f"begun once more by itself. {kept} is kept."
    )


def _done(job: Job, rows: QuerySet[Job], told: str) -> None:
    with turn(), transaction.atomic():
        if jobs.end(rows, Job.State.DONE, _told(job, told)) and job.kind in BROUGHT:
            kept = ("name", "title", "license", "source", "scale")
            what = {name: job.what[name] for name in kept if job.what.get(name)}
            note(Deed.Kind.ADDED, by=_by(job), job=job.pk, of=BROUGHT[Job.Kind(job.kind)], **what)


def _reason(error: Exception, explain: Callable[[Exception], str]) -> str:
    """Why a job failed, for whoever asked for it."""
    if isinstance(error, MemoryError):
        return "memory ran out"
    if isinstance(error, ValueError | OSError | DatabaseError):
        return explain(error)
    logger.error("a job failed", exc_info=error)
    return f"a mistake in this program ended it ({type(error).__name__}: {error})"


def _told(job: Job, text: str) -> str:
    """``text`` without places of this server, and as a sentence begins."""
    for folder in [uploads.folder() / name for name in jobs.uploaded(job)]:
        text = text.replace(f"{folder}/", "").replace(str(folder), "what was uploaded")
    for name in PLACES:
        text = text.replace(str(getattr(settings, name)), name)
    first = text.split(" ", 1)[0]  # the name of a set, a method or a file is spelt as it is
    is_name = first.rstrip(":") == job.what.get("name") or "." in first
    return text if is_name else text[:1].upper() + text[1:]


def _by(job: Job) -> By:
    return By(job.asked_by, job.account, job.address)


def _parts(job: Job) -> int:
    """Outputs are read, then measured; images of a set read, then the LR images beside them."""
    return 2 if job.kind == Job.Kind.ADD_OUTPUTS or job.what.get("lr_upload") else 1


class NoRoom(OSError):
    """A disk that is nearly full: no ``ValueError``, which would be taken for what is wrong with an
    image or with votes by whoever tells how far they are.
    """


@dataclass
class _Progress:
    """Writes down how far a job is, now and then: the database's lock is held for no work."""

    rows: QuerySet[Job]
    parent: int
    say: Listener | None
    parts: int = 1
    """In how many parts, each of which counts from nothing, the job is done: those to come are
    taken to be as large as the one at hand, so that what is left never grows.
    """
    part: int = 1
    before: int = 0
    """Done in earlier parts."""
    size: int = 0
    """How many there are in a part, as was heard last."""
    latest: tuple[int, int, str] = (0, 0, "")
    since: tuple[float, int, float] | None = None
    """When the part at hand was begun, what of it was done by then, and which share that is."""
    pace: tuple[float, float | None] | None = None
    """Of the unit in a second, and the seconds that are left, when the last one was done: none are
    told while other parts are to come, which may take longer.
    """
    stored: dict[bool, float] = field(default_factory=dict)
    """When, by whether something new was begun: its name is to be seen however long it takes."""

    def __call__(self, done: int, total: int, what: str, share: float | None = None, /) -> None:
        if done < self.latest[0]:
            self.before += self.latest[1]
            self.part += 1
            self.since = self.pace = None
        self.size = total or self.size
        now = time.monotonic()
        self._look_ahead(now, done, total, share)
        begun, self.latest = what != self.latest[2], (done, total, what)
        if now - self.stored.get(begun, -EVERY) < EVERY:
            return
        self.stored[begun] = now
        if self.say:
            self.say(done, total, what)
        self.store()

    def _look_ahead(self, now: float, done: int, total: int, share: float | None) -> None:
        """How fast it goes since the first one was begun: not what loading a network took."""
        share = done / total if share is None and total else share
        if share is None:
            return
        if self.since is None:
            self.since = now, done, share
        took, were, was = now - self.since[0], done - self.since[1], share - self.since[2]
        if took > 0 and was > 0 and done > self.latest[0]:
            left = took / was * (1 - share) if self.part >= self.parts else None
            self.pace = were / took, left

    def store(self, *, over: bool = False) -> None:
        """Write down what was heard last. Ends this process if the job is not its own any more.

        Raises `NoRoom` once the disk is nearly full, unless all is done (``over``).
        """
        if not over and jobs.has_no_room():
            raise NoRoom(NO_ROOM)
        done, total, what = self.latest
        if not over:
            total = self.size * max(1, self.parts + 1 - self.part)
        rate, left = self.pace or (None, None)
        with turn():
            mine = self.rows.update(
                done=self.before + done, total=self.before + total or None, at_work_on=what[:200],
                seen_at=timezone.now(), rate=rate, seconds_left=left,
            )  # fmt: skip
        if not mine or claims.is_orphan(self.parent):
            sys.exit("somebody else carries this job out by now")


def _without_forecast(progress: Listener) -> Listener:
    """Of things of which those that are done tell nothing about how long the others take."""

    def hear(done: int, total: int, what: str, _share: float | None = None, /) -> None:
        progress(done, total, what, 0.0)

    return hear


def _generate(job: Job, progress: Listener) -> str:
    report = stimuli.make_outputs(
        job.what["sets"], job.what["methods"], progress=progress,
        say=lambda line: progress(0, 0, str(line)),
    )  # fmt: skip
    shown.lay_all(by=_by(job))
    if report.failed:
        more = len(report.failed) - MOST_TOLD
        lines = [*report.failed[:MOST_TOLD], *([f"and {more} more"] if more > 0 else [])]
        images = f"{len(report.failed)} image{'s' * (len(report.failed) > 1)}"
        count = f"{images} could not be used ({report.sentence}):"
        raise ValueError("\n".join([count, *lines]))
    return "\n".join([f"{report.sentence}.", *report.remarks])


def _measure(job: Job, progress: Listener) -> str:
    figures = stimuli.measure(_study(job), by=_by(job), progress=progress)
    return f"{figures} figures are new." if figures else "There was nothing new."


def _fetch(job: Job, progress: Listener) -> str:
    """From what was uploaded, or from the addresses that are known for the set, and no other."""
    name, upload = job.what["name"], job.what.get("upload")
    progress(0, 0, "looking for the images")
    found = fetch.fetch(
        [name],
        source=str(_brought(job, upload)) if upload else None,
        destination=Path(settings.BENCHMARKS_DIR),
        progress=_without_forecast(progress),
        say=lambda line: progress(0, 0, line),
    )[name]
    crops = f"; of {found.crops} there is no more than four divides" if found.crops else ""
    return f"{name} is here, {found.new} of its images are new{crops}."


def _add_set(job: Job, progress: Listener) -> str:
    what, said = job.what, list[str]()
    lr = what.get("lr_upload")
    added = own_sets.add(
        what["name"],
        _brought(job, what["upload"]),
        folder=Path(settings.BENCHMARKS_DIR),
        title=what.get("title") or "",
        license=what.get("license") or "",
        pattern=what.get("pattern") or "",
        scale=what["scale"],
        references=what["references"],
        lr=_brought(job, lr) if lr else None,
        lr_pattern=what.get("lr_pattern") or "",
        as_they_are=bool(what.get("as_they_are")),
        progress=progress,
        say=said.append,
    )
    return _first(said[0].replace(f" in {Path(settings.BENCHMARKS_DIR) / added.name}", ""))


def _add_outputs(job: Job, progress: Listener) -> str:
    what = job.what
    added = own_methods.add(
        what["name"],
        outputs=_brought(job, what["upload"]),
        folder=Path(settings.METHODS_DIR),
        benchmarks_dir=Path(settings.BENCHMARKS_DIR),
        sets=what.get("sets") or None,
        pattern=what.get("pattern") or None,
        title=what.get("title") or None,
        license=what.get("license") or None,
        source=what.get("source") or None,
        as_they_are=bool(what.get("as_they_are")),
        progress=progress,
    )
    # What was brought is copied and measured where outputs are, so that a study can show it.
    folder = Path(settings.BENCHMARKS_DIR)
    sets = [name for name in added.outputs if datasets.is_there(folder, name)]
    report = stimuli.make_outputs(
        sets, [what["name"]], progress=progress, say=lambda line: progress(0, 0, str(line))
    )
    shown.lay_all(by=_by(job))
    if report.failed:
        raise ValueError("\n".join(report.failed[:MOST_TOLD]))
    return "\n".join([_first(added.sentence), *report.remarks])


def _add_model(job: Job, progress: Listener) -> str:
    what = job.what
    progress(0, 0, "trying the network")
    added = own_models.add(
        what["name"],
        model=_file(_brought(job, what["upload"])),
        folder=Path(settings.METHODS_DIR),
        scale=what.get("scale") or None,
        precision=what.get("precision") or "float32",
        title=what.get("title") or None,
        license=what.get("license") or None,
        source=what.get("source") or None,
    )
    return _first(added.sentence)


def _archive(job: Job, progress: Listener) -> str:
    raters = cast("Raters", job.what.get("raters", "people"))
    names, hear = [computed.ARCHIVE], _without_forecast(progress)
    computed.make(_study(job), kind=raters, names=names, progress=hear)
    of = " of simulated raters" * (raters == "simulated")
    return f"The archive{of} can be downloaded on the study's page."


def _rehearse(job: Job, progress: Listener) -> str:
    """Played anew from the start: the same seed gives the same votes."""
    raters, seed = job.what["raters"], job.what["seed"]
    played = rehearsal.rehearse(_study(job), raters=raters, seed=seed, replace=True, by=_by(job))
    progress(0, raters, "")
    for number, rater in enumerate(played, 1):
        progress(number, raters, rater.label)
    return f"{raters} simulated raters have rated the study."


def _mail(job: Job, progress: Listener) -> str:
    return post.send(_study(job), job.what["letters"], progress)


KINDS: dict[Job.Kind, Callable[[Job, Listener], str]] = {
    Job.Kind.GENERATE: _generate,
    Job.Kind.MEASURE: _measure,
    Job.Kind.FETCH: _fetch,
    Job.Kind.ADD_SET: _add_set,
    Job.Kind.ADD_OUTPUTS: _add_outputs,
    Job.Kind.ADD_MODEL: _add_model,
    Job.Kind.ARCHIVE: _archive,
    Job.Kind.REHEARSE: _rehearse,
    Job.Kind.MAIL: _mail,
}
"""What carries each kind out; it returns what is to be told, and raises as the verbs do."""


def _study(job: Job) -> Study:
    if job.study is None:
        raise ValueError("the study is gone")
    return job.study


def _brought(job: Job, upload: str) -> Path:
    """What was uploaded: a folder, or the one file in it that is no image."""
    folder = uploads.folder() / upload
    if upload not in jobs.uploaded(job) or not folder.is_dir():
        raise ValueError("what was uploaded for it is gone; upload it once more")
    there = [path for path in folder.iterdir() if not is_aside(path.name)]
    if len(there) == 1 and there[0].is_file() and not may_be_image(Path(there[0].name)):
        return there[0]
    return folder


def _file(brought: Path) -> Path:
    if not brought.is_file():
        raise ValueError("a model is one file, and there are several; upload that one alone")
    return brought


def _first(sentences: str) -> str:
    """What was done, without the commands that come next."""
    return f"{sentences.partition('. Next: ')[0]}."
