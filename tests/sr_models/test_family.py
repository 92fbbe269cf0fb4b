"""Several networks within one budget: over in time whatever happens, and what is best stays."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from sr_models import weightfile
from sr_models.networks import build
from sr_models.training import family, lease, plot, sprint
from sr_models.training.budget import ORDER, Pace, share_out
from sr_models.training.recipes import NAMES, RECIPES


class Clock:
    """Seconds that pass whenever somebody looks; ``stalls`` adds some, once, after a moment."""

    def __init__(self, tick: float = 0.05, stalls: dict[float, float] | None = None) -> None:
        self.seconds, self.tick, self.stalls = 0.0, tick, dict(stalls or {})

    def __call__(self) -> float:
        self.seconds += self.tick
        for moment in [moment for moment in self.stalls if moment <= self.seconds]:
            self.seconds += self.stalls.pop(moment)
        return self.seconds


@pytest.fixture
def ask(photo_folder, tmp_path) -> Callable[..., Any]:
    """The options of a family of small networks on a CPU."""

    def made(*words: object, minutes: float = 0.5) -> Any:
        return family.parse([
            "--minutes", str(minutes), "--images", str(photo_folder), "--device", "cpu",
            "--out", str(tmp_path / "out"), "--batch", "2", *map(str, words),
        ])  # fmt: skip

    return made


def logged(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


def test_every_second_is_in_one_account_and_all_is_over_in_time(ask, tmp_path):
    clock = Clock()
    report = json.loads(family.train(ask("--only", "espcn", "srcnn"), clock).read_text())
    assert report["seconds"] <= 30 - lease.ENDING + 1
    assert list(report["networks"]) == ["espcn", "srcnn"]
    spent = [facts["seconds"] for facts in report["networks"].values()]
    assert {"import", "data", "compile", "train", "look"} <= spent[0].keys()
    assert sum(sum(accounts.values()) for accounts in spent) == pytest.approx(
        report["seconds"], abs=2.0
    )
    trained = [accounts["train"] for accounts in spent]
    assert trained[0] == pytest.approx(trained[1], rel=0.3)  # equal shares
    for name, facts in report["networks"].items():
        assert facts["updates"] > 10
        assert facts["patches"] == facts["updates"] * facts["batch"]
        assert facts["patches_per_s"] == pytest.approx(
            facts["patches"] / facts["seconds"]["train"], rel=0.05
        )
        assert 0 < facts["share_of_products"] < 10  # by a clock that is none
        assert facts["memory_gib"] > 0
        assert {"heldout_psnr", "heldout_grid"} <= facts["heldout_start"].keys()
        assert facts["heldout_end"].keys() == facts["heldout_start"].keys()
        build(weightfile.load(tmp_path / "out" / f"{name}.safetensors"))
    assert {line["network"] for line in logged(tmp_path / "out")} == {"espcn", "srcnn"}
    assert sum(file.stat().st_size for file in (tmp_path / "out").iterdir()) < 2**20
    curves = plot.draw([tmp_path / "out" / "log.jsonl"], tmp_path / "curves.svg").read_text()
    assert "<!-- espcn -->" in curves
    assert "<!-- srcnn -->" in curves


@pytest.mark.parametrize("moment", [3.0, 9.0, 20.0])
def test_what_took_too_long_is_taken_from_what_is_left(ask, moment):
    """Eight seconds in which everything stands still, early, in the middle and late."""
    clock = Clock(stalls={moment: 8.0})
    report = json.loads(family.train(ask("--only", "espcn", "srcnn"), clock).read_text())
    assert report["seconds"] <= 30 - lease.ENDING + 1
    ends = [facts["updates"] for facts in report["networks"].values()]
    assert min(ends) > 3


def test_a_schedule_ends_where_its_time_does_and_skips_nothing():
    pace, seen, now = Pace(0.0, 100.0), [], 0.0
    while pace.progress < 1:
        seen.append(pace.progress)
        now += 0.5
        pace.advance(now)
        if len(seen) in (50, 120):
            now += 15.0  # a look, or a disk
            pace.skip(now)
    assert 99.0 <= now <= 100.0
    assert max(b - a for a, b in zip(seen, seen[1:], strict=False)) < 0.1
    assert seen[-1] > 0.9


def test_shares_are_dealt_out_anew_from_what_is_left():
    shares = {"srresnet": 45.0, "srgan": 55.0, "espcn": 15.0}
    left, dealt = 600.0, []
    for number, name in enumerate(shares):
        part = share_out(left, dict(list(shares.items())[number:]))[name]
        dealt.append(part)
        left -= part + 20  # each takes twenty seconds longer
    assert sum(dealt) + 2 * 20 == pytest.approx(600.0)
    assert left == pytest.approx(-20)
    assert dealt[0] > dealt[2]


def test_no_network_is_trained_before_what_it_starts_from():
    assert set(ORDER) == set(NAMES)
    for recipe in RECIPES.values():
        if recipe.start:
            assert ORDER.index(recipe.start) < ORDER.index(recipe.name)
    assert len({recipe.photo_scales for (_, s), recipe in RECIPES.items() if s != "paper"}) == 1


def test_srgan_starts_from_the_srresnet_of_the_same_run(
    ask, tmp_path, small_weights, perceptual_dir
):
    folder = tmp_path / "from"
    folder.mkdir()
    small_weights.rename(folder / "srresnet.safetensors")
    options = ask(
        "--only", "srgan", "srresnet", "--from", folder, "--features", perceptual_dir,
        "--batch", 1,
    )  # fmt: skip
    report = json.loads(family.train(options, Clock()).read_text())
    assert list(report["networks"]) == ["srresnet", "srgan"]
    assert report["networks"]["srgan"]["kept"] == "new"
    facts = weightfile.facts(tmp_path / "out" / "srgan.safetensors")
    assert facts["started_from"] == "srresnet.safetensors"
    assert (tmp_path / "out" / "srgan.png").is_file()


def test_a_network_that_does_not_get_better_keeps_its_file(ask, tmp_path, capsys, monkeypatch):
    """At a rate of nothing nothing moves."""
    key = ("espcn", "cpu")
    still = replace(RECIPES[key], learning_rate=0.0, hidden_learning_rate=0.0)
    monkeypatch.setitem(RECIPES, key, still)
    family.train(ask("--only", "espcn"), Clock())
    shipped = (family.SHIPPED / "espcn.safetensors").read_bytes()
    assert (tmp_path / "out" / "espcn.safetensors").read_bytes() == shipped
    facts = json.loads((tmp_path / "out" / "report.json").read_text())["networks"]["espcn"]
    assert facts["kept"] == "old"
    assert facts["updates"] > 0
    assert facts["said"].endswith("not better, the old file is kept")
    assert facts["said"] in capsys.readouterr().err


def test_a_network_that_gets_better_is_written_with_how_it_was_made(ask, tmp_path):
    report = json.loads(family.train(ask("--only", "espcn", "--from", "none"), Clock()).read_text())
    facts, made = report["networks"]["espcn"], tmp_path / "out" / "espcn.safetensors"
    assert facts["kept"] == "new"
    assert facts["heldout_kept"]["heldout_psnr"] > facts["heldout_start"]["heldout_psnr"]
    written = weightfile.facts(made)
    assert written["patches_before"] == 0
    assert written["heldout_psnr"] == facts["heldout_kept"]["heldout_psnr"]
    assert written["recipe_name"] == "espcn"
    assert written["started_from"] is None


def test_what_is_trained_on_knows_what_lies_behind_it(ask, tmp_path, capsys):
    """Both runs of a file are counted, by area where the crops were of another size."""
    facts = {"patches": 3000, "patches_before": 1000, "recipe_patch": 48}
    state = weightfile.load(family.SHIPPED / "espcn.safetensors")
    folder = tmp_path / "from"
    folder.mkdir()
    (folder / "espcn.safetensors").write_bytes(weightfile.dump(state, facts))
    assert sprint.patches_behind(folder / "espcn.safetensors", 96) == 1000
    family.train(ask("--only", "espcn", "--from", folder), Clock())
    assert "espcn: 1000 patches lie behind it" in capsys.readouterr().err
    (folder / "bare.safetensors").write_bytes(weightfile.dump(state, {}))
    assert sprint.patches_behind(folder / "bare.safetensors", 96) == 0


def test_a_compiler_that_hangs_costs_its_allowance_alone(ask, capsys):
    def hang(*_: object) -> None:
        threading.Event().wait()

    options = ask("--only", "espcn", "srcnn", "--compile", "regional", minutes=0.2)
    report = json.loads(family.train(options, Clock(), backend=hang).read_text())
    said = capsys.readouterr().err
    assert "espcn: compiling took longer than" in said
    assert "srcnn: compiling" not in said  # asked once
    assert all(facts["updates"] for facts in report["networks"].values())
    assert report["networks"]["espcn"]["compiled"] == "off"


def test_a_network_with_twice_the_time_is_compiled_after_all(ask, capsys):
    """A small network's few seconds do not decide for a large one."""
    asked = []

    def slow_once(graph: Any, _: object) -> Any:
        asked.append(graph)
        if len(asked) == 1:
            threading.Event().wait()
        return graph.forward

    options = ask(
        "--shares", "espcn=1", "srcnn=4", "--compile", "regional", minutes=0.4
    )  # fmt: skip
    report = json.loads(family.train(options, Clock(), backend=slow_once).read_text())
    said = capsys.readouterr().err
    assert "espcn: compiling took longer than" in said
    assert "srcnn: compiling" not in said
    assert len(asked) > 1
    compiled = {name: facts["compiled"] for name, facts in report["networks"].items()}
    assert compiled == {"espcn": "off", "srcnn": "regional"}


