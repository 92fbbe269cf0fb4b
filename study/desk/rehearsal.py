"""Simulated raters: a study rehearsed before people are asked, through the same code as theirs.

A simulated rater feels a quality on a continuous scale, the method's latent quality plus
a liking or disliking of the scene, their own strictness and a moment's noise, and answers with the
category nearest to it. The latent qualities are set so that the mean answer to each method is its
published MOS, or one that is told (:func:`study.analysis.power.latent_quality`).
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping
from uuid import UUID, uuid5

import numpy as np
from django.db import transaction

from benchmarks.published import LEDIG2017
from study.analysis.power import latent_quality
from study.models import Deed, Rater, Study, Trial
from study.models.deeds import By, by_command, note
from study.models.turns import turn
from study.rating.sessions import enrol_simulated
from study.rating.votes import cast

RATER_SD, SOURCE_SD, NOISE_SD = 0.35, 0.30, 0.60
"""Spread of strictness, of scenes and of single answers, in categories.

Chosen near what published browser studies show (a rater's mean varies by about a third of
a category, a single answer by more than half); they are a guess, as every simulation is.
"""
TOTAL_SD = float(np.sqrt(RATER_SD**2 + SOURCE_SD**2 + NOISE_SD**2))
MOST_RATERS = 1000

UNKNOWN = 3.0
"""MOS of a method that the paper's raters did not see: the middle, which says nothing of it."""

VOTES_AT_A_TIME = 50
TRIALS_AT_A_TIME = 200
"""In one transaction: the lock that people's votes need is held for hundredths of a second."""
PAUSE = 0.01
"""Seconds between two of them, in which whoever waits for that lock gets it."""
REHEARSALS = UUID("6a3f0e5c-52f1-4d0a-9d0e-0f3d1f9b7c55")
"""The name space of the ids of simulated votes, which are made of study, rater and seed."""


def assumed_mos(set_name: str, method: str, told: Mapping[str, float]) -> float:
    """The MOS that simulated raters are to come to: what is ``told``, or the paper's, or `UNKNOWN`.

    The paper's is that on BSD100, at x4, where the set is not the paper's, at whatever scale.
    """
    if method in told:
        return told[method]
    for known in (set_name, "BSD100", "Set14"):
        published = LEDIG2017.get((known, method))
        if published is not None and published.mos is not None:
            return published.mos
    return UNKNOWN


def rehearse(
    study: Study,
    *,
    raters: int,
    seed: int,
    replace: bool = False,
    mos: Mapping[str, float] | None = None,
    by: By | None = None,
) -> Iterator[Rater]:
    """Play ``raters`` simulated raters from enrolment to the last vote, yielding each when done.

    The same study, number and seed give the same plans and the same scores. With ``replace``
    earlier simulated raters go first, and stay if there will be none. ``mos``: what they think of
    methods, by name, in place of what the paper's raters did. ``by``: who does it; whoever runs the
    command, if not given. One that is killed leaves a rater who has not finished.
    Raises ``ValueError`` for a study that is not open, one that has simulated raters already or
    gets them from another rehearsal meanwhile, a MOS outside 1..5 or of a method that is not shown,
    a number outside 1..1000 or a seed below 0.
    """
    if not 1 <= raters <= MOST_RATERS:
        raise ValueError(f"{raters} raters cannot be rehearsed; ask for 1 to {MOST_RATERS}")
    if seed < 0:
        raise ValueError(f"seed {seed}: a seed is a whole number from 0 up")
    if not replace:
        _check_none(study)
    cells = set(study.stimuli.values_list("source__dataset__name", "method__name"))
    mos = mos or {}
    _check_told(study, mos, {method for _, method in cells})
    quality = {
        (set_name, method): latent_quality(assumed_mos(set_name, method, mos), TOTAL_SD)
        for set_name, method in cells
    }
    sources = study.stimuli.order_by("source").values_list("source", flat=True).distinct()
    rng = np.random.default_rng(seed)
    liking = {source: rng.normal(0, SOURCE_SD) for source in sources}
    study.refresh_from_db()
    if study.state != Study.State.OPEN:
        raise ValueError(f"study {study.slug} is {study.state}; it can be rehearsed while open")
    removed = remove(study) if replace else 0
    told = {"raters": raters, "seed": seed, "removed": removed, **({"mos": mos} if mos else {})}
    note(Deed.Kind.REHEARSED, by=by or by_command(), study=study, **told)
    for number in range(raters):
        rater = enrol_simulated(study, seed=int(rng.integers(2**62)))
        if rater.number != number + 1:
            rater.delete()
            raise ValueError(f"another rehearsal of {study.slug} is going on; this one stops")
        _play(rater, quality, liking, rng, seed)
        yield rater


def _check_told(study: Study, mos: Mapping[str, float], shown: Collection[str]) -> None:
    for method, value in mos.items():
        if method not in shown:
            raise ValueError(
                f"{study.slug} does not show {method}; it shows {', '.join(sorted(shown))}"
            )
        if not 1 <= value <= 5:
            raise ValueError(f"a MOS of {value:g} for {method}: it lies between 1 and 5")


def _check_none(study: Study) -> None:
    """Raise ``ValueError`` if there are simulated raters already."""
    there = Rater.objects.filter(study=study, simulated=True)
    count, finished = there.count(), there.filter(stage=Rater.Stage.FINISHED).count()
    if count > finished:
        raise ValueError(
            f"a rehearsal of {study.slug} was stopped before its end or is going on: {finished} of "
            f"{count} simulated raters have finished; --replace removes them first"
        )
    if count:
        raise ValueError(
            f"{study.slug} has been rehearsed already; --replace removes its simulated raters first"
        )


def _play(
    rater: Rater,
    quality: Mapping[tuple[str, str], float],
    liking: Mapping[int, float],
    rng: np.random.Generator,
    seed: int,
) -> None:
    strictness = rng.normal(0, RATER_SD)
    trials = Trial.objects.filter(rater=rater).order_by("position")
    planned = list(trials.select_related("stimulus__source__dataset", "stimulus__method"))
    for start in range(0, len(planned), VOTES_AT_A_TIME):
        with turn(), transaction.atomic():
            for trial in planned[start : start + VOTES_AT_A_TIME]:
                stimulus = trial.stimulus
                felt = quality[stimulus.source.dataset.name, stimulus.method.name]
                felt += liking[stimulus.source_id] - strictness + rng.normal(0, NOISE_SD)
                score = int(np.clip(np.floor(felt + 0.5), 1, 5))
                # Drawn as ever, so that a seed goes on giving the scores that it gave.
                drawn = rng.bytes(16)
                named = f"{rater.study.slug} {rater.number} {seed} {drawn.hex()}"
                cast(rater, token=trial.token, score=score, client_id=uuid5(REHEARSALS, named))
        time.sleep(PAUSE)


def remove(study: Study) -> int:
    """Delete the study's simulated raters with all they did; returns how many they were.

    In pieces, between which others can write: one that is killed leaves raters who have withdrawn.
    """
    simulated = Rater.objects.filter(study=study, simulated=True)
    count = simulated.count()
    simulated.update(
        stage=Rater.Stage.WITHDRAWN, erased=True, position=0, finished_at=None, seen_at=None
    )
    trials = Trial.objects.filter(rater__study=study, rater__simulated=True).order_by("pk")
    while some := list(trials.values_list("pk", flat=True)[:TRIALS_AT_A_TIME]):
        with turn(), transaction.atomic():
            Trial.objects.filter(pk__in=some).delete()
        time.sleep(PAUSE)
    with turn(), transaction.atomic():
        simulated.delete()
    return count
