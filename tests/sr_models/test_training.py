"""A training run: networks move, a resumed run is an unbroken one, the best weights are kept."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn

from sr_models import weightfile
from sr_models.interpolation import bicubic, imresize
from sr_models.networks import build
from sr_models.training import checkpoint, compiling, journal, loop
from sr_models.training.heldout import HeldOut, grid
from sr_models.training.loop import Length
from sr_models.training.muon import orthogonal
from sr_models.training.recipes import NAMES
from sr_models.training.schedule import stage_of
from sr_models.training.trainer import Average, Trainer, phase_loss

CPU = torch.device("cpu")


@pytest.fixture
def held_out(photo) -> HeldOut:
    return HeldOut([photo[:64, :64]], CPU)


@pytest.fixture
def train(photos, held_out):
    def run(trainer: Trainer, out: Path, updates: int) -> Path:
        return loop.run(
            trainer, photos, held_out,
            out=out, length=Length(updates=updates), facts={"note": "a test"},
        )  # fmt: skip

    return run


def unmoved(before: dict[str, torch.Tensor], after: nn.Module) -> list[str]:
    return [name for name, value in after.named_parameters() if torch.equal(value, before[name])]


def parameters(network: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in network.named_parameters()}


@pytest.mark.parametrize("name", NAMES)
def test_updates_move_every_parameter_of_every_network(make_trainer, photos, name):
    trainer = make_trainer(name)
    generator = parameters(trainer.network)
    players = {"discriminator"} if trainer.recipe.adversarial_weight else set()
    discriminator = parameters(trainer.discriminator) if players else {}
    for update in (50, 51):
        terms = trainer.step(*photos.batch(2, 32, seed=update), update=update, progress=0.5)
    assert unmoved(generator, trainer.network) == []
    if trainer.discriminator:
        assert unmoved(discriminator, trainer.discriminator) == []
        assert {"d_real", "d_fake", "adversarial"} <= terms.keys()
    assert ("content" in terms) == (trainer.recipe.content is not None)


@pytest.mark.parametrize("mode", ["regional", "whole"])
@pytest.mark.parametrize("name", NAMES)
def test_compiled_as_on_a_gpu_updates_are_the_plain_ones(make_trainer, photos, name, mode):
    """Traced as for a GPU, with PyTorch's own kernels in place of compiled ones."""
    moved, said = [], []
    for compile in ("off", mode):
        torch.compiler.reset()
        trainer = make_trainer(name, patch=16, bf16=False, compile=compile)
        for update in (50, 51):
            batch = photos.batch(2, 16, seed=update)
            terms = trainer.step(*batch, update=update, progress=0.5)
        said.append(terms)
        moved.append(parameters(trainer.network))
    torch.testing.assert_close(said[1], said[0])
    torch.testing.assert_close(moved[1], moved[0])


@pytest.mark.parametrize("name", NAMES)
def test_warming_up_teaches_nothing(make_trainer, photos, name):
    trainer = make_trainer(name)
    players = [trainer.network, trainer.average.network, trainer.discriminator]
    before = [copy.deepcopy(player.state_dict()) for player in players if player]
    trainer.warm_up(*photos.batch(2, 32, seed=0))
    after = [player.state_dict() for player in players if player]
    assert all(torch.equal(b[key], a[key]) for b, a in zip(before, after, strict=True) for key in b)
    assert not any(optimiser.state for optimiser in trainer.optimisers.values())


@pytest.mark.parametrize("compile", compiling.MODES)
def test_the_generators_lesson_makes_no_gradients_of_the_discriminators_weights(
    make_trainer, photos, compile
):
    """They would be thrown away, and cost a third of its backward pass."""
    torch.compiler.reset()
    trainer = make_trainer("srgan-mse", patch=16, bf16=False, compile=compile)
    trainer.turn(0, 0.0)

    def forget(names: object) -> None:
        if names == {"discriminator"}:
            assert trainer.discriminator.convolutions[0].weight.grad is not None
            trainer.discriminator.zero_grad(set_to_none=True)

    trainer._gradients(*photos.batch(2, 16, seed=0), stage_of(trainer.recipe, 0.0), forget)
    assert all(weight.grad is None for weight in trainer.discriminator.parameters())
    assert trainer.network.tail.weight.grad is not None


