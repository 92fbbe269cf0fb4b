"""How many raters a difference takes, before a study by simulation and after it by formula."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.special import ndtr, stdtrit

from study.analysis import significance
from study.analysis.scores import Floats, Scores
from study.analysis.significance import ALPHA

POWER = 0.8
STUDIES_AT_A_TIME = 25
"""Simulated and tested together: some megabytes."""
THRESHOLDS = np.array([1.5, 2.5, 3.5, 4.5])


def smallest_differences(
    scores: Scores, pairs: pd.DataFrame, *, power: float = POWER
) -> list[dict[str, object]]:
    """For each set the difference of two methods' MOS that its raters can show.

    From the median over pairs of the SD of the raters' mean differences, see
    `smallest_difference`. Empty for fewer than two raters.
    """
    found: list[dict[str, object]] = []
    for set_name in dict.fromkeys(pairs["set"]):
        means = scores.rater_means(str(set_name))
        spreads, counts = [], []
        for i in range(means.shape[1]):
            for j in range(i):
                d = means[:, i] - means[:, j]
                d = d[~np.isnan(d)]
                if len(d) > 1:
                    spreads.append(float(d.std(ddof=1)))
                    counts.append(len(d))
        if not spreads:
            continue
        sd, raters = float(np.median(spreads)), int(np.median(counts))
        found.append(
            {
                "set": set_name,
                "raters": raters,
                "sd_of_differences": sd,
                "pairs": len(spreads),
                "power": power,
                "difference": smallest_difference(sd, raters, len(spreads), power=power),
            }
        )
    return found


def smallest_difference(sd: float, raters: int, pairs: int, *, power: float = POWER) -> float:
    """The difference that a paired t test of ``raters`` raters finds with probability ``power``.

    (t(1 - 0.05/(2·pairs)) + t(power))·sd/√raters with raters - 1 degrees of freedom: the first
    step of Holm's correction over ``pairs`` pairs, the hardest one. ``sd`` is that of the raters'
    mean differences.

    >>> round(smallest_difference(0.5, 26, 36), 3)
    0.437
    """
    quantiles = stdtrit(raters - 1, 1 - ALPHA / 2 / pairs) + stdtrit(raters - 1, power)
    return float(quantiles * sd / np.sqrt(raters))


@dataclass(frozen=True)
class Assumptions:
    """What simulated raters are like, in score steps on the latent scale.

    strictness: SD of a rater's mean; taste: SD of a rater's liking of one method over another
    (rater by method); scene: SD of images; noise: SD of a single answer. They give SDs of
    rater-mean differences near that of a published study (0.55); they are a guess.
    """

    strictness: float = 0.35
    taste: float = 0.35
    scene: float = 0.30
    noise: float = 0.60

    @property
    def total(self) -> float:
        """SD of a single answer to a method over raters and images."""
        return float(np.sqrt(self.strictness**2 + self.taste**2 + self.scene**2 + self.noise**2))


@dataclass(frozen=True)
class Answer:
    """``raters`` needed, the ``power`` that they reached, and all numbers ``tried``."""

    raters: int | None
    tried: dict[int, float]


@lru_cache(maxsize=256)
def latent_quality(mos: float, spread: float) -> float:
    """The latent quality whose answers, rounded to 1..5, have the mean ``mos`` (1 < mos < 5).

    With a total ``spread`` s of single answers the mean of the category is
    1 + sum over the thresholds t = 1.5, 2.5, 3.5, 4.5 of Phi((quality - t) / s).

    >>> round(latent_quality(3.0, 0.8), 6)
    3.0
    """
    low, high = -20.0, 26.0
    for _ in range(80):
        middle = (low + high) / 2
        if 1 + float(ndtr((middle - THRESHOLDS) / spread).sum()) < mos:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def simulate(
    mos: Mapping[str, float],
    *,
    raters: int,
    images: int,
    rng: np.random.Generator,
    assumptions: Assumptions = Assumptions(),
) -> Floats:
    """Scores 1..5 of simulated raters: raters by images by methods, in the order of ``mos``."""
    a, methods = assumptions, len(mos)
    quality = np.array([latent_quality(value, a.total) for value in mos.values()])
    felt = quality + rng.normal(0, a.noise, (raters, images, methods))
    felt += rng.normal(0, a.strictness, (raters, 1, 1))
    felt += rng.normal(0, a.taste, (raters, 1, methods))
    felt += rng.normal(0, a.scene, (1, images, 1))
    scores: Floats = np.clip(np.floor(felt + 0.5), 1, 5)
    return scores


def of_cube(cube: Floats, methods: list[str]) -> Scores:
    """`Scores` of a whole cube raters by images by methods."""
    raters, images, count = cube.shape
    stimuli = pd.DataFrame(
        {
            "stimulus": [f"{m}/{i}" for i in range(images) for m in methods],
            "set": "all",
            "content": [str(i) for i in range(images) for _ in methods],
            "method": methods * images,
            "reference": False,
            "left_out": 0,
        }
    )
    flat = cube.reshape(raters, images * count)
    return Scores(
        raters=[str(r + 1) for r in range(raters)],
        stimuli=stimuli,
        rater=np.repeat(np.arange(raters), images * count),
        stimulus=np.tile(np.arange(images * count), raters),
        score=flat.ravel(),
        methods=tuple(methods),
        sets=("all",),
    )


def power_of(
    mos: Mapping[str, float],
    pair: tuple[str, str],
    *,
    raters: int,
    images: int,
    seen: int | None = None,
    studies: int = 200,
    seed: int = 0,
    assumptions: Assumptions = Assumptions(),
) -> float:
    """Share of simulated studies in which ``pair`` differs after Holm, on raters' means.

    ``seen``: how many of the images a rater rates of each method, drawn at random; all, if not
    given. The tests are those of `study.analysis.significance.pairs`, of many studies at once.
    """
    rng = np.random.default_rng([seed, raters])
    methods = list(mos)
    tested = list(combinations(range(len(methods)), 2))
    asked = tested.index(tuple(sorted(map(methods.index, pair))))  # type: ignore[arg-type]
    first, second = np.array(tested).T
    found = 0
    for start in range(0, studies, STUDIES_AT_A_TIME):
        means = np.array(
            [
                _rater_means(
                    simulate(mos, raters=raters, images=images, rng=rng, assumptions=assumptions),
                    seen,
                    rng,
                )
                for _ in range(min(STUDIES_AT_A_TIME, studies - start))
            ]
        )
        differences = np.swapaxes(means[:, :, first] - means[:, :, second], 1, 2)
        for p in significance.signed_rank_p(differences):
            found += bool(significance.holm(p)[asked] < ALPHA)
    return found / studies


def _rater_means(cube: Floats, seen: int | None, rng: np.random.Generator) -> Floats:
    """Each rater's mean of each method, of a cube raters by images by methods."""
    if seen is None or seen >= cube.shape[1]:
        every: Floats = cube.sum(axis=1) / cube.shape[1]
        return every
    drawn = rng.random(cube.shape).argsort(axis=1) < seen
    some: Floats = np.where(drawn, cube, 0).sum(axis=1) / seen
    return some


def raters_needed(
    mos: Mapping[str, float],
    pair: tuple[str, str],
    *,
    images: int,
    seen: int | None = None,
    power: float = POWER,
    studies: int = 200,
    most: int = 300,
    seed: int = 0,
    assumptions: Assumptions = Assumptions(),
) -> Answer:
    """The fewest raters, by bisection, with which ``pair`` is found with probability ``power``.

    ``seen``: as in `power_of`.
    """
    tried: dict[int, float] = {}

    def reaches(raters: int) -> bool:
        if raters not in tried:
            tried[raters] = power_of(
                mos, pair, raters=raters, images=images, seen=seen, studies=studies, seed=seed,
                assumptions=assumptions,
            )  # fmt: skip
        return tried[raters] >= power

    low, high = 4, 8
    while not reaches(high):
        low, high = high, high * 2
        if low >= most:
            return Answer(None, dict(sorted(tried.items())))
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if reaches(middle) else (middle, high)
    return Answer(high, dict(sorted(tried.items())))
