"""A session whose time ran out before its trials did goes on in another sitting.

The sitting opens with stabilising trials as every later session does, which moves what follows.
"""

from __future__ import annotations

import random

from django.db.models import F

from study.models import Rater, Session, Trial

FAR = 10_000_000
"""Beyond every position: rows are moved in two steps, so that no two ever hold the same place."""


def split(rater: Rater, session: Session) -> Session:
    """Move the trials of ``session`` from the rater's position on to a new one right after it."""
    later = rater.session_set.filter(calibration=False, number__gt=session.number)
    for row in later.order_by("-number"):
        row.number += 1
        row.save(update_fields=["number"])
    sitting = Session.objects.create(
        rater=rater, number=session.number + 1, seed=session.seed, gap=session.gap
    )
    rest = Trial.objects.filter(rater=rater, position__gte=rater.position)
    rest.filter(session=session).update(session=sitting)
    opening = _opening(rater, session)
    if opening:
        rest.update(position=F("position") + FAR)
        far = Trial.objects.filter(rater=rater, position__gte=FAR)
        far.update(position=F("position") - FAR + len(opening))
        Trial.objects.bulk_create(
            Trial(
                rater=rater,
                session=sitting,
                position=rater.position + place,
                stimulus_id=stimulus,
                kind=Trial.Kind.STABILISING,
            )
            for place, stimulus in enumerate(opening)
        )
    return sitting


def _opening(rater: Rater, session: Session) -> list[int]:
    """Stimuli that open a sitting, each of another source, none near what follows."""
    count = rater.study.later_stabilising
    gap = rater.study.source_gap
    around = Trial.objects.filter(rater=rater).order_by("position")
    near = around.filter(position__gte=rater.position).values_list("stimulus__source", flat=True)
    taken = set(near[:gap])
    main = around.filter(kind=Trial.Kind.MAIN, repeat=False)
    rows = list(main.values_list("stimulus", "stimulus__source"))
    random.Random(f"{session.seed}:{rater.position}").shuffle(rows)
    # Where there are too few sources, an image near its own source is better than none.
    rows.sort(key=lambda row: row[1] in taken)
    chosen: list[int] = []
    sources: set[int] = set()
    for stimulus, source in rows:
        if len(chosen) < count and source not in sources:
            chosen.append(stimulus)
            sources.add(source)
    return chosen