def test_both_players_learn_at_the_rate_of_the_recipe(make_trainer):
    """The paper's is one rate for both (section 3.2)."""
    trainer = make_trainer("srgan", learning_rate=3e-4, schedule="steps", warm_up=0)
    trainer.turn(0, 0.0)
    rates = {
        name: {group["lr"] for group in optimiser.param_groups}
        for name, optimiser in trainer.optimisers.items()
    }
    assert rates == {"generator": {3e-4}, "discriminator": {3e-4}}


def test_weights_that_have_come_to_rest_go_on_at_the_rate_they_had(make_trainer):
    """As late in one run; the discriminator, which is new, begins as ever."""
    trainer = make_trainer("srgan", learning_rate=1.0, warm_up=0)
    rates = {}
    for trainer.done in (0.0, 0.95):
        trainer.turn(0, 0.0)
        rates[trainer.done] = {
            name: optimiser.param_groups[0]["lr"] for name, optimiser in trainer.optimisers.items()
        }
    assert rates[0.0] == {"generator": 1.0, "discriminator": 1.0}
    assert rates[0.95]["discriminator"] == 1.0
    assert rates[0.95]["generator"] < 0.02
    trainer.turn(9, 1.0)
    assert trainer.optimisers["generator"].param_groups[0]["lr"] == pytest.approx(0.01)


def test_the_pixel_loss_turns_into_mse_at_the_end(make_trainer, photos):
    trainer = make_trainer("srresnet")
    batch = photos.batch(2, 32, seed=0)
    assert trainer.step(*batch, update=50, progress=0.89).keys() == {"l1"}
    assert trainer.step(*batch, update=51, progress=0.91).keys() == {"mse"}


TERMS = ("content_weight", "adversarial_weight", "pixel_weight", "phase_weight")


@pytest.mark.parametrize("term", TERMS)
def test_each_term_alone_teaches_the_generator(make_trainer, photos, term):
    trainer = make_trainer("srgan", **(dict.fromkeys(TERMS, 0.0) | {term: 1.0}))
    before = parameters(trainer.network)
    trainer.step(*photos.batch(2, 32, seed=0), update=50, progress=0.5)
    assert unmoved(before, trainer.network) == []


def test_total_variation_is_the_papers_sum(make_trainer):
    """Over the pixels of one picture, as it is in [-1, 1]: twice the differences of ours."""
    trainer = make_trainer("srresnet-vgg22")
    sr = torch.zeros(2, 3, 16, 16)
    sr[0, 0, 3, 3] = 0.5  # four edges of height 0.5 in one of two pictures
    trainer.turn(0, 0.0)
    stage = stage_of(trainer.recipe, 0.0)
    _, variation = trainer._losses(sr, [], torch.zeros_like(sr), stage)["variation"]
    assert variation.item() == pytest.approx(2 * 4 * 0.5 / 2)


def test_the_discriminator_learns_to_tell_real_from_made(make_trainer, photos):
    """With a generator that hardly learns, a batch seen again and again is told apart."""
    still = dict.fromkeys(TERMS, 0.0) | {"adversarial_weight": 1e-12}
    trainer = make_trainer("srgan", patch=16, **still)
    for _ in range(20):
        figures = trainer.step(*photos.batch(4, 16, seed=0), update=200, progress=0.0)
    assert figures["d_real"] > 0.6
    assert figures["d_fake"] < 0.4


def test_drcn_looks_less_and_less_at_each_recursion(make_trainer, photos):
    trainer = make_trainer("drcn")
    lr, hr = (x[:, :1] for x in photos.batch(2, 32, seed=0))
    shares = []
    for progress in (0.0, 0.75, 1.0):
        final, *early = trainer.network(lr, every=True)
        trainer.turn(50, progress)
        losses = trainer._losses(final, early, hr, stage_of(trainer.recipe, progress))
        shares.append([losses[name][0] for name in ("mse", "mse_of_each")])
    assert shares == [[0.0, 1.0], [0.75, 0.25], [1.0, 0.0]]


def test_drcn_grows_from_a_quarter_of_its_recursions(make_trainer, photos):
    trainer = make_trainer("drcn", growth=0.5)
    batch = photos.batch(2, 32, seed=0)
    taught = []
    for progress in (0.0, 0.25, 0.5):
        trainer.step(*batch, update=50, progress=progress)
        taught.append(torch.count_nonzero(trainer.network.ensemble.grad).item())
    # One of three has nothing to be weighed against, so that its weight cannot learn.
    assert taught == [0, 2, 3]


