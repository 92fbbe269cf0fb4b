"""Verbs of a study: creating it from a preset, opening and closing it, inviting, looking."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.validators import validate_slug
from django.db import transaction
from django.db.models import BooleanField, Count, Field, Max
from django.utils import timezone

from study.desk import anchors, choice, frozen, rules, stimuli
from study.desk.choice import Choice
from study.models import Deed, Invitation, Rating, Stimulus, Study, StudyStimulus
from study.models.deeds import By, by_command, note


@dataclass(frozen=True)
class Preset:
    """What a study shows unless told otherwise."""

    title: str
    sets: tuple[str, ...]
    methods: tuple[str, ...]
    protocol: dict[str, bool | int]
    """Fields of :class:`study.models.protocol.Protocol` that are not its defaults."""
    unrated: frozenset[tuple[str, str]] = frozenset()
    """Which (set, method) are left out all the same."""


FIRST_METHODS = ("nearest", "bicubic", "srresnet", "srgan", "hr")
LOSS_VARIANTS = ("srresnet-vgg22", "srgan-mse", "srgan-vgg22")
PAPER_METHODS = (
    *("nearest", "bicubic", "srcnn", "drcn", "espcn", "srresnet"), *LOSS_VARIANTS, "srgan", "hr",
)  # fmt: skip
PRESETS = {
    "quick": Preset("A quick look at Set5", ("Set5",), FIRST_METHODS, {}),
    "ledig2017": Preset(
        "The rating study of Ledig et al. 2017",
        ("Set5", "Set14", "BSD100"),
        PAPER_METHODS,
        {
            "screen_device": True,
            "screen_window": True,
            "screen_vision": True,
            "plates": 6,
            "calibrate": True,
        },
        unrated=frozenset(("BSD100", method) for method in LOSS_VARIANTS),
    ),
}
"""``ledig2017`` rates the paper's twelve versions but SelfExSR, which is no network; the variants
of the loss on Set5 and Set14 alone, as there.

``quick`` screens nobody, and calibrates only where calibration images are at hand: in
``CALIBRATION_DIR``, or where no set has originals among the images of the sets themselves.
What cannot be made of a set, such as a network's outputs at another scale, is left out.
"""

LR_CAME_WITH = "lr_images_came_with"
"""What the log says of sets whose LR images were not made here, among a study's creation."""
MOST_INVITATIONS = 1000
"""At a time; a larger number is a slip of the finger."""
LONGEST_TITLE: int = Study._meta.get_field("title").max_length  # type: ignore[assignment]
MOST_OF_A_STUDY = 10_000
"""Invitations that a study can have, those withdrawn included: its page lists every one."""


def create(
    slug: str,
    *,
    preset: str = "quick",
    title: str = "",
    sets: Sequence[str] = (),
    methods: Sequence[str] = (),
    protocol: Mapping[str, Any] | None = None,
    researchers: Sequence[str] = (),
    mixed_scales: bool = False,
    opened: bool = False,
    say: Callable[[str], object] = print,
    by: By | None = None,
) -> Study:
    """A study with its stimuli: a draft, or ``opened``. Empty arguments take the preset's values.

    ``protocol``: fields of the session's protocol, over the preset's. ``researchers``: names of
    the users who may see the results. ``mixed_scales``: whether sets may be of several scales.
    ``say`` hears in the end what was left out of which set, see `choice.choose`. ``by``: who does
    it; whoever runs the command, if not given.

    Raises ``ValueError`` for a slug that is taken or malformed, an unknown preset, set, method or
    user, what `choice.choose` refuses, outputs that have not been generated, and whatever `open_`
    refuses; nothing is stored then.
    """
    if preset not in PRESETS:
        raise ValueError(f"unknown preset {preset!r}; there are {', '.join(PRESETS)}")
    try:
        validate_slug(slug)
    except ValidationError:
        raise ValueError(
            f"{slug!r} is no name for a study; use letters, digits, hyphens and underscores"
        ) from None
    _check_free(slug)
    chosen = PRESETS[preset]
    picked = choose(sets, methods, preset=preset, mixed_scales=mixed_scales)
    own = picked.without_references if len(picked.without_references) == len(picked.methods) else ()
    study = Study(slug=slug, title=title or _title(chosen, sets))
    set_protocol(study, {**_at_hand(study, preset, own), **chosen.protocol, **(protocol or {})})
    people = [_user(name) for name in researchers]
    placed = [
        each for name, some in picked.methods.items() for each in stimuli.prepare((name,), some)
    ]
    opening = _prepare_opening(study, [each.sha256 for each in placed], own) if opened else None
    shown, by = stimuli.store(placed), by or by_command()
    with transaction.atomic():
        _check_free(slug)  # again: making the files took its time
        study.save()
        StudyStimulus.objects.bulk_create(
            StudyStimulus(study=study, stimulus=stimulus) for stimulus in shown
        )
        study.researchers.set(people)
        told = {LR_CAME_WITH: list(picked.brought_lr)} if picked.brought_lr else {}
        note(Deed.Kind.CREATED, by=by, study=study, preset=preset, stimuli=len(placed), **told)
        if opening:
            _store_opening(study, opening, by=by)
    for line in picked.remarks:
        say(line)
    return study


