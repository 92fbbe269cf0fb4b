"""Mail to raters: who can be written to, asking for letters, and handing them over one by one.

A letter is marked before it is handed over and again once the server took it. Whoever is killed in
between leaves one of which nobody knows whether it went: it is told, and never sent again unless
somebody asks for that.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import Exists, F, Max, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone

from benchmarks.progress import Listener
from study.desk import jobs, letters
from study.desk.letters import Text
from study.models import Deed, Invitation, Job, Letter, Rater, Study
from study.models.deeds import By, note
from study.models.letters import LetterQuerySet
from study.models.turns import turn
from study.site import mail

Kind = Letter.Kind

AGAIN_AFTER = timedelta(days=1)
"""Within which nobody is sent a second letter of one kind, unless that is asked for."""
PAUSES = (2.0, 10.0, 30.0)
"""Seconds before each further try of what the mail server did not take for the moment."""


class Left(NamedTuple):
    """A link to which nothing is sent, and why."""

    number: int
    why: str


class Wanted(NamedTuple):
    """Whom a letter of a kind would go to."""

    to: list[Invitation]
    left: list[Left]


def within_reach(study: Study) -> QuerySet[Any]:
    """Links of ``study`` with what decides about a letter to them, by number.

    Adds ``stage`` and ``active_at`` of the rater, and the times of the latest letters asked for:
    ``invited_at``, ``reminded_at``.
    """
    asked = {
        f"{name}_at": Max("letters__asked_at", filter=Q(letters__kind=kind))
        for name, kind in (("invited", Kind.INVITE), ("reminded", Kind.REMIND))
    }
    found = Invitation.objects.filter(study=study).annotate(
        stage=F("rater__stage"),
        active_at=Coalesce("rater__seen_at", "rater__enrolled_at", "opened_at"),
        **asked,
    )
    return found.order_by("number")


def group(study: Study, kind: Kind, *, days: int = 3) -> dict[str, QuerySet[Any]]:
    """The links that are likely meant, by name of the group.

    Of invitations: ``new``, who were never written one. Of reminders: ``unopened``, who were
    written and have not opened their link, and ``away``, who are under way and were not seen for
    so many ``days``.
    """
    links = within_reach(study).filter(revoked_at=None).exclude(mail="")
    if kind == Kind.INVITE:
        written = Letter.objects.filter(invitation=OuterRef("pk"), kind=kind)
        return {"new": links.filter(~Exists(written), stage=None)}
    since = timezone.now() - timedelta(days=days)
    away = links.filter(active_at__lt=since).exclude(stage__in=Rater.ENDED)
    written = Letter.objects.filter(invitation=OuterRef("pk"), sent_at__isnull=False)
    return {"unopened": links.filter(Exists(written), opened_at=None, stage=None), "away": away}


def wanted(
    study: Study, kind: Kind, numbers: Iterable[int], *, text: Text, after: int | None = None
) -> Wanted:
    """Which of these links a letter of ``kind`` goes to, and which not, each with the reason.

    ``after``: the latest letter that whoever asks has seen; with it, who was written to within a
    day is written to again, unless that happened since.
    """
    numbers = sorted(set(numbers))
    found = {each.number: each for each in within_reach(study).filter(number__in=numbers)}
    since = set()
    if after is not None:
        newer = Letter.objects.filter(invitation__study=study, kind=kind, pk__gt=after)
        since = set(newer.values_list("invitation", flat=True))
    to, left = [], []
    for number in numbers:
        link = found.get(number)
        why = _why_not(link, kind, text, None if after is None else since)
        if link is None or why:
            left.append(Left(number, why))
        else:
            to.append(link)
    return Wanted(to, left)


def _why_not(link: Invitation | None, kind: Kind, text: Text, since: set[int] | None) -> str:
    """Why nothing is sent to this link now; empty if something is."""
    if link is None:
        return "there is no such link"
    if why := _closed_to(link, kind):
        return why
    if letters.NAME in f"{text.subject} {text.body}" and not link.name.strip():
        return f"there is no name for {letters.NAME}"
    asked = link.invited_at if kind == Kind.INVITE else link.reminded_at  # type: ignore[attr-defined]
    recently = asked is not None and timezone.now() - asked < AGAIN_AFTER
    if link.pk in since if since is not None else recently:
        return f"written to {'meanwhile' if since is not None else 'within the last day'}"
    return ""


def _closed_to(link: Invitation, kind: Kind) -> str:
    """What of a link and its rater speaks against a letter; empty if nothing does."""
    if link.revoked_at:
        return "revoked"
    if not link.mail:
        return "no mail address"
    stage = link.stage  # type: ignore[attr-defined]
    if kind == Kind.INVITE:
        return "has begun already" if stage else ""
    if stage in Rater.ENDED:
        return f"is over: {Rater.Stage(stage).label.lower()}"
    written = link.invited_at or link.reminded_at  # type: ignore[attr-defined]
    return "" if stage or written or link.opened_at else "was never written to, nor opened"


def ask(
    study: Study,
    numbers: Iterable[int],
    kind: Kind,
    text: Text,
    *,
    by: By,
    again_after: int | None = None,
) -> Job:
    """Have a letter sent to each of these links: rows, and a job that hands them over.

    ``again_after``: see ``after`` of :func:`wanted`. Raises ``ValueError`` for a text that is none,
    where no mail can be sent, a study that is not open, and when none of the links is left.
    """
    if wrong := letters.unlike(text):
        raise ValueError(" ".join(wrong.values()))
    _refuse_unless_sending(study)
    with transaction.atomic():
        study.refresh_from_db()
        _refuse_unless_sending(study)
        to, left = wanted(study, kind, numbers, text=text, after=again_after)
        if not to:
            raise ValueError(f"Nobody is written to: {told(left) or 'no link was chosen'}.")
        rows = Letter.objects.bulk_create(
            Letter(
                invitation=link, kind=kind, mail=link.mail, subject=text.subject, body=text.body,
                asked_by=by.user,
            )
            for link in to
        )  # fmt: skip
        return _job(study, rows, by, letter=kind)


def ask_again(study: Study, pks: Iterable[int], *, by: By) -> Job:
    """Have letters that failed, or that may have gone or not, sent once more, to the address that
    their link has now.

    Raises ``ValueError`` as :func:`ask`, and if none of them is such a letter, or all that are
    would do nothing for their rater any more.
    """
    _refuse_unless_sending(study)
    with transaction.atomic():
        rows = list(unsent(study).of_use().filter(pk__in=list(pks)).select_related("invitation"))
        if not rows:
            raise ValueError(
                "None of these letters is to be sent again: they went, are due, or are of no use."
            )
        for row in rows:
            row.begun_at, row.problem, row.mail = None, "", row.invitation.mail or row.mail
        Letter.objects.bulk_update(rows, ["begun_at", "problem", "mail"])
        return _job(study, rows, by, again=True)


def unsent(study: Study) -> LetterQuerySet:
    """Letters that nothing becomes of by itself: failed, cut off, or left by work that ended."""
    rows = Letter.objects.filter(invitation__study=study, sent_at=None)
    due = _due_jobs(study)
    taken = Q(pk__in=[])
    for job in due:
        # What a job that is due has begun may be on its way at this moment.
        taken |= Q(pk__in=job.what["letters"], problem="") & (
            Q(begun_at=None) | Q(begun_at__gte=job.started_at or timezone.now())
        )
    return rows.exclude(taken)


def _due_jobs(study: Study) -> list[Job]:
    return list(Job.objects.due().filter(kind=Job.Kind.MAIL, study=study))


def _job(study: Study, rows: list[Letter], by: By, **details: object) -> Job:
    links = in_words(row.invitation.number for row in rows)
    note(Deed.Kind.WROTE, by=by, study=study, links=links, **details)
    return jobs.ask(Job.Kind.MAIL, by=by, study=study, letters=[row.pk for row in rows])


def _refuse_unless_sending(study: Study) -> None:
    if not mail.configured():
        raise ValueError("This site sends no mail: whoever runs it has named no mail server.")
    if study.state != Study.State.OPEN:
        raise ValueError("Mail is sent while a study is open: until then a link leads nowhere.")


def told(left: Iterable[Left]) -> str:
    """Which links nothing is sent to, by reason.

    >>> told([Left(1, "revoked"), Left(2, "no mail address"), Left(3, "revoked")])
    'link 1, 3: revoked; link 2: no mail address'
    """
    by_reason: dict[str, list[int]] = {}
    for number, why in left:
        by_reason.setdefault(why, []).append(number)
    return "; ".join(f"link {in_words(numbers)}: {why}" for why, numbers in by_reason.items())


def in_words(numbers: Iterable[int]) -> str:
    """Numbers of links, those in a row by the first and the last.

    >>> in_words([4, 1, 2, 3, 7])
    '1–4, 7'
    """
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    parts = (
        f"{run[0]}–{run[-1]}" if len(run) > 2 else ", ".join(str(each) for each in run)
        for run in runs
    )
    return ", ".join(parts)


def send(study: Study, pks: list[int], progress: Listener) -> str:
    """Hand over those of these letters that are due; how many went, for whoever asked.

    Raises ``ValueError`` when the mail server cannot be had at all; what is left stays due.
    """
    sent = refused = 0
    due = Letter.objects.filter(pk__in=pks, begun_at=None, sent_at=None, problem="")
    todo = list(due.values_list("pk", "invitation__number"))
    with mail.server() as connection:
        for done, (pk, number) in enumerate(todo):
            progress(done, len(todo), f"link {number}")
            problem = _send(study, pk, connection)
            sent, refused = sent + (not problem), refused + bool(problem)
    progress(len(todo), len(todo), "")
    went = f"{sent} letter{'s' * (sent != 1)} {'was' if sent == 1 else 'were'} sent"
    if not refused:
        return f"{went}."
    others = "One was" if refused == 1 else f"{refused} were"
    return f"{went}. {others} not: the reasons stand beside the links."


def _send(study: Study, pk: int, connection: mail.EmailBackend) -> str:
    """Hand one letter over, in several tries if need be; why it did not go, empty if it did."""
    for pause in (*PAUSES, None):
        letter = _begin(study, pk)
        if letter is None:
            return "not due any more"
        if letter.problem:
            return letter.problem
        subject, body = letters.filled(Text(letter.subject, letter.body), letter.invitation)
        try:
            mail.send(connection, letter.mail, subject, body, reply_to=study.contact)
        except mail.Unknown:
            mail.drop(connection)
            return "it may have gone"  # it stays begun
        except mail.NotSent as error:
            if error.passing and pause is not None:
                _store(pk, begun_at=None)
                mail.drop(connection)
                time.sleep(pause)
                continue
            if isinstance(error, mail.Unreachable):
                _store(pk, begun_at=None)
                raise ValueError(str(error)) from None
            _store(pk, problem=str(error)[:300])
            return str(error)
        _store(pk, sent_at=timezone.now())
        return ""
    return ""


def _begin(study: Study, pk: int) -> Letter | None:
    """Mark a letter as begun, or say on it why it is not sent; ``None`` if it is not due."""
    with turn(), transaction.atomic():
        letter = (
            Letter.objects.select_related("invitation")
            .filter(pk=pk, begun_at=None, sent_at=None, problem="")
            .first()
        )
        if letter is None:
            return None
        link = within_reach(study).get(pk=letter.invitation_id)
        study.refresh_from_db(fields=["state"])
        if study.state != Study.State.OPEN:
            letter.problem = "the study was closed meanwhile"
        elif link.mail != letter.mail:
            letter.problem = "the mail address was changed meanwhile"
        else:
            letter.problem = _closed_to(link, Kind(letter.kind))
        letter.begun_at = None if letter.problem else timezone.now()
        letter.save(update_fields=["begun_at", "problem"])
        return letter


def _store(pk: int, **values: object) -> None:
    with turn():
        Letter.objects.filter(pk=pk).update(**values)
