"""What an update costs is counted, not guessed."""

from __future__ import annotations

from dataclasses import replace

import torch

from sr_models.drcn import DRCN
from sr_models.srresnet import Generator
from sr_models.training import cost, equipment
from sr_models.training.recipes import RECIPES
from sr_models.training.trainer import Trainer

CPU = torch.device("cpu")


def test_the_operations_of_srresnet_are_those_of_its_convolutions():
    """Counted by hand: 2 k² in out for each place, at 24 x 24, and at 48 x 48 towards the end."""
    recipe = RECIPES["srresnet", "cpu"]
    trainer = Trainer(equipment.fresh(recipe), recipe, CPU, bf16=False)
    before = {key: value.clone() for key, value in trainer.network.state_dict().items()}
    forward, update = cost.operations(trainer)
    small = 81 * 3 * 64 + 33 * 9 * 64 * 64 + 9 * 64 * 256 + 3 * 25 * 16  # the last: bicubic
    large = 9 * 64 * 256 + 25 * 256 * 12
    assert forward == 2 * (24 * 24 * small + 48 * 48 * large)
    assert 2.9 < update / forward < 3.0  # no gradient goes to the LR
    after = trainer.network.state_dict()
    assert all(torch.equal(before[key], after[key]) for key in before)


def test_operations_are_counted_by_the_librarys_kernels():
    recipe, seen = RECIPES["srresnet", "cpu"], []
    network = Generator(width=8, blocks=2, batch_norm=False, bicubic_skip=True)
    cudnn = torch.backends.cudnn
    network.register_forward_pre_hook(lambda *_: seen.append((cudnn.enabled, cudnn.benchmark)))
    cost.operations(Trainer(network, recipe, CPU, bf16=False))
    assert set(seen) == {(True, False)}


def test_a_gpu_that_trains_computes_float32_in_float32():
    """LR and the bicubic skip are made by such convolutions."""
    with torch.backends.cudnn.flags(enabled=True, benchmark=False, allow_tf32=True):
        equipment.prepare(torch.device("cuda"))
        assert not torch.backends.cudnn.allow_tf32
        assert torch.backends.cudnn.benchmark


def test_a_network_that_is_compiled_is_counted_uncompiled():
    recipe = RECIPES["srresnet", "cpu"]
    counts = []
    for mode in ("off", "regional"):
        torch.compiler.reset()
        network = Generator(width=8, blocks=2, batch_norm=False, bicubic_skip=True)
        trainer = Trainer(network, recipe, CPU, bf16=False, compile=mode, compiler="aot_eager")
        counts.append(cost.operations(trainer))
    assert counts[0] == counts[1]


def test_a_network_that_grows_is_counted_as_a_whole():
    torch.manual_seed(0)
    counts = []
    for growth in (0.0, 0.9):
        recipe = replace(RECIPES["drcn", "cpu"], growth=growth, patch=16)
        trainer = Trainer(DRCN(width=6), recipe, CPU, bf16=False)
        counts.append(cost.operations(trainer))
    assert counts[0] == counts[1]


def test_a_matrix_product_has_a_rate():
    assert cost.product_rate(CPU, torch.float32, times=1) > 1e8
