"""What is to be looked at before a study is opened: what bars that, what is doubtful, what is well.

Opening checks again what it must (`study.desk.studies.open_`); here it is told before, in words.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from django.urls import reverse

from study.desk import anchors, frozen, preview, rules, sheet
from study.desk.sections import SECTIONS
from study.desk.told import TOLD
from study.models import Deed, Study
from study.rating import pages

Level = Literal["fine", "warning", "bar"]
FEW_RATERS = 6
"""With fewer, no signed-rank test can come below 5 %."""
TELLING = ("researcher", "institution", "contact", "ethics", "storage")
"""Fields that a consent should tell."""
MOST_NAMED = 6


@dataclass(frozen=True)
class Point:
    """One thing that was looked at."""

    about: str
    said: str
    level: Level = "fine"
    mend: str = ""
    """The address of the page on which it is mended."""


def points(study: Study) -> list[Point]:
    """Everything that was looked at, by subject."""
    return [
        *_images(study),
        *_rules(study),
        *_texts(study),
        *_contact(study),
        *_calibration(study),
        *_effort(study),
        *_raters(study),
    ]


def bars(found: Iterable[Point]) -> list[Point]:
    """Those that bar opening."""
    return [point for point in found if point.level == "bar"]


FROZEN = (
    "Which images are shown, and the files that they are.",
    "Who may take part, the calibration and its images, the order, sessions and breaks.",
    "The consent and the instructions, in every language.",
    "What the analysis was told beforehand: planned raters, and the rule that flags raters.",
)
"""What does not change any more from opening on, in words."""


def named(study: Study, names: Iterable[str]) -> str:
    """Settings as researchers call them, and who changed them last, as far as the log tells."""
    labels = [_label(name) for name in names]
    said = f"{', '.join(labels[:-1])} and {labels[-1]}" if len(labels) > 1 else "".join(labels)
    kinds = [Deed.Kind.CHANGED, Deed.Kind.CREATED]
    last = study.deeds.filter(kind__in=kinds).order_by("-pk").first()
    return f"{said} (last by {last.account})" if last and last.account else said


def _label(name: str) -> str:
    if name in (frozen.IMAGES, "wanted"):
        return "the images"
    if name in TOLD:
        return f"“{TOLD[name].label}”"
    return f"“{Study._meta.get_field(name).verbose_name}”"  # type: ignore[union-attr]


def edit(study: Study, *names: str) -> str:
    """The address of the part of a draft that holds one of these settings, or has such a name."""
    for section in SECTIONS.values():
        fields = getattr(section.form, "base_fields", {})
        if section.name in names or any(name in fields for name in names):
            return reverse("edit", args=[study.slug, section.name])
    return ""


def _images(study: Study) -> Iterator[Point]:
    rows = study.stimuli.select_related("source__dataset", "method")
    shown = list(rows.order_by("source__dataset", "source__name", "method__place"))
    where = edit(study, "images", "shown")
    pictures = reverse("study_images", args=[study.slug])
    if not shown:
        yield Point("Images", "The study shows no images: there is nothing to rate.", "bar", where)
    sources = {each.source_id for each in shown}
    methods = {each.method_id for each in shown}
    sets = {each.source.dataset.name for each in shown}
    if shown:
        said = (
            f"{_number(len(shown), 'image')}: {_number(len(sources), 'scene')} of "
            f"{_number(len(sets), 'set')} by {_number(len(methods), 'method')}."
        )
        yield Point("Images", said, mend=pictures)
    if len(sources) == 1:
        said = "There is one scene only: what raters say of it says nothing about other scenes."
        yield Point("Images", said, "warning", where)
    if len(methods) == 1:
        said = "There is one method only: nothing can be compared with it."
        yield Point("Images", said, "warning", where)
    lacking = sheet.missing(study)
    for row in lacking[:MOST_NAMED]:
        wished = bool(study.wanted)
        said = f"Not made yet: {row.told}." if wished else f"Not shown: {row.told}."
        yield Point("Images", said, "bar" if wished else "warning", where or pictures)
    if len(lacking) > MOST_NAMED:
        level: Level = "bar" if study.wanted else "warning"
        said = f"… and of {_number(len(lacking) - MOST_NAMED, 'more method')} and sets."
        yield Point("Images", said, level, pictures)
    gone = [each for each in shown if not each.path.is_file()]
    for each in gone[:MOST_NAMED]:
        yield Point("Images", f"The file of {each} is missing.", "bar", pictures)
    if gone:
        return
    for each in [each for each in shown if each.fault][:MOST_NAMED]:
        yield Point("Images", f"{each}: {each.fault}", "bar", pictures)


def _rules(study: Study) -> Iterator[Point]:
    for name, problem in rules.problems(study, study.stimuli.count()).items():
        yield Point("Settings", f"{_label(name)}: {problem}", "bar", edit(study, name))


def _texts(study: Study) -> Iterator[Point]:
    where = edit(study, "texts", "consent")
    shown = reverse("preview", args=[study.slug])
    languages = preview.languages(study)
    for name in ("consent", "instructions"):
        of = study.texts.get(name, {})
        own = [code for code in languages if of.get(code) or getattr(study, name)]
        rest = [code for code in languages if code not in own]
        said = ", ".join(
            f"{title}: {'your own' if code in own else 'the standard'} text"
            for code, title in languages.items()
        )
        yield Point("Texts", f"{name.capitalize()} – {said}.", mend=shown)
        if own and rest:
            said = (
                f"Raters read different things: the {name} is your own in one language and the "
                "standard one in the other. Write it in both, or set the language of the pages."
            )
            yield Point("Texts", said, "warning", where)
        alike = getattr(study, name) and not all(of.get(c) for c in languages)
        if alike and len(languages) > 1:
            said = (
                f"The {name} is one text for every language, and stands under pages in each. Set "
                "the language of the pages, or write it in each."
            )
            yield Point("Texts", said, "warning", where)


def _contact(study: Study) -> Iterator[Point]:
    lacking = [_label(name) for name in TELLING if not getattr(study, name).strip()]
    where = edit(study, "texts", "researcher")
    if lacking and not all(_own_consent(study)):
        said = (
            f"Not filled in: {', '.join(lacking)}. The standard consent tells what is; raters, and "
            "committees, expect to read whom they can ask and for how long answers are kept."
        )
        yield Point("Contact", said, "warning", where)
    elif not lacking:
        yield Point("Contact", "Who asks, whom to ask and who approved it are told.")


def _own_consent(study: Study) -> list[bool]:
    own = study.texts.get("consent", {})
    return [bool(study.consent or own.get(code)) for code in preview.languages(study)]


def _calibration(study: Study) -> Iterator[Point]:
    where = edit(study, "calibration", "calibrate")
    if not study.calibrate:
        said = "None: raters begin without having seen what a 1 and a 5 look like."
        yield Point("Calibration", said, mend=where)
        return
    needed = anchors.needed(study)
    try:
        there = anchors.at_hand(study, anchors.sets_of(study))
    except ValueError as error:
        yield Point("Calibration", f"{error}.", "bar", where)
        return
    said = (
        f"{study.calibration_examples} examples, {study.calibration_checks} images in the check: "
        f"{there} {'are' if there != 1 else 'is'} there, {needed} are needed."
    )
    yield Point("Calibration", said, "bar" if there < needed else "fine", where)


def _effort(study: Study) -> Iterator[Point]:
    if not study.stimuli.exists():
        return
    told = pages.effort(study)
    said = (
        f"{_number(told['total'], 'image')} for each rater, about "
        f"{_number(told['minutes'], 'minute')} in {_number(told['sessions'], 'session')}."
    )
    yield Point("For a rater", said, mend=edit(study, "sessions"))


def _raters(study: Study) -> Iterator[Point]:
    where = edit(study, "planned_raters")
    few = study.planned_raters < FEW_RATERS
    said = f"Planned: {_number(study.planned_raters, 'rater')}."
    if few:
        said += f" With fewer than {FEW_RATERS} no test finds a difference between two methods."
    yield Point("Raters", said, "warning" if few else "fine", where)
    links = study.invitations.filter(revoked_at=None).count()
    said = (
        f"{_number(links, 'link')} made."
        if links
        else "No links yet: they are made once it is open."
    )
    yield Point("Raters", said)


def _number(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
