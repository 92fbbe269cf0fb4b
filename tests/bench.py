"""``make bench``: speed as ratios within one run, so that the machine cancels out.

Each pair is measured in turns, several times, and the medians are compared.
"""

from __future__ import annotations

import os
import platform
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from importlib import import_module
from inspect import signature
from pathlib import Path

TURNS = 5
STOPPED = 128 + signal.SIGINT
"""The exit status of what somebody stopped."""


def medians(*pair: Callable[[], object]) -> list[float]:
    """Median seconds of each of ``pair``, measured in turns after one unmeasured call of each."""
    seconds: list[list[float]] = [[] for _ in pair]
    for turn in range(TURNS + 1):
        for call, times in zip(pair, seconds, strict=True):
            start = time.perf_counter()
            call()
            if turn:
                times.append(time.perf_counter() - start)
    return [statistics.median(times) for times in seconds]


def inference() -> None:
    """The paper's generator on a 128x128 LR image: as shipped, against the module as it is."""
    import numpy as np
    import torch
    import torch.nn.functional as F

    from sr_models import upscale
    from sr_models.srresnet import Generator, fold_batch_norm

    torch.manual_seed(0)
    plain = Generator().eval()
    # The ordinary way: one 9x9 convolution to three channels.
    ordinary = torch.nn.Sequential(torch.nn.Conv2d(64, 3, 9, padding=4)).eval()
    ours = fold_batch_norm(plain).eval().to(memory_format=torch.channels_last)
    lr = np.random.default_rng(0).integers(0, 256, (128, 128, 3), np.uint8)
    x = torch.from_numpy(lr).permute(2, 0, 1)[None].float() / 255

    @torch.inference_mode()
    def eager() -> None:
        first = plain.act(plain.head(x))
        features = first + plain.bn(plain.conv(plain.body(first)))
        for block in plain.upsample:
            features = F.pixel_shuffle(block(features), 2)
        ordinary(features)

    slow, fast = medians(eager, lambda: upscale.upscale(ours, lr))
    print(f"SRResNet, 128x128 to 512x512: {fast:.2f} s, the plain module {slow:.2f} s, "
          f"{slow / fast:.2f} times as fast")  # fmt: skip


def machine() -> str:
    """What the figures are of: processor, cores, and the disk that holds votes meanwhile."""
    info = Path("/proc/cpuinfo")
    named = re.search(r"model name\s*:\s*(.+)", info.read_text()) if info.is_file() else None
    processor = named[1].strip() if named else platform.processor() or platform.machine()
    with tempfile.TemporaryDirectory() as folder:
        mounts = Path("/proc/mounts")
        lines = mounts.read_text().splitlines() if mounts.is_file() else []
        holding = [line.split() for line in lines if Path(folder).is_relative_to(line.split()[1])]
        device, _, kind = (
            max(holding, key=lambda mount: len(mount[1]))[:3] if holding else ("disk", "", "")
        )
        times = []
        with (Path(folder) / "file").open("wb") as file:
            for _ in range(101):
                start = time.perf_counter()
                file.write(b"-" * 4096)
                file.flush()
                os.fsync(file.fileno())
                times.append(time.perf_counter() - start)
    flushed = 1000 * statistics.median(times[1:])
    return (
        f"{processor}, {os.cpu_count()} cores; votes on {kind} of {device}, "
        f"a page of 4 kB is safe after {flushed:.2f} ms"
    )


PARTS = {
    "planning": "tests.bench_plan",
    "session": "tests.bench_session",
    "site": "tests.bench_site",
    "analysis": "tests.bench_analysis",
    "inference": "tests.bench",
    "models": "tests.bench_models",
    "training": "tests.bench_training",
    "family": "tests.bench_family",
}
"""Where each measurement is."""


def measure(part: str) -> None:
    """One of ``PARTS``, in this process."""
    try:
        run = getattr(import_module(PARTS[part]), part)
        run(*([medians] if "medians" in signature(run).parameters else []))
    except KeyboardInterrupt:
        sys.exit(STOPPED)  # whoever started this says so


def main(parts: Sequence[str]) -> int:
    """Each of ``parts``, or all, in a process of its own: Django reads its settings once, and what
    one leaves in memory slows no other. Returns how many failed; the others are measured.
    """
    print(machine(), flush=True)
    program = "import sys; from tests import bench; bench.measure(sys.argv[1])"
    command = [sys.executable, "-c", program]
    failed = []
    for part in parts or PARTS:
        status = subprocess.run([*command, part], check=False).returncode
        if status in (STOPPED, -signal.SIGINT):
            raise KeyboardInterrupt
        if status:
            failed.append(part)
    for part in failed:
        print(f"{part} could not be measured", file=sys.stderr)
    return len(failed)


if __name__ == "__main__":
    wanted = ArgumentParser(description=__doc__)
    wanted.add_argument("parts", nargs="*", metavar="PART", help=f"all, or of {', '.join(PARTS)}")
    asked = wanted.parse_args().parts
    if unknown := [part for part in asked if part not in PARTS]:
        wanted.error(f"there is no part {unknown[0]!r}; there are {', '.join(PARTS)}")
    try:
        sys.exit(min(main(asked), 1))
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        sys.exit(STOPPED)
