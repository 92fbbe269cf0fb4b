"""What is to be looked at before a study is opened: what bars that, what is doubtful, what is well.

Opening checks again what it must (`study.desk.studies.open_`); here it is told before, in words.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from django.conf import settings
from django.db.models import Count
from django.urls import reverse

from study.analysis import verdicts
from study.desk import anchors, frozen, preview, preview_order, rules, sheet, shown
from study.desk.sections import SECTIONS
from study.desk.told import TOLD
from study.models import Deed, Stimulus, StimulusMeasure, Study
from study.rating import screening, showing, texts

Level = Literal["fine", "warning", "bar"]
TELLING = ("researcher", "institution", "contact", "ethics", "storage")
"""Fields that a consent should tell."""
MOST_NAMED = 6
THIS_COMPUTER = re.compile(r"(.+\.)?localhost|127\..+|::1")
SMALL_ENOUGH = "full HD (1920 × 1080)"
SCREENS = {"a laptop with 1366 × 768": (1366, 768), SMALL_ENOUGH: (1920, 1080)}
"""Screens that raters commonly have, in pixels; the second is the most frequent one."""
BARS = 130
"""Pixels that a browser and the system take of a screen's height."""


@dataclass(frozen=True)
class Point:
    """One thing that was looked at."""

    about: str
    said: str
    level: Level = "fine"
    mend: str = ""
    """The address of the page on which it is mended."""
    how: str = ""
    """The address of the document that says how, where no page does it."""


def points(study: Study, *, thorough: bool = False) -> list[Point]:
    """Everything that was looked at, by subject.

    ``thorough``: calibration images are read as well, which takes a second.
    """
    return [
        *_images(study),
        *_window(study),
        *_measures(study),
        *_rules(study),
        *_texts(study),
        *_contact(study),
        *_calibration(study, thorough=thorough),
        *_effort(study),
        *_raters(study),
        *_links(study),
    ]


def bars(found: Iterable[Point]) -> list[Point]:
    """Those that bar opening."""
    return [point for point in found if point.level == "bar"]


FROZEN: dict[str, tuple[str, ...]] = {
    "Which images are shown, and the files that they are.": ("wanted", frozen.IMAGES),
    "Who may take part.": (
        "screen_device", "screen_window", "screen_vision", "plates", "plate_errors",
    ),
    "The calibration, its images, and when it is passed.": (
        "calibrate", "calibration_folder", "calibration_set", "calibration_left_out",
        "calibration_examples", "calibration_checks", "calibration_errors", "calibration_attempts",
    ),
    "Sessions and breaks, how many images each rater sees, and their order.": (
        "session_minutes", "sessions", "break_minutes", "first_stabilising", "later_stabilising",
        "source_gap", "longest_run", "retests", "share",
    ),
    "How long an image is seen at least, and an answer can be taken back.": (
        "shortest_view_ms", "undo_seconds", "hint_seconds",
    ),
    "The consent and the instructions, in every language, and whom they name.": (
        "language", "consent", "instructions", "texts", *TELLING,
    ),
    "What the analysis was told beforehand: planned raters, and the rule that flags raters.": (
        "planned_raters", "least_correlation",
    ),
    "The study’s name in addresses.": ("slug",),
}  # fmt: skip
"""What does not change any more from opening on, in words, and which settings that is."""


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
    doubtful = [each for each in stimuli if each.fault or _altered(each)]
    for each in doubtful[:MOST_NAMED]:
        try:
            showing.content_of(each)
        except showing.Faulty as fault:
            yield Point("Images", f"{each}: {fault}", "bar", _pictures(study))


def _altered(stimulus: Stimulus) -> bool:
    """Whether the file is gone or has another length: what is told without reading it."""
    try:
        length = stimulus.path.stat().st_size
    except OSError:
        return True
    return stimulus.length not in (None, length)


