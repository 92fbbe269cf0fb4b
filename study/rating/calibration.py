"""Calibrating raters: what a 1 and a 5 look like, shown on images that nobody rates, then asked.

A check on unseen images follows: an answer within one point of what the image stands for is right.
The images are the study's anchors, known here by the score that each stands for alone.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from study.models import Anchor, Rater, Rating, Session, Study, Trial

TOLERANCE = 1
"""Points by which an answer in the check may differ from what the image stands for."""

MEANING: dict[int, str | Promise] = {
    1: _("This is a 1: bad. Press 1 to go on."),
    5: _("This is a 5: excellent. Press 5 to go on."),
}


def write(rater: Rater, *, attempt: int, seed: int) -> Session:
    """The trials of one calibration, from the rater's position on: examples, then the check.

    Every example is shown as a 1 and as a 5 in turn, in pairs, so that they can be compared; each
    image of the check is asked in one version, half of them the worst, and was no example before.
    """
    anchors = rater.study.anchors.select_related("stimulus").order_by("stimulus__source", "score")
    seen = set(
        Trial.objects.filter(rater=rater, anchor__isnull=False).values_list(
            "stimulus__source", flat=True
        )
    )
    trials = drawn(rater.study, anchors, seen=seen, seed=seed)
    session = Session.objects.create(
        rater=rater, calibration=True, number=attempt, seed=seed, gap=0
    )
    Trial.objects.bulk_create(
        Trial(
            rater=rater,
            session=session,
            position=rater.position + place,
            stimulus=anchor.stimulus,
            kind=kind,
            anchor=anchor.score,
        )
        for place, (anchor, kind) in enumerate(trials)
    )
    return session


def drawn(
    study: Study, anchors: Iterable[Anchor], *, seen: Collection[int] = (), seed: int
) -> list[tuple[Anchor, Trial.Kind]]:
    """What a calibration shows of ``anchors`` and asks, in order; ``seen``: sources met before."""
    pairs, rng = _pairs(anchors), random.Random(seed)
    # Images that this rater has not met come first: a second attempt is on other ones if it can be.
    order = sorted(pairs, key=lambda source: (source in seen, rng.random()))
    # A study has enough of them, or did not open; one that opened under another rule may not.
    checks = min(study.calibration_checks, max(len(order) - study.calibration_examples, 1))
    asked, shown = order[:checks], order[checks : checks + study.calibration_examples]
    scores = [1 if place % 2 else 5 for place in range(len(asked))]
    rng.shuffle(scores)
    trials = [(pairs[source][score], Trial.Kind.EXAMPLE) for source in shown for score in (1, 5)]
    return trials + [
        (pairs[source][score], Trial.Kind.CHECK)
        for source, score in zip(asked, scores, strict=True)
    ]


def _pairs(anchors: Iterable[Anchor]) -> dict[int, dict[int, Anchor]]:
    """The sources that are there as a 1 and as a 5, each with its two anchors by score."""
    pairs: dict[int, dict[int, Anchor]] = {}
    for anchor in anchors:
        pairs.setdefault(anchor.stimulus.source_id, {})[anchor.score] = anchor
    return {source: both for source, both in pairs.items() if both.keys() == {1, 5}}


def judge(session: Session) -> bool:
    """Whether the check of this calibration is passed; the result is stored on the session."""
    answers = Rating.objects.filter(trial__session=session, trial__kind=Trial.Kind.CHECK)
    told = answers.values_list("score", "trial__anchor")
    session.mistakes = sum(abs(score - (anchor or 0)) > TOLERANCE for score, anchor in told)
    session.passed = session.mistakes <= session.rater.study.calibration_errors
    session.save(update_fields=["mistakes", "passed"])
    return session.passed
