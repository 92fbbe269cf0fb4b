"""Secrets and votes are their owner's alone, and a key is there whole or not at all."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from study.site import private

ROOT = Path(__file__).resolve().parents[2]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def manage(*arguments: str, var: Path, umask: int = 0) -> None:
    subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT, env={**os.environ, "VAR_DIR": str(var)}, umask=umask, check=True,
    )  # fmt: skip


def test_all_that_is_made_is_its_owners_whatever_the_umask(tmp_path):
    var = tmp_path / "new" / "var"
    manage("migrate", "-v0", var=var)
    manage("collectstatic", "--noinput", "-v0", var=var)
    made = list(var.rglob("*"))
    assert {"study.sqlite3", "secret_key", "static"} <= {path.name for path in made}
    # What anybody may read on the site can be read by whoever gets as far as its folder.
    own = [path for path in made if path.is_file() and var / "static" not in path.parents]
    assert {mode(path) for path in own} == {0o600}
    assert {mode(path) for path in [var, *made] if path.is_dir()} == {0o700}


def test_what_an_earlier_version_left_open_is_closed_at_the_next_start(tmp_path):
    manage("migrate", "-v0", var=tmp_path)
    database = tmp_path / "study.sqlite3"
    reader = sqlite3.connect(database)  # so that the log file stays
    reader.execute("SELECT count(*) FROM auth_user").fetchone()
    (tmp_path / "study.sqlite3-turn").touch()
    files = [tmp_path / "secret_key", *(Path(f"{database}{end}") for end in private.BESIDE)]
    files = [path for path in files if path.exists()]
    assert len(files) == 5
    tmp_path.chmod(0o755)
    for path in files:
        path.chmod(0o644)
    manage("check", var=tmp_path)
    assert {mode(path) for path in files} == {0o600}
    assert mode(tmp_path) == 0o700


def test_a_folder_that_all_may_write_to_is_left_as_it_is(tmp_path):
    tmp_path.chmod(0o1777)
    private.mend(tmp_path, tmp_path / "study.sqlite3")
    assert mode(tmp_path) == 0o1777


# ---- The key that signs sessions ----

MAKE = "from study.site import private; from pathlib import Path; import os, signal, sys; "


def test_first_starts_at_once_all_read_the_same_key(tmp_path):
    program = MAKE + (
        "gate = os.pipe()\n"
        "answers = os.pipe()\n"
        "for _ in range(48):\n"
        "    if not os.fork():\n"
        "        os.close(gate[1]); os.read(gate[0], 1)\n"
        "        key = private.secret_key(Path(sys.argv[1]))\n"
        "        os.write(answers[1], key.encode() + b'\\n'); os._exit(0)\n"
        "os.close(gate[1])\n"
        "for _ in range(48): assert os.wait()[1] == 0\n"
        "os.close(answers[1])\n"
        "sys.stdout.write(os.fdopen(answers[0]).read())\n"
    )
    for number in range(5):
        path = tmp_path / str(number) / "secret_key"
        path.parent.mkdir()
        call = [sys.executable, "-c", program, str(path)]
        said = subprocess.run(call, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        keys = said.split("\n")[:-1]
        assert len(keys) == 48
        assert set(keys) == {path.read_text()}
        assert len(keys[0]) > 50
        assert list(path.parent.iterdir()) == [path]


def test_a_start_that_is_killed_while_it_makes_the_key_leaves_none(tmp_path):
    path = tmp_path / "secret_key"
    at_the_worst_moment = "os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)\n"
    program = MAKE + at_the_worst_moment + "private.secret_key(Path(sys.argv[1]))"
    ended = subprocess.run([sys.executable, "-c", program, str(path)], cwd=ROOT, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert not path.exists()
    assert private.secret_key(path) == path.read_text()
    assert mode(path) == 0o600


@pytest.mark.parametrize("content", [b"", b" \n", b"\xff\xfe"])
def test_a_key_that_is_no_key_is_refused_with_what_to_do(tmp_path, content):
    (tmp_path / "secret_key").write_bytes(content)
    with pytest.raises(
        ImproperlyConfigured, match=r"secret_key (is empty; remove it|cannot be re)"
    ):
        private.secret_key(tmp_path / "secret_key")


def test_a_key_that_is_a_folder_is_refused(tmp_path):
    (tmp_path / "secret_key").mkdir()
    with pytest.raises(ImproperlyConfigured, match="cannot be read or made: Is a directory"):
        private.secret_key(tmp_path / "secret_key")
