"""How many raters a study needs, said before it: simulated studies through the real analysis."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.datasets import manifest
from benchmarks.published import LEDIG2017
from study.analysis import power
from study.desk.studies import PRESETS, Preset

MOST_IMAGES = 1000
HIGHEST_MOS = 4.9
"""Simulated raters have no latent quality for a mean of 5."""


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

    @property
    def sentences(self) -> list[str]:
        """The number of raters, what was tried, and all that was assumed."""
        raters, tried, a = self.answer.raters, self.answer.tried, power.Assumptions()
        pairs = len(self.mos) * (len(self.mos) - 1) // 2
        low, high = self.pair
        return [
            f"{raters} raters show a difference of {self.difference:g} in at least "
            f"{self.wanted:.0%} of studies."
            if raters
            else f"No number of raters up to {max(tried)} shows a difference of "
            f"{self.difference:g} in {self.wanted:.0%} of studies.",
            "Tried (raters: studies in which it was found): "
            + ", ".join(f"{n}: {found:.0%}" for n, found in tried.items()),
            f"Assumed: {self.set}, {self.images} images, all rated by everyone; {len(self.mos)} "
            f"methods, hence Holm over {pairs} pairs; published MOS, but {high} "
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
    studies: int = 200,
    seed: int = 0,
) -> Estimate:
    """How many raters show a ``difference`` of MOS between two methods in ``wanted`` of studies.

    Simulated studies go through Wilcoxon on raters' means and Holm over all pairs. ``set_name``:
    one of the preset's, by default that with the fewest images; ``images``: as many as it has.
    Raises ``ValueError`` with a sentence for what cannot be simulated.
    """
    if preset not in PRESETS:
        raise ValueError(f"unknown preset {preset!r}; there are {', '.join(PRESETS)}")
    if not 0 < difference <= 2:
        raise ValueError(f"difference {difference:g}: a difference is above 0, at most 2")
    if not 0.05 < wanted < 0.99:
        raise ValueError(f"power {wanted:g}: a power lies between 0.05 and 0.99")
    if not 20 <= studies <= 10_000:
        raise ValueError(f"studies {studies}: simulate 20 to 10000")
    name, count = _set_of(PRESETS[preset], set_name)
    images = count if images is None else images
    if not 1 <= images <= MOST_IMAGES:
        raise ValueError(f"images {images}: ask for 1 to {MOST_IMAGES}")
    mos = {
        method: found.mos
        for method in PRESETS[preset].methods
        if (found := LEDIG2017.get((name, method))) and found.mos is not None
    }
    pair = _bring_together(mos, difference)
    answer = power.raters_needed(mos, pair, images=images, power=wanted, studies=studies, seed=seed)
    return Estimate(answer, name, images, mos, pair, difference, wanted, studies, seed)


def _set_of(preset: Preset, name: str | None) -> tuple[str, int]:
    """The set that is named, else the smallest, and how many images it has."""
    sizes = {one: len(manifest(one).images) for one in preset.sets}
    chosen = name or min(sizes, key=sizes.__getitem__)
    if chosen not in sizes:
        raise ValueError(f"set {chosen}: the preset has {', '.join(sizes)}")
    return chosen, sizes[chosen]


def _bring_together(mos: dict[str, float], difference: float) -> tuple[str, str]:
    """Set two methods in the middle of the scale ``difference`` apart; returns which.

    Raises ``ValueError`` where there are no two methods with a published MOS.
    """
    if len(mos) < 2:
        raise ValueError("the preset has fewer than two methods with a published MOS on that set")
    low, high = sorted(
        sorted(mos, key=lambda method: abs(mos[method] - 3))[:2], key=mos.__getitem__
    )
    mos[high] = min(mos[low] + difference, HIGHEST_MOS)
    mos[low] = mos[high] - difference
    return low, high
