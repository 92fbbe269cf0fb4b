"""A database or a disk that cannot be used: what is answered, and how it is used again after.

A full disk, a file that became read-only or was replaced, a lock that is not given back: whoever
asked is told to come back, the log has one line, and the next request opens the database anew,
since a connection that met such a fault may meet it for ever.
"""

from __future__ import annotations

import errno
import logging
import sqlite3
from collections.abc import Callable

from django.db import DatabaseError, InterfaceError, OperationalError, connection
from django.http import HttpRequest, HttpResponse

SQLITE = {
    sqlite3.SQLITE_PERM, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_NOTADB,
}  # fmt: skip
"""What SQLite says of its file and not of what it was asked."""
DISK = {
    errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO, errno.EACCES, errno.EPERM,
    errno.EMFILE, errno.ENFILE,
}  # fmt: skip


def fault(error: BaseException | None) -> BaseException | None:
    """What is wrong with the database or the disk, if that is behind ``error``."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in DISK:
            return error
        if isinstance(error, DatabaseError | InterfaceError) and _of_the_file(error):
            return error
        error = error.__cause__ or error.__context__
    return None


def _of_the_file(error: DatabaseError | InterfaceError) -> bool:
    code = getattr(error.__cause__, "sqlite_errorcode", None)
    if code is None:
        return isinstance(error, OperationalError | InterfaceError)
    return code & 0xFF in SQLITE  # the rest tells it more exactly


def use_no_faulty_connection_again(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: a connection that met an error is closed, whoever caught it."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if connection.errors_occurred and not connection.in_atomic_block:
            connection.close()
        return response

    return middleware


class OneLine(logging.Filter):
    """A fault is told in one line: where the code was that met it says nothing of the cause."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Take the traceback away and name the fault."""
        why = fault(record.exc_info[1]) if record.exc_info else None
        if why is not None:
            record.msg, record.args = f"{record.getMessage()}: {why}", None
            record.exc_info = record.exc_text = None
        return True
