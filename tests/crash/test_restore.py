"""A backup comes back as it was, whatever a killed server has left beside the old database."""

from __future__ import annotations

import http.client
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tracemalloc
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from benchmarks.fetch import cut_sample
from benchmarks.files import encode_png
from study.desk import backup
from tests.conftest import METHODS
from tests.serving import ROOT, Server

BY_COMMAND, BY_HAND = (
    (ROOT / "docs/operations.md").read_text().split("## Back up and restore")[1].split("## ")[0]
).split("The same by hand")


def blocks(text: str) -> list[str]:
    return re.findall(r"```sh\n(.+?)```", text, re.DOTALL)


@dataclass
class Place:
    """A site with a study, an invitation and a backup."""

    var: Path
    backup: Path
    environment: dict[str, str]
    address: str = ""

    def manage(self, *arguments: str) -> str:
        done = self.shell(f".venv/bin/python manage.py {' '.join(arguments)}")
        assert done.returncode == 0, done.stderr
        return done.stdout

    def shell(self, commands: str) -> subprocess.CompletedProcess[str]:
        commands = commands.replace(".venv/bin/python", sys.executable)
        return subprocess.run(
            ["sh", "-eu", "-c", commands],
            cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False,
        )  # fmt: skip

    def server(self) -> Server:
        """A server that has written: who opens a link is remembered."""
        server = Server("study.wsgi", self.environment)
        server.start()
        for _ in range(3):
            connection = http.client.HTTPConnection("127.0.0.1", server.port)
            connection.request("GET", self.address)
            assert connection.getresponse().status == 302
        return server

    @property
    def database(self) -> Path:
        return self.var / "study.sqlite3"


def content(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return list(database.iterdump())


def at(folder: Path, generated: Path) -> Place:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.endswith("_DIR")},
        "VAR_DIR": str(folder / "var"),
        "OUTPUTS_DIR": str(generated / "outputs"),
        "BENCHMARKS_DIR": str(generated / "benchmarks"),
        "DJANGO_SETTINGS_MODULE": "tests.served",
        "BACKUP": str(folder / "backup"),
    }
    return Place(folder / "var", folder / "backup", environment)


@pytest.fixture(scope="module")
def made(tmp_path_factory, generated) -> Place:
    place = at(tmp_path_factory.mktemp("site"), generated)
    place.var.mkdir(mode=0o700)
    place.manage("migrate", "-v0")
    place.database.chmod(0o600)
    place.manage("create_study", "small", "--sets", "Samples", "--methods", *METHODS)
    place.address = urlsplit(place.manage("invite", "small", "1").strip()).path
    assert place.shell(blocks(BY_COMMAND)[0]).returncode == 0
    return place


@pytest.fixture
def place(made, tmp_path, generated) -> Place:
    """A copy of it, for this test alone."""
    place = at(tmp_path, generated)
    shutil.copytree(made.var, place.var)
    shutil.copytree(made.backup, place.backup)
    place.address = made.address
    return place


def killed(place: Place) -> list[str]:
    """Lose images, kill a server that has written; what the database then held."""
    before = content(place.backup / "study.sqlite3")
    server = place.server()
    server.kill()
    assert Path(f"{place.database}-wal").stat().st_size > 0
    for number, path in enumerate(sorted(place.var.glob("stimuli/*/*.png"))):
        if number % 2:
            path.unlink()
    return before


def test_restored_by_hand_as_documented_after_a_killed_server_left_a_wal(place):
    before = killed(place)
    (commands,) = blocks(BY_HAND)
    done = place.shell(commands)
    assert done.returncode == 0, done.stderr
    assert "All is well" in done.stdout
    assert content(place.database) == before
    (old,) = place.var.glob("before-*")
    assert content(old / "study.sqlite3") != before


def test_restored_by_command_as_documented_after_a_killed_server_left_a_wal(place):
    before = killed(place)
    commands = blocks(BY_COMMAND)[1].replace("make run\n", "")
    done = place.shell(commands)
    assert done.returncode == 0, done.stderr
    assert "All is well" in done.stdout
    assert content(place.database) == before
    (old,) = place.var.glob("study.sqlite3.before-*")
    assert content(old) != before


