"""Ctrl-C ends every program here with one line, also while it is still being loaded."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
HIT = """
import builtins, os, signal
plain = builtins.__import__
def hit(name, *rest, **more):
    if name.split('.')[0] in {'torch', 'numpy', 'django'}:
        builtins.__import__ = plain
        os.kill(os.getpid(), signal.SIGINT)
    return plain(name, *rest, **more)
builtins.__import__ = hit
"""
"""The signal comes when the first of the large packages is asked for."""


@pytest.mark.parametrize(
    "call",
    [["manage.py", "check"], ["manage.py", "results", "x"], ["-m", "sr_models.training", "srcnn"],
     ["-m", "sr_models.training", "family"], ["-m", "tests.bench", "inference"]],
    ids=" ".join,
)  # fmt: skip
def test_ctrl_c_while_a_program_is_loaded_is_one_line(tmp_path, call):
    (tmp_path / "sitecustomize.py").write_text(HIT)
    own = {"VAR_DIR": str(tmp_path / "var"), "PYTHONPATH": str(tmp_path)}
    ended = subprocess.run(
        [sys.executable, *call], cwd=ROOT, env={**os.environ, **own}, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 128 + signal.SIGINT
    assert ended.stderr == "Stopped.\n"
    said = ended.stdout.splitlines()
    assert len(said) <= ("tests.bench" in call), "the bench has said what it runs on"
