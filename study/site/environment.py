"""What the environment says, checked: whatever is wrong with a variable is one sentence.

Everything here reads one variable and raises ``ImproperlyConfigured`` with what it holds, what is
wrong with that, and what would be right.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from django.core.exceptions import ImproperlyConfigured

ROOT = Path(__file__).resolve().parents[2]
"""The checkout, from which relative paths count."""
HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?|[0-9a-f:]+(\.\d+)*")
"""A name as browsers send it, or a number: no pattern that would let in any other."""
PORTS = {"http": 80, "https": 443}


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
