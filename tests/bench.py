"""``make bench``: speed as ratios within one run, so that the machine cancels out.

Each pair is measured in turns, several times, and the medians are compared.
"""

from __future__ import annotations

import os
import platform
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

TURNS = 5


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


def main() -> None:
    """Every measurement, one after the other."""
    # Here, since it takes seconds, in which somebody may think better of it.
    from tests.bench_analysis import analysis
    from tests.bench_family import family
    from tests.bench_models import models
    from tests.bench_plan import planning
    from tests.bench_session import session
    from tests.bench_site import site
    from tests.bench_training import training

    print(machine())
    planning(medians)
    session()
    site()
    analysis()
    inference()
    models(medians)
    training()
    family()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        sys.exit(130)
