"""``manage.py serve``: all of `make run` but the installing."""

from __future__ import annotations

import os
import subprocess
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.db import connections

from study.desk import backup, first
from study.management.plain import PlainCommand

CONFIGURATION = "gunicorn.conf.py"
SERVER = """
import sys
try:
    from gunicorn.app.wsgiapp import run
    run()
except KeyboardInterrupt:
    sys.exit(130)
"""
"""gunicorn, which is deaf for a second before it can be stopped without a traceback."""


class Command(PlainCommand):
    help = (
        "Bring the database up to date, make a first study where there is none, print who goes "
        "where, serve the site on 127.0.0.1, and do long work beside it (unless WORKER=0)."
    )
    requires_system_checks: list[str] = []  # the database may not be there yet

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", default="8000", help="8000 by default")
        parser.add_argument("--workers", type=int, metavar="N", help="processes that answer")

    def handle(self, *args: Any, port: str, workers: int | None, **options: Any) -> None:
        if workers is not None and workers < 1:
            raise ValueError(f"--workers {workers}: at least one has to answer")
        listener = first.hold_port(port)
        first.check_folders()
        if "SITE_URL" not in os.environ:  # the server that follows reads it there
            os.environ["SITE_URL"] = settings.SITE_URL = f"http://127.0.0.1:{port}"
        lock = backup.serving()  # held by the server to its end: nobody restores meanwhile
        with first.alone(self.say):
            call_command("migrate", skip_checks=True, verbosity=0)
            _collect_static()
            found = first.prepare(say=self.say, progress=options["verbosity"] > 0)
        self.say("\n" + "\n".join(f"  {line}" for line in found.lines))
        self.remark(found.remarks)
        connections.close_all()
        # The socket is handed over as it is: at no moment could another program take the port.
        listener.set_inheritable(True)
        if lock is not None:
            os.set_inheritable(lock.fileno(), True)
        command = ["study.wsgi", "--bind", f"fd://{listener.fileno()}", *_settings(workers)]
        os.chdir(settings.BASE_DIR)
        if settings.WORKER:
            _start_worker()
        os.execv(sys.executable, [sys.executable, "-c", SERVER, *command])  # noqa: S606


def _start_worker() -> None:
    """Have long work done beside the server that takes this process' place, while it runs."""
    reads, writes = os.pipe()
    os.set_inheritable(writes, True)  # the server's, to its end
    subprocess.Popen(
        [sys.executable, "-m", "study.management.beside", str(reads),
         sys.executable, "manage.py", "worker"],
        stdin=subprocess.DEVNULL, pass_fds=[reads], start_new_session=True,
    )  # fmt: skip
    os.close(reads)


def _collect_static() -> None:
    try:
        call_command("collectstatic", interactive=False, verbosity=0)
    except OSError as error:  # not every one of its writers says where it failed
        where = error.filename or settings.STATIC_ROOT
        raise OSError(error.errno, error.strerror, str(where)) from None


def _settings(workers: int | None) -> list[str]:
    """Options of gunicorn that its own configuration does not set."""
    given = ["--workers", str(workers)] if workers is not None else []
    if Path(settings.BASE_DIR, CONFIGURATION).is_file():
        return given
    return [*(given or ["--workers", "3"]), "--preload", "--log-level", "warning"]
