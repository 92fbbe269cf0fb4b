"""``python -m sr_models.training`` from outside: weights come out, or one clear line does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from sr_models.training.__main__ import main
from sr_models.upscale import upscaler


def command(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command as a user runs it."""
    return subprocess.run(
        [sys.executable, "-m", "sr_models.training", *map(str, arguments)],
        capture_output=True, text=True, check=False, env=os.environ | environment,
    )  # fmt: skip


def refusal(capsys, *arguments: object) -> str:
    """What the command says to a mistake: one line, and its exit status is 2."""
    assert main([str(argument) for argument in arguments]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    (line,) = [line for line in said.err.splitlines() if "photographs:" not in line]
    return line


def test_a_few_updates_make_weights_that_run(photo_folder, small_weights, tmp_path, photo):
    run = command(
        "srresnet", "--images", photo_folder, "--out", tmp_path / "run", "--updates", 2,
        "--from", small_weights, "--device", "cpu",
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    weights = Path(run.stdout.strip())
    assert weights == tmp_path / "run" / "srresnet.safetensors"
    assert upscaler(weights, device="cpu")(photo[:20, :24]).shape == (80, 96, 3)
    assert {p.name for p in weights.parent.iterdir()} == {
        "checkpoint.pt", "log.jsonl", "srresnet.safetensors"
    }  # fmt: skip
    assert "heldout_psnr" in (weights.parent / "log.jsonl").read_text()


def test_srgan_goes_on_from_srresnet(photo_folder, small_weights, tmp_path, photo, perceptual_dir):
    """The folder of feature networks may come from the environment."""
    run = command(
        "srgan", "--images", photo_folder, "--out", tmp_path, "--updates", 1,
        "--from", small_weights, "--device", "cpu", PERCEPTUAL_WEIGHTS_DIR=str(perceptual_dir),
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert upscaler(Path(run.stdout.strip()), device="cpu")(photo[:9, :9]).shape == (36, 36, 3)
    log = (tmp_path / "log.jsonl").read_text()
    for term in ("content", "adversarial", "d_real", "d_fake", "heldout_psnr", "heldout_lpips"):
        assert f'"{term}"' in log


def test_a_mistake_costs_one_clear_line(tmp_path, photo_folder, small_weights, capsys):
    images = ("--images", photo_folder, "--out", tmp_path / "run")
    nothing = tmp_path / "nothing"
    nothing.mkdir()
    assert "no photographs in" in refusal(
        capsys, "srresnet", "--images", nothing, "--out", tmp_path / "run"
    )
    assert "is not a folder" in refusal(
        capsys, "srresnet", "--images", tmp_path / "absent", "--out", tmp_path / "run"
    )
    assert "there is no weight file" in refusal(capsys, "srresnet", *images, "--from", "absent")
    photograph = photo_folder / "0.png"
    assert "is not a safetensors file" in refusal(capsys, "srresnet", *images, "--from", photograph)
    assert "--minutes must be above 0" in refusal(capsys, "srresnet", *images, "--minutes", "0")
    assert "--updates must be above 0" in refusal(capsys, "srresnet", *images, "--updates", "0")
    assert "name it by --from" in refusal(capsys, "srgan", *images)
    srgan = ("srgan", *images, "--from", small_weights, "--features")
    assert "there is no weight file" in refusal(capsys, *srgan, nothing)
    if not torch.cuda.is_available():
        assert "no CUDA device" in refusal(capsys, "srresnet", *images, "--device", "cuda")
    assert not (tmp_path / "run").exists()


def test_srgan_asks_for_its_feature_network(
    photo_folder, small_weights, tmp_path, capsys, monkeypatch
):
    monkeypatch.delenv("PERCEPTUAL_WEIGHTS_DIR", raising=False)
    said = refusal(
        capsys, "srgan", "--images", photo_folder, "--out", tmp_path, "--from", small_weights
    )
    assert "--features DIR" in said


@pytest.mark.parametrize(
    ("option", "value"), [("--device", "tpu"), ("--minutes", "long"), ("--updates", "2.5")]
)
def test_an_impossible_value_is_refused_before_anything_runs(tmp_path, capsys, option, value):
    with pytest.raises(SystemExit) as exit_:
        main(["srresnet", "--images", str(tmp_path), "--out", str(tmp_path), option, value])
    assert exit_.value.code == 2
    assert value in capsys.readouterr().err
