"""What the environment says, checked: whatever is wrong with a variable is one sentence.

Everything here reads one variable and raises ``ImproperlyConfigured`` with what it holds, what is
wrong with that, and what would be right.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from email.headerregistry import Address
from email.utils import getaddresses
from pathlib import Path
from typing import NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.validators import validate_email

ROOT = Path(__file__).resolve().parents[2]
"""The checkout, from which relative paths count."""
HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?|[0-9a-f:]+(\.\d+)*")
"""A name as browsers send it, or a number: no pattern that would let in any other."""
PORTS = {"http": 80, "https": 443}
MAIL_PORTS = {"smtp": 587, "smtps": 465, "smtp+plain": 25}
"""With TLS from STARTTLS on, with TLS from the first byte, and without any."""


def text(name: str, default: str) -> str:
    """An environment variable as it is."""
    return os.environ.get(name) or default


def flag(name: str, default: bool = False) -> bool:
    """An environment variable as yes or no; unset is ``default``."""
    value = os.environ.get(name, "").strip().lower()
    if not value:
        return default
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    raise ImproperlyConfigured(f"{name}={value!r} is neither yes nor no; use 1 or 0")


def number(name: str, default: int, *, least: int, most: int) -> int:
    """An environment variable as a whole number from ``least`` to ``most``."""
    value = os.environ.get(name) or str(default)
    if not (value.isascii() and value.isdigit() and least <= int(value) <= most):
        raise ImproperlyConfigured(f"{name}={value!r} is no whole number from {least} to {most}")
    return int(value)


def folder(name: str, default: Path | None) -> Path | None:
    """An environment variable as an absolute path; ``None`` if it is unset and has no default."""
    with _looking_at(name, default):
        path = _path(name, default)
        if path is not None and path.exists() and not path.is_dir():
            raise ImproperlyConfigured(f"{name}={path} is a file; it names a folder")
    return path


def file(name: str, default: Path) -> Path:
    """An environment variable as the absolute path of a file in a folder that can be written."""
    with _looking_at(name, default):
        path = _path(name, default) or default
        if path.is_dir():
            raise ImproperlyConfigured(f"{name}={path} is a folder; it names a file")
        if not path.parent.is_dir():
            raise ImproperlyConfigured(f"{name}={path}: there is no folder {path.parent}; make it")
        for what in (path.parent, path):
            if what.exists() and not os.access(what, os.W_OK):
                raise ImproperlyConfigured(
                    f"{name}={path}: {what} cannot be written by this user; change its owner, or "
                    f"give {name} another place"
                )
    return path


def _path(name: str, default: Path | None) -> Path | None:
    value = os.environ.get(name)
    return (ROOT / Path(value).expanduser()).resolve() if value else default


@contextmanager
def _looking_at(name: str, default: Path | None) -> Iterator[None]:
    """What the system says of a path, such as no permission, a circle of links, nobody's home."""
    try:
        yield
    except (OSError, RuntimeError, ValueError) as error:
        said = getattr(error, "strerror", None) or error
        raise ImproperlyConfigured(f"{name}={os.environ.get(name) or default}: {said}") from error


class Site(NamedTuple):
    """The address of a site, in the form in which browsers write it."""

    scheme: str
    host: str
    port: int | None
    """``None`` if it is the scheme's own."""

    @property
    def netloc(self) -> str:
        """Host and port, as after the two slashes."""
        return f"{self.host}:{self.port}" if self.port else self.host

    @property
    def url(self) -> str:
        """The whole address, without a slash at its end."""
        return f"{self.scheme}://{self.netloc}"


def site(name: str, value: str) -> Site:
    """An address of a site of its own: ``https://host`` or ``http://host:port``.

    >>> site("SITE_URL", "https://Study.example.org:443/").url
    'https://study.example.org'
    """
    wrong = f"{name}={value!r} "
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError as error:
        raise ImproperlyConfigured(f"{wrong}is no address: {error}; use https://host") from None
    host = parts.hostname or ""
    if parts.scheme not in PORTS or not host:
        raise ImproperlyConfigured(f"{wrong}is no address; use https://host or http://host:port")
    if parts.path.strip("/"):
        raise ImproperlyConfigured(
            f"{wrong}ends in a path, under which this site cannot be served; give it a host name "
            f"of its own, as in {parts.scheme}://study.{host}"
        )
    if not HOST.fullmatch(host) or _more_than_a_place(parts, value):
        raise ImproperlyConfigured(
            f"{wrong}holds more than scheme, host and port; use {parts.scheme}://host[:port] "
            "with a name in a-z, 0-9, '-' and '.'"
        )
    shown = f"[{host}]" if ":" in host else host
    return Site(parts.scheme, shown, None if port in {None, PORTS[parts.scheme]} else port)


def _more_than_a_place(parts: SplitResult, value: str) -> bool:
    """Whether there is an account, a question, a place on a page or a space in an address."""
    return "@" in parts.netloc or any(c in value for c in "?#") or value.split() != [value]


class MailServer(NamedTuple):
    """What hands mail on. Its password is shown nowhere."""

    scheme: str
    host: str
    port: int
    user: str
    password: str

    def __repr__(self) -> str:
        return f"MailServer({self.scheme}://{self.host}:{self.port})"


def mail_server(name: str, value: str) -> MailServer | None:
    """The address of a mail server with its account; ``None`` if it is empty.

    No sentence about what is wrong with it quotes it: there is a password in it.

    >>> mail_server("MAIL_URL", "smtp://lab%40example.org:secret@mail.example.org")
    MailServer(smtp://mail.example.org:587)
    """
    if not value:
        return None
    wrong = f"{name} (not shown here, for the password in it) "
    right = "use smtp://USER:PASSWORD@HOST:587 or smtps://USER:PASSWORD@HOST:465"
    try:
        parts = urlsplit(value)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ImproperlyConfigured(
            f"{wrong}is no address of a mail server: the port is a number, and in a password "
            f"each of / ? # @ : is written as %2F %3F %23 %40 %3A; {right}"
        ) from None
    if parts.scheme not in MAIL_PORTS or not HOST.fullmatch(host) or port == 0:
        raise ImproperlyConfigured(f"{wrong}is no address of a mail server; {right}")
    if parts.path.strip("/") or parts.query or parts.fragment or value.split() != [value]:
        raise ImproperlyConfigured(
            f"{wrong}holds more than a scheme, an account, a host and a port: in a password each "
            "of / ? # @ and space is written as %2F %3F %23 %40 %20"
        )
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if bool(user) != bool(password):
        raise ImproperlyConfigured(f"{wrong}has an account without a password, or none; {right}")
    if password and parts.scheme == "smtp+plain":
        raise ImproperlyConfigured(
            f"{wrong}would send its password for everybody to read; use smtp:// or smtps:// with it"
        )
    return MailServer(parts.scheme, host, port or MAIL_PORTS[parts.scheme], user, password)


def mail_address(name: str, value: str) -> str:
    """A mail address, with or without a name before it, as a letter's header has it; "" if empty.

    >>> mail_address("MAIL_FROM", "Image study <study@example.org>")
    'Image study <study@example.org>'
    """
    if not value:
        return ""
    try:
        [(said, address)] = getaddresses([value])
        validate_email(address)
        if not value.isprintable():  # a header of somebody's own
            raise ValueError
        return str(Address(said, addr_spec=address)) if said else address
    except (ValidationError, ValueError):
        raise ImproperlyConfigured(
            f"{name}={value!r} is no mail address; use one as study@example.org, or "
            "Image study <study@example.org>"
        ) from None
