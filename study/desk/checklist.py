"""What is to be looked at before a study is opened: what bars that, what is doubtful, what is well.

Opening checks again what it must (`study.desk.studies.open_`); here it is told before, in words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from django.urls import reverse

from study.analysis import verdicts
from study.desk import anchors, frozen, preview, rules, sheet, shown
from study.desk.sections import SECTIONS
from study.desk.told import TOLD
from study.models import Deed, Stimulus, Study
from study.rating import showing, texts

Level = Literal["fine", "warning", "bar"]
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
    stimuli = list(rows.order_by("source__dataset", "source__name", "method__place"))
    yield from _numbers(study, stimuli)
    yield from _missing(study)
    yield from _files(study, stimuli)


def _numbers(study: Study, stimuli: Sequence[Stimulus]) -> Iterator[Point]:
    """How many images, scenes and methods there are, and what is too few."""
    where = edit(study, "shown")
    if not stimuli:
        yield Point("Images", "The study shows no images: there is nothing to rate.", "bar", where)
        return
    sources = {each.source_id for each in stimuli}
    methods = {each.method_id for each in stimuli}
    sets = {each.source.dataset.name for each in stimuli}
    said = (
        f"{_number(len(stimuli), 'image')}: {_number(len(sources), 'scene')} of "
        f"{_number(len(sets), 'set')} by {_number(len(methods), 'method')}."
    )
    yield Point("Images", said, mend=_pictures(study))
    if len(sources) == 1:
        said = "There is one scene only: what raters say of it says nothing about other scenes."
        yield Point("Images", said, "warning", where)
    if len(methods) == 1:
        said = "There is one method only: nothing can be compared with it."
        yield Point("Images", said, "warning", where)


def _missing(study: Study) -> Iterator[Point]:
    """What is wished for and not there; without a wish, methods that lack some of the scenes."""
    wished, lacking = bool(study.wanted), sheet.missing(study)
    where = edit(study, "shown") if wished else _pictures(study)
    level: Level = "bar" if wished else "warning"
    for row in lacking[:MOST_NAMED]:
        said = "Not made yet" if wished else "Not shown"
        yield Point("Images", f"{said}: {row.told}.", level, where)
    if more := lacking[MOST_NAMED:]:
        yield Point("Images", f"… and {len(more)} more.", level, where)
    if wished and (problem := shown.problem(study.wanted or {}, mixed_scales=True)):
        yield Point("Images", f"{problem[:1].upper()}{problem[1:]}.", "bar", where)


def _files(study: Study, stimuli: Sequence[Stimulus]) -> Iterator[Point]:
    """Files that are gone, or of which it is known that something is wrong with them."""
    doubtful = [each for each in stimuli if each.fault or not each.path.is_file()]
    for each in doubtful[:MOST_NAMED]:
        try:
            showing.content_of(each)
        except showing.Faulty as fault:
            yield Point("Images", f"{each}: {fault}", "bar", _pictures(study))


def _pictures(study: Study) -> str:
    return reverse("study_images", args=[study.slug])


def _rules(study: Study) -> Iterator[Point]:
    shows = shown.keys(study)
    wrong = rules.problems(study, len(shows))
    for name, problem in wrong.items():
        yield Point("Settings", f"{_label(name)}: {problem}.", "bar", edit(study, name))
    for name, remark in ({} if wrong else rules.remarks(study, shows)).items():
        yield Point("Settings", f"{_label(name)}: {remark}.", "warning", edit(study, name))


def _texts(study: Study) -> Iterator[Point]:
    pages = reverse("preview", args=[study.slug])
    languages = {code: texts.LANGUAGES[code] for code in preview.languages(study)}
    said = (f"{name.capitalize()}: {_by_language(study, name, languages)}." for name in texts.NAMES)
    yield Point("Texts", " ".join(said), mend=pages)
    for name in texts.NAMES:
        written = study.texts.get(name, {})
        alike = getattr(study, name) and not all(written.get(code) for code in languages)
        if alike and len(languages) > 1:
            problem = (
                f"The {name} is one text for every language, and stands under pages in each. Set "
                "the language of the pages, or write it in each."
            )
            yield Point("Texts", problem, "warning", edit(study, "texts"))


def _by_language(study: Study, name: str, languages: Mapping[str, str]) -> str:
    """Whose text it is in which language: "the standard text in English and German"."""
    own = [title for code, title in languages.items() if texts.own(study, name, code).strip()]
    rest = [title for title in languages.values() if title not in own]
    said = [("your own text in", own), ("the standard text in", rest)]
    return ", ".join(f"{whose} {' and '.join(titles)}" for whose, titles in said if titles)


def _contact(study: Study) -> Iterator[Point]:
    lacking = [_label(name) for name in TELLING if not getattr(study, name).strip()]
    where = edit(study, "texts", "researcher")
    if lacking:
        own = all(texts.own(study, "consent", code).strip() for code in preview.languages(study))
        whose = "Your own consent has to tell it" if own else "The standard consent tells it then"
        said = (
            f"Not filled in: {', '.join(lacking)}. {whose}: raters, and committees, expect to read "
            "whom they can ask and for how long answers are kept."
        )
        yield Point("Contact", said, "warning", where)
    else:
        yield Point("Contact", "Who asks, whom to ask and who approved it are told.")


def _calibration(study: Study) -> Iterator[Point]:
    where = edit(study, "calibration", "calibrate")
    if not study.calibrate:
        said = "None: raters begin without having seen what a 1 and a 5 look like."
        yield Point("Calibration", said, mend=where)
        return
    sets = anchors.sets_of(study)
    if problem := anchors.short(study, sets):
        yield Point("Calibration", f"{problem}.", "bar", where)
        return
    of = anchors.chosen(study, sets)
    said = (
        f"{study.calibration_examples} examples, a check on {study.calibration_checks} images. "
        f"{of.where} {_number(len(of.shown), 'image')}; a rater needs {anchors.needed(study)}."
    )
    yield Point("Calibration", said, mend=where)


def _effort(study: Study) -> Iterator[Point]:
    count = shown.count(study)
    if not count:
        return
    told = study.effort(count)
    before = f", {told['calibration']} of the calibration before them" * bool(told["calibration"])
    said = (
        f"{_number(told['total'], 'image')} for each rater{before}; about "
        f"{_number(told['minutes'], 'minute')} with reading, in "
        f"{_number(told['sessions'], 'session')}."
    )
    yield Point("For a rater", said, mend=edit(study, "sessions"))


def _raters(study: Study) -> Iterator[Point]:
    where = edit(study, "planned_raters")
    pairs = _fewest_pairs(study)
    needed = verdicts.least_raters(pairs)
    few = study.planned_raters < needed
    said = f"Planned: {_number(study.planned_raters, 'rater')}."
    if few:
        said += (
            f" With fewer than {needed} no test finds a difference between two methods"
            f"{f', for there are {pairs} pairs' if pairs > 1 else ''}."
        )
    links = study.invitations.filter(revoked_at=None).count()
    said += f" {_number(links, 'link')} made." if links else " Links can be made later."
    yield Point("Raters", said, "warning" if few else "fine", where)


def _fewest_pairs(study: Study) -> int:
    """Pairs of methods on the set that has the fewest, of those that have any."""
    shown = study.stimuli.order_by().values_list("source__dataset", "method").distinct()
    methods = Counter(dataset for dataset, _ in shown)
    return min((count * (count - 1) // 2 for count in methods.values() if count > 1), default=1)


def _number(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
