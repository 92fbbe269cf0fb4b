"""Who is where: the raters of a study by their links, or the simulated ones, as a table.

What it says of a rater is read from rows by their keys: no answer is counted, and the number of
queries does not grow with the raters. A table is looked at again and again while people rate.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import (
    Case,
    Count,
    Exists,
    ExpressionWrapper,
    F,
    IntegerField,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Coalesce, Lower, NullIf
from django.utils import timezone

from study.desk import flags, letters
from study.desk.exports import Kind
from study.desk.links import link
from study.models import Invitation, Rater, Session, Study, Trial

ON_A_PAGE = 100
LEAST_OF_A_CODE = 4
"""Characters by which a code is found: fewer are in many of them."""
Stage = Rater.Stage
STATES = {
    "not-opened": "Not opened",
    "opened": "Opened",
    "screening": "Screening",
    "instructions": "Instructions",
    "calibration": "Calibration",
    "rating": "Rating",
    "break": "In a break",
    "finished": "Finished",
    "screened-out": "Screened out",
    "withdrawn": "Withdrawn",
    "deleted": "Deleted",
    "revoked": "Link revoked",
}
"""Every rater is in one of these; in the order of a rater's way, the ends last."""
UNDER_WAY = ("screening", "instructions", "calibration", "rating")
FILTERS = {
    "not-opened": "Not opened",
    "opened": "Opened",
    "under-way": "Under way",
    "break": "In a break",
    "finished": "Finished",
    "screened-out": "Screened out",
    "withdrawn": "Withdrawn",
    "deleted": "Deleted",
    "revoked": "Link revoked",
    "waiting": "Waiting to be approved",
    "flagged": "Flagged",
}
"""What the table can be narrowed to; the last two beside the state."""
COLUMNS = {
    "number": "Rater",
    "name": "Name or note",
    "state": "State",
    "position": "Position",
    "seen": "Last seen",
    "minutes": "Minutes",
}
"""Those that can be sorted by, and what is above them."""
ASIDE = ("not-opened", "opened")
"""States without a rater."""


@dataclass(frozen=True)
class Asked:
    """Which rows of the table are asked for."""

    kind: Kind = "people"
    state: str = ""
    """One of `FILTERS`, or empty: all."""
    q: str = ""
    """A number, a label, or where names are shown a part of a name, an address or a code."""
    sort: str = "number"
    """One of `COLUMNS`, with a minus before it: from the other end."""
    page: str = "1"
    named: bool = False
    """Whether names, addresses, codes and links are told to whoever asks, and searched."""


def asked(query: Mapping[str, str], *, named: bool) -> Asked:
    """What the query string of an address asks for. Raises ``ValueError`` for what is no filter."""
    said = {name: query.get(name, "").strip() for name in ("raters", "state", "q", "sort", "page")}
    sort = said["sort"] or "number"
    columns = [name for name in COLUMNS if named or name != "name"]
    for name, value, known in (
        ("raters", said["raters"] or "people", ["people", "simulated"]),
        ("state", said["state"], ["", *FILTERS]),
        ("sort", sort.removeprefix("-"), columns),
    ):
        if value not in known:
            raise ValueError(f"?{name}= is one of {', '.join(filter(None, known))}")
    kind: Kind = "simulated" if said["raters"] == "simulated" else "people"
    return Asked(kind, said["state"], said["q"], sort, said["page"], named=named)


@dataclass(frozen=True)
class Row:
    """One rater of the table; without a rater, a link that nobody came by yet."""

    number: int
    label: str
    state: str
    said: str
    """The state in words."""
    done: int | None
    """Images answered of the sessions, stabilising ones too; the calibration is apart."""
    total: int | None
    """Those planned; before the plan is made, as many as it will have."""
    seen: datetime | None
    minutes: float | None
    flags: list[str] = field(default_factory=list)
    approved_at: datetime | None = None
    approvable: bool = False
    name: str = ""
    mail: str = ""
    link: str = ""
    """Empty where it leads nowhere any more."""
    code: str = ""
    mailto: str = ""
    """Opens a letter to whoever has the link, while it can be of use to them."""

    @property
    def seen_said(self) -> str:
        """How long ago, in its largest unit."""
        return _ago(timezone.now() - self.seen) if self.seen else ""


def _ago(since: timedelta) -> str:
    for unit, name in ((86_400, "d"), (3600, "h"), (60, "min")):
        if since.total_seconds() >= unit:
            return f"{int(since.total_seconds() // unit)} {name} ago"
    return "just now"


@dataclass(frozen=True)
class Table:
    """What the page shows."""

    page: Page[Any]
    rows: list[Row]
    counts: list[tuple[str, str, int]]
    """Filters, what they are called, and how many rows each leaves; those with none left out."""
    everybody: int
    known: flags.Known


def table(study: Study, asked: Asked) -> Table:
    """One page of a study's raters."""
    known = flags.known(study, kind=asked.kind)
    found = _searched(_states(study, asked.kind), asked)
    counts, everybody = _counts(study, found, asked, known)
    chosen = _filtered(study, found, asked, known)
    page = Paginator(_sorted(_standing(chosen, asked.kind), asked), ON_A_PAGE).get_page(asked.page)
    return Table(page, list(_rows(study, page, asked, known)), counts, everybody, known)


