"""Verbs of a rater's way through a study: enrolling, going on, leaving, and what is due.

The server holds the position. Screening, instructions and calibration come first where the study
asks for them; then sessions, each ended at a trial border when its active time is used up. Time is
this server's: what lies between two votes that arrive counts, long absences cut short.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Count, F, Max, Min, Q
from django.utils import timezone
from django.utils.translation import get_language

from study.models import (
    Deed,
    Invitation,
    Letter,
    Rater,
    Rating,
    Session,
    Stimulus,
    Study,
    Text,
    Trial,
    steps,
)
from study.models.deeds import By, note
from study.models.steps import Place, Upcoming
from study.plan import Item, Plan, plan
from study.rating import calibration, sittings, texts
from study.rating.viewing import milliseconds
from study.site import computed

AHEAD = 5
"""Trials that a browser is told of at a time: the one due now and those to fetch ahead."""
AWAY = timedelta(seconds=30)
"""More than this between two votes is an absence and counts as this much active time."""
FINISHING = 20_000
"""Milliseconds before a session's time is up from which on no image is fetched ahead."""
GRACE = AHEAD * AWAY // timedelta(milliseconds=1)
"""Milliseconds past a session's time for which a browser may hold further votes: on images that it
had been told of, each an absence apart."""
GONE = timedelta(days=7)
"""A rater who has not voted for this long is not expected to: their share is dealt out again."""
CODE_LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
Stage = Rater.Stage


def enrol(invitation: Invitation) -> Rater:
    """The rater of ``invitation``, who has read and agreed; once, however often asked.

    What they agreed to is stored, in the language in force. Where nothing needs to be passed
    first, the plan is written and the first session begins. Raises ``ValueError`` if the study is
    not open or the invitation was revoked.
    """
    with transaction.atomic():
        invitation = Invitation.objects.select_related("study").get(pk=invitation.pk)
        existing = Rater.objects.filter(invitation=invitation).first()
        if existing is not None:
            return existing
        if invitation.revoked_at is not None:
            raise ValueError(f"invitation {invitation} was revoked")
        study = invitation.study
        rater = _add(study, invitation)
        rater.consent = _kept(texts.consent(study, named=invitation.named))
        if not study.screens and not study.calibrate:
            rater.instructions = _kept(texts.instructions(study))
        rater.save()
        _enter(rater, Stage.SCREENING if study.screens else _after_screening(study))
    return rater


def enrol_simulated(study: Study, *, seed: int) -> Rater:
    """One more simulated rater, planned from ``seed``; needs no breaks. Raises as :func:`enrol`."""
    stimuli, planned = _plan(Rater(study=study, simulated=True), seed=seed)  # before the lock
    with transaction.atomic():
        rater = _add(study, None)
        _store_plan(rater, stimuli, planned, seed=seed)
        Session.objects.filter(rater=rater).update(started_at=timezone.now())
    return rater


def _add(study: Study, invitation: Invitation | None) -> Rater:
    if study.state != Study.State.OPEN:
        raise ValueError(f"study {study.slug} is {study.state}; raters can enrol while it is open")
    simulated = invitation is None
    taken = Rater.objects.filter(study=study, simulated=simulated).aggregate(Max("number"))
    number = invitation.number if invitation else (taken["number__max"] or 0) + 1
    return Rater.objects.create(
        study=study, invitation=invitation, number=number, simulated=simulated
    )


def _kept(text: str) -> Text:
    return Text.keep(text, get_language() or "")


def _after_screening(study: Study) -> Rater.Stage:
    return Stage.INSTRUCTIONS if study.screens or study.calibrate else Stage.RATING


def _enter(rater: Rater, stage: Rater.Stage) -> None:
    """Make ``stage`` the rater's, with the trials that it needs."""
    rater.stage = stage
    rater.save(update_fields=["stage"])
    if stage == Stage.CALIBRATION:
        attempt = rater.session_set.filter(calibration=True).count() + 1
        calibration.write(rater, attempt=attempt, seed=secrets.randbits(62))
    elif stage == Stage.RATING:
        _write_plan(rater, seed=secrets.randbits(62))
        if not rater.study.calibrate:
            begin(rater)


def _write_plan(rater: Rater, *, seed: int) -> None:
    stimuli, planned = _plan(rater, seed=seed)
    _store_plan(rater, stimuli, planned, seed=seed)


def _plan(rater: Rater, *, seed: int) -> tuple[list[Stimulus], Plan]:
    """The trials of a rater, and the stimuli that they number. Takes a while in a large study."""
    return planned(rater.study, seed=seed, owed=_owed(rater) if rater.study.share else {})


def planned(
    study: Study, *, seed: int, owed: Mapping[int, int] | None = None
) -> tuple[list[Stimulus], Plan]:
    """An order in which a rater of ``study`` sees its stimuli, which it numbers.

    ``owed``: where raters see a share, the votes that a stimulus has or is to get, by its key.
    """
    stimuli = list(study.stimuli.order_by("pk"))
    items = [Item(stimulus.source_id, stimulus.method_id) for stimulus in stimuli]
    rules = study.rules(len(items))
    votes = [(owed or {}).get(each.pk, 0) for each in stimuli] if study.share else None
    return stimuli, plan(items, seed=seed, rules=rules, votes=votes)