def test_nothing_is_restored_under_a_running_server_nor_from_what_is_no_whole_backup(place):
    def refused() -> str:
        done = place.shell(blocks(BY_COMMAND)[1].replace("make run\n", ""))
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        return done.stderr

    server = place.server()
    try:
        held = content(place.database)
        assert f"{place.database} is in use by a server or a command; stop it" in refused()
        assert content(place.database) == held
    finally:
        server.kill()
    image = next(place.backup.glob("stimuli/*/*.png"))
    (place.var / "stimuli" / image.parent.name / image.name).unlink()
    whole = image.read_bytes()
    image.write_bytes(whole[:100])
    assert f"{image} is missing or altered" in refused()
    image.write_bytes(whole)
    copy = place.backup / "study.sqlite3"
    rows = copy.read_bytes()
    copy.write_bytes(rows[: len(rows) // 2])
    assert "is no whole database of this program" in refused()
    copy.write_bytes(b"hello" * 100)
    assert "is no whole database of this program" in refused()
    copy.unlink()
    assert "is no backup: it holds no study.sqlite3" in refused()
    assert content(place.database) == held


def test_a_server_that_was_started_keeps_its_lock_to_its_end(place, tmp_path):
    code = (
        "import django; django.setup(); from study.desk import backup; lock = backup.serving();"
        "print('serves', flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, env=place.environment,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as server:  # fmt: skip
        assert server.stdout
        assert server.stdout.readline() == "serves\n"
        restore = f".venv/bin/python manage.py restore {place.backup}"
        assert "the server runs; stop it, then restore" in place.shell(restore).stderr
        server.kill()
        server.wait()
        assert place.shell(restore).returncode == 0


def test_a_damaged_database_is_replaced_and_kept_as_it_is(place):
    before = content(place.backup / "study.sqlite3")
    place.database.write_bytes(b"rubbish" * 1000)
    place.manage("restore", str(place.backup))
    assert content(place.database) == before
    (old,) = place.var.glob("study.sqlite3.before-*")
    assert old.read_bytes() == b"rubbish" * 1000


def test_a_backup_is_made_again_into_its_folder_and_into_no_other(place, tmp_path):
    place.manage("invite", "small", "1")
    place.manage("backup", str(place.backup))
    assert content(place.backup / "study.sqlite3") == content(place.database)
    (place.backup / "study.sqlite3").chmod(0o600)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter.txt").write_text("mine")
    done = place.shell(f".venv/bin/python manage.py backup {tmp_path / 'other'}")
    assert "is there and is no backup" in done.stderr
    next(place.var.glob("stimuli/*/*.png")).unlink()
    done = place.shell(f".venv/bin/python manage.py backup {tmp_path / 'new'}")
    assert (done.returncode, "1 images are missing or altered" in done.stderr) == (1, True)
    assert content(tmp_path / "new" / "study.sqlite3") == content(place.database)


def test_own_sets_and_methods_come_back_and_another_of_the_name_is_set_aside(place, tmp_path):
    """What somebody brought is in no download and made by no command of ours."""
    for name in ("sets", "methods"):
        place.environment[{"sets": "BENCHMARKS_DIR"}.get(name, "METHODS_DIR")] = str(
            place.var / name
        )
    image = encode_png(cut_sample("camera"))
    for folder, told in (("sets/streets", "manifest.json"), ("methods/ours", "method.json")):
        (place.var / folder / "lr").mkdir(parents=True)
        (place.var / folder / told).write_text("{}")
        (place.var / folder / "lr" / "east.png").write_bytes(image)
    (place.var / "methods" / "ours" / "model.safetensors").write_bytes(b"weights")
    held = {path: path.read_bytes() for path in place.var.rglob("*/east.png")}
    held |= {path: path.read_bytes() for path in place.var.rglob("model.safetensors")}
    place.manage("backup", str(place.backup))
    shutil.rmtree(place.var / "sets" / "streets")
    (place.var / "methods" / "ours" / "method.json").write_text('{"name": "another"}')
    place.manage("restore", str(place.backup))
    assert {path: path.read_bytes() for path in held} == held
    assert (place.var / "methods" / "ours" / "method.json").read_text() == "{}"
    (aside,) = (place.var / "methods").glob(".ours.before-*")
    assert "another" in (aside / "method.json").read_text()


def test_a_model_is_copied_in_pieces_and_never_held_in_memory_whole(tmp_path):
    model = tmp_path / "methods" / "large" / "weights.safetensors"
    model.parent.mkdir(parents=True)
    model.with_name("method.json").write_text("{}")
    model.write_bytes(os.urandom(32 << 20))
    target = tmp_path / "backup" / "methods" / "large"
    tracemalloc.start()
    backup._put(model.parent, target, "method.json")
    (target / model.name).unlink()
    backup._put(model.parent, target, "method.json")  # what is missing alone
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 << 20
    assert (target / model.name).read_bytes() == model.read_bytes()