def choose(
    sets: Sequence[str],
    methods: Sequence[str],
    *,
    preset: str = "quick",
    mixed_scales: bool = False,
) -> Choice:
    """What a study of ``sets`` by ``methods`` shows, or for empty ones of those of the preset.

    Raises ``ValueError`` as `choice.choose`.
    """
    chosen = PRESETS[preset]
    wanted = {
        name: tuple(methods) or _methods(chosen, name)
        for name in dict.fromkeys(tuple(sets) or chosen.sets)
    }
    return choice.choose(wanted, named=bool(methods), mixed_scales=mixed_scales)


def _title(preset: Preset, sets: Sequence[str]) -> str:
    """The preset's own title, or one of the sets that are shown in place of its own."""
    if not sets or set(sets) == set(preset.sets):
        return preset.title
    title = f"Images of {', '.join(dict.fromkeys(sets))}"
    return title if len(title) <= LONGEST_TITLE else f"{title[: LONGEST_TITLE - 1]}…"


def _check_free(slug: str) -> None:
    if Study.objects.filter(slug=slug).exists():
        raise ValueError(f"there is a study {slug} already; choose another name")


def _user(name: str) -> User:
    user = User.objects.filter(username=name).first()
    if user is None:
        raise ValueError(f"there is no user {name!r}; make one with createsuperuser")
    return user


def _methods(preset: Preset, set_name: str) -> tuple[str, ...]:
    return tuple(name for name in preset.methods if (set_name, name) not in preset.unrated)


def _at_hand(study: Study, preset: str, own: Sequence[str]) -> dict[str, bool]:
    """The quick preset calibrates where there are images enough to do it on: in the folder, or
    in the sets of its ``own`` that stand for it where no set has originals.
    """
    enough = anchors.at_hand(study, own) >= study.calibration_examples + study.calibration_checks
    return {"calibrate": True} if preset == "quick" and enough else {}


def set_protocol(study: Study, protocol: Mapping[str, Any]) -> None:
    """Set fields of the protocol, not saved yet. Raises ``ValueError`` naming a bad one."""
    for name, value in protocol.items():
        if name not in Study.PROTOCOL:
            raise ValueError(f"there is no setting {name!r}; there are {', '.join(Study.PROTOCOL)}")
        field: Field[Any, Any] = Study._meta.get_field(name)  # type: ignore[assignment]
        try:
            value = None if field.null and value == "" else value
            if isinstance(field, BooleanField) and isinstance(value, str):
                value = value.capitalize()  # "true" as people write it
            setattr(study, name, field.clean(value, study))
        except ValidationError as error:
            raise ValueError(f"{name}={value}: {error.messages[0]}") from None


def get(slug: str) -> Study:
    """The study of that name. Raises ``ValueError`` naming those that exist."""
    study = Study.objects.filter(slug=slug).first()
    if study is None:
        known = ", ".join(Study.objects.values_list("slug", flat=True)) or "none yet"
        raise ValueError(f"there is no study {slug!r}; studies: {known}")
    return study


def open_(study: Study, *, by: By | None = None, seen: Mapping[str, str] | None = None) -> None:
    """Open a draft, freezing its stimuli and rules, or a closed study again, unchanged.

    Files are read before the database is locked, and what was read is a condition of opening.
    ``seen``: the marks of what was looked at before, see `frozen.marks`; raises `frozen.Changed` if
    it is something else by now. Raises ``ValueError`` if there is nothing to show, a file is
    missing or was altered, or the study was changed meanwhile.
    """
    study.refresh_from_db()
    if study.state == Study.State.OPEN:
        return
    before = _as_stored(study)
    shown = list(study.stimuli.order_by("sha256").select_related("source__dataset", "method"))
    checksums = [stimulus.sha256 for stimulus in shown]
    if seen is not None and (names := frozen.changed(study, seen, checksums)):
        raise frozen.Changed(names)
    for stimulus in shown:
        _check_file(stimulus)
    opening = _prepare_opening(study, checksums, anchors.own_sets(study))
    with transaction.atomic():
        study.refresh_from_db()
        if study.state == Study.State.OPEN:
            return
        now_shown = study.stimuli.order_by("sha256").values_list("sha256", flat=True)
        if _as_stored(study) != before or list(now_shown) != checksums:
            raise ValueError(
                f"{study.slug} was changed while it was being opened; look at it and open it again"
            )
        _store_opening(study, opening, by=by or by_command())


