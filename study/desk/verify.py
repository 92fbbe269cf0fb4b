"""Whether everything is as it was left: files, rows, outputs, image sets, the database itself.

Each thing that is wrong becomes a sentence that says where, what, and what to do. Nothing is
changed but the marks of stimuli, and what mending was asked for.
"""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count, F, Q
from tqdm import tqdm

from benchmarks import datasets, methods, records
from benchmarks.files import write_whole
from study.desk.stimuli import output_of
from study.models import Deed, Rater, Stimulus, Study
from study.models.deeds import By, by_command, note
from study.models.turns import turn

OTHERS = stat.S_IRWXG | stat.S_IRWXO
"""Rights of anybody but the owner."""
RESTORE = "restore it from a backup (docs/operations.md says how)"


@dataclass
class Report:
    """What was looked at, what is wrong with it, and what is worth knowing and does no harm."""

    wrong: list[str] = field(default_factory=list)
    harmless: list[str] = field(default_factory=list)
    mended: list[str] = field(default_factory=list)
    images: int = 0
    outputs: int = 0
    raters: int = 0

    @property
    def sentence(self) -> str:
        """What was looked at, for people."""
        return (
            f"looked at {self.images} images of studies, {self.outputs} outputs and originals, "
            f"{self.raters} raters"
        )


def verify(
    study: Study | None = None, *, mend: bool = False, by: By | None = None, progress: bool = False
) -> Report:
    """Look at everything, or at the rows and files of one ``study``.

    Marks stimuli whose file is missing or altered, and takes the mark from those that are right
    again; both are noted in the log of the studies that show them. With ``mend`` a file whose
    bytes lie in ``OUTPUTS_DIR`` is copied from there. ``by``: who does it; whoever runs the
    command, if not given.
    """
    report, by = Report(), by or by_command()
    report.wrong += _database()
    if study is None:
        report.wrong += _rights()
    _stimuli(report, study, mend=mend, by=by, progress=progress)
    studies = Study.objects.order_by("pk") if study is None else Study.objects.filter(pk=study.pk)
    for each in studies:
        report.wrong += _frozen(each)
        report.wrong += _positions(report, each)
    if study is None:
        report.harmless += _nobodys()
        _made(report, progress=progress)
    return report


def _database() -> Iterator[str]:
    """What SQLite itself finds."""
    if connection.vendor != "sqlite":
        return
    name = connection.settings_dict["NAME"]
    with connection.cursor() as cursor:
        for (said,) in cursor.execute("PRAGMA integrity_check(10)").fetchall():
            if said != "ok":
                yield f"{name}: it is damaged ({said}); {RESTORE}"
        for table, row, parent, _ in cursor.execute("PRAGMA foreign_key_check").fetchmany(10):
            yield f"{name}: row {row} of {table} names a row of {parent} that is gone; {RESTORE}"


def _rights() -> Iterator[str]:
    """Files that hold votes or secrets and are not their owner's alone."""
    database = Path(connection.settings_dict["NAME"])
    beside = [database.with_name(f"{database.name}{suffix}") for suffix in ("", "-wal", "-shm")]
    for path in (Path(settings.VAR_DIR), Path(settings.VAR_DIR, "secret_key"), *beside):
        if not path.exists():
            continue
        mode, right = stat.S_IMODE(path.stat().st_mode), "700" if path.is_dir() else "600"
        if mode & OTHERS:
            yield (
                f"{path}: others of this machine may use it (mode {mode:o}), and it holds votes or "
                f"secrets; chmod {right} {path}"
            )


def _stimuli(report: Report, study: Study | None, *, mend: bool, by: By, progress: bool) -> None:
    """The file of every stimulus, beside its row."""
    rows = Stimulus.objects.select_related("source__dataset", "method").order_by("pk")
    if study is not None:
        shown = Q(studystimulus__study=study) | Q(anchor__study=study)
        rows = rows.filter(shown).distinct()
    stimuli = list(rows)
    if stimuli and not Path(settings.STIMULI_DIR).is_dir():
        report.wrong.append(
            f"{settings.STIMULI_DIR}: the folder with {len(stimuli)} images of studies is missing; "
            f"{RESTORE}, or name the right one with STIMULI_DIR"
        )
        return
    report.images = len(stimuli)
    for stimulus in _bar(stimuli, "images of studies", progress):
        fault = _fault(stimulus)
        if fault and mend and _copied(stimulus):
            report.mended.append(f"{stimulus}: {fault} Copied from {output_of(stimulus)}.")
            fault = _fault(stimulus)
        if fault:
            what = "manage.py verify --mend copies it back" if _source(stimulus) else RESTORE
            report.wrong.append(f"{stimulus}: {fault} {what[0].upper()}{what[1:]}.")
        elif stimulus.length != stimulus.path.stat().st_size:
            with turn(), transaction.atomic():
                length = stimulus.path.stat().st_size
                Stimulus.objects.filter(pk=stimulus.pk).update(length=length)
            report.mended.append(f"{stimulus}: the length of its file is written down anew")
        if fault[:200] != stimulus.fault:
            _mark(stimulus, fault, by)