def test_a_compiler_that_fails_is_done_without(ask, capsys):
    def fail(*_: object) -> None:
        raise RuntimeError("no kernel today\nat all")

    options = ask("--only", "espcn", "--compile", "whole")
    family.train(options, Clock(), backend=fail)
    assert "compiling failed" in capsys.readouterr().err


def test_a_folder_that_stops_answering_is_trained_without(
    ask, photo_folder, tmp_path, monkeypatch, capsys
):
    slow = tmp_path / "slow"
    slow.mkdir()
    os.mkfifo(slow / "never.jpg")
    options = ask("--only", "espcn", "--images", photo_folder, slow)
    monkeypatch.setattr(lease, "READ_SHARE", 0.1)
    family.train(options, Clock())
    assert "1 not read by now" in capsys.readouterr().err


def test_where_nothing_can_be_read_nothing_is_trained(ask, tmp_path, monkeypatch):
    slow = tmp_path / "slow"
    slow.mkdir()
    for number in range(3):
        os.mkfifo(slow / f"{number}.jpg")
    monkeypatch.setattr(lease, "READ_SHARE", 0.01)
    with pytest.raises(ValueError, match="none of the 3 photographs can be used; 3 had not been"):
        family.train(ask("--only", "espcn", "--images", slow), Clock())


