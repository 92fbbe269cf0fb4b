"""Whatever stops the first run says so in a line, and the next run ends with a study and a link."""

from __future__ import annotations

import http.client
import os
import re
import resource
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from benchmarks import outputs
from study.desk.presets import FIRST_METHODS
from tests.serving import ROOT, end_with_parent, free_port


@pytest.fixture(scope="module")
def made(benchmarks_dir, tmp_path_factory) -> Path:
    """The outputs of a first run, made once."""
    folder = tmp_path_factory.mktemp("made") / "outputs"
    outputs.generate(
        benchmarks_dir=benchmarks_dir, outputs_dir=folder, sets=["Set5"], methods=FIRST_METHODS,
        progress=False,
    )  # fmt: skip
    return folder


@dataclass
class Site:
    """A site that is to be made below ``var``, on a port of its own."""

    var: Path
    benchmarks: Path
    port: int = field(default_factory=free_port)
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def start(self, *options: str, limit: int = 0, **environment: str) -> subprocess.Popen[str]:
        """`manage.py serve`; no file that it writes may become longer than ``limit`` bytes."""

        def before() -> None:
            end_with_parent()
            if limit:
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

        inherited = {name: value for name, value in os.environ.items() if not name.endswith("_DIR")}
        own = {"VAR_DIR": str(self.var), "BENCHMARKS_DIR": str(self.benchmarks)}
        own |= {"TORCH_HOME": str(self.var)}  # no AlexNet there either: LPIPS takes a while
        process = subprocess.Popen(
            [sys.executable, "manage.py", "serve", *(options or ("--port", str(self.port)))],
            cwd=ROOT, env=inherited | own | environment, text=True, start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=before,
        )  # fmt: skip
        self.started.append(process)
        return process

    def refused(self, *options: str, limit: int = 0, **environment: str) -> str:
        """Start it; it must end by itself, with the one sentence that is returned."""
        process = self.start(*options, limit=limit, **environment)
        assert process.stdout
        out = ""
        for line in process.stdout:
            out += line
            assert "More raters" not in line, "it serves"
        err = process.communicate()[1]
        assert process.returncode == 1, err
        assert "Traceback" not in out + err
        assert "Rate images" not in out
        told = [line for line in err.splitlines() if line and "|" not in line]  # no bar
        assert len(told) == 1, err
        return told[0]

    def interrupted(self, condition: Callable[[], object]) -> subprocess.Popen[str]:
        """Press Ctrl-C once ``condition`` holds."""
        process = self.start()
        while process.poll() is None and not condition():
            pass
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate()
        assert "Traceback" not in out + err
        if process.returncode:
            assert process.returncode == 130
            assert err.endswith("Stopped.\n")
        return process

    def link(self, process: subprocess.Popen[str]) -> str:
        """The link that a run prints, which must work."""
        assert process.stdout
        assert process.stderr
        told = ""
        while "More raters" not in told:
            line = process.stdout.readline()
            assert line, told + process.stderr.read()
            told += line
        link = re.search(r"Rate images   (\S+)", told)
        assert link, told
        address = urlsplit(link[1])
        connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=30)
        connection.request("GET", address.path)
        assert connection.getresponse().status == 302
        return address.path

    def end(self) -> None:
        """Kill what still runs."""
        for process in self.started:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
        self.started.clear()

    def studies(self) -> list[tuple[str, str]]:
        path = self.var / "study.sqlite3"
        if not path.exists():
            return []
        with sqlite3.connect(path, timeout=20) as database:
            try:
                return database.execute("SELECT slug, state FROM study_study").fetchall()
            except sqlite3.OperationalError:
                return []  # no table yet


@pytest.fixture
def site(tmp_path, benchmarks_dir) -> Iterator[Site]:
    site = Site(tmp_path / "var", benchmarks_dir)
    yield site
    site.end()


def some(folder: Path, pattern: str) -> Callable[[], bool]:
    return lambda: any(folder.rglob(pattern))


def test_ctrl_c_at_any_moment_leaves_no_half_made_study_and_the_next_run_has_a_link(site, made):
    for moment in (
        some(site.var, "study.sqlite3"),
        some(site.var / "static", "*.css"),
        some(site.var / "outputs", "*.png"),
        some(site.var / "outputs" / "Set5" / "srresnet", "*.json"),
    ):
        assert site.interrupted(moment).returncode == 130
        assert site.studies() == []
    shutil.copytree(made, site.var / "outputs", dirs_exist_ok=True)
    assert site.interrupted(some(site.var / "stimuli", "*.png")).returncode == 130
    assert site.studies() == []
    site.interrupted(site.studies)
    assert site.studies() == [("first", "open")]
    site.link(site.start())
    assert site.studies() == [("first", "open")]


