"""``manage.py worker``: long work that was asked for in a browser."""

from __future__ import annotations

import signal
from argparse import SUPPRESS, ArgumentParser
from typing import Any

from study.desk import backup, claims, worker
from study.management.plain import PlainCommand


class Command(PlainCommand):
    help = "Do the long work that is asked for in a browser, one job at a time, until stopped."
    requires_system_checks: list[str] = []  # the server beside it has made them

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--once", action="store_true", help="do what is due now, and end when it is done"
        )
        parser.add_argument("--of", type=int, default=0, help=SUPPRESS)

    def handle(self, *args: Any, once: bool, of: int, **options: Any) -> None:
        stopped: list[int] = []
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda told, _: stopped.append(told))
        if of:
            claims.end_with(of)

        def stopping() -> bool:
            return bool(stopped) or claims.is_orphan(of)

        lock = backup.serving()  # nobody restores a backup meanwhile
        try:
            if once:
                worker.do_what_is_due(stopping)
            else:
                worker.work(stopping)
        finally:
            if lock is not None:
                lock.close()
