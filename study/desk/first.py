"""The first run of a new site: what `make run` does between installing and serving.

Whatever is there already is left alone: the second time finds the same study and the same link.
Whatever stops it, at any moment, leaves either nothing or something whole, and the next run goes on
from there.
"""

from __future__ import annotations

import errno
import re
import secrets
import socket
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection, transaction

from benchmarks import datasets, fetch
from study.desk import links, stimuli, studies
from study.models import Invitation, Study

try:
    from fcntl import LOCK_EX, LOCK_NB, flock
except ImportError:  # Windows: two first runs at once are not kept apart there
    flock = None  # type: ignore[assignment]

SLUG = "first"
TITLE = "Which image looks better?"
RESEARCHER = "researcher"
PORTS = range(1024, 65536)
"""Those below are the system's."""
BACKLOG = 2048

Say = Callable[[str], object]


@dataclass(frozen=True)
class First:
    """A study to look at, a link into it if it takes raters, and who may sign in.

    ``password`` is known only when the account has just been made.
    """

    study: Study
    invitation: Invitation | None
    account: str
    password: str | None
    remarks: list[str]
    """What could not be measured on the way, and what to do about it."""

    @property
    def lines(self) -> list[str]:
        """Who goes where, for people."""
        study, account = self.study, self.account
        command = ".venv/bin/python manage.py"
        if self.invitation:
            first = f"Rate images   {links.link(self.invitation)}"
        elif study.state == Study.State.DRAFT:
            first = f"Not open yet  {command} open_study {study.slug}"
        else:
            first = f"Closed        {command} open_study {study.slug} opens it again"
        return [
            first,
            f"See results   {settings.SITE_URL}{study.get_absolute_url()}",
            f"Sign in       {account} / {self.password}   (shown this once)"
            if self.password
            else f"Sign in       as {account} (forgotten: manage.py changepassword {account})",
            f"More raters   {command} invite {study.slug} 10",
        ]


def hold_port(number: str) -> socket.socket:
    """A socket that listens on this port of 127.0.0.1; nobody else can while it is open.

    Who connects before a server takes the socket over waits for it. Raises ``ValueError`` for what
    is no port, or one that cannot be had.
    """
    port = int(number) if re.fullmatch("[0-9]{1,5}", number) else 0
    if port not in PORTS:
        raise ValueError(f"{number!r} is no port; use a number from {PORTS[0]} to {PORTS[-1]}")
    listener = socket.socket()
    # Else a port is taken for a minute after a server on it has stopped.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno != errno.EADDRINUSE:
            raise ValueError(f"port {port} cannot be had: {error.strerror}") from None
        raise ValueError(
            f"port {port} is taken, by another run of this or another program; stop it or choose "
            f"another port: make run PORT={port + 1 if port + 1 in PORTS else port - 1}"
        ) from None
    return listener


def check_folders() -> None:
    """Raise ``ValueError`` naming a folder that cannot be made or written to."""
    database = Path(connection.settings_dict["NAME"])
    wanted = (settings.VAR_DIR, database.parent, settings.OUTPUTS_DIR, settings.STIMULI_DIR)
    for folder in dict.fromkeys((*wanted, Path(settings.STATIC_ROOT))):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder) as file:
                file.write(b"can be written")
        except OSError as error:
            raise ValueError(
                f"{folder} cannot be written to: {error.strerror or error}; make it a folder that "
                "can be, or name another with VAR_DIR"
            ) from None


