"""The figure of two studies: MOS in the one against MOS in the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from study.analysis import marks, opinion
from study.analysis.figures import HUES, MARKS, QUIET, Format, whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ABREAST = 3
LONGEST = 90


def against(
    found: Mapping[str, Any],
    *,
    names: Sequence[str],
    kinds: Sequence[str],
    order: Sequence[str],
    titles: Mapping[str, str] | None = None,
    format: Format = "svg",
) -> bytes:
    """A panel for each set: grey, single stimuli; in colour, methods with their 95 % intervals of
    the difference; the diagonal is agreement.

    ``found``: of `study.analysis.compare.compare`. ``names`` and ``kinds``: what A and B are
    called, and who rated them. Returns a whole file, marked if one of them has simulated raters.
    Raises ``ValueError`` for an unknown format, and where nothing is in common.
    """
    if not found["stimuli"]:
        raise ValueError("the two studies have no rated image in common: there is nothing to draw")
    labels = [marks.short(kind, f"MOS in {side}") for side, kind in zip("AB", kinds, strict=True)]
    told = "\n".join(f"{side}: {_short(name)}" for side, name in zip("AB", names, strict=True))
    return whole(
        lambda: _draw(found, labels, told, order, titles or {}), format, "simulated" in kinds
    )


def _short(name: str) -> str:
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"


def _draw(
    found: Mapping[str, Any],
    labels: list[str],
    told: str,
    order: Sequence[str],
    titles: Mapping[str, str],
) -> Figure:
    from matplotlib.figure import Figure

    sets = list(dict.fromkeys(row["set"] for row in found["stimuli"]))
    abreast = min(ABREAST, len(sets))
    lines = -(-len(sets) // abreast)
    figure = Figure(figsize=(max(4.2, 2.9 * abreast), 1.2 + 2.9 * lines), layout="constrained")
    panels = figure.subplots(lines, abreast, squeeze=False).flatten()
    drawn: dict[str, Any] = {}
    for ax, name in zip(panels, sets, strict=False):
        drawn |= _panel(ax, found, name, order)
        ax.set_title(name, loc="left")
        ax.set(xlabel=labels[0], ylabel=labels[1])
    for ax in panels[len(sets) :]:
        ax.remove()
    there = [name for name in order if name in drawn]
    figure.legend(
        [drawn[name] for name in there], [titles.get(name, name) for name in there],
        loc="outside lower center", frameon=False, fontsize=8,
        title=told, title_fontsize=8, alignment="left",
        ncols=min(len(there), 2 * abreast + 1),
    )  # fmt: skip
    return figure


def _panel(ax: Axes, found: Mapping[str, Any], name: str, order: Sequence[str]) -> dict[str, Any]:
    """One set; returns the methods' marks."""
    points = [row for row in found["stimuli"] if row["set"] == name]
    ax.plot([1, 5], [1, 5], color=QUIET, linewidth=0.8, linestyle="--", zorder=0)
    ax.plot(
        [row["mos_a"] for row in points], [row["mos_b"] for row in points],
        ".", color="#c9c9c9", markersize=3, zorder=1,
    )  # fmt: skip
    drawn = {}
    for row in found["methods"]:
        if row["set"] != name or row["mos_a"] is None:
            continue
        number = order.index(row["method"])
        colour = HUES[number % len(HUES)]
        if row["low"] is not None:
            ends = [row["mos_a"] + row["low"], row["mos_a"] + row["high"]]
            ax.plot([row["mos_a"]] * 2, ends, color=colour, linewidth=1.1, zorder=2)
        (drawn[row["method"]],) = ax.plot(
            row["mos_a"], row["mos_b"], MARKS[number % len(MARKS)], color=colour,
            markeredgecolor="white", markeredgewidth=0.6, markersize=6.5, zorder=3,
        )  # fmt: skip
    ax.set(xlim=(0.8, 5.2), ylim=(0.8, 5.2), xticks=opinion.SCORES, yticks=opinion.SCORES)
    ax.set_aspect("equal")
    ax.spines[["top", "right"]].set_visible(False)
    return drawn
