"""What a piece of code takes in memory, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FRAME = """
import sys
sys.path.insert(0, {root!r})
argument = sys.argv[1]
import benchmarks.fetch

def peak():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))

def code():
{code}

before = peak()
try:
    code()
except ValueError as error:
    print(error)
print((peak() - before) // 1024)
"""


def grown(code: str, argument: Path | str) -> tuple[str, int]:
    """What ``code`` says as ``ValueError``, and the MiB by which its process grew at most.

    ``argument`` is a text of that name in the code.
    """
    lines = "\n".join(f"    {line}" for line in code.splitlines())
    program = FRAME.format(root=str(ROOT), code=lines)
    done = subprocess.run(
        [sys.executable, "-c", program, argument], capture_output=True, text=True, check=True
    )
    *said, mebibytes = done.stdout.splitlines()
    return "\n".join(said), int(mebibytes)