def test_a_network_that_fails_leaves_its_time_to_the_others(ask, tmp_path, capsys):
    broken = tmp_path / "from"
    broken.mkdir()
    for name in ("espcn", "srcnn"):
        state = weightfile.load(family.SHIPPED / f"{name}.safetensors")
        if name == "espcn":
            state["conv3.bias"] = torch.full_like(state["conv3.bias"], torch.nan)
        (broken / f"{name}.safetensors").write_bytes(weightfile.dump(state, {}))
    options = ask("--only", "espcn", "srcnn", "--from", broken)
    with pytest.raises(ValueError, match="espcn failed, see above"):
        family.train(options, Clock())
    assert "diverged by update" in capsys.readouterr().err
    networks = json.loads((tmp_path / "out" / "report.json").read_text())["networks"]
    assert networks["espcn"]["failed"].startswith("FloatingPointError")
    assert networks["srcnn"]["seconds"]["train"] > 10
    kept = (tmp_path / "out" / "espcn.safetensors").read_bytes()
    assert kept == (broken / "espcn.safetensors").read_bytes()


def test_a_network_that_diverges_goes_back_to_its_last_look(ask, tmp_path, capsys, monkeypatch):
    """Once, in the middle; it trains on at half the rates, and what comes of it is better."""
    rates: list[float] = []

    class Shaken(sprint.Trainer):
        def step(self, *crops: Any, update: int, progress: float) -> Any:
            if update == 60:
                next(self.network.parameters()).data.fill_(torch.inf)
            rates.append(self.optimisers["generator"].param_groups[0]["full_lr"])
            return super().step(*crops, update=update, progress=progress)

    monkeypatch.setattr(sprint, "Trainer", Shaken)
    monkeypatch.setattr(sprint, "LOOK_EVERY", 2.0)
    monkeypatch.setattr(sprint, "SAY_EVERY", 1.0)
    family.train(ask("--only", "espcn", "--from", "none"), Clock())
    said = capsys.readouterr().err
    assert said.count("back to the last look, at half the rates") == 1
    assert rates[61] == rates[0]
    assert rates[-1] == rates[0] / 2
    facts = json.loads((tmp_path / "out" / "report.json").read_text())["networks"]["espcn"]
    assert facts["kept"] == "new"
    assert facts["heldout_end"]["heldout_psnr"] > facts["heldout_start"]["heldout_psnr"]
    assert not any("NaN" in str(line) or "nan" in str(line) for line in logged(tmp_path / "out"))


def test_a_network_that_is_slow_to_look_at_is_looked_at_in_fewer_places(ask):
    parts = []
    for tick in (0.05, 0.5):
        options = ask("--only", "espcn")
        options.out = options.out / str(tick)
        facts = json.loads(family.train(options, Clock(tick)).read_text())["networks"]["espcn"]
        parts.append(facts["heldout_parts"])
    assert parts[0] == 6  # three of each of two photographs
    assert 1 <= parts[1] < 6