def test_the_phase_loss_feels_a_grid_and_lets_detail_free(photo):
    hr = torch.from_numpy(photo[:288]).permute(2, 0, 1)[None] / 255
    smooth = torch.from_numpy(bicubic(imresize(photo[:288], Fraction(1, 4))))
    smooth = smooth.permute(2, 0, 1)[None] / 255
    drawing = 0.02 * torch.randn(1, 3, 4, 4).repeat(1, 1, 72, 112)
    lost, drawn = (F.mse_loss(sr, hr) for sr in (smooth, hr + drawing))
    assert torch.isclose(phase_loss(hr + drawing, hr), drawn, rtol=1e-3)
    assert phase_loss(smooth, hr) < 0.1 * lost


def test_the_watched_figure_tells_a_grid_from_photographs(photo):
    drawn = photo.copy()
    drawn[::4, ::4] = np.minimum(drawn[::4, ::4], 243) + 12
    assert grid([photo]) < 0.03
    assert grid([drawn]) > 0.5


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_muon_makes_matrices_orthogonal_whatever_their_scale(dtype):
    steep = torch.randn(3, 8, 30) @ torch.diag(torch.logspace(0, -2, 30))
    for matrices in (steep, steep.mT, 1e-4 * steep):
        values = torch.linalg.svdvals(orthogonal(matrices, dtype))
        assert ((values > 0.5) & (values < 1.3)).all()
    u, _, vt = torch.linalg.svd(steep, full_matrices=False)
    nearest, found = u @ vt, orthogonal(steep, dtype)
    assert found.dtype == torch.float32
    assert (found * nearest).sum() / found.norm() / nearest.norm() > 0.95


@pytest.mark.parametrize("name", ["srresnet", "srgan", "drcn"])
def test_a_resumed_run_is_an_unbroken_one(make_trainer, train, tmp_path, monkeypatch, name):
    """The same weights and the same losses, bit for bit."""
    monkeypatch.setattr(loop, "LOG_EVERY", {"cpu": 2})
    monkeypatch.setattr(loop, "SAVE_EVERY", 0.0)
    monkeypatch.setattr(loop, "LOOK_EVERY", 0.0)
    unbroken = weightfile.load(train(make_trainer(name), tmp_path / "unbroken", 6))

    broken = make_trainer(name)
    step = broken.step

    def interrupted(*batch, update: int, progress: float):
        if update == 5:
            raise KeyboardInterrupt
        return step(*batch, update=update, progress=progress)

    broken.step = interrupted
    with pytest.raises(KeyboardInterrupt):
        train(broken, tmp_path / "broken", 6)
    resumed = weightfile.load(train(make_trainer(name), tmp_path / "broken", 6))

    assert resumed.keys() == unbroken.keys()
    assert [key for key in unbroken if not torch.equal(resumed[key], unbroken[key])] == []
    timing = ("seconds", "patches_per_s")
    logs = [
        [
            {key: value for key, value in json.loads(line).items() if key not in timing}
            for line in (tmp_path / run / "log.jsonl").open()
        ]
        for run in ("unbroken", "broken")
    ]
    assert [line["update"] for line in logs[0]] == [2, 4, 6]
    assert logs[0] == logs[1]


def test_a_finished_run_is_left_as_it_is(make_trainer, train, tmp_path):
    path = train(make_trainer("srresnet"), tmp_path, 2)
    before = path.read_bytes()
    assert train(make_trainer("srresnet"), tmp_path, 2).read_bytes() == before


def test_a_run_by_the_clock_anneals_over_its_slices(make_trainer, photos, held_out, tmp_path):
    """Two slices of a run are one schedule: the second begins where the first has stopped."""
    seen: list[float] = []

    def watched(trainer: Any) -> Any:
        step = trainer.step

        def noting(*batch, update: int, progress: float):
            seen.append(progress)
            return step(*batch, update=update, progress=progress)

        trainer.step = noting
        return trainer

    length = Length(minutes=0.02, slice=0.01)
    starts = []
    while not seen or starts[-1] != len(seen):
        starts.append(len(seen))
        loop.run(
            watched(make_trainer("espcn")), photos, held_out,
            out=tmp_path, length=length, facts={},
        )  # fmt: skip
    assert len(starts) >= 3  # two slices at least, and one that found nothing left to do
    assert seen == sorted(seen)
    assert seen[0] == 0
    assert seen[starts[1]] > 0.4


