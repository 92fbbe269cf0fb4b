"""``manage.py plan_raters``: how many raters a study needs, by simulating it."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from study.analysis import power
from study.desk import sample_size
from study.management.plain import PlainCommand


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
        found = sample_size.estimate(
            options["preset"],
            difference=options["difference"],
            set_name=options["set"],
            images=options["images"],
            wanted=options["power"],
            studies=options["studies"],
            seed=options["seed"],
        )
        for sentence in found.sentences:
            self.stdout.write(sentence)