def _window(study: Study) -> Iterator[Point]:
    """Which screens have room for the largest image, and what becomes of raters of others."""
    width, height = screening.room(study)
    if not width:
        return
    fit = [
        name
        for name, (wide, high) in SCREENS.items()
        if width <= wide and height + screening.FRAME + BARS <= high
    ]
    none = [name for name in SCREENS if name not in fit]
    said = f"Images are up to {width} × {height} pixels, shown one to one."
    if not none:
        yield Point("Window", f"{said} Common screens have room for that.")
        return
    has = f", on {fit[0]} there is" if fit else ""
    said += f" In the largest window there is no room for that on {' or '.join(none)}{has}."
    where = edit(study, "screen_window")
    if study.screen_window:
        said += " Raters whose window is too small are told so before they begin."
        rare = SMALL_ENOUGH in none
        yield Point("Window", said, "warning" if rare else "fine", where)
    else:
        label = _label("screen_window")
        said += f" Raters there do not get past the image. With {label} they are told beforehand."
        yield Point("Window", said, "warning", where)


def _measures(study: Study) -> Iterator[Point]:
    """What is measured of the images: all that is known is shown beside what raters say."""
    images = study.stimuli.count()
    rows = StimulusMeasure.objects.filter(stimulus__studystimulus__study=study)
    counts = dict(
        rows.values_list("measure__title")
        .annotate(n=Count("pk"))
        .order_by("measure__place", "measure__title")
    )
    if not images:
        return
    later = "What is computed in the catalogue later can be brought in at any time."
    part = [f"{title} of {n} of {images} images" for title, n in counts.items() if n < images]
    whole = [title for title, n in counts.items() if n == images]
    said = [f"{', '.join(whole)} of every image"] * bool(whole) + part
    if not said:
        said = ["Nothing is measured, so that raters’ answers are compared with no measure"]
    level: Level = "warning" if part or not whole else "fine"
    yield Point("Measures", f"{'; '.join(said)}. {later}", level, reverse("catalogue"))


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
        standard = "The standard consent tells what is filled in"
        whose = "Your own consent has to tell it" if own else standard
        said = (
            f"Not filled in: {', '.join(lacking)}. {whose}: raters, and committees, expect to read "
            "whom they can ask and for how long answers are kept."
        )
        yield Point("Contact", said, "warning", where)
    else:
        yield Point("Contact", "Who asks, whom to ask and who approved it are told.")


def _calibration(study: Study, *, thorough: bool) -> Iterator[Point]:
    where = edit(study, "calibration", "calibrate")
    if not study.calibrate:
        said = "None: raters begin without having seen what a 1 and a 5 look like."
        yield Point("Calibration", said, mend=where)
        return
    sets = anchors.sets_of(study)
    problem = anchors.short(study, sets)
    if problem or (thorough and (problem := preview_order.calibration_problem(study))):
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


def _links(study: Study) -> Iterator[Point]:
    """Whether whoever gets a link can follow it, and who sends it."""
    where = f"{reverse('doc', args=['operations'])}#a-public-server"
    mail = "" if settings.MAIL else " This site sends no mail: you hand out the links yourself."
    host = urlsplit(settings.SITE_URL).hostname or ""
    if THIS_COMPUTER.fullmatch(host):
        said = (
            f"They lead to {settings.SITE_URL}, which works on the computer that runs this site "
            "and on no other. Whoever runs it sets the address that raters are to use (SITE_URL)."
        )
        yield Point("Links", said + mail, "warning", how=where)
    else:
        yield Point("Links", f"They lead to {settings.SITE_URL}.{mail}", how=where)


def _fewest_pairs(study: Study) -> int:
    """Pairs of methods on the set that has the fewest, of those that have any."""
    shown = study.stimuli.order_by().values_list("source__dataset", "method").distinct()
    methods = Counter(dataset for dataset, _ in shown)
    return min((count * (count - 1) // 2 for count in methods.values() if count > 1), default=1)


def _number(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
