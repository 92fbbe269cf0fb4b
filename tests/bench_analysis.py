"""``make bench``: the whole analysis of the paper's study and of one a hundred times as large."""

from __future__ import annotations

import resource
import tempfile
import time
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.published import LEDIG2017
from study.analysis import power, reading, report

FURTHER = {"srresnet-vgg22": 3.46, "srgan-mse": 3.77, "srgan-vgg22": 3.78}
SIZES = {"Set5": 5, "Set14": 14, "BSD100": 100}


def ratings(raters: int, sizes: dict[str, int], *, all_methods: bool = False) -> pd.DataFrame:
    """Simulated ratings in long form, with the paper's MOS; 12 methods, nine on BSD100."""
    rng = np.random.default_rng(0)
    parts = []
    for name, images in sizes.items():
        source = name if name in SIZES else "Set14"
        mos = {m: k.mos for (s, m), k in LEDIG2017.items() if s == source and k.mos is not None}
        if name != "BSD100" or all_methods:
            mos |= FURTHER
        cube = power.simulate(mos, raters=raters, images=images, rng=rng)
        i, c, m = np.indices(cube.shape)
        parts.append(
            pd.DataFrame(
                {
                    "rater": np.char.add("r", i.ravel().astype(str)),
                    "set": name,
                    "image": np.char.add("i", c.ravel().astype(str)),
                    "method": np.array(list(mos), dtype=object)[m.ravel()],
                    "score": cube.ravel().astype(int),
                    # A measure of each image, so that correlations are there to be computed.
                    "psnr": 20.0 + 3 * m.ravel() + c.ravel() % 7,
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def plain_loop(table: pd.DataFrame) -> list[object]:
    """What one writes in an afternoon: MOS by groupby, then SciPy pair by pair on cells."""
    from scipy import stats

    table.groupby(["set", "image", "method"])["score"].agg(["mean", "std", "count"])
    found: list[object] = []
    for _, of_set in table.groupby("set"):
        cells = of_set.pivot_table(index=["rater", "image"], columns="method", values="score")
        means = of_set.pivot_table(index="rater", columns="method", values="score")
        for a, b in combinations(cells.columns, 2):
            both = of_set[of_set["method"].isin([a, b])]
            wide = both.pivot_table(index=["rater", "image"], columns="method", values="score")
            found.append(stats.wilcoxon(wide[a] - wide[b]).pvalue)
            found.append(stats.wilcoxon(means[a] - means[b]).pvalue)
    return found


def _timed(call: object, *arguments: object) -> float:
    start = time.perf_counter()
    call(*arguments)  # type: ignore[operator]
    return time.perf_counter() - start


def analysis() -> None:
    """Both studies from a file to a report; the paper's beside the plain loop."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "ratings.csv")
        paper = ratings(26, SIZES)
        paper.to_csv(path, index=False)

        def whole() -> None:
            report.analyse(reading.read(path))

        whole()  # imports, once
        plain_loop(paper[paper["set"] == "Set5"])
        ours, theirs = (
            min(_timed(whole) for _ in range(3)), min(_timed(plain_loop, paper) for _ in range(3))
        )  # fmt: skip
        print(f"{len(paper)} ratings from file to report: {ours:.2f} s; a plain loop over MOS and "
              f"pairs alone {theirs:.2f} s, {theirs / ours:.1f} times as long")  # fmt: skip
        big = ratings(1000, {"Big": 250}, all_methods=True)
        big.to_csv(path, index=False)
        seconds = _timed(whole)
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(f"{len(big)} ratings of 1000 raters: {seconds:.1f} s, {most:.1f} GB at most")


if __name__ == "__main__":
    analysis()
