"""How the site is served: gunicorn looks after the processes, waitress after their connections.

A worker of gunicorn's own reads a request in the thread that will answer it, so that whoever opens
a connection and is silent, or sends a byte now and then, takes a thread from a rater. Here one loop
in each worker receives all requests and sends all answers; a thread is taken when a request is
complete and given back when its answer is made. What raters ask for and what researchers ask for
have threads of their own. docs/decisions/0014 has the reasons, ``gunicorn.conf.py`` the settings.
"""

from __future__ import annotations

import copy
import json
import logging
import os
import shutil
import sys
import time
from contextlib import suppress
from pathlib import Path
from socket import SHUT_WR
from tempfile import TemporaryFile
from types import FrameType
from typing import IO, Any

from gunicorn.workers import base
from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.receiver import FixedStreamReceiver
from waitress.server import TcpWSGIServer
from waitress.task import ErrorTask, ThreadedTaskDispatcher
from waitress.utilities import Error

from study.settings import DATA_UPLOAD_MAX_MEMORY_SIZE, UPLOAD_LIMIT_GB, VAR_DIR
from study.site import admission

LARGEST_HEAD = 16 * 1024
"""Bytes of a request's first line and headers."""
ARRIVAL = 20.0
"""Seconds that a request may take to arrive, from its first byte to its last."""
LARGEST_FORM = min(UPLOAD_LIMIT_GB, 2) << 30
"""Bytes of a form that brings files, at an address that was signed for whoever was shown the form.
More of them would take longer to be looked through than an answer may take."""
SLOWEST = 4096
"""Bytes a second that such a form brings at the least, over each ARRIVAL."""
KEPT_FREE = 512 << 20
"""Bytes of the disk that they leave alone."""
IDLE = 75.0
"""Seconds for which a connection may be silent before a request."""
UNREAD = 60.0
"""Seconds for which a client may take nothing of its answer."""
LINGERS = 10.0
"""Seconds for which what a refused client goes on sending is read and thrown away. Closed at once,
its connection would be reset, and the client would never read why."""
ANSWER = 120.0
"""Seconds after which an answer will not come any more: its worker is replaced."""
CONNECTIONS = 800
"""Of a worker, at once. One more closes that which has been of no use for longest."""
RATERS_THREADS = 4
DESK_THREADS = 2
"""Of a worker: how many pages it makes at once for raters, and for everybody else."""
SWITCH = 0.0002
"""Seconds for which a thread that computes may keep the others of its worker waiting."""
RATERS = ("/rate/", "/r/", "/static/")
"""How the addresses begin that a rater may be waiting for."""


class NoRoom(Error):
    """The disk is full, or would be."""

    code = 507
    reason = "Insufficient Storage"


class OnDisk:
    """The body of a request, in a file that has no name: it is gone with the request."""

    def __init__(self) -> None:
        uploads = Path(VAR_DIR, "uploads")
        uploads.mkdir(exist_ok=True)
        self.file: IO[bytes] = TemporaryFile(dir=uploads, buffering=0)  # noqa: SIM115
        self.length = 0

    def __len__(self) -> int:
        return self.length

    def append(self, some: bytes) -> None:
        """Write all of ``some``."""
        rest = memoryview(some)
        while rest:
            rest = rest[self.file.write(rest) :]
        self.length += len(some)

    def getfile(self) -> IO[bytes]:
        """It, from its beginning."""
        self.file.seek(0)
        return self.file

    def close(self) -> None:
        """Remove it."""
        self.file.close()