def _fault(stimulus: Stimulus) -> str:
    """What is wrong with the file of a stimulus, as a sentence; empty if nothing is."""
    path = stimulus.path
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return f"The file {path.name} is missing."
    except OSError as error:
        return f"The file {path.name} cannot be read: {error.strerror}."
    if hashlib.sha256(content).hexdigest() == stimulus.sha256:
        return ""
    if stimulus.length not in (None, len(content)):
        return f"The file {path.name} has {len(content)} bytes; {stimulus.length} were kept."
    return f"The file {path.name} holds something else than was kept."


def _source(stimulus: Stimulus) -> bytes | None:
    """The bytes that the file should have, if its output still has them."""
    try:
        content = output_of(stimulus).read_bytes()
    except OSError:
        return None
    return content if hashlib.sha256(content).hexdigest() == stimulus.sha256 else None


def _copied(stimulus: Stimulus) -> bool:
    content = _source(stimulus)
    if content is not None:
        write_whole(stimulus.path, content)
    return content is not None


def _mark(stimulus: Stimulus, fault: str, by: By) -> None:
    """Write down, for each study that shows it, what is wrong with a stimulus or no longer is."""
    kind = Deed.Kind.FAULT if fault else Deed.Kind.MENDED
    told = {"stimulus": stimulus.pk, "sha256": stimulus.sha256, "fault": fault or stimulus.fault}
    with turn(), transaction.atomic():
        Stimulus.objects.filter(pk=stimulus.pk).update(fault=fault[:200])
        shown = Q(studystimulus__stimulus=stimulus) | Q(anchors__stimulus=stimulus)
        for study in Study.objects.filter(shown).order_by("pk").distinct():
            note(kind, by=by, study=study, **told)


def _frozen(study: Study) -> Iterator[str]:
    """A study that was opened shows what it was opened with."""
    checksums = study.stimuli.order_by("sha256").values_list("sha256", flat=True)
    digest = hashlib.sha256("".join(checksums).encode()).hexdigest()
    if study.stimuli_sha256 not in {"", digest}:
        yield (
            f"study {study.slug}: its {len(checksums)} images are not those it was opened with; "
            "restore the database from a backup (docs/operations.md says how)"
        )


def _positions(report: Report, study: Study) -> Iterator[str]:
    """Each rater has voted on every trial up to their position, and on none beyond."""
    raters = Rater.objects.filter(study=study).annotate(
        votes=Count("trial__rating"),
        before=Count("trial__rating", filter=Q(trial__position__lt=F("position"))),
    )
    for rater in raters.order_by("simulated", "number"):
        report.raters += 1
        if not rater.position == rater.votes == rater.before:
            beyond = rater.votes - rater.before
            yield (
                f"{rater}: stands at position {rater.position} with {rater.before} votes before it "
                f"and {beyond} beyond; "
                + (
                    f"manage.py rehearse {study.slug} --replace makes simulated raters anew"
                    if rater.simulated
                    else "restore the database from a backup, or leave this rater out and say so"
                )
            )


def _nobodys() -> Iterator[str]:
    """Files that no row names: left by a command that was stopped, or by an older database."""
    folder = Path(settings.STIMULI_DIR)
    known = set(Stimulus.objects.values_list("sha256", flat=True))
    found = [path for path in folder.rglob("*") if path.is_file() and path.stem not in known]
    if found:
        size = sum(path.stat().st_size for path in found)
        yield (
            f"{folder}: {len(found)} files are no study's ({size / 1e6:.1f} MB, {found[0]} first); "
            "they do no harm and can be deleted while no study is being made"
        )


def _made(report: Report, *, progress: bool) -> None:
    """Outputs beside their records, and image sets beside their manifests."""
    found = records.written(settings.OUTPUTS_DIR)
    for path in _bar(found, "outputs", progress):
        report.outputs += 1
        if said := records.differs(path):
            report.wrong.append(f"{path}: {said}; manage.py generate makes it anew")
    folder = settings.BENCHMARKS_DIR
    for name in datasets.names(folder):
        if not (folder / name).is_dir():
            continue
        for entry in _bar(datasets.manifest(name, folder).images, f"originals of {name}", progress):
            looks = [datasets.load_verified, *[datasets.load_lr] * bool(entry.lr_sha256)]
            for look in looks:
                report.outputs += 1
                try:
                    look(folder, name, entry)
                except ValueError as error:
                    mends = datasets.mends(name, folder)
                    told = "" if mends in str(error) else f"; {mends} brings it"
                    report.wrong.append(f"{error}{told}")
    taken = list(methods.taken(settings.METHODS_DIR))
    for look in _bar(taken, "what was brought of methods", progress):
        report.outputs += 1
        if said := look():
            report.wrong.append(
                f"{said}; restore it from a backup, or remove the method and add it again"
            )


def _bar(things: Iterable[Any], what: str, progress: bool) -> Iterator[Any]:
    yield from tqdm(things, desc=what, disable=not progress, leave=False)