def test_a_run_of_another_recipe_is_not_gone_on_with(make_trainer, train, tmp_path):
    train(make_trainer("srresnet"), tmp_path, 1)
    with pytest.raises(ValueError, match="holds a run of srresnet at scale cpu, not of srgan"):
        train(make_trainer("srgan"), tmp_path, 1)


def test_a_run_of_an_earlier_version_is_not_gone_on_with(make_trainer, train, tmp_path):
    """Its discriminator had other names."""
    train(make_trainer("srgan"), tmp_path, 1)
    state = checkpoint.load(tmp_path)
    assert state
    player = state["trainer"]["discriminator"]
    player["convolutions.3.weight"] = player.pop("convolutions.2.conv.weight")
    checkpoint.save(tmp_path, state, update=1)
    with pytest.raises(ValueError, match="by another version of this program"):
        train(make_trainer("srgan"), tmp_path, 2)


def test_a_diverged_run_stops_and_saves_nothing(make_trainer, train, tmp_path):
    trainer = make_trainer("srresnet")
    trainer.network.tail.bias.data.fill_(float("nan"))
    with pytest.raises(FloatingPointError, match="training has diverged"):
        train(trainer, tmp_path, 1)
    assert not (tmp_path / "checkpoint.json").exists()
    assert not (tmp_path / "srresnet.safetensors").exists()


def test_the_weights_with_the_best_heldout_figure_are_kept(
    make_trainer, train, tmp_path, monkeypatch
):
    """Once the figures get worse, the weights stay as they were when they were best."""
    monkeypatch.setattr(loop, "LOG_EVERY", {"cpu": 1})
    monkeypatch.setattr(loop, "LOOK_EVERY", 0.0)
    trainer = make_trainer("srresnet")
    step, kept = trainer.step, {}

    def spoiled(*batch, update: int, progress: float):
        terms = step(*batch, update=update, progress=progress)
        if update == 2:
            kept.update({key: value.clone() for key, value in trainer.average.values.items()})
        if update > 2:
            trainer.average.values["tail.bias"].add_(0.2)
        return terms

    trainer.step = spoiled
    weights = train(trainer, tmp_path, 5)
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").open()]
    best = max(log, key=lambda line: line["heldout_psnr"])
    assert best["update"] <= 3
    facts = weightfile.facts(weights)
    assert facts["updates"] == best["update"]
    assert facts["heldout_psnr"] == best["heldout_psnr"]
    assert not torch.equal(
        weightfile.load(weights)["tail.bias"], trainer.average.values["tail.bias"]
    )


def test_shipped_weights_are_the_average_and_say_how_they_were_made(make_trainer, train, tmp_path):
    trainer = make_trainer("srresnet", ema_share=0.9)
    path = train(trainer, tmp_path, 3)
    weights = weightfile.load(path)
    assert all(torch.equal(weights[key], value) for key, value in trainer.average.values.items())
    assert not torch.equal(weights["tail.weight"], trainer.network.tail.weight)
    build(weights)
    facts = weightfile.facts(path)
    assert (facts["note"], facts["updates"], facts["patches"]) == ("a test", 3, 6)


def test_a_look_leaves_a_strip_of_lr_bicubic_output_and_hr(make_trainer, train, tmp_path, photo):
    train(make_trainer("srresnet"), tmp_path, 1)
    (strip,) = (tmp_path / "strips").iterdir()
    pixels = np.asarray(Image.open(strip))
    assert pixels.shape == (64, 4 * 64, 3)
    assert np.array_equal(pixels[:, 3 * 64 :], photo[:64, :64])
    assert np.array_equal(pixels[:4, :4], np.broadcast_to(pixels[0, 0], (4, 4, 3)))  # one LR pixel


def test_the_average_follows_the_network(small_network):
    average = Average(small_network)
    start = average.values["tail.bias"].clone()
    small_network.tail.bias.data += 1
    average.update(small_network, 0.1)
    assert torch.allclose(average.values["tail.bias"], start + 0.1)
    assert torch.equal(average.network.tail.bias, average.values["tail.bias"])


def test_training_needs_no_django():
    program = "import sys, sr_models.training.command; sys.exit('django' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_a_log_is_kept_where_tensorboard_is_not_installed(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    monkeypatch.delitem(sys.modules, "torch.utils.tensorboard", raising=False)
    log = journal.Journal(tmp_path, 0)
    log.write(1, {"loss": 0.5})
    log.close()
    assert journal.read(tmp_path / "log.jsonl") == [{"update": 1, "loss": 0.5}]
    assert not (tmp_path / "tensorboard").exists()
