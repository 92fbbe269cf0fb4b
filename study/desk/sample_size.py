"""How many raters a study needs, said before it: simulated studies through the real analysis."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.datasets import manifest
from benchmarks.published import LEDIG2017
from study.analysis import power
from study.desk import shown
from study.desk.presets import PRESETS, Preset
from study.desk.rehearsal import assumed_mos
from study.models import Study

MOST_IMAGES = 1000
STUDIES = 200
"""Simulated for each number of raters that is tried."""
MOST_ANSWERS = 6e7
"""Simulated on a page, about: a second or two on one processor."""
HIGHEST_MOS = 4.9
"""Simulated raters have no latent quality for a mean of 5."""
PUBLISHED = "published MOS"
ASSUMED = "the paper's MOS, that on BSD100 for sets that are not the paper's, 3 for other methods"


@dataclass(frozen=True)
class Estimate:
    """The ``answer`` for two methods of a set whose MOS are ``difference`` apart.

    ``mos`` are the published ones, those of ``pair`` (lower, higher) moved; the ``wanted`` share
    of simulated ``studies`` is to find the difference.
    """

    answer: power.Answer
    set: str
    images: int
    mos: dict[str, float]
    pair: tuple[str, str]
    difference: float
    wanted: float
    studies: int
    seed: int
    seen: int | None = None
    """Images that a rater rates of each method; all, if ``None``."""
    source: str = PUBLISHED
    """Where ``mos`` are from."""

    @property
    def sentences(self) -> list[str]:
        """The number of raters, what was tried, and all that was assumed."""
        raters, tried, a = self.answer.raters, self.answer.tried, power.Assumptions()
        pairs = len(self.mos) * (len(self.mos) - 1) // 2
        low, high = self.pair
        rated = (
            f"{self.seen} of them by each method rated by a rater"
            if self.seen
            else "all rated by everyone"
        )
        return [
            f"{raters} raters show a difference of {self.difference:g} in at least "
            f"{self.wanted:.0%} of studies."
            if raters
            else f"No number of raters up to {max(tried)} shows a difference of "
            f"{self.difference:g} in {self.wanted:.0%} of studies.",
            "Tried (raters: studies in which it was found): "
            + ", ".join(f"{n}: {found:.0%}" for n, found in tried.items()),
            f"Assumed: {self.set}, {self.images} images, {rated}; {len(self.mos)} "
            f"methods, hence Holm over {pairs} pairs; {self.source}, but {high} "
            f"{self.difference:g} above {low} at {self.mos[low]:.2f}. Raters on a latent scale: "
            f"strictness SD {a.strictness:g}, taste for a method {a.taste:g}, scenes {a.scene:g}, "
            f"single answers {a.noise:g}. {self.studies} studies for each number, seed "
            f"{self.seed}: the powers are good to about ± {2 * (0.16 / self.studies) ** 0.5:.0%}. "
            "Guesses, all of them: a pilot's own spread is better.",
        ]


def estimate(
    preset: str,
    *,
    difference: float,
    set_name: str | None = None,
    images: int | None = None,
    wanted: float = power.POWER,
    studies: int = STUDIES,
    seed: int = 0,
) -> Estimate:
    """How many raters show a ``difference`` of MOS between two methods in ``wanted`` of studies.

    Simulated studies go through Wilcoxon on raters' means and Holm over all pairs. ``set_name``:
    one of the preset's, by default that with the fewest images; ``images``: as many as it has.
    Raises ``ValueError`` with a sentence for what cannot be simulated.
    """
    if preset not in PRESETS:
        raise ValueError(f"unknown preset {preset!r}; there are {', '.join(PRESETS)}")
    _check(difference, wanted, studies)
    name, count = _set_of(PRESETS[preset], set_name)
    images = count if images is None else images
    _check_images(images)
    mos = {
        method: found.mos
        for method in PRESETS[preset].methods
        if (found := LEDIG2017.get((name, method))) and found.mos is not None
    }
    if len(mos) < 2:
        raise ValueError("the preset has fewer than two methods with a published MOS on that set")
    pair = _bring_together(mos, difference)
    answer = power.raters_needed(mos, pair, images=images, power=wanted, studies=studies, seed=seed)
    return Estimate(answer, name, images, mos, pair, difference, wanted, studies, seed)


def sets_of(study: Study) -> dict[str, tuple[int, list[str]]]:
    """The sets on which ``study`` has methods to compare: how many images, and which methods.

    The one with the fewest images first: what is shown there is shown on the others.
    """
    images: dict[str, set[str]] = {}
    some: dict[str, dict[str, None]] = {}
    for of, method, image in shown.keys(study):
        images.setdefault(of, set()).add(image)
        some.setdefault(of, {})[method] = None
    found = {of: (len(images[of]), [*some[of]]) for of in images if len(some[of]) > 1}
    return dict(sorted(found.items(), key=lambda each: each[1][0]))


def of_study(
    study: Study,
    *,
    difference: float,
    set_name: str = "",
    wanted: float = power.POWER,
    seed: int = 0,
) -> Estimate:
    """`estimate` for the very sets, methods and images that ``study`` is to show.

    ``set_name``: by default that with the fewest images. A rater who rates a share of the study
    rates as large a share of the images by each method. Of large studies and small differences
    fewer studies are simulated, so that a page answers within seconds. Raises ``ValueError`` as
    `estimate`.
    """
    _check(difference, wanted, STUDIES)
    sets = sets_of(study)
    if not sets:
        raise ValueError(
            "the study shows no two methods of one set yet; choose what is shown first"
        )
    name = set_name or next(iter(sets))
    if name not in sets:
        raise ValueError(f"set {name}: the study has {', '.join(sets)}")
    images, some = sets[name]
    _check_images(images)
    every = shown.count(study)
    seen = None
    if study.share and study.share < every:
        seen = max(1, round(images * study.share / every))
    # As many raters as it takes, about, for each of ten numbers that are tried.
    answers = 10 * (2 / difference**2 + 9) * images * len(some)
    studies = min(STUDIES, max(40, 10 * round(MOST_ANSWERS / answers / 10)))
    mos = {each: min(max(assumed_mos(name, each, {}), 1.1), HIGHEST_MOS) for each in some}
    pair = _bring_together(mos, difference)
    answer = power.raters_needed(
        mos, pair, images=images, seen=seen, power=wanted, studies=studies, seed=seed
    )
    return Estimate(
        answer, name, images, mos, pair, difference, wanted, studies, seed, seen, ASSUMED
    )


def _check(difference: float, wanted: float, studies: int) -> None:
    if not 0 < difference <= 2:
        raise ValueError(f"difference {difference:g}: a difference is above 0, at most 2")
    if not 0.05 < wanted < 0.99:
        raise ValueError(f"power {wanted:g}: a power lies between 0.05 and 0.99")
    if not 20 <= studies <= 10_000:
        raise ValueError(f"studies {studies}: simulate 20 to 10000")


def _check_images(images: int) -> None:
    if not 1 <= images <= MOST_IMAGES:
        raise ValueError(f"images {images}: ask for 1 to {MOST_IMAGES}")


def _set_of(preset: Preset, name: str | None) -> tuple[str, int]:
    """The set that is named, else the smallest, and how many images it has."""
    sizes = {one: len(manifest(one).images) for one in preset.sets}
    chosen = name or min(sizes, key=sizes.__getitem__)
    if chosen not in sizes:
        raise ValueError(f"set {chosen}: the preset has {', '.join(sizes)}")
    return chosen, sizes[chosen]


def _bring_together(mos: dict[str, float], difference: float) -> tuple[str, str]:
    """Set two methods in the middle of the scale ``difference`` apart; returns which."""
    low, high = sorted(
        sorted(mos, key=lambda method: abs(mos[method] - 3))[:2], key=mos.__getitem__
    )
    mos[high] = min(mos[low] + difference, HIGHEST_MOS)
    mos[low] = mos[high] - difference
    return low, high