def _store_plan(rater: Rater, stimuli: Sequence[Stimulus], planned: Plan, *, seed: int) -> None:
    rater.proof = asdict(planned.proof)
    rater.save(update_fields=["proof"])
    numbers = sorted({trial.session for trial in planned.trials})
    rows = {
        number: Session.objects.create(
            rater=rater, number=number + 1, seed=seed, gap=planned.proof.source_gap
        )
        for number in numbers
    }
    Trial.objects.bulk_create(
        Trial(
            rater=rater,
            session=rows[trial.session],
            position=rater.position + place,
            stimulus=stimuli[trial.item],
            kind=Trial.Kind.STABILISING if trial.kind == "stabilising" else Trial.Kind.MAIN,
            repeat=trial.kind == "retest",
        )
        for place, trial in enumerate(planned.trials)
    )


def _owed(rater: Rater) -> dict[int, int]:
    """For each stimulus the votes it has, or is to get from raters who are still at work."""
    # On both sides of now: a clock that was once ahead keeps nobody at work for years.
    lately = (timezone.now() - GONE, timezone.now() + GONE)
    at_work = Q(rater__stage=Stage.RATING, rater__invitation__revoked_at=None) & (
        Q(rater__seen_at__range=lately) | Q(rater__seen_at=None, rater__enrolled_at__range=lately)
    )
    trials = Trial.objects.filter(
        Q(rating__isnull=False) | at_work,
        rater__study=rater.study,
        rater__simulated=rater.simulated,
        kind=Trial.Kind.MAIN,
        repeat=False,
    )
    return dict(trials.values_list("stimulus").annotate(Count("pk")).order_by())


def go_on(rater: Rater) -> None:
    """The rater pressed the button of the page that is due: read it, or is back from a break.

    Nothing happens where nothing is due or the break is not over: the page says what is.
    """
    with transaction.atomic():
        rater = Rater.objects.select_related("study").get(pk=rater.pk)
        if rater.study.state != Study.State.OPEN:
            return
        if rater.stage == Stage.INSTRUCTIONS:
            rater.instructions = _kept(texts.instructions(rater.study))
            rater.save(update_fields=["instructions"])
            _enter(rater, Stage.CALIBRATION if rater.study.calibrate else Stage.RATING)
        if rater.stage in (Stage.CALIBRATION, Stage.RATING):
            begin(rater)


def passed_screening(rater: Rater) -> None:
    """The screening was passed: what comes next is due."""
    _enter(rater, _after_screening(rater.study))


def begin(rater: Rater) -> None:
    """Begin the session that is due, unless it has begun or the break before it is not over."""
    trial = Trial.objects.select_related("session").filter(rater=rater, position=rater.position)
    due = trial.first()
    if due is None or (due.session.started_at and not due.session.ended_at):
        return
    until = break_ends(rater)
    if until is not None and until > timezone.now():
        return
    session = due.session
    if session.ended_at is not None:
        session = sittings.split(rater, session)
    session.started_at = timezone.now()
    session.save(update_fields=["started_at"])


def break_ends(rater: Rater) -> datetime | None:
    """When the break after the latest session is over, ``None`` if there was no session yet.

    At most ``break_minutes`` from now: a session that has ended later than now, because the clock
    was set back since, has ended now.
    """
    now, rated = timezone.now(), rater.session_set.filter(calibration=False)
    ended: datetime | None = rated.aggregate(Max("ended_at"))["ended_at__max"]
    if ended is not None and ended > now:
        rated.filter(ended_at__gt=now).update(ended_at=now)
        ended = now
    return ended and ended + timedelta(minutes=rater.study.break_minutes)


