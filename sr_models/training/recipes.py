"""What each network is trained with: one frozen dataclass, one entry for a recipe at a scale.

Three scales. ``paper`` holds the numbers of the paper that a recipe is named after. ``gpu`` is
made for one Hopper-class GPU and two to five minutes a network, ``cpu`` for two cores and an hour
or two; both are driven by the clock, and every way in which they leave the paper is a field here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

Scale = Literal["paper", "gpu", "cpu"]
SCALES: tuple[Scale, ...] = ("paper", "gpu", "cpu")


@dataclass(frozen=True)
class Recipe:
    """The knobs of one training run, which lasts ``minutes`` by the clock or some ``updates``."""

    name: str
    scale: Scale
    network: Literal["srresnet", "srcnn", "espcn", "drcn"] = "srresnet"
    minutes: float | None = None
    updates: int | None = None
    start: str | None = None
    """The recipe whose weights this one starts from."""

    # data
    batch: int = 16
    """Crops in an update, on each device."""
    patch: int = 96
    """Side of an HR crop in pixels."""
    photo_scales: tuple[float, ...] = (1.0,)
    """Sizes at which each photograph is used."""
    busiest_of: int = 1
    """Of how many random places the one with most contrast is cropped."""

    # network
    batch_norm: bool = True
    bicubic_skip: bool = False
    """The network's answer is added to MATLAB's bicubic enlargement."""

    # optimiser
    optimiser: Literal["adam", "muon", "sgd"] = "adam"
    learning_rate: float = 1e-4
    hidden_learning_rate: float = 0.0
    """Muon's, for the convolutions between the first and the last; the others have Adam."""
    hidden_decay: float = 0.0
    """Share of Muon's rate by which its weights shrink: singular values stay below its inverse."""
    beta2: float = 0.999
    last_layer_share: float = 1.0
    """Share of the learning rate that the last convolution learns by (SRCNN, ESPCN)."""
    weight_decay: float = 0.0
    schedule: Literal["cosine", "steps"] = "steps"
    """One cosine down to a hundredth, or constant but for ``steps``."""
    steps: tuple[tuple[float, float], ...] = ()
    """From which share of the run on the learning rate is multiplied by what."""
    warm_up: int = 0
    """Updates over which the learning rate rises from 0."""
    clip: float | None = None
    """Largest norm of the gradient of what Adam or SGD moves."""
    ema_share: float = 0.0
    """Share of all updates that the average of the weights reaches over, which is what is shipped;
    0: no average."""

    # the generator's loss: a weighted sum
    pixel_loss: Literal["mse", "l1"] = "mse"
    pixel_weight: float = 1.0
    mse_share: float = 0.0
    """Last share of the run in which an L1 on pixels gives way to MSE."""
    content: Literal["vgg22", "vgg54"] | None = None
    content_weight: float = 0.0
    content_loss: Literal["mse", "l1"] = "mse"
    content_before_relu: bool = False
    content_pooling: Literal["max", "average"] = "max"
    """How VGG halves its maps in the content loss; docs/decisions/0012 says why by the mean."""
    total_variation: float = 0.0
    every_recursion: bool = False
    """DRCN: the picture after each recursion is judged too, by a share that falls from 1 to 0."""
    phase_weight: float = 0.0
    """Of :func:`sr_models.training.trainer.phase_loss`, which keeps a grid from the answer."""
    growth: float = 0.0
    """DRCN: share of the run over which its recursions grow from a quarter of them to all."""
    adversarial_weight: float = 0.0
    """Above 0 a discriminator is trained in turn with the generator."""
    adversarial_ramp: float = 0.0
    """Share of the run over which the adversarial loss rises from 0 to its weight."""

    seed: int = 20161026

    @property
    def judged_by(self) -> Literal["psnr", "lpips"]:
        """Which figure on held-out photographs decides which weights are kept."""
        return "lpips" if self.content or self.adversarial_weight else "psnr"


# Ledig et al. 2017, section 3.2. HR is in [-1, 1] there and in [0, 1] here: a squared difference of
# theirs is four times ours, which matters where it is added to another loss.
_SRRESNET = Recipe("srresnet", "paper", updates=1_000_000)
_SRGAN = replace(
    _SRRESNET, updates=200_000, start="srresnet", steps=((0.5, 0.1),), adversarial_weight=1e-3,
    pixel_weight=0.0,
)  # fmt: skip

PAPER = (
    _SRRESNET,
    replace(_SRRESNET, name="srresnet-vgg22", start="srresnet", pixel_weight=0.0, content="vgg22",
            content_weight=1.0, total_variation=2e-8),
    replace(_SRGAN, name="srgan-mse", pixel_weight=4.0),
    replace(_SRGAN, name="srgan-vgg22", content="vgg22", content_weight=1.0),
    replace(_SRGAN, name="srgan", content="vgg54", content_weight=1.0),
    # Dong et al., TPAMI 2016, section 4: 33 px there, 32 here, since a crop is a multiple of 4;
    # SGD with momentum, the last convolution at a tenth of the rate; 8e8 backpropagations by
    # batches of 128.
    Recipe("srcnn", "paper", network="srcnn", updates=6_250_000, batch=128, patch=32,
           optimiser="sgd", learning_rate=1e-4, last_layer_share=0.1),
    # Shi et al., CVPR 2016, section 3.2: crops of 17 LR pixels, 0.01 falling to 1e-4 as the
    # cost stops improving; by the share of the run here. Batch and length are not stated there.
    Recipe("espcn", "paper", network="espcn", updates=1_000_000, batch=16, patch=68,
           optimiser="sgd", learning_rate=1e-2, last_layer_share=0.1,
           steps=((0.5, 0.1), (0.75, 0.1))),
    # Kim et al., CVPR 2016, section 4: 41 px there, 40 here; 0.01 divided by ten whenever the
    # error of validation rests; by the share of the run here.
    Recipe("drcn", "paper", network="drcn", updates=200_000, batch=64, patch=40, optimiser="sgd",
           learning_rate=1e-2, weight_decay=1e-4, clip=0.4, every_recursion=True,
           steps=((0.4, 0.1), (0.6, 0.1), (0.8, 0.1), (0.95, 0.1))),
)  # fmt: skip