@dataclass(frozen=True)
class _Opening:
    """What it takes to open a study, read and made before the database is locked."""

    digest: str
    anchors: list[tuple[stimuli.Placed, int]] | None
    """``None``: those that are stored stay."""


def _as_stored(study: Study) -> dict[str, Any]:
    return {field.attname: getattr(study, field.attname) for field in study._meta.concrete_fields}


def _check_file(stimulus: Stimulus) -> None:
    if not stimulus.path.is_file():
        raise ValueError(f"{stimulus}: its file {stimulus.path} is missing")
    if hashlib.sha256(stimulus.path.read_bytes()).hexdigest() != stimulus.sha256:
        raise ValueError(f"{stimulus}: its file {stimulus.path} was altered")


def _prepare_opening(study: Study, shown: Sequence[str], own: Sequence[str]) -> _Opening:
    """Check that ``study`` can show the files of these checksums, and make its anchors, which can
    be of its ``own`` sets.
    """
    if not shown:
        raise ValueError(f"study {study.slug} has no stimuli; there is nothing to rate")
    made = None
    if not study.frozen:
        _check_protocol(study, len(shown))
        if study.calibrate:
            made = anchors.prepare(study, shown=set(shown), own=own)
    digest = hashlib.sha256("".join(sorted(shown)).encode()).hexdigest()
    if study.stimuli_sha256 not in {"", digest}:
        raise ValueError(f"the stimuli of {study.slug} are not those it was opened with")
    return _Opening(digest, made)


def _store_opening(study: Study, opening: _Opening, *, by: By) -> None:
    """Open ``study``, within the transaction that has made sure of it."""
    if opening.anchors is not None:
        anchors.store(study, opening.anchors)
    study.state, study.closed_at, study.put_away_at = Study.State.OPEN, None, None
    study.stimuli_sha256 = opening.digest
    again, study.opened_at = study.opened_at is not None, study.opened_at or timezone.now()
    study.save()
    told = {"again": again, "stimuli_sha256": opening.digest, "ratings": _told(study)}
    note(Deed.Kind.OPENED, by=by, study=study, **told)


def _check_protocol(study: Study, images: int) -> None:
    """Raise ``ValueError`` for rules that cannot be kept with so many ``images``."""
    for name, problem in rules.problems(study, images).items():
        raise ValueError(f"{name} of {study.slug}: {problem}")


def close(study: Study, *, by: By | None = None) -> None:
    """Take no more raters and no more votes. Raises ``ValueError`` if the study is a draft."""
    with transaction.atomic():
        study.refresh_from_db()
        if study.state == Study.State.DRAFT:
            raise ValueError(f"study {study.slug} is a draft; there is nothing to close")
        if study.state == Study.State.CLOSED:
            return
        study.state, study.closed_at = Study.State.CLOSED, timezone.now()
        study.save()
        note(Deed.Kind.CLOSED, by=by or by_command(), study=study, ratings=_told(study))


def invite(study: Study, count: int, *, by: By | None = None) -> list[Invitation]:
    """``count`` new invitations.

    Raises ``ValueError`` for a closed study, an odd number, or more than a study can have.
    """
    if not 1 <= count <= MOST_INVITATIONS:
        raise ValueError(f"{count} invitations cannot be made; ask for 1 to {MOST_INVITATIONS}")
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


def look(study: Study, *, by: By | None = None, file: str = "") -> Deed:
    """Note that the means of a study are looked at: it can steer who is asked next.

    ``file``: what was taken away, if it was no page. A look at a closed study counts as an early
    one should the study be opened again (`Deed.objects.early_looks`).
    """
    told = {"state": study.state, "ratings": _told(study), **({"file": file} if file else {})}
    kind = Deed.Kind.TOOK if file else Deed.Kind.LOOKED
    return note(kind, by=by or by_command(), study=study, **told)


def tells(study: Study) -> bool:
    """Whether means of people's ratings tell something while raters may still be asked."""
    return study.state != Study.State.DRAFT and _told(study) > 0


def _told(study: Study) -> int:
    """How many ratings of people are in the means of ``study``."""
    return Rating.objects.counted().of(study, simulated=False).count()
