"""Verbs of a study: creating it from a preset, opening and closing it, inviting raters."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.core.validators import validate_slug
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from study.models import Invitation, Study, StudyStimulus
from study.stimuli import take_in


@dataclass(frozen=True)
class Preset:
    """What a study shows unless told otherwise."""

    title: str
    sets: tuple[str, ...]
    methods: tuple[str, ...]
    source_gap: int


FIRST_METHODS = ("nearest", "bicubic", "srresnet", "srgan", "hr")
PRESETS = {
    "quick": Preset("A quick look at Set5", ("Set5",), FIRST_METHODS, source_gap=3),
    "ledig2017": Preset(
        "The rating study of Ledig et al. 2017", ("Set5", "Set14", "BSD100"), FIRST_METHODS, 3
    ),
}
"""``ledig2017`` rates the versions of the paper's twelve that this product can make today."""

MOST_INVITATIONS = 1000
"""At a time; a larger number is a slip of the finger."""


def create(
    slug: str,
    *,
    preset: str = "quick",
    title: str = "",
    sets: Sequence[str] = (),
    methods: Sequence[str] = (),
) -> Study:
    """A draft study with its stimuli. Empty arguments take the preset's values.

    Raises ``ValueError`` for a slug that is taken or malformed, an unknown preset, set or method,
    and outputs that have not been generated; nothing is stored then.
    """
    if preset not in PRESETS:
        raise ValueError(f"unknown preset {preset!r}; there are {', '.join(PRESETS)}")
    try:
        validate_slug(slug)
    except ValidationError:
        raise ValueError(
            f"{slug!r} is no name for a study; use letters, digits, hyphens and underscores"
        ) from None
    if Study.objects.filter(slug=slug).exists():
        raise ValueError(f"there is a study {slug} already; choose another name")
    chosen = PRESETS[preset]
    with transaction.atomic():
        stimuli = take_in(tuple(sets) or chosen.sets, tuple(methods) or chosen.methods)
        study = Study.objects.create(
            slug=slug, title=title or chosen.title, source_gap=chosen.source_gap
        )
        StudyStimulus.objects.bulk_create(
            StudyStimulus(study=study, stimulus=stimulus) for stimulus in stimuli
        )
    return study


def get(slug: str) -> Study:
    """The study of that name. Raises ``ValueError`` naming those that exist."""
    study = Study.objects.filter(slug=slug).first()
    if study is None:
        known = ", ".join(Study.objects.values_list("slug", flat=True)) or "none yet"
        raise ValueError(f"there is no study {slug!r}; studies: {known}")
    return study


def open_(study: Study) -> None:
    """Open a draft, freezing its stimuli and rules, or a closed study again, unchanged.

    Raises ``ValueError`` if there is nothing to show or a file is missing or was altered.
    """
    with transaction.atomic():
        study.refresh_from_db()
        if study.state == Study.State.OPEN:
            return
        stimuli = list(study.stimuli.order_by("sha256"))
        if not stimuli:
            raise ValueError(f"study {study.slug} has no stimuli; there is nothing to rate")
        for stimulus in stimuli:
            if not stimulus.path.is_file():
                raise ValueError(f"{stimulus}: its file {stimulus.path} is missing")
            if hashlib.sha256(stimulus.path.read_bytes()).hexdigest() != stimulus.sha256:
                raise ValueError(f"{stimulus}: its file {stimulus.path} was altered")
        digest = hashlib.sha256("".join(s.sha256 for s in stimuli).encode()).hexdigest()
        if study.stimuli_sha256 not in {"", digest}:
            raise ValueError(f"the stimuli of {study.slug} are not those it was opened with")
        study.state, study.stimuli_sha256, study.closed_at = Study.State.OPEN, digest, None
        study.opened_at = study.opened_at or timezone.now()
        study.save()


def close(study: Study) -> None:
    """Take no more raters and no more votes. Raises ``ValueError`` if the study is a draft."""
    with transaction.atomic():
        study.refresh_from_db()
        if study.state == Study.State.DRAFT:
            raise ValueError(f"study {study.slug} is a draft; there is nothing to close")
        study.state, study.closed_at = Study.State.CLOSED, study.closed_at or timezone.now()
        study.save()


def invite(study: Study, count: int) -> list[Invitation]:
    """``count`` new invitations. Raises ``ValueError`` for a closed study or an odd number."""
    if not 1 <= count <= MOST_INVITATIONS:
        raise ValueError(f"{count} invitations cannot be made; ask for 1 to {MOST_INVITATIONS}")
    with transaction.atomic():
        study.refresh_from_db()
        if study.state == Study.State.CLOSED:
            raise ValueError(f"study {study.slug} is closed; open it to invite raters")
        last = study.invitations.aggregate(Max("number"))["number__max"] or 0
        return Invitation.objects.bulk_create(
            Invitation(study=study, number=last + 1 + i) for i in range(count)
        )


def revoke(invitation: Invitation) -> None:
    """Make the link useless from now on. Ratings given through it stay."""
    if invitation.revoked_at is None:
        invitation.revoked_at = timezone.now()
        invitation.save(update_fields=["revoked_at"])