# What our own scales share; docs/decisions/0005 says why. Rates found by short runs on held-out
# photographs.
_OURS = {
    "batch_norm": False, "bicubic_skip": True, "optimiser": "muon", "schedule": "cosine",
    "warm_up": 50, "hidden_decay": 0.5, "beta2": 0.99, "clip": 1.0, "ema_share": 0.02,
    "busiest_of": 3,
}  # fmt: skip
_FINE = {**_OURS, "optimiser": "adam", "start": "srresnet", "warm_up": 100}
# BasicSR's balance for ESRGAN: features before the activation, in L1.
_DEEP = {
    "content": "vgg54", "content_weight": 1.0, "content_loss": "l1", "content_before_relu": True,
    "pixel_loss": "l1", "pixel_weight": 1e-2, "adversarial_weight": 5e-3,
    "content_pooling": "average", "adversarial_ramp": 0.3,
}  # fmt: skip
# Measured after a short warm-up of the discriminator, these give the adversarial loss a third to
# a half of the content loss's gradient on the generator's parameters, and the pixels a seventh,
# enough to hold the colours.
_SHALLOW = {
    "content": "vgg22", "content_weight": 1e-3, "pixel_loss": "l1", "pixel_weight": 1.0,
    "phase_weight": 100.0,
}  # fmt: skip


def _ours(scale: Scale, sizes: Mapping[str, dict[str, Any]]) -> tuple[Recipe, ...]:
    """The eight recipes of one of our own scales; ``sizes`` gives each its size and time."""
    made: dict[str, dict[str, Any]] = {
        "srresnet": {**_OURS, "learning_rate": 4e-4, "hidden_learning_rate": 3e-3,
                     "pixel_loss": "l1", "mse_share": 0.1},
        "srresnet-vgg22": {**_FINE, **_SHALLOW, "learning_rate": 2e-4, "pixel_weight": 0.1,
                           "total_variation": 2e-8},
        "srgan-mse": {**_FINE, "learning_rate": 1e-4, "pixel_weight": 4.0,
                      "adversarial_weight": 1e-3},
        "srgan-vgg22": {**_FINE, **_SHALLOW, "learning_rate": 2e-4, "adversarial_weight": 2e-2,
                        "content_pooling": "average", "adversarial_ramp": 0.3},
        "srgan": {**_FINE, **_DEEP, "learning_rate": 2e-4},
        "srcnn": {**_OURS, "network": "srcnn", "learning_rate": 1e-3, "hidden_learning_rate": 3e-3},
        "espcn": {**_OURS, "network": "espcn", "learning_rate": 3e-3, "hidden_learning_rate": 1e-2,
                  "hidden_decay": 0.0},
        "drcn": {**_OURS, "network": "drcn", "learning_rate": 4e-4, "hidden_learning_rate": 2e-3,
                 "every_recursion": True},
    }  # fmt: skip
    return tuple(Recipe(name, scale, **fields | sizes[name]) for name, fields in made.items())


_ALL_SIZES = {"photo_scales": (1.0, 0.8, 0.6)}
_CPU_FINE = {"minutes": 60.0, "batch": 8, "patch": 64, **_ALL_SIZES}
CPU = _ours("cpu", {
    "srresnet": {"minutes": 60.0, **_ALL_SIZES},
    **dict.fromkeys(("srresnet-vgg22", "srgan-mse", "srgan-vgg22", "srgan"), _CPU_FINE),
    "srcnn": {"minutes": 30.0, "patch": 64, **_ALL_SIZES},
    "espcn": {"minutes": 30.0, **_ALL_SIZES},
    "drcn": {"minutes": 90.0, "batch": 8, "patch": 48, "growth": 0.9, **_ALL_SIZES},
})  # fmt: skip

# Batches that keep such a GPU busy, and steps of Muon that grow with them: at batch 64 four times
# those of batch 16 did as well with a quarter of the updates. docs/training.md says what an H200
# made of each.
_GPU_FINE = {"minutes": 5.0, "batch": 64, "warm_up": 200, **_ALL_SIZES}
GPU = _ours("gpu", {
    "srresnet": {"minutes": 5.0, "batch": 144, "patch": 128, "warm_up": 200, "learning_rate": 8e-4,
                 "hidden_learning_rate": 8e-3, **_ALL_SIZES},
    **dict.fromkeys(("srresnet-vgg22", "srgan-mse", "srgan-vgg22", "srgan"), _GPU_FINE),
    "srcnn": {"minutes": 2.0, "batch": 128, "patch": 64, "learning_rate": 2e-3,
              "hidden_learning_rate": 6e-3, **_ALL_SIZES},
    "espcn": {"minutes": 2.0, "batch": 256, "learning_rate": 6e-3, "hidden_learning_rate": 1.5e-2,
              **_ALL_SIZES},
    "drcn": {"minutes": 5.0, "batch": 16, "patch": 64, "learning_rate": 6e-4,
             "hidden_learning_rate": 3e-3, **_ALL_SIZES},
})  # fmt: skip

RECIPES = {(recipe.name, recipe.scale): recipe for recipe in (*PAPER, *GPU, *CPU)}
NAMES = tuple(recipe.name for recipe in PAPER)
