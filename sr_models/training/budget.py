"""Wall-clock time: how it is dealt out, how far a schedule is in what is left of it, where it went.

Nothing here looks at the clock by itself; ``now`` gives seconds from any moment on.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from sr_models.training.recipes import NAMES, RECIPES

ORDER = (
    "srresnet", "srgan", "srgan-vgg22", "srresnet-vgg22", "srgan-mse", "drcn", "espcn", "srcnn",
)  # fmt: skip
"""Networks by what a study needs most; none comes before the one it starts from."""
SHARES = dict.fromkeys(NAMES, 30.0) | {
    "srresnet": 60.0, "drcn": 60.0, "espcn": 15.0, "srcnn": 15.0,
}  # fmt: skip
"""How time is dealt out where nothing else is said. On a GPU SRGAN had nine tenths of its gain in
LPIPS after half a minute, and SRResNet still became better after four."""
MINUTES = 5.0
"""What one network is worth having less than that many minutes are better spent on the others."""


def choose(minutes: float) -> tuple[str, ...]:
    """The networks that are worth training in so many minutes, in order: two at least.

    >>> choose(3), choose(10)
    (('srresnet', 'srgan'), ('srresnet', 'srgan'))
    >>> choose(17)
    ('srresnet', 'srgan', 'srgan-vgg22')
    """
    return ORDER[: max(2, int(minutes / MINUTES))]


def in_order(names: Collection[str]) -> tuple[str, ...]:
    """``names`` in the order in which they are trained, each once.

    >>> in_order(["espcn", "srgan", "srresnet"])
    ('srresnet', 'srgan', 'espcn')
    """
    return tuple(name for name in ORDER if name in set(names))


def missing_start(names: Collection[str], there: Collection[str]) -> str | None:
    """The first of ``names`` with nothing to start from, where it has to start from something.

    ``there`` holds the networks whose weights are at hand.

    >>> missing_start(("srresnet", "srgan"), ()), missing_start(("srgan",), ())
    (None, 'srgan')
    >>> missing_start(("srgan",), {"srresnet"}), missing_start(("srgan",), {"srgan"})
    (None, None)
    """
    at_hand = set(there)
    for name in names:
        start = RECIPES[name, "gpu"].start
        if start and not {name, start} & at_hand:
            return name
        at_hand.add(name)
    return None


def share_out(seconds: float, shares: Mapping[str, float]) -> dict[str, float]:
    """Seconds for each name, in proportion to its share.

    Called anew before each network with the names that are still to come, so that what one took
    too long is taken from all of the others alike.

    >>> share_out(500, {"srresnet": 45, "srgan": 55})
    {'srresnet': 225.0, 'srgan': 275.0}
    >>> share_out(240, {"srgan": 55})
    {'srgan': 240.0}
    >>> share_out(-3, {"srgan": 55})
    {'srgan': 0.0}
    """
    total = sum(shares.values())
    return {name: max(0.0, seconds) * share / total for name, share in shares.items()}


def part_done(before: float, planned: float) -> float:
    """The share of all training behind weights that saw ``before`` crops, if ``planned`` follow.

    The learning rate goes on as if both were one run. Weights that have come to rest are thus
    improved in a short time and not shaken up; in a long one they hardly matter.

    >>> round(part_done(200_000, 10_000), 2), round(part_done(200_000, 3_000_000), 2)
    (0.95, 0.06)
    >>> part_done(0, 0)
    0.0
    """
    return before / (before + planned) if before else 0.0


@dataclass
class Pace:
    """How far a network's schedule is, between ``began`` and ``until``.

    Each update moves ``progress`` by its share of what is left, not of the whole. A schedule
    that lost time to something else thus goes on where it was and is over in time; none is
    skipped.

    >>> pace = Pace(began=0.0, until=100.0)
    >>> pace.advance(10.0); round(pace.progress, 2)
    0.1
    >>> pace.skip(55.0)  # 45 seconds of something else: half of what was left
    >>> pace.advance(65.0); round(pace.progress, 2)
    0.3
    >>> pace.fits(68.0), pace.fits(96.0)  # two updates took ten seconds each
    (True, False)
    >>> pace.advance(100.0); pace.progress
    1.0
    """

    began: float
    until: float
    progress: float = 0.0
    longest: float = field(init=False)
    """Seconds: what an update takes beyond that was no training but something that stood still."""
    last: float = field(init=False)
    updates: int = 0
    training: float = 0.0
    """Seconds that went into updates."""

    def __post_init__(self) -> None:
        self.last = self.began
        self.longest = max(1.0, 0.1 * (self.until - self.began))

    def advance(self, now: float) -> None:
        """An update has ended ``now``."""
        took = min(now - self.last, self.longest)
        left = self.until - now + took
        self.last = now
        self.updates += 1
        self.training += took
        if took >= left:
            self.progress = 1.0
        else:
            self.progress += (1 - self.progress) * took / left

    def fits(self, now: float) -> bool:
        """Whether one more update is over in time, if it takes as long as they do."""
        return self.progress < 1 and now + self.training / max(self.updates, 1) <= self.until

    def skip(self, now: float) -> None:
        """What has passed since the last update was no training."""
        self.last = now


class Ledger:
    """Seconds of one network by what they went into; every one of them is in one account.

    >>> ticks = iter([2.0, 7.0, 8.0, 8.5])
    >>> ledger = Ledger(lambda: next(ticks), began=0.0)
    >>> ledger.book("import"); ledger.book("data"); ledger.book("import")
    >>> dict(ledger.seconds)
    {'import': 3.0, 'data': 5.0}
    >>> ledger.begin(); ledger.book("train")
    >>> dict(ledger.seconds)
    {'train': 0.5}
    """

    def __init__(self, now: Callable[[], float], began: float) -> None:
        self.now = now
        self.last = began
        self.seconds: dict[str, float] = {}

    def book(self, account: str) -> None:
        """What has passed since the last entry went into ``account``."""
        now = self.now()
        self.seconds[account] = self.seconds.get(account, 0.0) + now - self.last
        self.last = now

    def begin(self) -> None:
        """The next network's accounts, from the last entry on."""
        self.seconds = {}
