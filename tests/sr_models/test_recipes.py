"""The recipes: the papers' constants at the papers' scale, and all of them at every scale."""

from __future__ import annotations

import pytest

from sr_models.training.equipment import fresh
from sr_models.training.recipes import NAMES, RECIPES, SCALES


def test_every_recipe_is_there_at_every_scale():
    assert NAMES == (
        "srresnet", "srresnet-vgg22", "srgan-mse", "srgan-vgg22", "srgan", "srcnn", "espcn", "drcn",
    )  # fmt: skip
    assert RECIPES.keys() == {(name, scale) for name in NAMES for scale in SCALES}
    for recipe in RECIPES.values():
        assert (recipe.minutes is None) == (recipe.scale == "paper")
        assert (recipe.updates is None) == (recipe.scale != "paper")
        assert recipe.patch % (16 if recipe.adversarial_weight or recipe.phase_weight else 4) == 0
        ours = (recipe.phase_weight, recipe.growth)
        assert ours == (0.0, 0.0) or recipe.scale != "paper"
        fresh(recipe)


def test_srresnet_is_trained_with_the_papers_constants():
    """Ledig et al. 2017, section 3.2."""
    recipe = RECIPES["srresnet", "paper"]
    assert (recipe.batch, recipe.patch, recipe.updates) == (16, 96, 1_000_000)
    assert (recipe.optimiser, recipe.learning_rate, recipe.steps) == ("adam", 1e-4, ())
    assert (recipe.pixel_loss, recipe.pixel_weight, recipe.content) == ("mse", 1.0, None)
    assert (recipe.batch_norm, recipe.bicubic_skip, recipe.ema_share) == (True, False, 0.0)
    assert recipe.clip is None


@pytest.mark.parametrize(
    ("name", "content"), [("srgan-mse", None), ("srgan-vgg22", "vgg22"), ("srgan", "vgg54")]
)
def test_srgan_is_trained_with_the_papers_constants(name, content):
    """From SRResNet; 1e5 updates at 1e-4, 1e5 at 1e-5; content + 1e-3 adversarial."""
    recipe = RECIPES[name, "paper"]
    assert (recipe.start, recipe.content) == ("srresnet", content)
    assert (recipe.updates, recipe.learning_rate, recipe.steps) == (200_000, 1e-4, ((0.5, 0.1),))
    assert recipe.adversarial_weight == 1e-3
    weights = (recipe.content_weight, recipe.pixel_weight)
    # The paper's MSE is one of pictures in [-1, 1]: four times that in [0, 1].
    assert weights == ((1.0, 0.0) if content else (0.0, 4.0))
    assert (recipe.content_loss, recipe.content_before_relu) == ("mse", False)


def test_a_gpu_has_minutes_and_a_batch_that_keeps_it_busy():
    """More arithmetic in an update than its launches take, but for the two smallest networks."""
    for name in NAMES:
        recipe = RECIPES[name, "gpu"]
        assert recipe.minutes is not None
        assert 2 <= recipe.minutes <= 6
        assert 0 < recipe.ema_share < 0.1
        assert recipe.batch > RECIPES[name, "cpu"].batch


def test_the_papers_recipes_have_no_average_and_the_papers_vgg():
    for name in NAMES:
        recipe = RECIPES[name, "paper"]
        ours = (recipe.ema_share, recipe.content_pooling, recipe.adversarial_ramp)
        assert ours == (0.0, "max", 0.0)


def test_srresnet_vgg22_has_the_papers_total_variation():
    recipe = RECIPES["srresnet-vgg22", "paper"]
    assert (recipe.total_variation, recipe.adversarial_weight) == (2e-8, 0.0)


def test_what_a_network_is_judged_by_is_what_it_is_trained_for():
    judges = {name: RECIPES[name, "cpu"].judged_by for name in NAMES}
    assert {name for name, judge in judges.items() if judge == "psnr"} == {
        "srresnet", "srcnn", "espcn", "drcn",
    }  # fmt: skip
