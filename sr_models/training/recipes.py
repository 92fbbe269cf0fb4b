"""What each network is trained with. One frozen dataclass, one entry a recipe."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """The knobs of one training run. Durations are set by the clock: ``minutes`` in all."""

    name: str
    minutes: float
    batch: int = 16
    patch: int = 96
    """Side of an HR crop in pixels."""
    learning_rate: float = 1e-4
    warm_up: int = 100
    """Updates over which the learning rate rises from 0; then one cosine down to a hundredth."""
    batch_norm: bool = False
    bicubic_skip: bool = True
    photo_scales: tuple[float, ...] = (1.0,)
    ema: float = 0.999
    """Decay of the moving average of the weights that is shipped."""
    clip: float = 1.0
    """Largest norm of the generator's gradient."""
    mse_share: float = 0.1
    """The last share of the time in which the pixel loss is MSE, before it L1."""
    adversarial: bool = False
    """SRGAN: train against a discriminator, from the weights of an SRResNet."""
    pixel_weight: float = 1.0
    content_weight: float = 0.0
    adversarial_weight: float = 0.0
    seed: int = 20161026


RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe("srresnet", minutes=90, patch=64, learning_rate=4e-4, photo_scales=(1.0, 0.6)),
        # Measured after a short warm-up of the discriminator, the weights give the adversarial loss
        # a third to a half of the content loss's gradient on the generator's parameters, and the
        # pixels a seventh, enough to hold the colours.
        Recipe(
            "srgan", minutes=56, batch=8, patch=64, learning_rate=2e-4, photo_scales=(1.0, 0.6),
            adversarial=True, content_weight=1e-3, adversarial_weight=2e-2, pixel_weight=1.0,
        ),
    )
}  # fmt: skip