def links(study: Study, asked: Asked) -> QuerySet[Invitation]:
    """The links of all rows that are asked for, those left out that lead nowhere any more."""
    chosen = _filtered(study, _searched(_states(study, "people"), asked), asked, None)
    in_force = chosen.filter(revoked_at=None).exclude(state="deleted")
    return in_force.select_related(None).only("token", "study")


def everything(study: Study, asked: Asked) -> list[Row]:
    """All rows that are asked for, on whatever page."""
    known = flags.known(study, kind=asked.kind)
    chosen = _filtered(study, _searched(_states(study, asked.kind), asked), asked, known)
    return list(_rows(study, _sorted(_standing(chosen, asked.kind), asked), asked, known))


def one(study: Study, number: int, *, named: bool) -> Row | None:
    """The row of one link; ``None`` if there is none of that number."""
    known = flags.known(study, kind="people")
    found = _standing(_states(study, "people").filter(number=number), "people")
    return next(_rows(study, found, Asked(named=named), known), None)


def waiting_unflagged(study: Study) -> list[int]:
    """Who waits to be approved and breaks no rule, by the figures computed last.

    Only those whose answers are all in these figures: of the others nothing is known.
    """
    known = flags.known(study, kind="people")
    waiting = Rater.objects.filter(study=study).waiting_for_approval()
    clean = [number for number in known.raters if number not in known.reasons]
    answers = Count("trial__rating", filter=Q(trial__kind=Trial.Kind.MAIN))
    counted = waiting.filter(number__in=clean).annotate(answers=answers)
    numbers = counted.order_by("number").values_list("number", "answers")
    return [number for number, answers in numbers if known.raters[number] >= answers]


def _of(kind: Kind) -> str:
    """The way from a row to its rater."""
    return "" if kind == "simulated" else "rater__"


def _states(study: Study, kind: Kind) -> QuerySet[Any]:
    """The rows of a study, each with its ``state``."""
    of = _of(kind)
    rated = Session.objects.filter(rater=OuterRef(f"{of}pk"), calibration=False)
    resting = Exists(rated.filter(ended_at__isnull=False)) & ~Exists(
        rated.filter(started_at__isnull=False, ended_at=None)
    )
    ends = {
        Stage.FINISHED: "finished", Stage.SCREENED_OUT: "screened-out", Stage.WITHDRAWN: "withdrawn"
    }  # fmt: skip
    cases = [
        When(**{f"{of}erased": True}, then=Value("deleted")),
        *(When(**{f"{of}stage": stage}, then=Value(name)) for stage, name in ends.items()),
    ]
    if kind == "people":
        cases += [
            When(revoked_at__isnull=False, then=Value("revoked")),
            When(rater__pk=None, opened_at=None, then=Value("not-opened")),
            When(rater__pk=None, then=Value("opened")),
        ]
    cases.append(When(Q(**{f"{of}stage": Stage.RATING}) & Q(resting), then=Value("break")))
    rows: QuerySet[Any] = (
        study.invitations.select_related("rater")
        if kind == "people"
        else Rater.objects.filter(study=study, simulated=True)
    )
    return rows.order_by("number").annotate(state=Case(*cases, default=F(f"{of}stage")))


def _searched(rows: QuerySet[Any], asked: Asked) -> QuerySet[Any]:
    if not asked.q:
        return rows
    number = re.fullmatch(r"[#RS]?0*(\d{1,9})", asked.q, re.IGNORECASE)
    found = Q(number=int(number[1])) if number else Q(pk__in=[])
    if asked.named and asked.kind == "people":
        found |= Q(name__icontains=asked.q) | Q(mail__icontains=asked.q)
        if len(asked.q) >= LEAST_OF_A_CODE:
            found |= Q(rater__completion_code__icontains=asked.q)
    return rows.filter(found)


def _filtered(
    study: Study, rows: QuerySet[Any], asked: Asked, known: flags.Known | None
) -> QuerySet[Any]:
    if not asked.state:
        return rows
    if asked.state == "flagged":
        known = known or flags.known(study, kind=asked.kind)
        return rows.filter(number__in=known.reasons)
    if asked.state == "waiting":
        return rows.filter(_waits(study, asked.kind))
    return rows.filter(state__in=UNDER_WAY if asked.state == "under-way" else [asked.state])


def _waits(study: Study, kind: Kind) -> Q:
    """As `waiting_for_approval`, of rows."""
    if kind == "simulated" or not study.approves:
        return Q(pk__in=[])
    return Q(state="finished", rater__approved_at=None)


