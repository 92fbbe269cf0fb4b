"""Who can take part: a study's screening, judged here and nowhere else.

What the browser cannot change is asked first. A small window or a telephone is no reason to lose
a rater: they are told, and the same link works on another computer. Vision is a reason for good.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from django.db import transaction
from django.db.models import Max
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from study.models import Rater, Screening, Study
from study.rating import sessions
from study.rating.plates import Plate, plates_for

FRAME = 170
"""CSS pixels that the rating page needs above and below the image."""
PHONE = re.compile(r"Mobi|Android|iPhone|iPad|Tablet", re.IGNORECASE)

FOR_GOOD = ("vision", "plates")
REASONS: dict[str, str | Promise] = {
    "device": _(
        "This study needs a desktop computer or a laptop, because the images must be seen pixel by "
        "pixel. Please open your link there: it works on any computer."
    ),
    "window": _(
        "The window has no room for the images in their real size. Please make it as large as the "
        "screen, set the browser's zoom to 100 % or less, and try again; or open your link on a "
        "computer with a larger screen."
    ),
    "vision": _(
        "This study needs raters who see the screen sharply, with glasses or contact lenses where "
        "they need them, because it asks about fine detail."
    ),
    "plates": _(
        "Too many of the digits in the dots were read differently from how raters with full "
        "colour vision read them, and this study asks about colour too. This is no diagnosis: "
        "screens and light differ."
    ),
    "calibration": _(
        "Several answers in the check were far from what the examples stand for. Answers given "
        "like that could not be compared with those of others."
    ),
}


@dataclass(frozen=True)
class Answers:
    """What a rater and their browser told; sizes in CSS pixels."""

    device_pixel_ratio: float
    viewport_width: int
    viewport_height: int
    screen_width: int
    screen_height: int
    zoom: float | None
    touch: bool
    user_agent: str
    vision: str
    plates: Sequence[str]


def room(study: Study) -> tuple[int, int]:
    """Width and height of the largest image that raters of ``study`` see, in device pixels."""
    largest = study.stimuli.aggregate(Max("width"), Max("height"))
    anchors = study.anchors.aggregate(Max("stimulus__width"), Max("stimulus__height"))
    both = zip(largest.values(), anchors.values(), strict=True)
    width, height = (max(a or 0, b or 0) for a, b in both)
    return width, height


def refusal(study: Study, answers: Answers, plates: Sequence[Plate]) -> str:
    """Why a rater who tells this is refused: a key of :data:`REASONS`, empty if they are not."""
    width, height = room(study)
    ratio = answers.device_pixel_ratio
    wide = answers.viewport_width * ratio >= width
    high = (answers.viewport_height - FRAME) * ratio >= height
    if study.screen_device and (answers.touch or PHONE.search(answers.user_agent)):
        return "device"
    if study.screen_window and not (wide and high):
        return "window"
    if study.screen_vision and answers.vision not in ("plain", "corrected"):
        return "vision"
    if misread(plates, answers.plates) > study.plate_errors:
        return "plates"
    return ""


def misread(plates: Sequence[Plate], answers: Sequence[str]) -> int:
    """How many ``plates`` were read as something else than their number."""
    return sum(
        answer.strip() != str(plate.number) for plate, answer in zip(plates, answers, strict=True)
    )


def screen(rater: Rater, answers: Answers) -> str:
    """Judge and store; returns the refusal, empty if the rater may go on.

    A rater who is not being screened any more is left alone: a form sent twice changes nothing.
    """
    with transaction.atomic():
        rater = Rater.objects.select_related("study").get(pk=rater.pk)
        if rater.stage != Rater.Stage.SCREENING:
            return ""
        why = refusal(rater.study, answers, plates_of(rater))
        told = {**asdict(answers), "plates": list(answers.plates)}
        Screening.objects.create(rater=rater, refusal=why, answers=told)
        if why in FOR_GOOD:
            sessions.end(rater, Rater.Stage.SCREENED_OUT, refusal=why)
        elif not why:
            sessions.passed_screening(rater)
        return why


def plates_of(rater: Rater) -> list[Plate]:
    """The plates of this rater: the same on every device and at every attempt."""
    return plates_for(f"{rater.study_id}:{rater.pk}", rater.study.plates)
