"""A training run: networks move, a resumed run is an unbroken one, files are whole or absent."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from torch import nn

from sr_models import weightfile
from sr_models.features import ContentLoss
from sr_models.srresnet import build
from sr_models.training import checkpoint, loop
from sr_models.training.adversarial import Adversarial
from sr_models.training.heldout import HeldOut
from sr_models.training.patches import Photos
from sr_models.training.pretrain import Pretraining
from sr_models.training.recipes import RECIPES

CPU = torch.device("cpu")


@pytest.fixture
def photos(photo) -> Photos:
    return Photos.gather([photo], smallest=48)


@pytest.fixture
def make_task(photo, small_network):
    """Makes the same small task anew each time; the content of a picture is its pixels."""

    def make(name: str, patch: int = 32) -> Pretraining | Adversarial:
        torch.manual_seed(1)
        recipe = replace(RECIPES[name], batch=2, patch=patch)
        network = build(small_network.state_dict())
        held_out = HeldOut([photo[:64, :64]], CPU)
        if recipe.adversarial:
            return Adversarial(network, ContentLoss(nn.Identity()), recipe, CPU, held_out)
        return Pretraining(network, recipe, CPU, held_out)

    return make


def train(task: Pretraining | Adversarial, photos: Photos, out: Path, updates: int) -> Path:
    return loop.run(
        task, photos, task.recipe, out=out, minutes=1, updates=updates, facts={"note": "a test"}
    )


def unmoved(before: dict[str, torch.Tensor], after: nn.Module) -> list[str]:
    return [name for name, value in after.named_parameters() if torch.equal(value, before[name])]


def parameters(network: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in network.named_parameters()}


def test_one_update_moves_every_parameter_of_srresnet(make_task, photos):
    task = make_task("srresnet")
    before = parameters(task.network)
    terms = task.step(*photos.batch(2, 32, seed=0), update=50, progress=0.5)
    assert terms.keys() == {"l1"}
    assert unmoved(before, task.network) == []
    last = task.step(*photos.batch(2, 32, seed=1), update=51, progress=0.95)
    assert last.keys() == {"mse"}


def test_one_update_moves_every_parameter_of_both_srgan_networks(make_task, photos):
    task = make_task("srgan")
    generator, discriminator = parameters(task.network), parameters(task.discriminator)
    terms = task.step(*photos.batch(2, 32, seed=0), update=50, progress=0.5)
    assert terms.keys() == {"content", "adversarial", "l1", "d_real", "d_fake"}
    assert unmoved(generator, task.network) == []
    assert unmoved(discriminator, task.discriminator) == []


@pytest.mark.parametrize("term", ["content", "adversarial", "pixel"])
def test_each_term_alone_teaches_the_generator(make_task, photos, term):
    task = make_task("srgan")
    weights = dict.fromkeys(("content_weight", "adversarial_weight", "pixel_weight"), 0.0)
    task.recipe = replace(task.recipe, **(weights | {f"{term}_weight": 1.0}))
    before = parameters(task.network)
    task.step(*photos.batch(2, 32, seed=0), update=50, progress=0.5)
    assert unmoved(before, task.network) == []


def test_the_discriminator_learns_to_tell_real_from_made(make_task, photos):
    """With a generator that learns nothing, a batch seen again and again is told apart."""
    task = make_task("srgan", patch=16)
    still = dict.fromkeys(("content_weight", "adversarial_weight", "pixel_weight"), 0.0)
    task.recipe = replace(task.recipe, **still)
    for _ in range(20):
        figures = task.step(*photos.batch(4, 16, seed=0), update=200, progress=0.0)
    assert figures["d_real"] > 0.6
    assert figures["d_fake"] < 0.4


@pytest.mark.parametrize("name", ["srresnet", "srgan"])
def test_a_resumed_run_is_an_unbroken_one(make_task, photos, tmp_path, monkeypatch, name):
    monkeypatch.setattr(loop, "LOG_EVERY", 2)
    monkeypatch.setattr(loop, "SAVE_EVERY", 0.0)
    unbroken = weightfile.load(train(make_task(name), photos, tmp_path / "unbroken", 6))

    broken = make_task(name)
    step = broken.step

    def interrupted(*batch, update: int, progress: float):
        if update == 5:
            raise KeyboardInterrupt
        return step(*batch, update=update, progress=progress)

    broken.step = interrupted
    with pytest.raises(KeyboardInterrupt):
        train(broken, photos, tmp_path / "broken", 6)
    resumed = weightfile.load(train(make_task(name), photos, tmp_path / "broken", 6))

    assert resumed.keys() == unbroken.keys()
    assert [key for key in unbroken if not torch.equal(resumed[key], unbroken[key])] == []
    logs = [
        [json.loads(line)["update"] for line in (tmp_path / run / "log.jsonl").open()]
        for run in ("unbroken", "broken")
    ]
    assert logs == [[2, 4, 6], [2, 4, 6]]


def test_a_finished_run_is_left_as_it_is(make_task, photos, tmp_path):
    path = train(make_task("srresnet"), photos, tmp_path, 2)
    before = path.read_bytes()
    assert train(make_task("srresnet"), photos, tmp_path, 2).read_bytes() == before


def test_a_checkpoint_of_another_recipe_is_refused(make_task, photos, tmp_path):
    train(make_task("srresnet"), photos, tmp_path, 1)
    with pytest.raises(ValueError, match="belongs to the recipe 'srresnet'"):
        train(make_task("srgan"), photos, tmp_path, 1)
    (tmp_path / "checkpoint.pt").write_bytes(b"no checkpoint")
    with pytest.raises(ValueError, match="is not a checkpoint of this program"):
        train(make_task("srresnet"), photos, tmp_path, 1)


def test_a_diverged_run_stops_and_saves_nothing(make_task, photos, tmp_path):
    task = make_task("srresnet")
    task.network.tail.bias.data.fill_(float("nan"))
    with pytest.raises(FloatingPointError, match="training has diverged"):
        train(task, photos, tmp_path, 1)
    assert not (tmp_path / "checkpoint.pt").exists()
    assert not (tmp_path / "srresnet.safetensors").exists()


def test_the_shipped_weights_are_the_average_and_say_how_they_were_made(
    make_task, photos, tmp_path
):
    task = make_task("srresnet")
    path = train(task, photos, tmp_path, 3)
    weights = weightfile.load(path)
    assert all(torch.equal(weights[key], value) for key, value in task.average.values.items())
    assert not torch.equal(weights["tail.weight"], task.network.tail.weight)
    build(weights)
    with safe_open(path, "pt") as file:
        assert json.loads(file.metadata()["note"]) == "a test"
        assert json.loads(file.metadata()["updates"]) == 3


def test_the_average_follows_the_network(small_network):
    average = loop.Average(small_network, decay=0.9)
    start = average.values["tail.bias"].clone()
    small_network.tail.bias.data += 1
    average.update(small_network, update=10**6)
    assert torch.allclose(average.values["tail.bias"], start + 0.1)
    assert torch.equal(average.network.tail.bias, average.values["tail.bias"])


def test_a_file_is_the_old_one_until_it_is_the_new_one(tmp_path):
    path = tmp_path / "state"
    path.write_text("old")

    def fail(beside: Path) -> None:
        beside.write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        checkpoint.replace(path, fail)
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("state", "old")]

    program = (
        "import os, pathlib, sys; from sr_models.training import checkpoint; "
        "checkpoint.replace(pathlib.Path(sys.argv[1]), "
        "lambda beside: (beside.write_text('half'), os.kill(os.getpid(), 9)))"
    )
    killed = subprocess.run([sys.executable, "-c", program, path], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert path.read_text() == "old"

    checkpoint.replace(path, lambda beside: beside.write_text("new"))
    assert path.read_text() == "new"


def test_weights_can_be_read_by_whoever_may_read_other_files(tmp_path, small_weights):
    (tmp_path / "other").write_text("")
    assert small_weights.stat().st_mode == (tmp_path / "other").stat().st_mode


def test_training_needs_no_django():
    program = "import sys, sr_models.training.__main__; sys.exit('django' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
