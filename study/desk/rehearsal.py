"""Simulated raters: a study rehearsed before people are asked, through the same code as theirs.

A simulated rater feels a quality on a continuous scale, the method's latent quality plus
a liking or disliking of the scene, their own strictness and a moment's noise, and answers with the
category nearest to it. The latent qualities are set so that the mean answer to each method is its
published MOS (:func:`study.analysis.power.latent_quality`).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping

import numpy as np
from django.db import transaction

from benchmarks.published import LEDIG2017
from study.analysis.power import latent_quality
from study.models import Rater, Study, Trial
from study.rating.sessions import enrol_simulated
from study.rating.votes import cast

RATER_SD, SOURCE_SD, NOISE_SD = 0.35, 0.30, 0.60
"""Spread of strictness, of scenes and of single answers, in categories.

Chosen near what published browser studies show (a rater's mean varies by about a third of
a category, a single answer by more than half); they are a guess, as every simulation is.
"""
TOTAL_SD = float(np.sqrt(RATER_SD**2 + SOURCE_SD**2 + NOISE_SD**2))
MOST_RATERS = 1000


def published_mos(set_name: str, method: str) -> float:
    """The paper's MOS of a method, on BSD100 where the set is not the paper's.

    Raises ``ValueError`` for a method that the paper's raters did not see.
    """
    for known in (set_name, "BSD100", "Set14"):
        published = LEDIG2017.get((known, method))
        if published is not None and published.mos is not None:
            return published.mos
    raise ValueError(f"the paper gives no MOS for {method}; it cannot be rehearsed")


def rehearse(study: Study, *, raters: int, seed: int, replace: bool = False) -> Iterator[Rater]:
    """Play ``raters`` simulated raters from enrolment to the last vote, yielding each when done.

    The same study, number and seed give the same plans and the same scores. With ``replace``
    earlier simulated raters go when the first new one is done, and stay if there will be none.
    Raises ``ValueError`` for a study that is not open, one that has simulated raters already, a
    method that the paper's raters did not see, a number outside 1..1000 or a seed below 0.
    """
    if not 1 <= raters <= MOST_RATERS:
        raise ValueError(f"{raters} raters cannot be rehearsed; ask for 1 to {MOST_RATERS}")
    if seed < 0:
        raise ValueError(f"seed {seed}: a seed is a whole number from 0 up")
    if not replace and Rater.objects.filter(study=study, simulated=True).exists():
        raise ValueError(
            f"{study.slug} has been rehearsed already; --replace removes its simulated raters first"
        )
    cells = set(study.stimuli.values_list("source__dataset__name", "method__name"))
    quality = {cell: latent_quality(published_mos(*cell), TOTAL_SD) for cell in cells}
    sources = study.stimuli.order_by("source").values_list("source", flat=True).distinct()
    rng = np.random.default_rng(seed)
    liking = {source: rng.normal(0, SOURCE_SD) for source in sources}
    for number in range(raters):
        with transaction.atomic():
            if replace and number == 0:
                remove(study)
            rater = enrol_simulated(study, seed=int(rng.integers(2**62)))
            _play(rater, quality, liking, rng)
        yield rater


def _play(
    rater: Rater,
    quality: Mapping[tuple[str, str], float],
    liking: Mapping[int, float],
    rng: np.random.Generator,
) -> None:
    strictness = rng.normal(0, RATER_SD)
    trials = Trial.objects.filter(rater=rater).order_by("position")
    for trial in trials.select_related("stimulus__source__dataset", "stimulus__method"):
        stimulus = trial.stimulus
        felt = quality[stimulus.source.dataset.name, stimulus.method.name]
        felt += liking[stimulus.source_id] - strictness + rng.normal(0, NOISE_SD)
        score = int(np.clip(np.floor(felt + 0.5), 1, 5))
        cast(rater, token=trial.token, score=score, client_id=uuid.UUID(bytes=rng.bytes(16)))


def remove(study: Study) -> int:
    """Delete the study's simulated raters with all they did; returns how many they were."""
    with transaction.atomic():
        simulated = Rater.objects.filter(study=study, simulated=True)
        count = simulated.count()
        simulated.delete()
    return count
