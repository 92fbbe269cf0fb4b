"""``python -m sr_models.training plot LOG``: the curves of one or more runs."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from sr_models.training import journal

PANELS = (
    ("Held-out PSNR, dB", ("heldout_psnr",)),
    ("Held-out LPIPS", ("heldout_lpips",)),
    ("Held-out grid of 4 px", ("heldout_grid",)),
    (
        "Loss terms",
        ("l1", "mse", "l1_of_each", "mse_of_each", "content", "phase", "variation", "adversarial"),
    ),
    ("Discriminator's certainty", ("d_real", "d_fake")),
    ("Patches per second", ("patches_per_s",)),
)
DASHES: tuple[str | tuple[int, tuple[int, ...]], ...] = (
    "-", "--", ":", (0, (6, 3)), "-.", (0, (1, 4)), (0, (8, 2, 1, 2, 1, 2)), (0, (3, 1, 1, 1)),
)  # fmt: skip
"""One for each term of a panel."""
NAMES = {"d_real": "D(real)", "d_fake": "D(fake)"}


def main(arguments: Sequence[str]) -> Path:
    """Draw as the command line asks; returns the file. ``ValueError`` for an unusable log."""
    parser = argparse.ArgumentParser(prog="python -m sr_models.training plot", description=__doc__)
    parser.add_argument(
        "logs", nargs="+", type=Path, metavar="LOG", help="log.jsonl, or its folder"
    )
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="svg, pdf or png; curves.svg beside the first log"
    )
    options = parser.parse_args(arguments)
    logs = [log / "log.jsonl" if log.is_dir() else log for log in options.logs]
    out = options.out or logs[0].with_name("curves.svg")
    return draw(logs, out)


def draw(logs: Sequence[Path], out: Path) -> Path:
    """A panel for each kind of figure that any of ``logs`` has, over minutes of training."""
    from matplotlib.figure import Figure

    if out.suffix not in {".svg", ".pdf", ".png"}:
        raise ValueError(f"{out}: curves are drawn as .svg, .pdf or .png")
    runs: dict[str, list[dict[str, float]]] = {}
    for log in logs:
        if not log.is_file():
            raise ValueError(f"there is no log {log}")
        lines = journal.read(log)
        if not lines:
            raise ValueError(f"{log} holds no line of a training log")
        for line in lines:
            # A family's log tells of several networks.
            runs.setdefault(str(line.get("network", log.parent.name)), []).append(line)
    panels = [
        (title, keys) for title, keys in PANELS
        if any(key in line for lines in runs.values() for line in lines for key in keys)
    ]  # fmt: skip
    figure = Figure(figsize=(8.0, 1.9 * len(panels) + 0.6), layout="constrained")
    axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    for ax, (title, keys) in zip(axes, panels, strict=True):
        # A colour for each run, a dash for each term: two runs can be told apart in every panel.
        for number, (name, lines) in enumerate(runs.items()):
            for dash, key in zip(DASHES, keys, strict=False):
                points = [(line["seconds"] / 60, line[key]) for line in lines if key in line]
                if points:
                    words = [name] * (len(runs) > 1) + [NAMES.get(key, key)] * (len(keys) > 1)
                    ax.plot(
                        *zip(*points, strict=True), linestyle=dash, linewidth=1.2,
                        color=f"C{number}", label=" ".join(words),
                        marker="." if key.startswith("heldout") else "",
                    )  # fmt: skip
        ax.set_title(title, loc="left", fontsize=9, fontweight="bold")
        ax.spines[["top", "right"]].set_visible(False)
        ax.grid(alpha=0.25)
        if title == "Loss terms":
            ax.set_yscale("log")
        if len(runs) > 1 or len(keys) > 1:
            ax.legend(fontsize=6.5, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.08))
    axes[-1].set_xlabel("Minutes of training")
    figure.savefig(out, dpi=110)
    return out
