"""What needs somebody: of all their studies for the start page, of one study for its own page.

Each kind of item is one query over all studies, and is told to those alone whose role lets them do
something about it. Nothing is kept of having been seen: an item goes when what it tells of is
mended, or is too old to be mended.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NamedTuple

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Count, Exists, Max, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils import timezone

from study.desk import claims, jobs
from study.models import (
    MAY,
    Anchor,
    Invitation,
    Job,
    Letter,
    Member,
    Rater,
    Right,
    Role,
    Study,
    StudyStimulus,
)

FAILED_FOR = timedelta(days=14)
"""For so long a job that failed is told, unless it is begun again before."""
AWAY, GONE = timedelta(days=3), timedelta(days=30)
"""Raters who stopped half way are told of after the first, and given up after the second."""
REMINDED = timedelta(days=7)
"""For so long after a reminder they are not told of."""
QUIET = timedelta(days=14)
"""An open study to which nobody came for so long is told of."""
CUT_OFF = timedelta(hours=1)
"""A letter that was begun so long ago, and has no end, was cut off."""
PATIENT = timedelta(minutes=1)
"""A job may wait for so long until a worker takes it."""

Person = User | AnonymousUser


@dataclass(frozen=True)
class Item:
    """One thing to be mended."""

    said: str
    """A sentence, without the study's title."""
    link: str
    """Where it is mended."""
    do: str
    """What is done there, as the text of the link."""
    slug: str = ""
    title: str = ""
    """Of the study, if it is of one."""


def items(user: Person, study: Study | None = None) -> list[Item]:
    """All that needs ``user``, the gravest first; of one study, if it is given.

    Faults are not told of one study: its page has them at its top, each with its reason.
    """
    going = going_on(user, study)
    return [
        *(() if study else faults(user)),
        *failed_jobs(user, study),
        *no_worker(user, study),
        *letters(user, study),
        *waiting_for_approval(user, study),
        *reached(going),
        *without_links(going),
        *quiet(going),
        *half_way(user, study),
    ]


def by_study(found: Sequence[Item]) -> list[list[Item]]:
    """The same, those of one study together; what is of no study stands alone."""
    groups: dict[object, list[Item]] = {}
    for item in found:
        groups.setdefault(item.slug or item, []).append(item)
    return list(groups.values())


def _mine(user: Person, right: Right, study: Study | None) -> Any:
    """The studies with which somebody may do this, to be asked for within another query."""
    found = Study.objects.allowing(user, right).filter(put_away_at=None)
    return (found.filter(pk=study.pk) if study else found).order_by().values("pk")


def faults(user: Person, study: Study | None = None) -> Iterator[Item]:
    """Images of open studies that are missing or altered: raters wait for them."""
    opened = Study.objects.filter(state=Study.State.OPEN, pk__in=_mine(user, Right.OPEN, study))
    shown, anchors = (
        model.objects.filter(stimulus__fault__gt="", study__in=opened.order_by().values("pk"))
        .order_by()
        .values_list("study__slug", "study__title", "stimulus")
        for model in (StudyStimulus, Anchor)
    )
    found: dict[tuple[str, str], int] = {}
    for slug, title, _ in shown.union(anchors):
        found[slug, title] = found.get((slug, title), 0) + 1
    for (slug, title), count in sorted(found.items()):
        yield Item(
            f"{_count(count, 'image')} cannot be shown: the file{_s(count)} "
            f"{_are(count)} missing or altered. Raters to whom one is due wait for it.",
            reverse("study", args=[slug]), "Which, and what to do", slug, title,
        )  # fmt: skip


def failed_jobs(user: Person, study: Study | None = None) -> Iterator[Item]:
    """Jobs that failed lately, and that nobody has begun again."""
    rows = Job.objects.filter(asked_at__gt=timezone.now() - FAILED_FOR)
    if study:
        rows = rows.filter(study=study)
    if not user.is_superuser:
        rows = rows.filter(_may_end(user))
    last: dict[object, Job] = {}
    for job in rows.select_related("study").order_by("pk"):
        last[_same_wish(job)] = job
    for job in last.values():
        if job.state == Job.State.FAILED:
            of = (job.study.slug, job.study.title) if job.study else ("", "")
            yield Item(
                f"{job.get_kind_display()}: it failed. {job.in_short[:200]}".strip(),
                job.get_absolute_url(), "Look at it, or try again", *of,
            )  # fmt: skip