def move_on(rater: Rater, done: Place, *, shown_until: datetime | None, waiting: bool) -> bool:
    """``done`` is voted on: count the time, end what ends here, make the next page due.

    ``shown_until``: before then its image cannot have been seen long enough. ``waiting``: the
    browser holds further votes, given before it could be told that the time is
    up; the session then goes on until they have arrived, or could have. Returns whether it could
    be done: not where the rater or the study has moved on since ``done`` was read.
    """
    now = timezone.now()
    since = done.seen_at or done.started_at or now
    active_ms = done.active_ms + min(milliseconds(since, now), AWAY // timedelta(milliseconds=1))
    left = left_ms(done.session_minutes, active_ms)
    used_up = not done.calibration and left <= (-GRACE if waiting else 0)
    ends = done.following != done.session or used_up
    moved = steps.advance(
        rater, done, active_ms=active_ms, now=now, shown_until=shown_until, ends=ends
    )
    if not moved:
        return False
    rater.position, rater.seen_at = done.position + 1, now
    return True


def left_ms(session_minutes: int, active_ms: int) -> int:
    """Active time left in a session, milliseconds; may be below zero."""
    return session_minutes * 60_000 - active_ms


def end_of_trials(rater: Rater) -> None:
    """The last trial that was planned has its vote: a calibration is judged, or all is done."""
    rater.refresh_from_db()
    session = Session.objects.get(trial__rater=rater, trial__position=rater.position - 1)
    if not session.calibration:
        return end(rater, Stage.FINISHED)
    if calibration.judge(session):
        return _enter(rater, Stage.RATING)
    if session.number < rater.study.calibration_attempts:
        return _enter(rater, Stage.CALIBRATION)
    return end(rater, Stage.SCREENED_OUT, refusal="calibration")


def end(rater: Rater, stage: Rater.Stage, *, refusal: str = "") -> None:
    """The rater's way is over. The completion code tells which end it was."""
    now = timezone.now()
    rater.stage, rater.refusal = stage, refusal
    if not rater.completion_code:
        letters = "".join(secrets.choice(CODE_LETTERS) for _ in range(8))
        rater.completion_code = f"{stage[0].upper()}-{letters[:4]}-{letters[4:]}"
    if stage == Stage.FINISHED:
        rater.finished_at = now
    else:
        rater.left_at = now
    rater.save()


def withdraw(rater: Rater, *, erase: bool, by: By | None = None) -> None:
    """Stop for good. With ``erase`` all that the rater did is deleted; the row stays, empty.

    Who has ended, in whatever way, can have the data deleted and keeps the completion code. ``by``:
    who has them deleted; the rater, unless given.
    """
    with transaction.atomic():
        rater = Rater.objects.select_related("study").get(pk=rater.pk)
        if rater.erased or (rater.stage in Rater.ENDED and not erase):
            return
        if erase:
            _erase(rater, by or By(account=rater.label))
        if rater.stage == Stage.SCREENED_OUT:
            rater.save()
        else:
            end(rater, Stage.WITHDRAWN)
    if erase:
        computed.forget(rater.study_id)


def _erase(rater: Rater, by: By) -> None:
    answers = Rating.objects.filter(trial__rater=rater).count()
    Trial.objects.filter(rater=rater).delete()
    rater.session_set.all().delete()
    rater.screening_set.all().delete()
    rater.position, rater.proof, rater.erased = 0, None, True
    rater.seen_at = rater.finished_at = None
    rater.refusal = ""  # says how somebody sees
    if rater.invitation is not None:
        _forget_name(rater.invitation)
    note(Deed.Kind.ERASED, by=by, study=rater.study, rater=rater.label, answers=answers)


def _forget_name(invitation: Invitation) -> None:
    """Take name, mail address and letters from all links of the person who has asked for it."""
    keys = [each.pk for each in invitation.chain()]
    Letter.objects.filter(invitation__in=keys).delete()
    Invitation.objects.filter(pk__in=keys).update(name="", mail="")


def standing(rater: Rater) -> dict[str, Any]:
    """Where the rater stands, for the rating page: the position and the next few trials.

    No trials are told where another page is due: a break, an end, or that the study is closed.
    """
    return told(rater, steps.upcoming(rater, AHEAD))


def told(rater: Rater, ahead: Sequence[Upcoming]) -> dict[str, Any]:
    """What is told of a rater whose next trials are those ``ahead``, at most :data:`AHEAD`."""
    due = ahead[0] if ahead else None
    standing: dict[str, Any] = {"position": rater.position, "trials": []}
    if due is None or due.state != Study.State.OPEN or not rating_now(rater, due):
        return standing
    trials = [trial for trial in ahead if trial.session == due.session]
    if not due.calibration:
        left = left_ms(due.session_minutes, due.active_ms)
        standing |= {"active_ms": due.active_ms, "left_ms": left}
        if left <= FINISHING:
            trials = trials[:1]
    standing["trials"] = [_trial(trial) for trial in trials]
    return standing


def rating_now(rater: Rater, session: Session | Upcoming) -> bool:
    """Whether images of ``session`` are due, and not a page of text."""
    return (
        rater.stage in (Stage.CALIBRATION, Stage.RATING)
        and session.started_at is not None
        and session.ended_at is None
    )


def _trial(trial: Upcoming) -> dict[str, Any]:
    told = {
        "position": trial.position,
        "token": trial.token,
        "image": f"/rate/image/{trial.token}",
        "width": trial.width,
        "height": trial.height,
    }
    if trial.kind == Trial.Kind.EXAMPLE:
        told["means"] = trial.anchor
    return told


def due_session(rater: Rater) -> Session | None:
    """The session of the trial that is due, ``None`` where no trial is."""
    trial = Trial.objects.select_related("session").filter(rater=rater, position=rater.position)
    found = trial.first()
    return found.session if found else None


def extent(session: Session) -> dict[str, int]:
    """``first``: position of the session's first trial; ``total``: how many trials it has."""
    return session.trial_set.aggregate(first=Min("position"), total=Count("pk"))


def left_over(rater: Rater) -> dict[str, int]:
    """Trials and sessions that are still to come, that of the due trial included."""
    trials = Trial.objects.filter(rater=rater, position__gte=F("rater__position"))
    return trials.aggregate(trials=Count("pk"), sessions=Count("session", distinct=True))
