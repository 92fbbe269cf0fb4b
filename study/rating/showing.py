"""An image on its way to a rater: whether it may be seen, whether it is right, and how it is sent.

What is sent is the stimulus, byte for byte, with one more chunk before its end: random bytes, as
many as make every version of a source in the study equally long, and some for the longest too. A
decoder passes over the chunk; whoever sees lengths alone cannot tell the versions apart, and two
raters who compare what they got see two files.
"""

from __future__ import annotations

import hashlib
import logging
import os
import random
import zlib
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.crypto import salted_hmac

from study.models import Deed, Rater, Stimulus, Study, Trial, steps
from study.models.deeds import By, note
from study.models.turns import turn
from study.rating import sessions

log = logging.getLogger(__name__)

PADDING = b"raNd"
"""Ancillary, private, safe to copy: a decoder that does not know the chunk passes over it."""
FRAME = 12
"""Bytes of a chunk beside its content: length, type, checksum."""
LEAST = 16
"""Bytes of noise in any file: without them the longest version alone would be alike for all."""
END = b"\0\0\0\0IEND\xaeB`\x82"
"""How every PNG ends."""
SERVER = By(account="server")


class Faulty(Exception):
    """A stimulus whose file is not what the study was opened with; the text says in what way."""


def due(rater: Rater, token: str) -> Trial | None:
    """The trial that ``token`` names, if this rater's browser may have its image now.

    It may have those of an open study that are due or come next, in a session that has begun, and
    none once the rater has ended.
    """
    found = Trial.objects.select_related("stimulus", "rater__study").filter(
        ~Q(rater__stage__in=Rater.ENDED),
        rater=rater,
        rater__study__state=Study.State.OPEN,
        token=token,
        position__lt=F("rater__position") + sessions.AHEAD,
        session__started_at__isnull=False,
    )
    texts = ("rater__study__consent", "rater__study__instructions", "rater__proof")
    return found.defer(*texts).order_by().first()


def image(trial: Trial) -> bytes:
    """The PNG of ``trial`` as its rater gets it, the same at every request.

    Raises :class:`Faulty` where the file is not the one that was kept, and marks the stimulus; the
    mark goes when the file is right again.
    """
    stimulus, study = trial.stimulus, trial.rater.study
    try:
        content = content_of(stimulus)
    except Faulty as fault:
        _mark(stimulus, study, str(fault))
        raise
    if stimulus.fault:
        _mark(stimulus, study, "")
    whole = _lengths(study).get(stimulus.source_id) or len(content) + FRAME + LEAST
    return _padded(content, whole, trial.token)


def sent(trial: Trial) -> None:
    """The image of ``trial`` is on its way: the first time is written down."""
    if trial.delivered_at is None:
        with turn():
            steps.delivered(trial.pk, timezone.now())


# ---- Equally long ----


def _padded(content: bytes, whole: int, token: str) -> bytes:
    """``content`` with a chunk of noise before its end, ``whole`` bytes in all.

    The noise follows from the trial and this site's secret. As much of it is made and summed up
    as the whole file is long, so that the time to answer does not tell how much was needed.
    """
    seed = salted_hmac("study.rating.showing", token, algorithm="sha256").digest()
    noise = random.Random(seed).randbytes(whole)
    length = max(0, whole - len(content) - FRAME)
    check = zlib.crc32(noise[:length], zlib.crc32(PADDING))
    zlib.crc32(noise[length:])
    chunk = length.to_bytes(4, "big") + PADDING + noise[:length] + check.to_bytes(4, "big")
    return content.removesuffix(END) + chunk + END


def _lengths(study: Study) -> dict[int, int]:
    """By source, the length to which every version of it is brought in ``study``, bytes."""
    try:
        return _fixed(study.pk, study.opened_at)
    except Faulty:  # a file is missing whose length nobody has written down: known when it is back
        return _measured(study.pk, strict=False)


@lru_cache(maxsize=64)
def _fixed(study_id: int, opened_at: datetime | None) -> dict[int, int]:
    """What opening a study has fixed, read once in each process. Raises :class:`Faulty`."""
    return _measured(study_id, strict=True)


def _measured(study_id: int, *, strict: bool) -> dict[int, int]:
    shown = Q(studystimulus__study=study_id) | Q(anchor__study=study_id)
    lengths: dict[int, int] = {}
    for stimulus in Stimulus.objects.filter(shown).order_by("pk").distinct():
        try:
            length = stimulus.length or len(content_of(stimulus))
        except Faulty:
            if strict:
                raise
            continue
        source = stimulus.source_id
        lengths[source] = max(lengths.get(source, 0), length + FRAME + LEAST)
    return lengths


# ---- Right ----

_right: dict[Path, tuple[int, ...]] = {}
"""Files whose checksum this process has found right, with what would change if they did."""


def content_of(stimulus: Stimulus) -> bytes:
    """The content of the file. Raises :class:`Faulty` with a sentence for any but the one kept."""
    path = stimulus.path
    try:
        with path.open("rb") as file:
            told = os.fstat(file.fileno())
            content = file.read()
    except FileNotFoundError:
        raise Faulty(f"The file {path.name} is missing.") from None
    except OSError as error:
        raise Faulty(f"The file {path.name} cannot be read: {error.strerror}.") from None
    if not content:
        raise Faulty(f"The file {path.name} is empty.")
    if stimulus.length not in (None, len(content)):
        raise Faulty(f"The file {path.name} has {len(content)} bytes; {stimulus.length} were kept.")
    stamp = (told.st_ino, told.st_size, told.st_mtime_ns, told.st_ctime_ns, len(content))
    if _right.get(path) != stamp:
        if hashlib.sha256(content).hexdigest() != stimulus.sha256:
            raise Faulty(f"The file {path.name} holds something else than was kept.")
        _right[path] = stamp
    return content


def _mark(stimulus: Stimulus, study: Study, fault: str) -> None:
    """Write down what is wrong with a stimulus, or that nothing is any more; once for each change.

    Who asks for the image again and again finds it written.
    """
    if fault:
        log.error("study %s, stimulus %d: %s", study.slug, stimulus.pk, fault)
    else:
        log.warning("study %s, stimulus %d: its file is right again", study.slug, stimulus.pk)
    kind = Deed.Kind.FAULT if fault else Deed.Kind.MENDED
    told = {"stimulus": stimulus.pk, "sha256": stimulus.sha256, "fault": fault or stimulus.fault}
    if stimulus.fault == fault[:200]:
        return
    with turn(), transaction.atomic():
        row = Stimulus.objects.filter(pk=stimulus.pk).exclude(fault=fault[:200])
        if row.update(fault=fault[:200]):
            note(kind, by=SERVER, study=study, **told)