def test_weights_that_are_no_numbers_are_never_written(ask, tmp_path, monkeypatch):
    """Whenever the looks come: here before any loss is read."""
    key = ("espcn", "cpu")
    wild = replace(RECIPES[key], learning_rate=float("inf"), clip=None)
    monkeypatch.setitem(RECIPES, key, wild)
    monkeypatch.setattr(sprint, "LOOK_EVERY", 0.0)
    monkeypatch.setattr(sprint, "LOOK_SHARE", 1e9)
    monkeypatch.setattr(sprint, "SAY_EVERY", 1e9)
    with pytest.raises(ValueError, match="espcn failed"):
        family.train(ask("--only", "espcn", "--from", "none"), Clock())
    assert not (tmp_path / "out" / "espcn.safetensors").exists()


def test_mistakes_are_said_before_anything_is_done(ask, tmp_path, monkeypatch, small_weights):
    def refusal(*words: object) -> str:
        with pytest.raises(ValueError) as raised:  # noqa: PT011
            family.train(ask(*words), Clock())
        assert not list((tmp_path / "out").glob("*"))
        return str(raised.value)

    monkeypatch.delenv("PERCEPTUAL_WEIGHTS_DIR", raising=False)
    assert "no such folder; name one, or say --from none" in refusal("--from", tmp_path / "absent")
    assert "srgan starts from srresnet: train that too" in refusal(
        "--only", "srgan", "--from", "none"
    )
    assert "--features DIR" in refusal("--only", "srresnet", "srgan")
    assert "a share is NAME=NUMBER" in refusal("--shares", "srresnet:4")
    assert "a share is a number above 0" in refusal("--shares", "srresnet=-1")
    assert "name different networks: espcn" in refusal(
        "--only", "espcn", "srcnn", "--shares", "srcnn=1"
    )
    wrong = tmp_path / "wrong"
    wrong.mkdir()
    small_weights.rename(wrong / "srcnn.safetensors")
    assert "holds a Generator, and srcnn trains a SRCNN" in refusal(
        "--only", "srcnn", "--from", wrong
    )
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert "trains on one device" in refusal("--only", "espcn")
    monkeypatch.delenv("WORLD_SIZE")
    for minutes in (0.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="--minutes must be above 0"):
            ask(minutes=minutes)


def test_weights_that_are_there_are_not_written_over(ask, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "espcn.safetensors").write_text("an earlier run's")
    with pytest.raises(ValueError, match="already; name another folder"):
        family.train(ask("--only", "espcn"), Clock())
    assert (tmp_path / "out" / "espcn.safetensors").read_text() == "an earlier run's"


def command(*words: object) -> list[str]:
    return [sys.executable, "-m", "sr_models.training", "family", *map(str, words)]


def test_killed_at_any_second_what_was_best_is_whole(photo_folder, tmp_path):
    """At a random line of its log, by a signal that nobody can answer."""
    out = tmp_path / "out"
    words = ("--minutes", 30, "--images", photo_folder, "--out", out, "--device", "cpu")
    often = "import sys; from sr_models.training import sprint, command as m; " + (
        "sprint.LOOK_EVERY = 0.0; sprint.LOOK_SHARE = 1.0; sys.exit(m.main(sys.argv[1:]))"
    )
    run = subprocess.Popen(
        [sys.executable, "-c", often, *command(*words, "--only", "espcn", "--from", "none")[3:]],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert run.stderr
    lines = random.randint(12, 30)
    for _ in range(lines):
        assert run.stderr.readline()
    run.send_signal(signal.SIGKILL)
    run.wait()
    network = build(weightfile.load(out / "espcn.safetensors"))
    assert all(value.isfinite().all() for value in network.state_dict().values())
    report = json.loads((out / "report.json").read_text())
    assert report["networks"]["espcn"]["kept"] == "new"
    seen = [line["heldout_psnr"] for line in logged(out)[1:-1] if "heldout_psnr" in line]
    assert weightfile.facts(out / "espcn.safetensors")["heldout_psnr"] >= max(seen)


def test_what_still_goes_on_when_time_is_up_is_cut_off(tmp_path):
    program = (
        "import time, threading; from pathlib import Path; from sr_models.training import family\n"
        "with family.cut_off(time.monotonic, time.monotonic() + 0.1, Path('there')):\n"
        "    threading.Event().wait()"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert run.returncode == 1
    assert "time is up and something still goes on; what was best is in there" in run.stderr


def test_the_command_plans_without_training(perceptual_dir):
    words = ("--minutes", 10, "--plan", 800, "--features", perceptual_dir)
    run = subprocess.run(command(*words), capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    first, second = run.stdout.splitlines()
    assert first.startswith(
        "srresnet: 4.7 GFLOP forward and 14.0 an update for a 128 px patch; in 400 s"
    )
    assert second.startswith("srgan: ")