def _counts(
    study: Study, rows: QuerySet[Any], asked: Asked, known: flags.Known
) -> tuple[list[tuple[str, str, int]], int]:
    per_state = rows.order_by().values("state").annotate(
        rows=Count("pk"),
        waiting=Count("pk", filter=_waits(study, asked.kind)),
        flagged=Count("pk", filter=Q(number__in=known.reasons)),
    )  # fmt: skip
    found = dict.fromkeys(FILTERS, 0)
    for row in per_state:
        found["under-way" if row["state"] in UNDER_WAY else row["state"]] += row["rows"]
        found["waiting"] += row["waiting"]
        found["flagged"] += row["flagged"]
    everybody = sum(found[name] for name in FILTERS if name not in ("waiting", "flagged"))
    shown = [
        (name, title, found[name])
        for name, title in FILTERS.items()
        if found[name] or name == asked.state
    ]
    return shown, everybody


def _standing(rows: QuerySet[Any], kind: Kind) -> QuerySet[Any]:
    """With what else the table says; of the trials the first and the last alone are looked up."""
    of = _of(kind)
    trials = Trial.objects.filter(rater=OuterRef(f"{of}pk"))
    planned = trials.filter(kind__in=[Trial.Kind.STABILISING, Trial.Kind.MAIN])
    sessions = Session.objects.filter(rater=OuterRef(f"{of}pk")).order_by().values("rater")
    seen = [f"{of}seen_at", f"{of}left_at", f"{of}enrolled_at"]
    return rows.annotate(
        first=Subquery(planned.order_by("position").values("position")[:1]),
        last=Subquery(trials.order_by("-position").values("position")[:1]),
        active_ms=Subquery(sessions.annotate(sum=Sum("active_ms")).values("sum")),
        seen=Coalesce(*seen, *(["opened_at"] if kind == "people" else [])),
    ).annotate(done=ExpressionWrapper(F(f"{of}position") - F("first"), output_field=IntegerField()))


def _sorted(rows: QuerySet[Any], asked: Asked) -> QuerySet[Any]:
    by: dict[str, Any] = {
        "number": F("number"),
        "name": NullIf(Lower("name"), Value("")) if asked.kind == "people" else F("number"),
        "state": Case(*(When(state=name, then=i) for i, name in enumerate(STATES))),
        "position": F("done"),
        "seen": F("seen"),
        "minutes": F("active_ms"),
    }
    key = by[asked.sort.removeprefix("-")]
    from_the_end = asked.sort.startswith("-")
    first = key.desc(nulls_last=True) if from_the_end else key.asc(nulls_last=True)
    return rows.order_by(first, "number")


def _rows(study: Study, rows: Iterable[Any], asked: Asked, known: flags.Known) -> Iterator[Row]:
    rows = list(rows)
    expected = study.effort_each()["total"]
    raters = [_rater(row) for row in rows]
    calibrating = _calibrating([r for r in raters if r and r.stage == Stage.CALIBRATION])
    texts = _texts(study) if asked.named and asked.kind == "people" else {}
    for row, rater in zip(rows, raters, strict=True):
        done, total = row.done, None
        if row.first is not None:
            total = row.last - row.first + 1
        elif row.state in (*ASIDE, *UNDER_WAY):
            done, total = 0, expected
        said = STATES[row.state]
        if rater and rater.pk in calibrating:
            said += ", {} of {}".format(*calibrating[rater.pk])
        found = Row(
            number=row.number,
            label=rater.label if rater else "",
            state=row.state,
            said=said,
            done=done,
            total=total,
            seen=row.seen,
            minutes=None if row.active_ms is None else row.active_ms / 60_000,
            flags=known.reasons.get(row.number, []) if rater and not rater.erased else [],
            approved_at=rater.approved_at if rater else None,
            approvable=study.approves and row.state == "finished" and asked.kind == "people",
        )
        yield _with_names(found, row, rater, texts) if asked.named and rater is not row else found


def _with_names(
    found: Row, row: Invitation, rater: Rater | None, texts: Mapping[str, list[letters.Text]]
) -> Row:
    return Row(
        **{
            **vars(found),
            "name": row.name,
            "mail": row.mail,
            "link": "" if row.revoked_at or found.state == "deleted" else link(row),
            "code": rater.completion_code if rater else "",
            "mailto": letters.mailto(row, texts[found.state]) if found.state in texts else "",
        }
    )


def _texts(study: Study) -> dict[str, list[letters.Text]]:
    """What somebody is written, by their state; of an open study, whose links lead somewhere."""
    if study.state != Study.State.OPEN:
        return {}
    invite, remind = (letters.wordings(study, kind) for kind in letters.Kind)
    return {"not-opened": invite} | dict.fromkeys(("opened", *UNDER_WAY, "break"), remind)


def _rater(row: Any) -> Rater | None:
    return row if isinstance(row, Rater) else getattr(row, "rater", None)


def _calibrating(raters: Iterable[Rater]) -> dict[int, tuple[int, int]]:
    """How far those who are being calibrated are in the attempt that they are at."""
    of = {rater.pk: rater for rater in raters}
    attempts = Session.objects.filter(rater__in=of, calibration=True).order_by("number")
    extents = attempts.annotate(begins=Min("trial__position"), size=Count("trial"))
    return {
        session.rater_id: (of[session.rater_id].position - session.begins, session.size)
        for session in extents
        if session.begins is not None
    }
