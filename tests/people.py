"""Studies as they look while people rate them: for pictures, and for trying pages by hand.

Their votes are those of a rehearsal, given to links as if people had cast them. No figure of them
is told anywhere as people's.
"""

from __future__ import annotations

import random
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from study.models import Invitation, Rater, Study

FIRST = (
    "Ada",
    "Cem",
    "Dina",
    "Emil",
    "Fatou",
    "Goran",
    "Hana",
    "Ivo",
    "Lena",
    "Milo",
    "Nadia",
    "Pia",
)
LAST = (
    "Abel",
    "Berg",
    "Conrad",
    "Dietz",
    "Ekberg",
    "Groth",
    "Haas",
    "Ilves",
    "Juhl",
    "Lang",
    "Ott",
)
REST = ("under way", "under way", "in a break", "withdrawn", "screened out", "opened", "revoked")
"""What became of those who did not finish, in turn."""


def watched(study: Study, *, links: int, finished: int, others: int, seed: int = 1) -> None:
    """Give an open ``study`` so many ``links``, with names: raters who ``finished``, and ``others``
    who stand elsewhere; the rest of the links is as it was sent."""
    from study.desk import links as verbs
    from study.desk import rehearsal
    from study.models import Invitation, Rater

    rng = random.Random(seed)
    made = verbs.invite(study, links)
    for invitation in made:
        invitation.name = f"{rng.choice(FIRST)} {rng.choice(LAST)}"
        invitation.mail = f"{invitation.name.lower().replace(' ', '.')}@example.org"
    Invitation.objects.bulk_update(made, ["name", "mail"])
    voters = finished + sum(_votes(state) for state in _states(others))
    if voters:
        list(rehearsal.rehearse(study, raters=voters, seed=seed))
    raters = list(Rater.objects.filter(study=study, simulated=True).order_by("number"))
    becomes = [*(["finished"] * finished), *_states(others)]
    rng.shuffle(becomes)
    for invitation, state in zip(made, becomes, strict=False):
        rater = raters.pop() if _votes(state) else None
        _become(invitation, rater, state, rng)


def _states(others: int) -> list[str]:
    return [REST[place % len(REST)] for place in range(others)]


def _votes(state: str) -> bool:
    return state in {"finished", "under way", "in a break", "withdrawn"}


def _become(invitation: Invitation, rater: Rater | None, state: str, rng: random.Random) -> None:
    """Make one link what ``state`` says, and ``rater``, who was simulated, its rater."""
    from django.utils import timezone

    from study.desk import links
    from study.models import Rater, Rating, Session

    begun = timezone.now() - timedelta(hours=rng.uniform(1, 200))
    if state == "revoked":
        links.revoke(invitation)
        return
    invitation.opened_at = begun
    invitation.save(update_fields=["opened_at"])
    if state == "opened":
        return
    if rater is None:
        Rater.objects.create(
            study=invitation.study, invitation=invitation, number=invitation.number,
            stage="screened_out", refusal="plates", completion_code=f"S-{rng.randrange(10**8):08}",
            left_at=begun,
        )  # fmt: skip
        return
    Rater.objects.filter(pk=rater.pk).update(
        simulated=False, invitation=invitation, number=invitation.number, enrolled_at=begun,
    )  # fmt: skip
    sessions = Session.objects.filter(rater=rater, calibration=False).order_by("number")
    minutes = rng.uniform(3, 9)
    sessions.update(active_ms=int(60_000 * minutes), started_at=begun)
    rows = Rater.objects.filter(pk=rater.pk)
    if state == "finished":
        rows.update(seen_at=begun + timedelta(minutes=minutes))
        return
    done = rng.randrange(3, max(4, rater.position))
    Rating.objects.filter(trial__rater=rater, trial__position__gte=done).delete()
    rows.update(
        position=done, stage="withdrawn" if state == "withdrawn" else "rating", finished_at=None,
        seen_at=begun + timedelta(minutes=minutes / 2),
        completion_code=f"W-{rng.randrange(10**8):08}" if state == "withdrawn" else "",
    )  # fmt: skip
