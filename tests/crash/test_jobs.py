"""Whatever is killed while long work goes on: nothing is lost by it, and nothing done twice."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from typing import Any

import pytest

from study.desk import claims, jobs, work
from study.management.plain import sentence
from study.models import Deed, Job
from study.models.deeds import By
from tests.crash.test_first_run import resize
from tests.crash.test_generate import state
from tests.serving import commands, free_port, our_site

pytestmark = pytest.mark.django_db(transaction=True)
State = Job.State
METHODS = ["nearest", "bicubic", "hr"]
GLANCE = 0.01
"""Seconds between two looks, which are for those that are looked at."""


@pytest.fixture
def manage(settings, generated, transactional_db) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts a command on this test's site; what still runs in the end is killed."""
    settings.BENCHMARKS_DIR = generated / "benchmarks"
    with commands() as start:
        yield start


def asked(**what: Any) -> Job:
    return jobs.ask(Job.Kind.GENERATE, by=By(), sets=["Samples"], methods=METHODS, **what)


def until(job: Job, condition: Callable[[], object]) -> None:
    """Wait for what must come while ``job`` is due."""
    while not condition():
        time.sleep(GLANCE)
        job.refresh_from_db()
        assert not job.over, f"{job}: {job.told}"


def over(job: Job) -> None:
    """Wait for the end of ``job``."""
    while not job.over:
        time.sleep(GLANCE)
        job.refresh_from_db()


def some_made(settings) -> Callable[[], bool]:
    return lambda: any(Path(settings.OUTPUTS_DIR).rglob("[!.]*.json"))


def finished(outputs: Path) -> dict[str, tuple[int, int]]:
    """The outputs with a record, which is written last, and what would tell that they are new."""
    there = state(outputs)
    whole = {name.removesuffix(".json") for name in there if name.endswith(".json")}
    return {name: told for name, told in there.items() if name.rpartition(".")[0] in whole}


def test_of_a_worker_that_was_killed_in_the_middle_two_others_at_once_do_the_rest_once(
    settings, manage, generated
):
    outputs = Path(settings.OUTPUTS_DIR)
    job = asked()
    worker = manage("worker")
    until(job, some_made(settings))
    worker.kill()
    worker.wait()
    until(job, lambda: claims.is_free(job))  # its child ends with it
    job.refresh_from_db()
    assert job.state == State.RUNNING, "nobody could say that it is not"
    made = finished(outputs)
    count = len(made) // 2
    assert 0 < count < 15

    both = [manage("worker", "--once") for _ in range(2)]  # of which one finds nothing to do
    assert [worker.wait() for worker in both] == [0, 0]
    job.refresh_from_db()
    assert job.state == State.DONE
    assert job.told.startswith(f"{15 - count} outputs made, {count} were there already")
    assert (job.done, job.total) == (15 - count, 15 - count)
    after = state(outputs)
    assert {name: after[name] for name in made} == made
    assert set(after) == set(state(generated / "outputs"))
    for name in after:
        if name.endswith(".png"):
            assert (outputs / name).read_bytes() == (generated / "outputs" / name).read_bytes()


def test_two_workers_at_jobs_that_overlap_make_no_output_twice(settings, manage, generated):
    first = asked()
    second = jobs.ask(Job.Kind.GENERATE, by=By(), sets=["Samples"], methods=METHODS[1:])
    both = [manage("worker", "--once") for _ in range(2)]
    assert [worker.wait() for worker in both] == [0, 0]
    made = []
    for job in (first, second):
        job.refresh_from_db()
        assert job.state == State.DONE, job.told
        made.append(int(job.told.split()[0]))
    assert sum(made) == 15, "each of them once"


def test_a_job_that_is_killed_is_told_of_one_that_is_cancelled_ends_and_a_worker_leaves_the_rest(
    settings, manage
):
    worker = manage("worker")
    killed = asked(number=1)
    until(killed, lambda: killed.holder)
    os.kill(int(killed.holder.split()[1]), signal.SIGKILL)
    over(killed)
    assert killed.state == State.FAILED
    assert killed.told.startswith("It was killed by signal 9: perhaps memory ran out.")

    cancelled = asked(number=2)
    until(cancelled, lambda: cancelled.holder)
    jobs.cancel(cancelled, by=By())
    over(cancelled)
    assert cancelled.state == State.CANCELLED
    assert Deed.objects.filter(kind=Deed.Kind.CANCELLED).count() == 1

    left = asked(number=3)
    until(left, lambda: left.holder)
    worker.terminate()
    assert worker.wait() == 0
    left.refresh_from_db()
    assert left.state in (State.WAITING, State.DONE), left.told
    assert claims.is_free(left) or left.over


def test_the_worker_of_a_server_that_is_killed_ends_with_it(manage, settings, open_study):
    server = manage("serve", "--port", str(free_port()), "--verbosity", "0", WORKER="1")
    while not claims.worker_is_there():
        time.sleep(GLANCE)
        assert server.poll() is None
    lock = Path(f"{our_site()['DATABASE']}-serving")
    assert not is_free(lock)
    server.kill()
    while not is_free(lock):  # as long as one of them lives it is not
        time.sleep(GLANCE)


def is_free(lock: Path) -> bool:
    with lock.open("ab") as file:
        try:
            flock(file, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            return False
    return True


@pytest.fixture
def disk(tmp_path) -> Iterator[Path]:
    """A disk of its own, of 64 kB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a disk can be mounted by root alone")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_a_full_disk_is_the_reason_of_a_failure_and_room_is_all_that_the_next_try_needs(
    settings, disk, generated
):
    settings.BENCHMARKS_DIR, settings.OUTPUTS_DIR = generated / "benchmarks", disk
    job = work.carry_out(asked().pk, explain=sentence)
    assert job
    assert job.state == State.FAILED
    assert job.told.startswith("OUTPUTS_DIR/Samples/")
    assert "cannot be written: no space left on device" in job.told
    resize(disk, "200m")
    again = work.carry_out(jobs.again(job, by=By()).pk, explain=sentence)
    assert again
    assert again.state == State.DONE, again.told


def test_a_set_for_which_the_disk_has_no_room_leaves_nothing_behind(settings, disk, generated):
    settings.BENCHMARKS_DIR = disk
    upload = Path(settings.VAR_DIR, "uploads", "1" * 32)
    upload.mkdir(parents=True)
    for path in (generated / "benchmarks" / "Samples").glob("*.png"):
        (upload / path.name).write_bytes(path.read_bytes())
    what: dict[str, Any] = {"name": "Mine", "upload": "1" * 32, "scale": 4, "references": True}
    job = work.carry_out(jobs.ask(Job.Kind.ADD_SET, by=By(), **what).pk, explain=sentence)
    assert job
    assert job.state == State.FAILED
    assert "no space left on device" in job.told
    assert not list(disk.rglob("*"))
    assert upload.is_dir()  # to be tried again once there is room
