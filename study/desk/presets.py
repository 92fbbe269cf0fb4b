"""What a study shows, and by which rules, unless told otherwise."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Preset:
    """What a study shows unless told otherwise."""

    title: str
    sets: tuple[str, ...]
    methods: tuple[str, ...]
    sentence: str
    """What it is good for, for whoever chooses one."""
    protocol: dict[str, bool | int]
    """Fields of :class:`study.models.protocol.Protocol` that are not its defaults."""
    unrated: frozenset[tuple[str, str]] = frozenset()
    """Which (set, method) are left out all the same."""

    def methods_of(self, set_name: str) -> tuple[str, ...]:
        """The methods that are shown of a set."""
        return tuple(each for each in self.methods if (set_name, each) not in self.unrated)


FIRST_METHODS = ("nearest", "bicubic", "srresnet", "srgan", "hr")
LOSS_VARIANTS = ("srresnet-vgg22", "srgan-mse", "srgan-vgg22")
PAPER_METHODS = (
    *("nearest", "bicubic", "srcnn", "drcn", "espcn", "srresnet"), *LOSS_VARIANTS, "srgan", "hr",
)  # fmt: skip
PRESETS = {
    "quick": Preset(
        "A quick look at Set5",
        ("Set5",),
        FIRST_METHODS,
        "Five images by five methods, the originals among them: to see how a study goes, or to "
        "show it to somebody. Nobody is screened.",
        {},
    ),
    "ledig2017": Preset(
        "The rating study of Ledig et al. 2017",
        ("Set5", "Set14", "BSD100"),
        PAPER_METHODS,
        "Set5, Set14 and BSD100 by the paper's methods, with its screening, six colour plates and "
        "calibration: every rater rates all images, over several days.",
        {
            "screen_device": True,
            "screen_window": True,
            "screen_vision": True,
            "plates": 6,
            "calibrate": True,
        },
        unrated=frozenset(("BSD100", method) for method in LOSS_VARIANTS),
    ),
}
"""``ledig2017`` rates the paper's twelve versions but SelfExSR, which is no network; the variants
of the loss on Set5 and Set14 alone, as there.

``quick`` screens nobody, and calibrates only where calibration images are at hand: in
``CALIBRATION_DIR``, or where no set has originals among the images of the sets themselves.
What cannot be made of a set, such as a network's outputs at another scale, is left out.
"""
