"""Links, by which raters come to a study: making, naming, replacing and revoking them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Max, QuerySet
from django.utils import timezone

from study.desk.invitees import Person, Unreadable, checked
from study.models import Deed, Invitation, Study
from study.models.deeds import By, by_command, note

MOST_AT_ONCE = 1000
"""A larger number is a slip of the finger."""
MOST_OF_A_STUDY = 10_000
"""Invitations that a study can have, those revoked included."""


def invite(
    study: Study,
    count: int = 0,
    *,
    people: Sequence[Person] = (),
    after: int | None = None,
    by: By | None = None,
) -> list[Invitation]:
    """``count`` new invitations, or one for each of ``people``, with name and mail address.

    ``after``: the number of the latest link that whoever asks has seen, 0 for none; with it, a
    second click makes nothing. Raises ``ValueError`` for a closed study, an odd number, more than a
    study can have, links that were made since ``after``, or somebody whose address has a link in
    force (`Unreadable`, by line); nothing is stored then.
    """
    people = people or [Person()] * count
    if not 1 <= len(people) <= MOST_AT_ONCE:
        raise ValueError(
            f"{count or len(people)} invitations cannot be made; ask for 1 to {MOST_AT_ONCE}"
        )
    with transaction.atomic():
        latest = last_number(study)
        if after is not None and latest > after:
            raise ValueError(
                f"links were made meanwhile, the latest is {latest}; look whether they are those "
                "that you want"
            )
        _refuse_twice(study, people)
        made = _make(study, people)
        numbers = [made[0].number, made[-1].number]
        note(Deed.Kind.INVITED, by=by or by_command(), study=study, count=len(made),
             numbers=numbers)  # fmt: skip
        return made


def last_number(study: Study) -> int:
    """The number of the latest link, 0 if there is none."""
    return study.invitations.aggregate(most=Max("number"))["most"] or 0


def _make(study: Study, people: Sequence[Person]) -> list[Invitation]:
    study.refresh_from_db()
    if study.state == Study.State.CLOSED:
        raise ValueError(f"study {study.slug} is closed; open it to invite raters")
    there = study.invitations.aggregate(most=Max("number"), count=Count("pk"))
    if there["count"] + len(people) > MOST_OF_A_STUDY:
        raise ValueError(
            f"study {study.slug} has {there['count']} invitations and can have "
            f"{MOST_OF_A_STUDY}; make another study for further raters"
        )
    last = there["most"] or 0
    return Invitation.objects.bulk_create(
        Invitation(study=study, number=number, name=person.name, mail=person.mail)
        for number, person in enumerate(people, start=last + 1)
    )


def _refuse_twice(study: Study, people: Iterable[Person]) -> None:
    lines = {person.mail.casefold(): person for person in people if person.mail}
    if not lines:
        return
    in_force = study.invitations.filter(revoked_at=None).exclude(mail="")
    problems = [
        f"Line {person.line}: {person.mail} has link {number} already; replace or revoke that "
        "one first."
        for number, mail in in_force.values_list("number", "mail")
        if (person := lines.get(mail.casefold()))
    ]
    if problems:
        raise Unreadable(problems)


def rename(invitation: Invitation, *, name: str, mail: str, by: By | None = None) -> bool:
    """Give a link another name and mail address; whether they were others before.

    The log keeps the number alone. Raises ``ValueError`` for what is no mail address, and for one
    that another link in force has.
    """
    name, mail = checked(name, mail)
    study = invitation.study
    with transaction.atomic():
        invitation.refresh_from_db()
        if (invitation.name, invitation.mail) == (name, mail):
            return False
        _refuse_taken(invitation, mail)
        invitation.name, invitation.mail = name, mail
        invitation.save(update_fields=["name", "mail"])
        by = by or by_command()
        note(Deed.Kind.NAMED, by=by, study=study, number=invitation.number)
    return True


def _refuse_taken(invitation: Invitation, mail: str) -> None:
    others = invitation.study.invitations.filter(revoked_at=None, mail__iexact=mail)
    taken = others.exclude(pk=invitation.pk).first() if mail else None
    if taken is not None:
        raise ValueError(f"{mail} has link {taken.number} already; one person gets one link")


def replace(invitation: Invitation, *, by: By | None = None) -> Invitation:
    """Revoke a link and make another one in its place, with its name and mail address.

    What was answered through the old one stays with the old one. Raises ``ValueError`` if it was
    replaced before, another link in force has its mail address, or the study is closed or full.
    """
    study, by = invitation.study, by or by_command()
    with transaction.atomic():
        after = Invitation.objects.filter(replaces=invitation).first()
        if after is not None:
            raise ValueError(f"link {invitation.number} was replaced before, by {after.number}")
        invitation.refresh_from_db()
        _refuse_taken(invitation, invitation.mail)
        (made,) = _make(study, [Person(invitation.name, invitation.mail)])
        made.replaces = invitation
        made.save(update_fields=["replaces"])
        _revoke(study.invitations.filter(pk=invitation.pk))
        told = {"number": invitation.number, "new": made.number}
        note(Deed.Kind.REPLACED, by=by, study=study, **told)
    return made


def revoke(invitation: Invitation, *, by: By | None = None) -> None:
    """Make the link useless from now on. Ratings given through it stay."""
    if revoke_all(invitation.study, [invitation.number], by=by):
        invitation.refresh_from_db(fields=["revoked_at"])


def revoke_all(study: Study, numbers: Collection[int], *, by: By | None = None) -> list[int]:
    """Revoke the links of these numbers; those of them that were not revoked before."""
    with transaction.atomic():
        fresh = study.invitations.filter(number__in=numbers, revoked_at=None)
        done = sorted(fresh.values_list("number", flat=True))
        if done:
            _revoke(fresh)
            told: dict[str, Any] = (
                {"number": done[0]} if len(done) == 1 else {"numbers": said(done)}
            )
            note(Deed.Kind.REVOKED, by=by or by_command(), study=study, **told)
    return done


def _revoke(links: QuerySet[Invitation]) -> None:
    links.filter(revoked_at=None).update(revoked_at=timezone.now())


def said(numbers: Iterable[int]) -> str:
    """Numbers of links as the log has them: ``1, 2, 7``."""
    return ", ".join(map(str, numbers))


def numbers_in(told: Any) -> list[int]:
    """Those that :func:`said` has written."""
    return [int(number) for number in told.split(", ")] if isinstance(told, str) and told else []


def link(invitation: Invitation) -> str:
    """The whole address that the rater is sent."""
    return f"{settings.SITE_URL}{invitation.get_absolute_url()}"


def links_csv(invitations: Sequence[Invitation]) -> str:
    """A table of links to send: ``number``, ``link``, and ``name`` and ``mail`` where they have
    any.
    """
    import pandas as pd  # takes half a second, which no other verb here needs

    from study.analysis import layout

    rows = [(each.number, link(each), each.name, each.mail) for each in invitations]
    frame = pd.DataFrame(rows, columns=["number", "link", "name", "mail"])
    named = any(each.name or each.mail for each in invitations)
    return layout.csv(frame if named else frame[["number", "link"]])
