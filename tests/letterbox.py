"""A mail server of the tests: it takes what it is sent by SMTP, or refuses it as it is told."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from tests.serving import free_port

HANG_UP = "hang up"
"""In place of an answer: the connection ends without any."""
FROM = "Image study <study@example.org>"


@dataclass
class Letterbox:
    """What came, and what is said to those who come."""

    came: list[EmailMessage] = field(default_factory=list)
    to: list[str] = field(default_factory=list)
    signed_in: list[tuple[str, str]] = field(default_factory=list)
    refuse: Callable[[str], str] = lambda _address: ""
    """The answer to a recipient; empty to take it."""
    at_data: Callable[[], str] = lambda: ""
    """The answer to a letter that was handed over; empty to take it."""
    arrived: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    port: int = 0

    async def handle_RCPT(
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        said = self.refuse(address)
        if said:
            return said
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        said = self.at_data()
        if said == HANG_UP:
            server.transport.abort()
        if said:
            return said
        self.came.append(message_from_bytes(envelope.content, policy=policy.SMTP))
        self.to.extend(envelope.rcpt_tos)
        self.arrived.release()
        return "250 OK"

    def wait(self) -> EmailMessage:
        """The latest letter, which must come."""
        assert self.arrived.acquire(timeout=20), "no letter came"
        return self.came[-1]

    def authenticate(self, _s: Any, _e: Any, _c: Any, _m: str, data: Any) -> AuthResult:
        """Take one account."""
        self.signed_in.append((data.login.decode(), data.password.decode()))
        # A refusal that is not handled here is answered with 535.
        return AuthResult(success=data.password == b"right: /@", handled=False)


@contextmanager
def letterbox(*, context: ssl.SSLContext | None = None) -> Iterator[Letterbox]:
    """A server that listens; with ``context`` it asks for STARTTLS, and then for an account."""
    box = Letterbox()
    secured: dict[str, Any] = (
        {"tls_context": context, "require_starttls": True, "auth_required": True,
         "authenticator": box.authenticate}
        if context else {}
    )  # fmt: skip
    box.port = free_port()
    controller = Controller(box, hostname="127.0.0.1", port=box.port, **secured)
    controller.start()
    try:
        yield box
    finally:
        controller.stop()


def sent_by(settings: Any, box: Letterbox) -> None:
    """Have this process send by that server."""
    settings.MAIL, settings.MAIL_FROM = True, FROM
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", box.port
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