class Request(HTTPRequestParser):
    """A request on its way; that it may be a large one is found by its first line and headers."""

    adj: Adjustments
    large = False

    def parse_header(self, header_plus: bytes) -> None:
        """The head is there: see whether more than a form's text may come."""
        super().parse_header(header_plus)
        if self.command != "POST" or self.content_length <= DATA_UPLOAD_MAX_MEMORY_SIZE:
            return
        if not self.chunked and admission.admitted_at(self.path):
            self.large = True
            self.adj = copy.copy(self.adj)
            self.adj.max_request_body_size = LARGEST_FORM + 1
            if self.content_length <= LARGEST_FORM:
                self._make_room()

    def received(self, data: bytes) -> int:
        """Some bytes of it came."""
        try:
            return int(super().received(data))
        except OSError as error:
            self.error, self.completed = NoRoom(str(error)), True
            return len(data)

    def _make_room(self) -> None:
        """For the body and for the files in it, which are written beside it."""
        body = OnDisk()
        self.body_rcv = FixedStreamReceiver(self.content_length, body)
        free = shutil.disk_usage(VAR_DIR).free
        if free < 2 * self.content_length + KEPT_FREE:
            self.error, self.completed = NoRoom(f"{free} bytes are free"), True


class Refusal(ErrorTask):
    """What the server itself says of a request that it does not take, for people and scripts."""

    def execute(self) -> None:
        """Write it."""
        self.channel.refused = True
        error = self.request.error
        text = f"{error.reason}.{self._why(error.code)}"
        as_json = getattr(self.request, "path", "").startswith("/rate/")
        body = (json.dumps({"error": text}) if as_json else f"{text}\n").encode()
        self.status = f"{error.code} {error.reason}"
        kind = "application/json" if as_json else "text/plain; charset=utf-8"
        self.response_headers += [("Content-Type", kind), ("Cache-Control", "no-store")]
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)

    def _why(self, code: int) -> str:
        if code == 507:
            return " The disk has no room for these files; make room and send them again."
        if code != 413:
            return ""
        if getattr(self.request, "large", False):
            return (
                f" The most is {LARGEST_FORM >> 30} GB at once; with JavaScript files are sent in "
                "pieces, and an archive or a folder on the server is taken by a command."
            )
        if getattr(self.request, "path", "").startswith(admission.PLACE):
            return " This form was opened too long ago: open it again to send files."
        return f" The most is {DATA_UPLOAD_MAX_MEMORY_SIZE // 1024} kB."


class Connection(HTTPChannel):
    """A connection that knows for how long it has been of no use."""

    error_task_class = Refusal
    parser_class = Request

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.useful_at = time.monotonic()
        self.arriving_since: float | None = None
        self.arrived = 0
        self.answered_since: float | None = None
        self.refused = False
        self.leaving_since: float | None = None
        super().__init__(*args, **kwargs)

    @property
    def busy(self) -> bool:
        """A request of it is being answered, or the answer sent."""
        return bool(self.requests or self.answered_since is not None or self.total_outbufs_len)

    @property
    def stuck(self) -> bool:
        """Its answer will not come any more."""
        since = self.answered_since
        return since is not None and time.monotonic() - since > ANSWER

    @property
    def overdue(self) -> bool:
        """Too long silent, too slow in sending its request or in taking its answer."""
        if self.requests or self.answered_since is not None:
            return False
        if self.leaving_since is not None:
            return time.monotonic() - self.leaving_since > LINGERS
        if self.total_outbufs_len:
            return bool(time.time() - self.last_activity > UNREAD)
        if self.arriving_since is not None:
            late = time.monotonic() - self.arriving_since > ARRIVAL
            return late and not self._goes_on()
        return time.monotonic() - self.useful_at > IDLE

    def _goes_on(self) -> bool:
        """Whether a form with files has brought enough since this was asked last."""
        request = self.request
        if request is None or not request.large:
            return False
        enough: bool = request.body_bytes_received - self.arrived >= SLOWEST * ARRIVAL
        if enough:
            self.useful_at = self.arriving_since = time.monotonic()
            self.arrived = request.body_bytes_received
        return enough

    def received(self, data: bytes) -> bool:
        """Some bytes of a request came, in the loop."""
        if self.leaving_since is not None:
            return False
        if self.arriving_since is None:
            self.arriving_since, self.arrived = time.monotonic(), 0
        return bool(super().received(data))

    def service(self) -> None:
        """Answer a request, in a thread."""
        self.answered_since, self.arriving_since = time.monotonic(), None
        try:
            super().service()
        finally:
            self.useful_at, self.answered_since = time.monotonic(), None

    def handle_close(self) -> None:
        """Close it; once a refusal is sent, only our end of it, until the client has ended too."""
        if self.refused and self.leaving_since is None and not self.total_outbufs_len:
            with suppress(OSError):  # it has gone
                self.socket.shutdown(SHUT_WR)
                self.leaving_since, self.will_close = time.monotonic(), False
                return
        super().handle_close()


