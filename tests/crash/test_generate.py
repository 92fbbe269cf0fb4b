"""``manage.py generate`` can be killed at any point: nothing is lost, nothing is done twice."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.files import read_image

ROOT = Path(__file__).resolve().parents[2]
METHODS = ("nearest", "bicubic", "hr")


def command(generated: Path, root: Path) -> tuple[list[str], dict[str, str]]:
    environment = os.environ | {
        "BENCHMARKS_DIR": str(generated / "benchmarks"),
        "OUTPUTS_DIR": str(root / "outputs"),
        "VAR_DIR": str(root),
        "PERCEPTUAL_WEIGHTS_DIR": "",
        "TORCH_HOME": str(root),  # whoever runs the tests may have AlexNet in torchvision's
    }
    line = [sys.executable, "manage.py", "generate", "--sets", "Samples", "--methods", *METHODS]
    return line, environment


def kill_when(
    line: list[str], environment: dict[str, str], outputs: Path, pattern: str, count: int
):
    """Start the command and kill it the moment ``count`` files match ``pattern``."""
    process = subprocess.Popen(
        line, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while process.poll() is None:
        if sum(1 for _ in outputs.rglob(pattern)) >= count:
            process.send_signal(signal.SIGKILL)
            break
    assert process.wait() == -signal.SIGKILL, "it ended before it could be killed"


def state(outputs: Path) -> dict[str, tuple[int, int]]:
    return {
        str(path.relative_to(outputs)): (path.stat().st_mtime_ns, path.stat().st_ino)
        for path in outputs.rglob("[!.]*") if path.is_file()
    }  # fmt: skip


# A PNG that has just appeared has no record yet; a part has not even been renamed.
@pytest.mark.parametrize(
    ("pattern", "count"), [("*.png", 1), ("*.json", 7), (".*.png.*.part", 1), (".*.json.*.part", 1)]
)
def test_a_kill_loses_nothing_and_a_rerun_repeats_nothing(generated, tmp_path, pattern, count):
    outputs = tmp_path / "outputs"
    line, environment = command(generated, tmp_path)
    kill_when(line, environment, outputs, pattern, count)

    finished = {}
    for name, identity in state(outputs).items():
        path = outputs / name
        if path.suffix == ".png":
            read_image(path)  # under its name a file is whole, with or without a record
        else:
            record = json.loads(path.read_text())
            png = path.with_suffix(".png")
            assert hashlib.sha256(png.read_bytes()).hexdigest() == record["sha256"]
            finished[name] = identity
            finished[str(png.relative_to(outputs))] = state(outputs)[str(png.relative_to(outputs))]
    made = len(finished) // 2
    assert made < 15

    done = subprocess.run(
        line, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert f"{15 - made} outputs made, {made} were there already" in done.stdout
    after = state(outputs)
    assert {name: after[name] for name in finished} == finished
    expected = generated / "outputs"
    assert set(after) == set(state(expected))
    for name in after:
        assert (outputs / name).read_bytes() == (expected / name).read_bytes()


def test_ctrl_c_is_one_line_and_loses_nothing(generated, tmp_path):
    line, environment = command(generated, tmp_path)
    process = subprocess.Popen(
        line, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    while process.poll() is None and not any((tmp_path / "outputs").rglob("*.json")):
        pass
    process.send_signal(signal.SIGINT)
    said = process.communicate()[1].decode()
    assert process.returncode == 130
    assert "Traceback" not in said
    assert said.endswith("Stopped.\n")
    subprocess.run(line, cwd=ROOT, env=environment, capture_output=True, check=True)
    assert set(state(tmp_path / "outputs")) == set(state(generated / "outputs"))


def test_a_file_that_cannot_be_written_is_named(generated, tmp_path):
    line, environment = command(generated, tmp_path)
    limit = 100_000  # the largest of them is longer
    done = subprocess.run(
        line, cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )  # fmt: skip
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"CommandError: {tmp_path}/outputs/Samples/")
    assert last.endswith(
        ".png cannot be written: file too large; free some of its disk and try again"
    )
    assert not list((tmp_path / "outputs").rglob(".*.part"))
