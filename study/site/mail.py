"""Sending one letter by the mail server of the settings, and saying in a sentence why not.

Plain text in UTF-8. What the server has said yes to is sent; where nothing is known, because the
connection ended in between, it may have been.
"""

from __future__ import annotations

import logging
import re
import smtplib
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from email.utils import make_msgid
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage
from django.core.mail.backends.smtp import EmailBackend
from django.core.mail.message import utf8_charset_qp
from django.core.validators import validate_email
from django.db import connection as database

from study.site.legible import ILLEGIBLE

LONGEST_SAID = 200
"""Characters of what a server says that are told."""
WAITING = 20
"""Letters that a process may be about to send after its answers: what comes beyond is dropped."""

MOMENT = 1.0
"""Seconds after which they are begun: the answer is on its way by then."""

logger = logging.getLogger(__name__)
_room = threading.BoundedSemaphore(WAITING)


class NotSent(Exception):
    """A letter was not sent; its text is why, a sentence without secrets."""

    passing = False
    """Whether it may be taken a little later."""


class Unreachable(NotSent):
    """The server cannot be had at all, for this letter or any other."""


class Unknown(NotSent):
    """The connection ended while the letter was handed over: it may have gone."""


def configured() -> bool:
    """Whether this site can send mail."""
    return bool(settings.MAIL)


def is_address(said: str) -> bool:
    """Whether this is one mail address and nothing else."""
    try:
        validate_email(said.strip())
    except ValidationError:
        return False
    return True


@contextmanager
def server() -> Iterator[EmailBackend]:
    """A connection to the mail server, for one letter or many; it is opened when one is sent."""
    if not configured():
        raise Unreachable("This site sends no mail: MAIL_URL is not set.")
    connection = EmailBackend()
    try:
        yield connection
    finally:
        drop(connection)


def drop(connection: EmailBackend) -> None:
    """Close a connection, in whatever state it is; the next letter opens it anew."""
    with suppress(OSError):  # also smtplib's own
        connection.close()
    connection.connection = None


def send(connection: EmailBackend, to: str, subject: str, body: str, reply_to: str = "") -> None:
    """Hand one letter over.

    ``reply_to`` is used if it is a mail address. Raises :class:`NotSent`, and ``ValueError`` for a
    subject or an address that is more than a line.
    """
    letter = EmailMessage(
        subject, body, settings.MAIL_FROM, [to],
        reply_to=[reply_to.strip()] if is_address(reply_to) else None,
        headers={
            # Programs that answer letters by themselves leave these alone (RFC 3834).
            "Auto-Submitted": "auto-generated",
            "Message-ID": make_msgid(domain=urlsplit(settings.SITE_URL).hostname),
        },
    )  # fmt: skip
    letter.encoding = utf8_charset_qp  # 7 bits, which all servers take
    letter.message()  # what no header can hold is refused before anything is asked of the server
    _open(connection)
    try:
        connection.send_messages([letter])
    except smtplib.SMTPRecipientsRefused as error:
        raise _refused(*next(iter(error.recipients.values()))) from None
    except smtplib.SMTPResponseException as error:
        odd = isinstance(error, smtplib.SMTPDataError) and not 400 <= error.smtp_code < 600
        if odd or type(error) is smtplib.SMTPResponseException:  # a line without an end
            raise Unknown("The mail server's answer to the letter cannot be read.") from None
        raise _refused(error.smtp_code, error.smtp_error) from None
    except smtplib.SMTPNotSupportedError:
        raise NotSent("The mail server takes no address of that kind.") from None
    except OSError:  # smtplib's are of this kind: a lost connection, time that ran out
        raise Unknown("The connection ended while the letter was handed over.") from None


def soon(to: str, subject: str, body: str) -> None:
    """Send one letter after the answer: how long that takes tells nobody anything.

    A process that is killed meanwhile sends nothing; nobody hears of it but the server's log.
    """
    after(lambda: deliver(to, subject, body))


def after(work: Callable[[], None]) -> None:
    """Do something after the answer, in a thread of its own; not if too much waits already.

    What it raises is written into the server's log.
    """
    if not _room.acquire(blocking=False):
        logger.warning("a letter is not sent: %d others wait already", WAITING)
        return

    def run() -> None:
        try:
            work()
        except Exception:
            logger.exception("a letter could not be written")
        finally:
            database.close()
            _room.release()

    timer = threading.Timer(MOMENT, run)
    timer.name, timer.daemon = "letters", True
    timer.start()


def deliver(to: str, subject: str, body: str) -> None:
    """Send one letter now; if it is not taken, that is written into the server's log."""
    try:
        with server() as connection:
            send(connection, to, subject, body)
    except NotSent as error:
        why = re.sub(re.escape(to), "...", str(error), flags=re.IGNORECASE)  # servers quote it
        logger.warning("a letter about an account was not sent: %s", why)


def _open(connection: EmailBackend) -> None:
    """Have a connection that the server still holds, signed in."""
    if connection.connection is not None:
        with suppress(OSError):
            if connection.connection.noop()[0] == 250:
                return
        drop(connection)
    try:
        connection.open()
    except smtplib.SMTPAuthenticationError as error:
        found = Unreachable(
            f"The mail server refused the account of MAIL_URL (it said {error.smtp_code})."
        )
        found.passing = error.smtp_code < 500
        raise found from None
    except smtplib.SMTPNotSupportedError:
        raise Unreachable(
            "The mail server offers no STARTTLS, or no sign-in, which MAIL_URL asks for."
        ) from None
    except ssl.SSLError as error:
        why = getattr(error, "verify_message", "") or error.reason or "no reason given"
        raise Unreachable(f"There is no safe connection to the mail server: {why}.") from None
    except smtplib.SMTPResponseException as error:
        found = Unreachable(f"The mail server lets nobody in now: {_said(error.smtp_error)}")
        found.passing = True
        raise found from None
    except OSError as error:
        found = Unreachable(f"The mail server cannot be reached: {error.strerror or error}.")
        found.passing = True
        raise found from None


def _refused(code: int, said: bytes | str) -> NotSent:
    error = NotSent(f"The mail server refused it ({code}): {_said(said)}")
    error.passing = 400 <= code < 500
    return error


def _said(said: bytes | str) -> str:
    """What a server said, as a line; never the password."""
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    text = " ".join(ILLEGIBLE.sub(" ", text).split())
    if settings.EMAIL_HOST_PASSWORD:
        text = text.replace(settings.EMAIL_HOST_PASSWORD, "...")
    return text[:LONGEST_SAID]
