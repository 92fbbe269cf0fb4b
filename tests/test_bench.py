"""The quick halves of ``make bench`` still run; what they print is for people."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from tests import bench
from tests.bench_plan import planning
from tests.own_site import own_site

ROOT = Path(__file__).resolve().parent.parent


def test_plan_and_inference_can_be_measured(capsys, monkeypatch):
    monkeypatch.setattr(bench, "TURNS", 1)
    planning(bench.medians)
    bench.inference()
    said = capsys.readouterr().out
    assert re.search(r"1128 trials in four sessions: [\d.]+ ms", said)
    assert re.search(r"[\d.]+ times as fast", said)


OWN = """
from django.conf import settings
from tests.own_site import own_site, study_of_photographs
with own_site() as folder:
    study = study_of_photographs(folder, "bench", methods=("nearest", "hr"))
    assert not study.calibrate
    assert settings.VAR_DIR == folder
    print(settings.CALIBRATION_DIR, settings.BEHIND_PROXY, settings.DEBUG)
"""


def test_a_bench_brings_its_own_settings_whatever_the_environment_has(calibration_dir, tmp_path):
    set_by_somebody = {
        "CALIBRATION_DIR": str(calibration_dir), "OUTPUTS_DIR": str(tmp_path / "theirs"),
        "VAR_DIR": str(tmp_path), "BEHIND_PROXY": "1", "DEBUG": "1", "SITE_URL": "https://x.org",
        "SECRET_KEY": "theirs", "STAFF_IDLE_HOURS": "1",
    }  # fmt: skip
    ended = subprocess.run(
        [sys.executable, "-c", OWN], cwd=ROOT,
        env={**os.environ, **set_by_somebody}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.split() == ["None", "False", "False"]
    assert not any(tmp_path.iterdir())


def test_a_second_site_in_one_process_is_refused_and_each_measurement_has_its_own():
    with pytest.raises(RuntimeError, match="a process of its own"), own_site():
        pass
    for part, module in bench.PARTS.items():
        assert callable(getattr(import_module(module), part))


def test_a_part_of_the_bench_that_there_is_not_is_said_with_those_that_there_are():
    call = [sys.executable, "-m", "tests.bench", "sight"]
    ended = subprocess.run(call, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "no part 'sight'; there are planning, session, site" in ended.stderr


def test_a_bench_says_on_which_processor_and_disk():
    assert re.search(r".+, \d+ cores; votes on .+ of .+, .+ safe after [\d.]+ ms", bench.machine())
