"""Verbs of a study: creating it from a preset, opening and closing it, looking at its results."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.validators import validate_slug
from django.db import transaction
from django.db.models import BooleanField, Field, JSONField
from django.utils import timezone

from study.desk import anchors, choice, frozen, members, rules, shown, stimuli
from study.desk.choice import Choice
from study.desk.presets import PRESETS, Preset
from study.desk.shown import LR_CAME_WITH
from study.models import Deed, Rating, Stimulus, Study, StudyStimulus
from study.models.deeds import By, by_command, note

LONGEST_TITLE: int = Study._meta.get_field("title").max_length  # type: ignore[assignment]


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
    _check_free(slug)
    chosen = PRESETS[preset]
    picked = choose(sets, methods, preset=preset, mixed_scales=mixed_scales)
    study = Study(slug=slug, title=title or _title(chosen, sets))
    shows = _set_preset(study, preset, picked, protocol or {})
    people = [_user(name) for name in researchers]
    placed = [
        each for name, some in picked.methods.items() for each in stimuli.prepare((name,), some)
    ]
    checksums = [each.sha256 for each in placed]
    opening = _prepare_opening(study, checksums, shows) if opened else None
    stored, by = stimuli.store(placed), by or by_command()
    with transaction.atomic():
        _check_free(slug)  # again: making the files took its time
        study.save()
        StudyStimulus.objects.bulk_create(
            StudyStimulus(study=study, stimulus=stimulus) for stimulus in stored
        )
        study.researchers.set(people)
        told = {LR_CAME_WITH: list(picked.brought_lr)} if picked.brought_lr else {}
        note(Deed.Kind.CREATED, by=by, study=study, preset=preset, stimuli=len(placed), **told)
        if opening:
            _store_opening(study, opening, by=by)
    for line in picked.remarks:
        say(line)
    return study


def draft(
    slug: str,
    *,
    title: str,
    by: By,
    preset: str = "",
    source: Study | None = None,
) -> Study:
    """A draft that may wish for outputs that are not made: of a ``preset``, or as a copy of
    ``source``, or of nothing.

    Whoever makes it is its researcher. A copy has the settings, researchers, wish and stimuli of
    its source, and nothing of its raters.
    Raises ``ValueError`` as `create` for slug and preset; nothing is stored then.
    """
    _check_free(slug)
    study, copied = Study(slug=slug, title=title, wanted={}), list[StudyStimulus]()
    told: dict[str, Any] = {"preset": preset} if preset else {}
    if source is not None:
        for name in (*Study.PROTOCOL, *Study.DECLARED):
            setattr(study, name, getattr(source, name))
        study.approves = source.approves
        # What was opened is repeated image by image, whatever the catalogue makes by now.
        study.wanted = None if source.frozen else source.wanted
        copied = [StudyStimulus(stimulus=each) for each in source.stimuli.order_by("pk")]
        told = {"source": source.slug, LR_CAME_WITH: shown.lr_came_with(source)}
    elif preset:
        picked = choose((), (), preset=preset)
        study.wanted = shown.wish(picked.methods)
        _set_preset(study, preset, picked, {})
    with transaction.atomic():
        _check_free(slug)
        study.save()
        for row in copied:
            row.study = study
        StudyStimulus.objects.bulk_create(copied, batch_size=stimuli.ROWS_AT_A_TIME)
        if source:
            members.copy(source, study)
        if by.user is not None:
            members.own(study, by.user)
        kind = Deed.Kind.COPIED if source else Deed.Kind.CREATED
        note(kind, by=by, study=study, stimuli=len(copied), **told)
    shown.lay(study, by=by)
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
        name: tuple(methods) or chosen.methods_of(name)
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
    """Raise ``ValueError`` for a slug that is malformed or taken."""
    try:
        validate_slug(slug)
    except ValidationError:
        raise ValueError(
            f"{slug!r} is no name for a study; use letters, digits, hyphens and underscores"
        ) from None
    if Study.objects.filter(slug=slug).exists():
        raise ValueError(f"there is a study {slug} already; choose another name")


def _user(name: str) -> User:
    user = User.objects.filter(username=name).first()
    if user is None:
        raise ValueError(f"there is no user {name!r}; make one with createsuperuser")
    return user


def _set_preset(
    study: Study, preset: str, picked: Choice, protocol: Mapping[str, Any]
) -> dict[str, bool]:
    """Set the rules of a preset, and of ``protocol`` over it; the sets that it shows, and whether
    each has originals.
    """
    shows = {name: name not in picked.without_references for name in picked.methods}
    set_protocol(study, {**at_hand(study, preset, shows), **PRESETS[preset].protocol, **protocol})
    return shows


def at_hand(study: Study, preset: str, sets: Mapping[str, bool]) -> dict[str, bool]:
    """The quick preset calibrates where there are images enough to do it on: in the folder, or
    in the ``sets`` that it shows, where none has originals.
    """
    enough = anchors.at_hand(study, sets) >= study.calibration_examples + study.calibration_checks
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
            if isinstance(field, JSONField) and isinstance(value, str):
                value = _from_json(value)
            value = field.clean(value, study)
            if said := rules.unlike(name, value):
                raise ValidationError(said)
            setattr(study, name, value)
        except ValidationError as error:
            raise ValueError(f"{name}={value}: {error.messages[0]}") from None


def _from_json(value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError as error:
        raise ValidationError(f"it is no JSON: {error}") from None


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
    A draft with a wish shows all of it. ``seen``: the marks of what was looked at before, see
    `frozen.marks`; raises `frozen.Changed` if it is something else by now. Raises ``ValueError`` if
    there is nothing to show, an output that is wished for is not there, a file is missing or was
    altered, or the study was changed meanwhile.
    """
    study.refresh_from_db()
    if study.state == Study.State.OPEN:
        return
    shown.refuse_incomplete(study, by=by)
    before = _as_stored(study)
    showing = list(study.stimuli.order_by("sha256").select_related("source__dataset", "method"))
    checksums = [stimulus.sha256 for stimulus in showing]
    if seen is not None and (names := frozen.changed(study, seen, checksums)):
        raise frozen.Changed(names)
    for stimulus in showing:
        _check_file(stimulus)
    opening = _prepare_opening(study, checksums, anchors.sets_of(study))
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


def _prepare_opening(study: Study, showing: Sequence[str], sets: Mapping[str, bool]) -> _Opening:
    """Check that ``study`` can show the files of these checksums, of these sets (whether each has
    originals), and make its anchors.
    """
    if not showing:
        raise ValueError(f"study {study.slug} has no stimuli; there is nothing to rate")
    made = None
    if not study.frozen:
        _check_protocol(study, len(showing))
        if study.calibrate:
            made = anchors.prepare(study, shown=set(showing), sets=sets)
    digest = hashlib.sha256("".join(sorted(showing)).encode()).hexdigest()
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
    people = Rating.objects.counted().of(study, simulated=False)
    return study.state != Study.State.DRAFT and people.exists()


def _told(study: Study) -> int:
    """How many ratings of people are in the means of ``study``."""
    return Rating.objects.counted().of(study, simulated=False).count()
