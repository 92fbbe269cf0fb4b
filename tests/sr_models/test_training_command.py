"""``python -m sr_models.training`` from outside: weights come out, or one clear line does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import sr_models
from sr_models import weightfile
from sr_models.training import equipment
from sr_models.training.command import main, parse
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
    (line,) = [line for line in said.err.splitlines() if line.startswith("error: ")]
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
    assert {p.name for p in weights.parent.iterdir()} >= {
        "checkpoint.json", "log.jsonl", "srresnet.safetensors", "strips"
    }  # fmt: skip
    assert weightfile.facts(weights)["recipe_scale"] == "cpu"
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


def test_more_photographs_do_not_change_which_are_held_out(photo_folder, tmp_path, photo, capsys):
    """So that figures of runs with and without them can be compared."""
    more = tmp_path / "more"
    more.mkdir()
    for number in range(7):
        Image.fromarray(np.roll(photo, 11 * number, axis=0)).save(more / f"{number}.png")
    few, many = (
        parse(["espcn", "--images", str(photo_folder), "--out", "run", *words])
        for words in ([], ["--also", str(more)])
    )
    (training, watched), (larger, the_same) = equipment.paths(few), equipment.paths(many)
    assert the_same == watched
    assert larger == training + sorted(more.iterdir())
    for word in ("espcn", "family"):
        line = refusal(
            capsys, word, "--images", photo_folder, "--out", tmp_path / "run", "--minutes", "999",
            "--also", photo_folder, "--device", "cpu",
        )  # fmt: skip
        assert "is among --images already" in line
    assert not (tmp_path / "run").exists()


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
    for option in ("--updates", "--slice", "--batch"):
        assert f"{option} must be above 0" in refusal(capsys, "srresnet", *images, option, "0")
    assert "holds a Generator, and srcnn trains a SRCNN" in refusal(
        capsys, "srcnn", *images, "--from", small_weights
    )
    assert "a smaller --batch needs less" in refusal(
        capsys, "espcn", *images, "--updates", "1", "--batch", str(10**12)
    )
    assert "name it by --from" in refusal(capsys, "srgan", *images)
    srgan = ("srgan", *images, "--from", small_weights, "--features")
    assert "there is no weight file" in refusal(capsys, *srgan, nothing)
    if not torch.cuda.is_available():
        assert "no CUDA device" in refusal(capsys, "srresnet", *images, "--device", "cuda")
    assert not list((tmp_path / "run").glob("*.safetensors"))


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


def test_a_kill_costs_no_more_than_what_came_after_the_last_checkpoint(photo_folder, tmp_path):
    """Killed once its first checkpoint is there, a run goes on from it and not from the start."""
    arguments = [
        sys.executable, "-m", "sr_models.training", "espcn", "--images", photo_folder,
        "--out", tmp_path, "--device", "cpu", "--updates", "100000000",
    ]  # fmt: skip
    seconds = "import sys; from sr_models.training import loop, command as m; "
    often = f"{seconds}loop.SAVE_EVERY = 0.0; sys.exit(m.main(sys.argv[1:]))"
    run = subprocess.Popen([sys.executable, "-c", often, *map(str, arguments[3:])])
    while not (tmp_path / "checkpoint.json").exists():
        assert run.poll() is None
    run.kill()
    run.wait()
    reached = json.loads((tmp_path / "checkpoint.json").read_text())["update"]
    assert main([*map(str, arguments[3:-1]), str(reached + 1)]) == 0
    updates = [json.loads(line)["update"] for line in (tmp_path / "log.jsonl").open()]
    assert updates[-1] == reached + 1
    assert updates == sorted(set(updates))


def test_the_curves_of_a_run_are_drawn(photo_folder, tmp_path, capsys):
    out = tmp_path / "run"
    training = ("--images", photo_folder, "--out", out, "--updates", 40, "--device", "cpu")
    assert main(["espcn", *map(str, training)]) == 0
    assert main(["plot", str(out)]) == 0
    svg = (out / "curves.svg").read_text()
    for title in ("Held-out PSNR, dB", "Loss terms", "Patches per second"):
        assert f"<!-- {title} -->" in svg
    assert "Discriminator" not in svg
    assert main(["plot", str(out), "--out", str(tmp_path / "curves.doc")]) == 2
    assert main(["plot", str(tmp_path)]) == 2
    assert "there is no log" in capsys.readouterr().err


def test_packed_weights_are_half_the_size_and_give_the_same_picture(small_weights, tmp_path, photo):
    packed = tmp_path / "packed.safetensors"
    assert main(["pack", str(small_weights), "--out", str(packed)]) == 0
    assert packed.stat().st_size < 0.7 * small_weights.stat().st_size
    whole, half = (
        upscaler(path, device="cpu")(photo[:20, :24]).astype(int)
        for path in (small_weights, packed)
    )
    assert abs(whole - half).max() <= 1
    assert main(["pack", str(tmp_path / "absent"), "--out", str(packed)]) == 2


def test_weights_are_looked_at_as_a_run_looks_at_them(
    small_weights, photo_folder, tmp_path, capsys
):
    out = tmp_path / "out"
    words = ["--images", str(photo_folder), "--device", "cpu"]
    assert main([
        "srresnet", *words, "--updates", "1", "--batch", "1", "--from", str(small_weights),
        "--out", str(out), "--precision", "float32",
    ]) == 0  # fmt: skip
    facts = weightfile.facts(out / "srresnet.safetensors")
    capsys.readouterr()
    weights = [str(out / "srresnet.safetensors"), str(small_weights)]
    assert main(["look", *weights, *words]) == 0
    ours, other = capsys.readouterr().out.splitlines()
    said = f"psnr {facts['heldout_psnr']}, grid {facts['heldout_grid']}"
    assert ours.startswith(f"{weights[0]}: {said}")
    assert other.startswith(f"{weights[1]}: psnr ")
    assert main(["look", str(tmp_path / "absent"), *words]) == 2


def test_mixed_weights_lie_between_and_say_so(small_weights, tmp_path, capsys):
    state = weightfile.load(small_weights)
    other, out = tmp_path / "other.safetensors", tmp_path / "mixed.safetensors"
    shifted = {key: value + 1 for key, value in state.items()}
    other.write_bytes(weightfile.dump(shifted, {"minutes": 3, "heldout_psnr": 30.0}))
    words = ["pack", str(other), "--out", str(out), "--mix", str(small_weights)]
    assert main([*words, "0.75"]) == 0
    mixed = weightfile.load(out)
    for key in state:
        torch.testing.assert_close(mixed[key], state[key] + 0.75, rtol=1e-3, atol=1e-3)
    facts = {"minutes": 3, "mixed_with": small_weights.name, "mixed_share": 0.75}
    assert weightfile.facts(out) == facts
    before = out.read_bytes()
    assert main([*words, "1.2"]) == 2
    assert "a share is a number from 0 to 1, not 1.2" in capsys.readouterr().err
    espcn = Path(sr_models.__file__).parent / "weights" / "espcn.safetensors"
    assert main([*words[:-1], str(espcn), "0.5"]) == 2
    assert "networks of different shapes" in capsys.readouterr().err
    assert out.read_bytes() == before