class Listener(TcpWSGIServer):
    """An address that connections come in by, and those that did."""

    channel_class = Connection
    desk: ThreadedTaskDispatcher
    stuck = False

    def add_task(self, task: Connection) -> None:
        """A request is complete: a thread of those that its address has a right to."""
        request = task.requests[0]
        of_raters = request.error or request.path.startswith(RATERS)
        (self.task_dispatcher if of_raters else self.desk).add_task(task)

    def handle_accept(self) -> None:
        """Make room for one more connection, then take it."""
        if len(self.active_channels) >= CONNECTIONS:
            idle = [
                channel
                for channel in self.active_channels.values()
                if not channel.busy and not channel.will_close
            ]
            if idle:
                min(idle, key=lambda channel: channel.useful_at).will_close = True
        super().handle_accept()

    def maintenance(self, now: float) -> None:
        """Once a second: close what is overdue."""
        for channel in self.active_channels.values():
            if channel.overdue:
                channel.will_close = True
            self.stuck |= channel.stuck


class Worker(base.Worker):
    """A process that serves; gunicorn starts it, and another one when it has ended."""

    def run(self) -> None:
        """Serve until told to stop, then give the answers that were asked for before."""
        sys.setswitchinterval(SWITCH)
        # How many requests wait for a thread is of no use in the log: it would be a line for each.
        logging.getLogger("waitress.queue").setLevel(logging.ERROR)
        self.channels: dict[int, wasyncore.dispatcher] = {}
        self.listeners = [self._listener(socket.sock) for socket in self.sockets]
        while self.alive and not any(listener.stuck for listener in self.listeners):
            if os.getppid() != self.ppid:
                return  # gunicorn was killed: what it cannot look after any more must not go on
            self._turn(1.0)
        self._finish()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The signal to stop."""
        super().handle_exit(sig, frame)
        for listener in getattr(self, "listeners", ()):
            listener.pull_trigger()  # the loop looks up now, not in a second

    def _listener(self, socket: Any) -> Listener:
        settings = Adjustments(
            max_request_body_size=DATA_UPLOAD_MAX_MEMORY_SIZE + 1,
            max_request_header_size=LARGEST_HEAD,
            inbuf_overflow=DATA_UPLOAD_MAX_MEMORY_SIZE,
            cleanup_interval=1,
            connection_limit=sys.maxsize,
            backlog=self.cfg.backlog,
            ident=None,
            **self._proxy(),
        )
        known = (socket.family, socket.type, socket.proto, socket.getsockname())
        raters, desk = ThreadedTaskDispatcher(), ThreadedTaskDispatcher()
        listener = Listener(
            self.wsgi, self.channels, True, socket, raters, settings, known, bind_socket=False
        )
        listener.desk = desk
        raters.set_thread_count(RATERS_THREADS)
        desk.set_thread_count(DESK_THREADS)
        return listener

    def _proxy(self) -> dict[str, Any]:
        trusted = ",".join(self.cfg.forwarded_allow_ips)
        if not trusted:
            return {"clear_untrusted_proxy_headers": True}
        believed = {"x-forwarded-for", "x-forwarded-proto"}
        return {"trusted_proxy": trusted, "trusted_proxy_headers": believed}

    def _turn(self, seconds: float) -> None:
        self.notify()
        # poll, since select knows no more than 1024 descriptors
        wasyncore.poll2(seconds, self.channels)

    def _finish(self) -> None:
        for listener in self.listeners:
            wasyncore.dispatcher.close(listener)  # takes no more connections
        end = time.monotonic() + self.cfg.graceful_timeout
        self._turn(0)
        while time.monotonic() < end:
            open_ = [each for each in self.channels.values() if isinstance(each, Connection)]
            if not open_:
                return
            for connection in open_:
                if not connection.busy or connection.stuck:
                    connection.will_close = True
            self._turn(0.1)
