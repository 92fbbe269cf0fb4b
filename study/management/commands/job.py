"""``manage.py job ID``: carry one job out; the worker starts it in a process of its own."""

from __future__ import annotations

import os
import signal
import sys
from argparse import SUPPRESS, ArgumentParser
from contextlib import suppress
from pathlib import Path
from typing import Any

from study.desk import claims, work
from study.management.plain import PlainCommand, sentence
from study.models import Job


class Command(PlainCommand):
    help = "Carry out one job that was asked for in a browser; the worker does it by itself."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("job", type=int, metavar="ID", help="as its page's address has it")
        parser.add_argument("--of", type=int, default=0, help=SUPPRESS)

    def handle(self, *args: Any, job: int, of: int, **options: Any) -> None:
        if of:
            claims.end_with(of)
        # As an exception does it, so that half-written files go.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        _stand_back()
        done = work.carry_out(job, explain=sentence, parent=of)
        if done is None:
            if not of:
                raise ValueError(f"job {job} is over, is another's, or was never asked for")
        elif options["verbosity"]:
            self.say(f"{done.wish}: {done.get_state_display()}\n{done.told}".rstrip())
            if done.state == Job.State.FAILED:
                sys.exit(1)


def _stand_back() -> None:
    """Let everybody else go first, and be the one that goes when memory runs out."""
    if hasattr(os, "nice"):
        os.nice(19)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
