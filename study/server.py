"""How the site is served: gunicorn looks after the processes, waitress after their connections.

A worker of gunicorn's own reads a request in the thread that will answer it, so that whoever opens
a connection and is silent, or sends a byte now and then, takes a thread from a rater. Here one loop
in each worker receives all requests and sends all answers; a thread is taken when a request is
complete and given back when its answer is made. What raters ask for and what researchers ask for
have threads of their own. docs/decisions/0014 has the reasons, ``gunicorn.conf.py`` the settings.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from types import FrameType
from typing import Any

from gunicorn.workers import base
from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.server import TcpWSGIServer
from waitress.task import ErrorTask, ThreadedTaskDispatcher

from study.settings import DATA_UPLOAD_MAX_MEMORY_SIZE

LARGEST_HEAD = 16 * 1024
"""Bytes of a request's first line and headers."""
ARRIVAL = 20.0
"""Seconds that a request may take to arrive, from its first byte to its last."""
IDLE = 75.0
"""Seconds for which a connection may be silent before a request."""
UNREAD = 60.0
"""Seconds for which a client may take nothing of its answer."""
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


class Refusal(ErrorTask):
    """What the server itself says of a request that it does not take, for people and scripts."""

    def execute(self) -> None:
        """Write it."""
        error = self.request.error
        too_big = f" The most is {DATA_UPLOAD_MAX_MEMORY_SIZE // 1024} kB." * (error.code == 413)
        text = f"{error.reason}.{too_big}"
        as_json = getattr(self.request, "path", "").startswith("/rate/")
        body = (json.dumps({"error": text}) if as_json else f"{text}\n").encode()
        self.status = f"{error.code} {error.reason}"
        kind = "application/json" if as_json else "text/plain; charset=utf-8"
        self.response_headers += [("Content-Type", kind), ("Cache-Control", "no-store")]
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


class Connection(HTTPChannel):
    """A connection that knows for how long it has been of no use."""

    error_task_class = Refusal

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.useful_at = time.monotonic()
        self.arriving_since: float | None = None
        self.answered_since: float | None = None
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
        if self.total_outbufs_len:
            return bool(time.time() - self.last_activity > UNREAD)
        if self.arriving_since is not None:
            return time.monotonic() - self.arriving_since > ARRIVAL
        return time.monotonic() - self.useful_at > IDLE

    def received(self, data: bytes) -> bool:
        """Some bytes of a request came, in the loop."""
        if self.arriving_since is None:
            self.arriving_since = time.monotonic()
        return bool(super().received(data))

    def service(self) -> None:
        """Answer a request, in a thread."""
        self.answered_since, self.arriving_since = time.monotonic(), None
        try:
            super().service()
        finally:
            self.useful_at, self.answered_since = time.monotonic(), None


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
