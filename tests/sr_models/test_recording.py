"""An update is the device's work alone: nothing waits for it, and it can be recorded."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from sr_models.features import ContentLoss
from sr_models.networks import build
from sr_models.training import equipment, loop, recording
from sr_models.training.patches import Photos
from sr_models.training.recipes import NAMES, RECIPES
from sr_models.training.trainer import Trainer


def parameters(network: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in network.named_parameters()}


@pytest.mark.parametrize("name", NAMES)
def test_with_its_numbers_on_the_device_an_update_is_the_same(make_trainer, photos, name):
    """Where rates and weights lie in tensors, as where updates are recorded."""
    moved = []
    for recordable in (False, True):
        trainer = make_trainer(name, patch=16, bf16=False, recordable=recordable)
        for update in (20, 21):
            trainer.step(*photos.batch(2, 16, seed=update), update=update, progress=0.5)
        moved.append(parameters(trainer.average.network))
        rates = [group["lr"] for opt in trainer.optimisers.values() for group in opt.param_groups]
        assert all(isinstance(rate, torch.Tensor) == recordable for rate in rates)
    torch.testing.assert_close(moved[1], moved[0])


class Reads(TorchDispatchMode):
    """Counts what makes a processor wait for a device: a value that is read, or a size."""

    WAITS = ("_local_scalar_dense", "nonzero", "masked_select", "equal", "_unique2")

    def __init__(self, but: list[nn.Parameter]) -> None:
        super().__init__()
        self.but = {parameter.data_ptr() for parameter in but}
        self.seen: list[str] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        if name in self.WAITS and args[0].data_ptr() not in self.but:
            self.seen.append(name)
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("name", NAMES)
def test_no_update_waits_for_the_device(make_trainer, photos, name):
    """Slopes are read on a CPU alone, whose kernels take them as numbers."""
    trainer = make_trainer(name)
    slopes = [m.weight for m in trainer.network.modules() if isinstance(m, nn.PReLU)]
    means = loop.Means()
    with Reads(slopes) as reads:
        for update in (50, 51):
            batch = photos.batch(2, 32, seed=update)
            means.add(trainer.step(*batch, update=update, progress=0.5))
    assert reads.seen == []
    with reads:
        means.take()
    assert "_local_scalar_dense" in reads.seen


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
@pytest.mark.parametrize("name", NAMES)
def test_no_update_waits_for_a_gpu(name, small_network, photo):
    cuda = torch.device("cuda")
    torch.manual_seed(1)
    recipe = replace(RECIPES[name, "gpu"], batch=2, patch=32)
    content = ContentLoss(nn.Identity()) if recipe.content else None
    network = small_network if recipe.network == "srresnet" else equipment.fresh(recipe)
    trainer = Trainer(network, recipe, cuda, content=content, compile="off")
    photos = Photos.gather([photo], smallest=48, device=cuda)
    trainer.step(*photos.batch(2, 32, seed=0), update=0, progress=0.5)
    torch.cuda.set_sync_debug_mode("error")
    try:
        trainer.step(*photos.batch(2, 32, seed=1), update=1, progress=0.5)
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_recorded_updates_are_kept_where_they_are_faster(make_trainer, photos):
    """By a clock that says how long each kind of update takes."""
    for each, kept in ((1.0, True), (3.0, False)):
        trainer, seconds, steps = make_trainer("srresnet"), [0.0], [0]

        def replay(lr, hr, stage, trainer=trainer, seconds=seconds, each=each):
            seconds[0] += each - 2.0
            return trainer.update(lr, hr, stage)

        def step(trainer=trainer, seconds=seconds, steps=steps):
            seconds[0] += 2.0
            trainer.step(*photos.batch(2, 32, seed=0), update=steps[0], progress=0.1)
            steps[0] += 1

        said = recording.trial(
            trainer, step, elapsed=lambda s=seconds: s[0], record=lambda _, r=replay: r
        )
        assert (trainer.run is replay) == kept
        assert said.startswith(f"2000.0 ms an update, {1000 * each:.1f} recorded")


def test_what_cannot_be_recorded_goes_on_as_it_was(make_trainer, photos):
    trainer = make_trainer("srresnet")

    def fail(*_: object) -> recording.Run:
        raise RuntimeError("not permitted\nwhile capturing")

    def step() -> None:
        trainer.step(*photos.batch(2, 32, seed=0), update=0, progress=0.1)

    said = recording.trial(trainer, step, elapsed=lambda: 0.0, record=fail)
    assert said == "updates could not be recorded (not permitted)"
    assert trainer.run == trainer.update


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
@pytest.mark.parametrize("name", ["srresnet", "srgan"])
def test_recorded_updates_are_the_launched_ones(name, small_network, photo):
    cuda, moved = torch.device("cuda"), []
    for record in (False, True):
        torch.manual_seed(1)
        recipe = replace(RECIPES[name, "gpu"], batch=2, patch=32)
        content = ContentLoss(nn.Identity()) if recipe.content else None
        trainer = Trainer(
            build(small_network.state_dict()), recipe, cuda,
            content=content, bf16=False, compile="off",
        )  # fmt: skip
        photos = Photos.gather([photo], smallest=48, device=cuda)
        if record:
            trainer.run = recording.Recording(trainer)
        # A recording begins by some updates on its first batch.
        for update in [0] * (1 if record else 1 + recording.WARM) + [1, 2]:
            trainer.step(*photos.batch(2, 32, seed=update), update=update, progress=0.5)
        moved.append(parameters(trainer.network))
    torch.testing.assert_close(moved[1], moved[0], rtol=1e-3, atol=1e-5)