@contextmanager
def alone(say: Say) -> Iterator[None]:
    """The only run that prepares this site, for the length of a block; others wait and say so."""
    if flock is None:
        yield
        return
    # Closed when the block is left or the process dies, which gives the lock back.
    with (settings.VAR_DIR / "preparing").open("wb") as file:
        try:
            flock(file, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            say(f"Another run is preparing {settings.VAR_DIR}; waiting until it is done")
            flock(file, LOCK_EX)
        yield


def prepare(
    *, say: Say, progress: bool, sets: Sequence[str] = (), methods: Sequence[str] = ()
) -> First:
    """Images, outputs, a study and an account, each made only where there is none.

    ``sets`` and ``methods``, shipped or one's own, are what the study shows; without them Set5, or
    photographs that are at hand, by the methods of the quick preset, as far as they can be made. A
    draft that an interrupted run left behind is made anew and opened. Raises ``ValueError`` or
    ``OSError`` with a sentence about what cannot be made or used.
    """
    with transaction.atomic():
        pass  # a database that cannot be written to is said now, not after the work
    remarks: list[str] = []
    if not Study.objects.exists() or _left_behind():
        remarks = _create(sets or [_image_set(say)], methods, say, progress=progress)
    by_age = Study.objects.order_by("created_at", "pk")
    study = by_age.filter(state=Study.State.OPEN).first() or by_age[0]
    invitation = study.invitations.filter(revoked_at=None, rater__finished_at=None).first()
    if invitation is None and study.state == Study.State.OPEN:
        (invitation,) = links.invite(study, 1)
    # Last: its password is shown at once, and only then.
    account, password = _account()
    return First(study, invitation, account, password, remarks)


def _left_behind() -> Study | None:
    """The draft that a first run made and did not come to open; nobody has touched it since."""
    found = Study.objects.filter(slug=SLUG, title=TITLE, state=Study.State.DRAFT, opened_at=None)
    untouched = found.filter(rater=None, invitations=None, researchers=None).first()
    if untouched is None:
        return None
    plain = Study()
    rules = [name for name in (*Study.PROTOCOL, *Study.DECLARED) if name != "calibrate"]
    changed = any(getattr(untouched, name) != getattr(plain, name) for name in rules)
    return None if changed else untouched


def _image_set(say: Say) -> str:
    """Set5 if it is there or can be had, else photographs that scikit-image brings along."""
    folder = settings.BENCHMARKS_DIR
    if "Set5" in datasets.available(folder):
        return "Set5"
    try:
        say("Set5 is not here yet; trying the public addresses of its copies")
        fetch.fetch(["Set5"], source=None, destination=folder, progress=True)
    except (ValueError, OSError) as error:
        say(
            f"{error}\nGoing on with Samples, a few photographs that scikit-image ships. For "
            "the benchmark sets: manage.py fetch_benchmarks --source DIR-or-URL"
        )
        fetch.fetch(["Samples"], source=None, destination=folder, progress=True)
        return "Samples"
    return "Set5"


def _create(sets: Sequence[str], methods: Sequence[str], say: Say, *, progress: bool) -> list[str]:
    """Generate the outputs over ``sets`` and open the first study on them; what is to be said."""
    choice, remarks = studies.choose(sets, methods), []
    alike: dict[tuple[str, ...], list[str]] = {}
    for name, some in choice.methods.items():
        alike.setdefault(some, []).append(name)
    for some, of in alike.items():
        report = stimuli.make_outputs(of, some, progress=progress, unasked=True, say=say)
        say(report.sentence)
        if report.failed:
            raise ValueError("; ".join(report.failed))
        remarks += report.remarks
    left = _left_behind()
    if left is not None:
        left.delete()
    studies.create(SLUG, title=TITLE, sets=sets, methods=methods, opened=True, say=say)
    remarks = list(dict.fromkeys(remarks))
    return [f"{said}; manage.py measure {SLUG} then shows it here" for said in remarks]


def _account() -> tuple[str, str | None]:
    """The name of somebody who sees everything, with the password if it was made just now."""
    admin = User.objects.filter(is_superuser=True).order_by("pk").first()
    if admin is not None:
        return admin.get_username(), None
    password = secrets.token_urlsafe(9)
    User.objects.create_superuser(RESEARCHER, password=password)
    return RESEARCHER, password
