"""A real server of several processes, to be killed and started again, and voters that use it."""

from __future__ import annotations

import ctypes
import json
import os
import random
import re
import runpy
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.test import Client
from django.utils import timezone

from study.models import Invitation, Rater, Trial

ROOT = Path(__file__).resolve().parent.parent
WORKERS: int = runpy.run_path(str(ROOT / "gunicorn.conf.py"))["workers"]


def free_port() -> int:
    """A port that nothing listens on, below those that systems give to outgoing connections.

    A client that keeps trying a port of that range while its server is down may be given the very
    port as its own end, and then talks to itself and keeps the server from coming back.
    """
    for port in random.sample(range(20_000, 30_000), 100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
    raise RuntimeError("no port between 20000 and 30000 is free")


def end_with_parent() -> None:
    """Under Linux a server does not outlive tests that were killed."""
    if sys.platform == "linux":
        set_signal_at_parents_death = 1
        ctypes.CDLL(None).prctl(set_signal_at_parents_death, signal.SIGTERM)


@dataclass
class Server:
    """gunicorn as the product runs it, with an application, on a port that stays its own."""

    application: str
    environment: Mapping[str, str]
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    log: IO[str] | None = None
    """Where it writes what goes wrong; without one, where we do."""

    def start(self) -> None:
        """Start and wait until it answers."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", self.application, "--bind", f"127.0.0.1:{self.port}",
             "--log-level", "critical"],
            cwd=ROOT, env={**os.environ, **self.environment}, start_new_session=True,
            preexec_fn=end_with_parent, stderr=self.log,
        )  # fmt: skip
        while self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=0.1).close()
                return
            except OSError:
                time.sleep(0.02)
        raise RuntimeError(f"{self.application} did not start")

    def stop(self) -> None:
        """SIGTERM to gunicorn, and wait until it has ended."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait()
            self.process = None

    def children(self) -> list[int]:
        """The ids of the processes that gunicorn started. Linux alone tells them."""
        assert self.process
        told = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(pid) for pid in told.split()]

    def workers(self) -> list[int]:
        """The ids of those that serve, once all have been made."""
        while len(found := self.children()) < WORKERS:
            assert self.process
            assert self.process.poll() is None
        return found

    def kill(self) -> None:
        """SIGKILL to every process at once, as when the power fails."""
        if self.process is not None:
            with suppress(ProcessLookupError):  # ended already
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None


def our_site() -> dict[str, str]:
    """The environment that makes a server share this test's database and files."""
    return {
        "DATABASE": str(settings.DATABASES["default"]["NAME"]),
        "STIMULI_DIR": str(settings.STIMULI_DIR),
        "SECRET_KEY": settings.SECRET_KEY,
        "SITE_URL": "http://127.0.0.1",
        "DJANGO_SETTINGS_MODULE": "tests.served",
    }


@contextmanager
def commands() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts commands on this test's site; what still runs in the end is killed."""
    folders = ("VAR_DIR", "BENCHMARKS_DIR", "OUTPUTS_DIR", "METHODS_DIR", "PERCEPTUAL_WEIGHTS_DIR")
    environment = {**os.environ, **{name: str(getattr(settings, name)) for name in folders}}
    environment |= our_site() | {"TORCH_HOME": str(settings.VAR_DIR)}
    environment.pop("DJANGO_SETTINGS_MODULE")
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str, **more: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "manage.py", *arguments], cwd=ROOT, env=environment | more, text=True,
            start_new_session=True, preexec_fn=end_with_parent,
        )  # fmt: skip
        started.append(process)
        return process

    try:
        yield start
    finally:
        for process in started:
            process.kill()
            process.wait()


@contextmanager
def served(
    application: str, environment: Mapping[str, str], log: IO[str] | None = None
) -> Iterator[Server]:
    """A server for the length of a block."""
    server = Server(application, environment, log=log)
    server.start()
    try:
        yield server
    finally:
        server.kill()


def with_many_trials(rater: Rater, count: int) -> None:
    """More trials than the small study has images, so that voting can go on for seconds.

    Their images were sent an hour ago, as to a browser that was offline since and now votes on all
    that it kept: this server does not know how fast, and takes no more than could be seen since.
    """
    last = Trial.objects.filter(rater=rater).latest("position")
    stimuli = list(rater.study.stimuli.all())
    Trial.objects.bulk_create(
        Trial(
            rater=rater,
            session=last.session,
            position=last.position + 1 + place,
            stimulus=stimuli[place % len(stimuli)],
            kind=Trial.Kind.STABILISING,
        )
        for place in range(count)
    )
    Trial.objects.filter(rater=rater).update(delivered_at=timezone.now() - timedelta(hours=1))


def headers_of(invitation: Invitation) -> dict[str, str]:
    """What the browser of an enrolled rater sends with a vote."""
    client = Client()
    client.get(invitation.get_absolute_url())
    page = client.get("/rate/").content.decode()
    csrf = re.search(r'data-csrf="([^"]+)"', page)
    assert csrf
    cookie = f"sessionid={client.cookies['sessionid'].value}"
    return {"Cookie": cookie, "X-CSRFToken": csrf[1], "Content-Type": "application/json"}


@dataclass
class Voter(threading.Thread):
    """Votes on its trials in turn over one connection; asks again until it has an answer."""

    port: int
    headers: Mapping[str, str]
    tokens: Sequence[str]
    stop: threading.Event
    number: int = 0
    acknowledged: list[tuple[str, int, str]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    unanswered: int = 0

    def __post_init__(self) -> None:
        super().__init__(daemon=True)

    def __hash__(self) -> int:
        return id(self)

    def run(self) -> None:
        connection: socket.socket | None = None
        for place, token in enumerate(self.tokens):
            score = 1 + (place + self.number) % 5
            vote = {"trial": token, "score": score, "id": str(uuid.uuid4()), "response_ms": 400}
            request = self._request(json.dumps(vote).encode())
            while not self.stop.is_set():
                try:
                    connection = connection or self._connected()
                    status, content = _answered(connection, request)
                except OSError:
                    self.unanswered += 1
                    connection = None
                    time.sleep(0.01)
                    continue
                if status != 200:
                    self.errors.append(f"{status} {content[:200]!r}")
                if status == 200 or status < 500:
                    # Only what is stored is read: what more is told costs the voter nothing.
                    said = STORED.search(content)
                    stored: dict[str, Any] = json.loads(said[1]) if said else vote
                    self.acknowledged.append((token, stored["score"], stored["id"]))
                    break
            if self.stop.is_set():
                return

    def _connected(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def _request(self, body: bytes) -> bytes:
        headers = {"Host": "127.0.0.1", "Content-Length": len(body), **self.headers}
        lines = [f"{name}: {value}" for name, value in headers.items()]
        return "\r\n".join(["POST /rate/vote HTTP/1.1", *lines, "", ""]).encode() + body


STORED = re.compile(rb'"rating": (\{[^}]*\})')
LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)


def _answered(connection: socket.socket, request: bytes) -> tuple[int, bytes]:
    """Status and body of an answer, read cheaply: what is measured is the server."""
    connection.sendall(request)
    read = b""
    while (end := read.find(b"\r\n\r\n")) < 0:
        read += _some(connection)
    length = LENGTH.search(read)
    whole = end + 4 + int(length[1] if length else 0)
    while len(read) < whole:
        read += _some(connection)
    return int(read[9:12]), read[end + 4 :]


def _some(connection: socket.socket) -> bytes:
    some = connection.recv(65536)
    if not some:
        raise ConnectionResetError("the server closed the connection")
    return some
