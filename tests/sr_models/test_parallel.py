"""Several processes train as one: ``torchrun`` with gloo, on this machine's processors."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from sr_models import weightfile
from sr_models.training import checkpoint
from sr_models.training.equipment import fresh
from sr_models.training.patches import Photos
from sr_models.training.recipes import RECIPES


def train(name: str, out: Path, *arguments: object, processes: int) -> None:
    """The command, as ``torchrun`` starts it where there is more than one process."""
    launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    command = [sys.executable, *(launcher if processes > 1 else []), "-m", "sr_models.training"]
    run = subprocess.run(
        [*command, name, "--out", out, "--device", "cpu",
         "--precision", "float32", *map(str, arguments)],
        capture_output=True, text=True, check=False,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert run.returncode == 0, run.stderr


def test_two_processes_are_one_with_the_double_batch(photo_folder, tmp_path):
    """The same weights to rounding: by SGD, since Adam and Muon make much of a last bit."""
    weights = []
    for processes, batch in ((1, 4), (2, 2)):
        out = tmp_path / str(processes)
        train(
            "srcnn", out, "--scale", "paper", "--images", photo_folder, "--updates", 4,
            "--batch", batch, processes=processes,
        )  # fmt: skip
        weights.append(weightfile.load(out / "srcnn.safetensors"))
        assert weightfile.facts(out / "srcnn.safetensors")["patches"] == 16
    torch.manual_seed(RECIPES["srcnn", "paper"].seed)
    start = fresh(RECIPES["srcnn", "paper"]).state_dict()
    one, two = weights
    for key in one:
        moved, apart = (one[key] - start[key]).norm(), (one[key] - two[key]).norm()
        assert moved > 0
        assert apart < 1e-3 * moved


def test_both_players_train_in_two_processes(photo_folder, small_weights, tmp_path, perceptual_dir):
    train(
        "srgan-vgg22", tmp_path, "--images", photo_folder, "--updates", 1, "--batch", 1,
        "--from", small_weights, "--features", perceptual_dir, processes=2,
    )  # fmt: skip
    state = checkpoint.load(tmp_path)
    assert state is not None
    assert state["update"] == 1


@pytest.mark.parametrize("busiest_of", [1, 3])
@pytest.mark.parametrize("parts", [2, 4])
def test_the_parts_of_a_batch_are_the_batch(photo, parts, busiest_of):
    photos = Photos.gather([photo], smallest=48)
    whole = photos.batch(8, 32, seed=5, busiest_of=busiest_of)
    pieces = [
        photos.batch(8 // parts, 32, seed=5, busiest_of=busiest_of, part=(i, parts))
        for i in range(parts)
    ]
    for tensor, *split in zip(whole, *pieces, strict=True):
        assert torch.equal(tensor, torch.cat(split))