def _may_end(user: Person) -> Q:
    """Jobs that somebody may begin again, as `jobs.may_end` has it."""
    own = Q(study=None, asked_by=user.pk)
    kinds: dict[Right, list[str]] = {}
    for kind in Job.Kind:
        kinds.setdefault(jobs.right_to(Job(kind=kind)), []).append(kind)
    for right, some in kinds.items():
        own |= Q(kind__in=some, study__in=Study.objects.allowing(user, right).values("pk"))
    return own


def _same_wish(job: Job) -> tuple[Any, ...]:
    """What is alike of a job and of one that was begun in its place, maybe with other files."""
    what = {name: value for name, value in job.what.items() if name not in jobs.UPLOADS}
    brought = job.study_id is None and what.get("name")
    return (job.kind, job.study_id, brought or repr(sorted(what.items())))


def no_worker(user: Person, study: Study | None = None) -> Iterator[Item]:
    """That jobs wait and nobody is there to do them; for superusers."""
    if study or not user.is_superuser or claims.worker_is_there():
        return
    late = timezone.now() - PATIENT
    waiting = Job.objects.filter(state=Job.State.WAITING, asked_at__lt=late).count()
    if waiting:
        yield Item(
            f"{_count(waiting, 'job')} wait{'s' * (waiting == 1)}, and no worker is there to do "
            f"{'it' if waiting == 1 else 'them'}. On the server: manage.py worker.",
            reverse("jobs"), "See what waits",
        )  # fmt: skip


def letters(user: Person, study: Study | None = None) -> Iterator[Item]:
    """Mail to raters that the mail server did not take, or that was cut off on the way."""
    begun = Q(begun_at__lt=timezone.now() - CUT_OFF)
    rows = Letter.objects.of_use().filter(
        Q(problem__gt="") | begun,
        sent_at=None,
        invitation__study__in=_mine(user, Right.INVITE, study),
    )
    for slug, title, count in _by_study(rows, "invitation__study__"):
        yield Item(
            f"{_count(count, 'letter')} to raters did not go out.",
            reverse("mail", args=[slug]), "Why, and send again", slug, title,
        )  # fmt: skip


def waiting_for_approval(user: Person, study: Study | None = None) -> Iterator[Item]:
    """People who have finished and wait until somebody accepts their work."""
    rows = Rater.objects.waiting_for_approval().filter(study__in=_mine(user, Right.INVITE, study))
    for slug, title, count in _by_study(rows, "study__"):
        yield Item(
            f"{_count(count, 'rater')} {'has' if count == 1 else 'have'} finished and "
            f"wait{'s' * (count == 1)} to be approved.",
            f"{reverse('raters', args=[slug])}?state=waiting", "Approve", slug, title,
        )  # fmt: skip


def half_way(user: Person, study: Study | None = None) -> Iterator[Item]:
    """People who stopped half way, were not seen for days, and were not reminded since."""
    now = timezone.now()
    reminders = Letter.objects.filter(
        kind=Letter.Kind.REMIND, asked_at__gt=now - REMINDED, invitation=OuterRef("invitation")
    )
    rows = (
        Rater.objects.filter(
            simulated=False, erased=False, invitation__revoked_at=None,
            study__state=Study.State.OPEN, study__in=_mine(user, Right.INVITE, study),
        )
        .exclude(stage__in=Rater.ENDED)
        .alias(seen=Coalesce("seen_at", "enrolled_at"))
        .filter(~Exists(reminders), seen__lt=now - AWAY, seen__gt=now - GONE)
    )  # fmt: skip
    for slug, title, count in _by_study(rows, "study__"):
        yield Item(
            f"{_count(count, 'rater')} stopped half way and {'was' if count == 1 else 'were'} not "
            f"seen for {AWAY.days} days.",
            f"{reverse('mail', args=[slug])}?whom=away&days={AWAY.days}", "Remind them", slug,
            title,
        )  # fmt: skip


