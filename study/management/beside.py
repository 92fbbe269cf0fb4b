"""Keeps a program running beside a server for as long as the server runs, however that ends.

`python -m study.management.beside FD PROGRAM ...`: FD is the reading end of a pipe whose other end
the server holds open and nobody writes to. The system closes that when the last process of the
server is gone, killed or not. This process knows nothing of Django: it is small, and outlives what
befalls the program.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys

AGAIN = 5.0
"""Seconds after which a program that has ended is started again."""
GLANCE = 1.0
PATIENCE = 15.0
"""Seconds that the program may take to end after the server."""


def main(pipe: int, program: list[str]) -> None:
    """Start ``program``, again and again, until the pipe is closed; then end it."""
    os.set_inheritable(pipe, False)
    while True:
        process = subprocess.Popen([*program, "--of", str(os.getpid())], stdin=subprocess.DEVNULL)
        while process.poll() is None:
            if _closed(pipe, GLANCE):
                _end(process)
                return
        if _closed(pipe, AGAIN):
            return


def _closed(pipe: int, patience: float) -> bool:
    return bool(select.select([pipe], [], [], patience)[0])


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()


if __name__ == "__main__":
    # A terminal's Ctrl-C is the server's; this one ends after it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    main(int(sys.argv[1]), sys.argv[2:])
