"""Links, by which raters come to a study: making, listing and withdrawing them."""

from __future__ import annotations

from collections.abc import Iterable

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Max
from django.utils import timezone

from study.models import Deed, Invitation, Study
from study.models.deeds import By, by_command, note

MOST_AT_ONCE = 1000
"""A larger number is a slip of the finger."""
MOST_OF_A_STUDY = 10_000
"""Invitations that a study can have, those withdrawn included."""


def invite(study: Study, count: int, *, by: By | None = None) -> list[Invitation]:
    """``count`` new invitations.

    Raises ``ValueError`` for a closed study, an odd number, or more than a study can have.
    """
    if not 1 <= count <= MOST_AT_ONCE:
        raise ValueError(f"{count} invitations cannot be made; ask for 1 to {MOST_AT_ONCE}")
    with transaction.atomic():
        study.refresh_from_db()
        if study.state == Study.State.CLOSED:
            raise ValueError(f"study {study.slug} is closed; open it to invite raters")
        there = study.invitations.aggregate(most=Max("number"), count=Count("pk"))
        if there["count"] + count > MOST_OF_A_STUDY:
            raise ValueError(
                f"study {study.slug} has {there['count']} invitations and can have "
                f"{MOST_OF_A_STUDY}; make another study for further raters"
            )
        last = there["most"] or 0
        made = Invitation.objects.bulk_create(
            Invitation(study=study, number=last + 1 + i) for i in range(count)
        )
        numbers = [last + 1, last + count]
        note(Deed.Kind.INVITED, by=by or by_command(), study=study, count=count, numbers=numbers)
        return made


def link(invitation: Invitation) -> str:
    """The whole address that the rater is sent."""
    return f"{settings.SITE_URL}{invitation.get_absolute_url()}"


def links_csv(invitations: Iterable[Invitation]) -> str:
    """A table of links to send: ``number``, ``link``."""
    import pandas as pd  # takes half a second, which no other verb here needs

    from study.analysis import layout

    rows = [(invitation.number, link(invitation)) for invitation in invitations]
    return layout.csv(pd.DataFrame(rows, columns=["number", "link"]))


def revoke(invitation: Invitation, *, by: By | None = None) -> None:
    """Make the link useless from now on. Ratings given through it stay."""
    with transaction.atomic():
        now = timezone.now()
        fresh = Invitation.objects.filter(pk=invitation.pk, revoked_at=None)
        if fresh.update(revoked_at=now):
            invitation.revoked_at = now
            by = by or by_command()
            note(Deed.Kind.REVOKED, by=by, study=invitation.study, number=invitation.number)
