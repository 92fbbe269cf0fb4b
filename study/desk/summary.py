"""What a study asks of its raters, in a few sentences: its settings, texts and dates."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils import timezone
from django.utils.formats import date_format

from study.models import Study

PARTS = {
    "Images": "shown",
    "Who may take part": "screening",
    "Calibration": "calibration",
    "Sessions": "sessions",
    "Order": "sessions",
    "Each image": "sessions",
    "Texts": "texts",
    "Contact": "texts",
    "Ethics approval": "texts",
    "Storage time": "texts",
    "Analysis": "analysis",
}
"""Of which part of a draft each subject is, see `study.desk.sections.SECTIONS`."""


def summary(study: Study) -> list[tuple[str, str]]:
    """Subject and sentence, of all that a researcher has set."""
    found = {
        "Images": _images(study),
        "Who may take part": _screening(study),
        "Calibration": _calibration(study),
        "Sessions": _sessions(study),
        "Order": _order(study),
        "Each image": _viewing(study),
        "Texts": _texts(study),
        "Contact": "; ".join(filter(None, (study.researcher, study.institution, study.contact))),
        "Ethics approval": study.ethics,
        "Storage time": study.storage,
        "Analysis": _analysis(study),
        "Dates": "; ".join(_dates(study)),
    }
    return [(subject, said) for subject, said in found.items() if said]


def _images(study: Study) -> str:
    count = study.stimuli.count()
    if not count:
        return "None yet"
    seen = min(study.share or count, count)
    said = f"{count}, of which each rater sees {'all' if seen == count else seen}"
    return f"{said}; {study.retests} of them twice" if study.retests else said


def _screening(study: Study) -> str:
    asked = {
        "sits at a desktop computer or a laptop": study.screen_device,
        "has a window that holds the images": study.screen_window,
        "sees the screen sharply": study.screen_vision,
        f"misreads at most {study.plate_errors} of {study.plates} colour plates": study.plates,
    }
    return ", ".join(
        ["Whoever has a link", *(said for said, is_asked in asked.items() if is_asked)]
    )


def _calibration(study: Study) -> str:
    if not study.calibrate:
        return "None"
    where = study.calibration_set or study.calibration_folder
    return (
        f"{study.calibration_examples} examples, then a check on {study.calibration_checks} images"
        f"{f' of {where}' if where else ''}, passed with at most {study.calibration_errors} "
        f"mistaken, within {study.calibration_attempts} attempts"
    )


def _sessions(study: Study) -> str:
    count = study.effort_each()["sessions"] or 1
    said = f"{count} session{'s' * (count > 1)} of at most {study.session_minutes} minutes"
    return f"{said}, {study.break_minutes} minutes or more between two" if count > 1 else said


def _order(study: Study) -> str:
    return (
        f"At random; {study.source_gap} other images between two of one scene, at most "
        f"{study.longest_run} by one method in a row; {study.first_stabilising} images that do not "
        "count open the first session"
        + (f", {study.later_stabilising} every later one" if study.later_stabilising else "")
    )


def _viewing(study: Study) -> str:
    return (
        f"Seen for {study.shortest_view_ms} ms at least; an answer can be taken back for "
        f"{study.undo_seconds} s"
    )


def _texts(study: Study) -> str:
    language = study.get_language_display() if study.language else "the rater’s language"
    own = [
        f"{name} {'of your own' if written else 'as standard'}"
        for name, written in (
            ("consent", study.consent or study.texts.get("consent")),
            ("instructions", study.instructions or study.texts.get("instructions")),
        )
    ]
    return f"In {language}; {', '.join(own)}"


def _analysis(study: Study) -> str:
    return (
        f"{study.planned_raters} raters planned; raters who correlate below "
        f"{study.least_correlation:g} with the others are flagged"
    )


def _dates(study: Study) -> Iterator[str]:
    dates = {
        "made": study.created_at,
        "opened": study.opened_at,
        "closed": study.closed_at,
        "put away": study.put_away_at,
    }
    for what, at in dates.items():
        if at:
            yield f"{what} {date_format(timezone.localtime(at), 'j M Y')}"
