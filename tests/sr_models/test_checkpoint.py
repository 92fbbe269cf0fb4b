"""Files of a run are whole or absent, small enough to be carried, and damage is named."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from sr_models import weightfile
from sr_models.training import checkpoint


def test_a_checkpoint_comes_back_from_parts_that_are_small_enough(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "PART_BYTES", 10_000)
    state = {"weights": torch.rand(100, 100), "update": 7, "best": {"heldout_psnr": 30.5}}
    checkpoint.save(tmp_path, state, update=7)
    parts = sorted(tmp_path.glob("checkpoint-*.bin"))
    assert len(parts) == 5
    assert max(part.stat().st_size for part in parts) == 10_000
    back = checkpoint.load(tmp_path)
    assert torch.equal(back.pop("weights"), state.pop("weights"))
    assert back == state


def test_no_part_is_larger_than_what_is_promised():
    assert checkpoint.PART_BYTES <= 15 * 2**20


def test_an_older_checkpoint_makes_room_for_the_newer(tmp_path):
    for update in (1, 2):
        checkpoint.save(tmp_path, {"update": update}, update=update)
    assert checkpoint.load(tmp_path) == {"update": 2}
    assert len(list(tmp_path.iterdir())) == 2


def test_there_may_be_none_yet(tmp_path):
    assert checkpoint.load(tmp_path) is None


@pytest.mark.parametrize("damage", ["missing", "changed", "index"])
def test_damage_is_named(tmp_path, damage):
    checkpoint.save(tmp_path, {"weights": torch.rand(9)}, update=3)
    (part,) = tmp_path.glob("checkpoint-*.bin")
    expected = part.name
    if damage == "missing":
        part.unlink()
    elif damage == "changed":
        part.write_bytes(part.read_bytes()[:-1] + b"?")
    else:
        (tmp_path / "checkpoint.json").write_text("{}")
        expected = "checkpoint.json is not the index"
    with pytest.raises(ValueError, match=expected):
        checkpoint.load(tmp_path)


def test_a_kill_while_saving_leaves_the_old_checkpoint(tmp_path):
    """Killed after the new parts and before the new index, and once in the midst of a part."""
    checkpoint.save(tmp_path, {"update": 1}, update=1)
    for place in ("the index", "a part"):
        program = (
            "import os, sys, pathlib; from sr_models.training import checkpoint\n"
            "replace = checkpoint.replace\n"
            "def deadly(path, write):\n"
            "    if ('the index' in sys.argv[2]) == (path.suffix == '.json'):\n"
            "        path.with_name('.half').write_text('half'); os.kill(os.getpid(), 9)\n"
            "    replace(path, write)\n"
            "checkpoint.replace = deadly\n"
            "checkpoint.save(pathlib.Path(sys.argv[1]), {'update': 2}, update=2)\n"
        )
        killed = subprocess.run([sys.executable, "-c", program, tmp_path, place], check=False)
        assert killed.returncode == -signal.SIGKILL
        assert checkpoint.load(tmp_path) == {"update": 1}


def test_a_file_is_the_old_one_until_it_is_the_new_one(tmp_path):
    path = tmp_path / "state"
    path.write_text("old")

    def fail(beside: Path) -> None:
        beside.write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        checkpoint.replace(path, fail)
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("state", "old")]
    checkpoint.replace(path, lambda beside: beside.write_text("new"))
    assert path.read_text() == "new"


def test_weights_can_be_read_by_whoever_may_read_other_files(tmp_path, small_weights):
    (tmp_path / "other").write_text("")
    assert small_weights.stat().st_mode == (tmp_path / "other").stat().st_mode


def test_half_precision_halves_the_file_and_keeps_the_facts(small_network):
    facts = {"recipe": "srresnet", "updates": 3}
    whole, half = (
        weightfile.dump(small_network.state_dict(), facts, half=half) for half in (False, True)
    )
    size = sum(value.numel() for value in small_network.state_dict().values())
    assert len(whole) - len(half) == pytest.approx(2 * size, abs=100)


def test_the_same_weights_and_facts_are_the_same_bytes(small_network):
    """Outputs are known by the checksum of their weights: packing twice must not outdate them."""
    state = small_network.state_dict()
    names = [f"fact {number}" for number in range(20)]
    files = {weightfile.dump(state, dict.fromkeys(names[::way], 1)) for way in (1, -1) * 3}
    assert len(files) == 1


def test_channels_last_weights_are_stored_like_others(small_network, tmp_path):
    path = tmp_path / "weights.safetensors"
    state = small_network.to(memory_format=torch.channels_last).state_dict()
    checkpoint.save_weights(path, state, {"note": "ü"})
    back = weightfile.load(path)
    assert all(torch.equal(back[key], value) for key, value in state.items())
    assert weightfile.facts(path) == {"note": "ü"}
