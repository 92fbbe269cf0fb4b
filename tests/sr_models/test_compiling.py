"""Regions are compiled once for all their instances, give the same, and may not take for ever."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import torch
from torch import nn
from torch._dynamo.testing import CompileCounterWithBackend

from sr_models.drcn import DRCN
from sr_models.srresnet import Generator
from sr_models.training import compiling
from sr_models.training.recipes import RECIPES
from sr_models.training.trainer import Trainer


@pytest.fixture(autouse=True)
def _afresh() -> Iterator[None]:
    torch.compiler.reset()
    yield
    torch.compiler.set_stance("default")
    torch.compiler.reset()


def taught(module: nn.Module, x: torch.Tensor) -> list[torch.Tensor]:
    """What ``module`` answers and the gradients that come back, to its weights and to ``x``."""
    x = x.clone().requires_grad_(True)
    answer = module(x)
    answer.square().mean().backward()
    gradients = [p.grad for p in module.parameters() if p.grad is not None]
    module.zero_grad()
    assert x.grad is not None
    return [answer.detach(), x.grad, *gradients]


@pytest.mark.parametrize(
    ("make", "side", "most"),
    [
        # Sixteen blocks; upsampling at two sizes.
        (lambda: Generator(width=8, blocks=16, batch_norm=False), 8, 3),
        # Sixteen recursions.
        (lambda: DRCN(width=6), 8, 1),
    ],
    ids=["generator", "drcn"],
)  # fmt: skip
def test_equal_regions_are_compiled_once_and_answer_alike(make, side, most):
    network = make()
    x = torch.rand(3, 1 if isinstance(network, DRCN) else 3, side, side)
    plain = taught(network, x)
    counter = CompileCounterWithBackend("aot_eager")
    names = list(network.state_dict())
    assert compiling.prepare(network, "regional", counter) is network
    for expected, found in zip(plain, taught(network, x), strict=True):
        torch.testing.assert_close(found, expected)
    assert 1 <= counter.frame_count <= most
    assert list(network.state_dict()) == names


def test_what_has_been_given_up_runs_as_it_is(small_network):
    counter = CompileCounterWithBackend("aot_eager")
    whole = compiling.prepare(small_network, "whole", counter)
    compiling.give_up()
    x = torch.rand(1, 3, 8, 8)
    assert torch.equal(whole(x), small_network(x))
    assert counter.frame_count == 0


@pytest.mark.parametrize("mode", ["regional", "whole"])
def test_a_compiler_that_hangs_is_interrupted(small_network, mode):
    """At its first use it waits for what never comes."""

    def hang(*_: object) -> None:
        threading.Event().wait()

    recipe = RECIPES["srresnet", "cpu"]
    device = torch.device("cpu")
    trainer = Trainer(small_network, recipe, device, bf16=False, compile=mode, compiler=hang)
    lr, hr = torch.rand(2, 3, 8, 8), torch.rand(2, 3, 32, 32)
    with pytest.raises(compiling.Overtime), compiling.allowance(0.2):
        trainer.warm_up(lr, hr)
    compiling.give_up()
    trainer.step(lr, hr, update=0, progress=0.0)


def test_what_is_done_in_time_is_not_interrupted():
    with compiling.allowance(0.05):
        done = 1
    threading.Event().wait(0.1)
    assert done == 1
