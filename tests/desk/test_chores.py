"""The daily chores: what is over goes, what is needed stays, and nobody is disturbed."""

from __future__ import annotations

import io
import os
import sqlite3
import subprocess
import sys
import time
import uuid
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from benchmarks.files import ABANDONED_AFTER
from study.desk import chores, claims, jobs
from study.models import Deed, Job
from study.models.deeds import By, note

ROOT = Path(__file__).resolve().parents[2]
# Within a transaction, which other tests run in, no log file can be emptied.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _own_var(settings, tmp_path):
    settings.VAR_DIR = tmp_path
    settings.BENCHMARKS_DIR = tmp_path / "benchmarks"


def done() -> str:
    out = io.StringIO()
    call_command("chores", stdout=out)
    return out.getvalue()


def test_expired_sessions_go_and_the_others_stay(invitation):
    for _ in range(3):
        Client().get(invitation.get_absolute_url())
    first, second, third = Session.objects.all()
    past = timezone.now() - timedelta(seconds=1)
    Session.objects.filter(pk__in=[first.pk, second.pk]).update(expire_date=past)
    assert "2 expired sessions are gone" in done()
    assert list(Session.objects.all()) == [third]


def test_bells_of_yesterday_and_locks_of_jobs_that_are_over_go():
    old = jobs.ask(Job.Kind.GENERATE, by=By(), sets=[], methods=[])
    DBTaskResult.objects.update(enqueued_at=timezone.now() - timedelta(days=2))
    due = jobs.ask(Job.Kind.GENERATE, by=By(), sets=["new"], methods=[])
    locks = [claims.lock(job.pk) for job in (old, due)]
    jobs.cancel(old, by=By())
    done()
    assert DBTaskResult.objects.count() == 1
    assert [path.name for path in claims.folder().iterdir()] == [str(due.pk)]
    for lock in locks:
        assert lock
        lock.close()


def test_jobs_that_were_over_long_ago_are_forgotten_and_the_log_keeps_them():
    ago, hour = timezone.now() - chores.JOBS_KEPT, timedelta(hours=1)
    rows = {}
    for name, state, ended in (
        ("old", Job.State.DONE, ago - hour), ("new", Job.State.FAILED, ago + hour),
        ("due", Job.State.WAITING, None),
    ):  # fmt: skip
        rows[name] = jobs.ask(Job.Kind.GENERATE, by=By(), sets=[name], methods=[])
        Job.objects.filter(pk=rows[name].pk).update(state=state, ended_at=ended, asked_at=ago)
    assert "1 jobs that were over for more than 90 days are forgotten" in done()
    assert set(Job.objects.all()) == {rows["new"], rows["due"]}
    assert Deed.objects.filter(kind=Deed.Kind.ASKED).count() == 3


def test_more_than_one_transaction_takes_go_too(monkeypatch):
    monkeypatch.setattr(chores, "AT_ONCE", 3)
    past = timezone.now() - timedelta(days=1)
    Session.objects.bulk_create(
        Session(session_key=f"key{number}", session_data="", expire_date=past)
        for number in range(10)
    )
    assert "10 expired sessions are gone" in done()
    assert not Session.objects.exists()


def test_old_failures_are_forgotten_and_no_other_entry_of_the_log():
    for kind in Deed.Kind:
        for days in (1, 89, 91):
            deed = note(kind, by=By(account="anna"))
            Deed.objects.filter(pk=deed.pk).update(at=timezone.now() - timedelta(days=days))
    before = Deed.objects.count()
    assert "1 failed sign-ins of more than 90 days ago are forgotten" in done()
    assert Deed.objects.count() == before - 1
    assert Deed.objects.filter(kind=Deed.Kind.REFUSED).count() == 2


def test_what_killed_writers_left_is_swept_and_what_is_written_now_is_not(settings, tmp_path):
    settings.STIMULI_DIR = tmp_path / "elsewhere" / "stimuli"
    settings.OUTPUTS_DIR = tmp_path / "outputs"
    old, new = [], []
    for folder in (tmp_path, settings.STIMULI_DIR, settings.OUTPUTS_DIR / "Set5", tmp_path / "b"):
        folder.mkdir(parents=True, exist_ok=True)
        for left, name in ((old, ".image.png.7.part"), (new, ".image.png.8.part")):
            (folder / name).touch()
            left.append(folder / name)
    an_hour_ago = time.time() - ABANDONED_AFTER - 1
    for path in old:
        os.utime(path, (an_hour_ago, an_hour_ago))
    done()
    assert not any(path.exists() for path in old)
    assert all(path.exists() for path in new)


# ---- The log file of SQLite, on a database of its own ----


@pytest.fixture
def site(tmp_path):
    """A site's database with a log file that others hold open, as a server's workers do."""
    environment = {**os.environ, "VAR_DIR": str(tmp_path / "var")}
    run = [sys.executable, "manage.py"]
    subprocess.run([*run, "migrate", "-v0"], cwd=ROOT, env=environment, check=True)
    worker = sqlite3.connect(tmp_path / "var" / "study.sqlite3", isolation_level=None)
    worker.execute("PRAGMA journal_mode = WAL")

    def chore() -> str:
        call = [*run, "chores"]
        return subprocess.run(
            call, cwd=ROOT, env=environment, check=True, capture_output=True, text=True
        ).stdout

    yield worker, tmp_path / "var", chore
    worker.close()


def test_what_was_deleted_is_in_no_file_any_more(site):
    worker, folder, chore = site
    worker.execute("PRAGMA secure_delete = ON")
    secret = uuid.uuid4().hex
    worker.execute("INSERT INTO django_session VALUES (?, 'x', '2999-01-01')", [secret])
    worker.execute("DELETE FROM django_session WHERE session_key = ?", [secret])
    log = folder / "study.sqlite3-wal"
    assert secret.encode() in log.read_bytes()
    assert "the database's log file is empty" in chore()
    assert log.stat().st_size == 0
    assert secret.encode() not in (folder / "study.sqlite3").read_bytes()


def test_while_somebody_reads_the_log_is_left_for_the_next_time(site):
    worker, folder, chore = site
    worker.execute("INSERT INTO django_session VALUES ('one', 'x', '2999-01-01')")
    reader = sqlite3.connect(folder / "study.sqlite3", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM django_session").fetchone()
    worker.execute("INSERT INTO django_session VALUES ('two', 'x', '2999-01-01')")
    assert "could not be emptied" in chore()
    reader.close()
    assert "is empty" in chore()
    assert worker.execute("SELECT count(*) FROM django_session").fetchone() == (2,)