def test_a_port_that_is_taken_is_said_before_anything_is_printed_or_made(site):
    with socket.create_server(("127.0.0.1", site.port)):
        said = site.refused(SECRET_KEY="of this test")
    assert said == (
        f"CommandError: port {site.port} is taken, by another run of this or another program; "
        f"stop it or choose another port: make run PORT={site.port + 1}"
    )
    assert not any(site.var.iterdir()), "an empty folder at the most"


@pytest.mark.parametrize("port", ["80", "65536", "http", "", "8000.0", "-1", "9" * 5000])
def test_what_is_no_port_is_said(site, port):
    said = site.refused("--port", port, SECRET_KEY="of this test")
    assert said.endswith("is no port; use a number from 1024 to 65535")
    assert not any(site.var.iterdir()), "an empty folder at the most"


@pytest.mark.parametrize("variable", ["VAR_DIR", "OUTPUTS_DIR", "STIMULI_DIR"])
def test_a_folder_that_cannot_be_one_is_said_before_anything_is_made(site, tmp_path, variable):
    (tmp_path / "file").write_text("in the way")
    said = site.refused(**{variable: str(tmp_path / "file"), "SECRET_KEY": "of this test"})
    assert f"{variable}={tmp_path / 'file'} is a file; it names a folder" in said
    assert not (site.var / "study.sqlite3").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_folder_that_may_not_be_written_to_is_said_before_anything_is_made(site):
    site.var.mkdir(mode=0o500)
    assert "cannot be written to: Permission denied" in site.refused(SECRET_KEY="of this test")


# The database, the largest script of the admin, an output.
@pytest.mark.parametrize("limit", [8_000, 250_000, 400_000])
def test_files_that_can_grow_no_longer_are_said_and_the_next_run_has_a_link(site, made, limit):
    """Under a limit of the system, which needs no disk and no right of its own."""
    if limit > 300_000:  # the database is longer than that once it is whole
        site.refused(limit=250_000)
    said = site.refused(limit=limit)
    assert "cannot be written" in said or f"the database {site.var}/study.sqlite3: " in said
    assert site.studies() == []
    shutil.copytree(made, site.var / "outputs", dirs_exist_ok=True)
    site.link(site.start())
    assert site.studies() == [("first", "open")]


@pytest.fixture
def disk(site, tmp_path) -> Iterator[Path]:
    """A disk of its own, of 64 kB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a disk can be mounted by root alone")
    yield disk
    site.end()
    subprocess.run(["umount", "--lazy", str(disk)], check=True)  # who was killed may still end


def resize(disk: Path, size: str) -> None:
    subprocess.run(["mount", "-o", f"remount,size={size}", str(disk)], check=True)


def test_a_full_disk_is_said_and_room_is_all_the_next_run_needs(site, disk, made):
    elsewhere = {"OUTPUTS_DIR": str(made), "STIMULI_DIR": str(site.var)}
    site.var = disk
    said = [site.refused(**elsewhere)]
    resize(disk, "2500k")
    said += [site.refused(**elsewhere)]
    assert f"the database {disk}/study.sqlite3: " in said[0]
    assert f"{disk}/static" in said[1]
    assert all("no space left" in sentence for sentence in said)
    assert site.studies() == []
    resize(disk, "200m")
    site.link(site.start(**elsewhere))
    assert site.studies() == [("first", "open")]


def test_a_disk_too_full_for_the_images_is_said_and_room_is_all_the_next_run_needs(
    site, disk, made
):
    elsewhere = {"OUTPUTS_DIR": str(made), "STIMULI_DIR": str(disk)}
    assert f"{disk}/" in (said := site.refused(**elsewhere))
    assert "no space left on device; free some of its disk and try again" in said
    assert site.studies() == []
    resize(disk, "200m")
    site.link(site.start(**elsewhere))
    assert site.studies() == [("first", "open")]


def test_of_two_first_runs_at_once_the_second_waits_and_finds_the_same_study(site, made):
    first = site.start()
    while first.poll() is None and not some(site.var / "outputs", "*.json")():
        pass
    first.send_signal(signal.SIGSTOP)  # else it might be done before the others have begun
    assert "is taken, by another run" in site.refused()
    other = Site(site.var, site.benchmarks)
    second = other.start()
    site.started.append(second)
    assert second.stdout
    assert "Another run is preparing" in second.stdout.readline()
    first.send_signal(signal.SIGCONT)
    assert site.link(first) == other.link(second)
    assert site.studies() == [("first", "open")]


def test_a_bad_calibration_image_is_said_and_the_next_run_has_a_link(site, made, tmp_path):
    shutil.copytree(made, site.var / "outputs")
    folder = tmp_path / "calibration"
    folder.mkdir()
    for number in range(8):
        (folder / f"{number}.png").write_bytes(b"no image")
    for _ in range(2):
        assert "0.png cannot be read as an image" in site.refused(CALIBRATION_DIR=str(folder))
        assert site.studies() == []
    site.link(site.start())
