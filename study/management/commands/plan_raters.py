"""``manage.py plan_raters``: how many raters a study needs, by simulating it."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from benchmarks.published import LEDIG2017
from study.analysis import power
from study.desk.studies import PRESETS
from study.management.plain import PlainCommand

IMAGES = {"Set5": 5, "Set14": 14, "BSD100": 100, "Samples": 5}
MOST_IMAGES = 1000


class Command(PlainCommand):
    help = (
        "Say how many raters show a difference of MOS between two methods: simulated studies go "
        "through the real analysis (Wilcoxon on raters' means, Holm over all pairs)."
    )
    requires_system_checks: list[str] = []  # no database is read

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--preset", default="ledig2017")
        parser.add_argument("--set", help="of the preset; default: the one with fewest images")
        parser.add_argument("--difference", type=float, required=True, help="of two MOS")
        parser.add_argument("--power", type=float, default=power.POWER)
        parser.add_argument("--images", type=int, help="default: as many as the set has")
        parser.add_argument("--studies", type=int, default=200, help="simulated for each number")
        parser.add_argument("--seed", type=int, default=0)

    def handle(self, *args: Any, **options: Any) -> None:
        preset = PRESETS.get(options["preset"])
        if preset is None:
            raise ValueError(
                f"unknown preset {options['preset']!r}; there are {', '.join(PRESETS)}"
            )
        difference, wanted = options["difference"], options["power"]
        if not 0 < difference <= 2:
            raise ValueError(f"--difference {difference:g}: a difference is above 0, at most 2")
        if not 0.05 < wanted < 0.99:
            raise ValueError(f"--power {wanted:g}: a power lies between 0.05 and 0.99")
        if not 20 <= options["studies"] <= 10_000:
            raise ValueError(f"--studies {options['studies']}: simulate 20 to 10000")
        name = options["set"] or min(preset.sets, key=lambda one: IMAGES.get(one, MOST_IMAGES))
        if name not in preset.sets:
            raise ValueError(f"--set {name}: the preset has {', '.join(preset.sets)}")
        images = IMAGES.get(name, 10) if options["images"] is None else options["images"]
        if not 1 <= images <= MOST_IMAGES:
            raise ValueError(f"--images {images}: ask for 1 to {MOST_IMAGES}")
        mos = {
            method: found.mos
            for method in preset.methods
            if (found := LEDIG2017.get((name, method))) and found.mos is not None
        }
        pair = _bring_together(mos, difference)
        answer = power.raters_needed(
            mos, pair, images=images, power=wanted, studies=options["studies"],
            seed=options["seed"],
        )  # fmt: skip
        a = power.Assumptions()
        pairs = len(mos) * (len(mos) - 1) // 2
        self.stdout.write(
            f"{answer.raters} raters show a difference of {difference:g} in at least "
            f"{wanted:.0%} of studies."
            if answer.raters
            else f"No number of raters up to {max(answer.tried)} shows a difference of "
            f"{difference:g} in {wanted:.0%} of studies."
        )
        tried = ", ".join(f"{n}: {found:.0%}" for n, found in answer.tried.items())
        self.stdout.write(f"Tried (raters: studies in which it was found): {tried}")
        self.stdout.write(
            f"Assumed: {name}, {images} images, all rated by everyone; {len(mos)} methods, hence "
            f"Holm over {pairs} pairs; published MOS, but {pair[1]} {difference:g} above {pair[0]} "
            f"at {mos[pair[0]]:.2f}. Raters on a latent scale: strictness SD {a.strictness:g}, "
            f"taste for a method {a.taste:g}, scenes {a.scene:g}, single answers {a.noise:g}. "
            f"{options['studies']} studies for each number, seed {options['seed']}: the powers are "
            f"good to about ± {2 * (0.16 / options['studies']) ** 0.5:.0%}. Guesses, all of them: "
            "a pilot's own spread is better."
        )


def _bring_together(mos: dict[str, float], difference: float) -> tuple[str, str]:
    """Set two methods in the middle of the scale ``difference`` apart; returns which.

    Raises ``ValueError`` where there are no two methods with a published MOS.
    """
    if len(mos) < 2:
        raise ValueError("the preset has fewer than two methods with a published MOS on that set")
    low, high = sorted(
        sorted(mos, key=lambda method: abs(mos[method] - 3))[:2], key=mos.__getitem__
    )
    mos[high] = min(mos[low] + difference, 4.9)
    mos[low] = mos[high] - difference
    return low, high