class Going(NamedTuple):
    """How far an open study is, and what somebody may do with it."""

    study: Study
    rights: frozenset[Right]

    @property
    def lacks(self) -> int:
        """How many of the planned raters have not finished."""
        return max(0, self.study.planned_raters - self.study.finished)  # type: ignore[attr-defined]


def going_on(user: Person, study: Study | None = None) -> list[Going]:
    """The open studies with which somebody may do something, counted, in one query."""
    mine = Member.objects.filter(study=OuterRef("pk"), user=user.pk).values("role")
    rows = (
        Study.objects.filter(state=Study.State.OPEN, pk__in=_mine(user, Right.SEE, study))
        .with_counts()
        .annotate(role=Subquery(mine), **_counts())
    )
    every = frozenset(Right)
    return [Going(row, every if user.is_superuser else MAY[Role(row.role)]) for row in rows]


def _counts() -> dict[str, Any]:
    """Links that nobody used, people who are under way, and when somebody was seen last."""
    unused = Invitation.objects.filter(study=OuterRef("pk"), revoked_at=None, rater=None)
    people = Rater.objects.filter(study=OuterRef("pk"), simulated=False).order_by().values("study")
    under_way = people.exclude(stage__in=Rater.ENDED).filter(invitation__revoked_at=None)
    seen = people.annotate(at=Max(Coalesce("seen_at", "enrolled_at"))).values("at")
    return {
        "unused": Coalesce(
            Subquery(unused.order_by().values("study").annotate(n=Count("pk")).values("n")), 0
        ),
        "under_way": Coalesce(Subquery(under_way.annotate(n=Count("pk")).values("n")), 0),
        "last_seen": Subquery(seen),
    }


def reached(going: Sequence[Going]) -> Iterator[Item]:
    """Studies that as many as planned have finished."""
    for each in going:
        if Right.OPEN in each.rights and not each.lacks:
            row: Any = each.study
            yield Item(
                f"{row.finished} of {row.planned_raters} planned raters have finished.",
                reverse("close_study", args=[row.slug]), "Close it …", row.slug, row.title,
            )  # fmt: skip


def without_links(going: Sequence[Going]) -> Iterator[Item]:
    """Studies whose links do not suffice for the planned number: all are used, or there is none."""
    for each in going:
        row: Any = each.study
        few = not row.unused and row.under_way < each.lacks
        if Right.INVITE in each.rights and few:
            why = "Every link is used" if row.raters else "Nobody has a link"
            yield Item(
                f"{why}, and {row.finished} of {row.planned_raters} planned raters have finished.",
                reverse("raters", args=[row.slug]), "Make links", row.slug, row.title,
            )  # fmt: skip


def quiet(going: Sequence[Going]) -> Iterator[Item]:
    """Studies to which nobody came for long, though links are out."""
    for each in going:
        row: Any = each.study
        since = max(row.opened_at, row.last_seen or row.opened_at)
        if Right.INVITE in each.rights and row.unused and each.lacks:
            days = (timezone.now() - since).days
            if days >= QUIET.days:
                yield Item(
                    f"Nobody came for {days} days; {_count(row.unused, 'link')} "
                    f"{_are(row.unused)} not used yet.",
                    reverse("mail", args=[row.slug]), "Write to them", row.slug, row.title,
                )  # fmt: skip


def _by_study(rows: QuerySet[Any], to: str) -> Iterator[tuple[str, str, int]]:
    """Name, title and number of rows of each study."""
    named = rows.order_by(f"{to}title").values_list(f"{to}slug", f"{to}title")
    yield from named.annotate(Count("pk"))


def _count(n: int, what: str) -> str:
    """
    >>> _count(1, "link"), _count(2, "link")
    ('1 link', '2 links')
    """
    return f"{n} {what}{_s(n)}"


def _s(n: int) -> str:
    return "" if n == 1 else "s"


def _are(n: int) -> str:
    return "is" if n == 1 else "are"
