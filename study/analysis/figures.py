"""Figures of opinion scores, drawn by matplotlib without pyplot; the same data give the same bytes.

Colours survive colour blindness and grey print: one hue from light to dark carries the shares, and
the means in red are told from them by shape and a white outline too.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from study.analysis import marks, opinion
from study.analysis.measures import OURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.figure import Figure

Format = Literal["svg", "pdf", "png"]

WIDTH = 5.4  # inches: 9 pt is still 5.6 pt when reduced to a column of 3.4 inches
MEAN_COLOUR = "#d4141c"
QUIET = "#555555"
STYLE: Any = {
    "font.family": ["DejaVu Sans"],  # comes with matplotlib, so that it is the same everywhere
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.titleweight": "bold",
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "text.parse_math": False,  # a dollar in a title is a dollar
    "svg.fonttype": "path",
    "svg.hashsalt": "opinion",
}
# A date in the file would make two drawings of the same data differ.
METADATA: dict[str, dict[str, Any]] = {
    "svg": {"Date": None},
    "pdf": {"CreationDate": None},
    "png": {"Software": None},
}
_drawing = threading.Lock()  # matplotlib's style is global, and a server draws in several threads


def distribution(
    ratings: pd.DataFrame,
    *,
    order: Sequence[str],
    titles: Mapping[str, str] | None = None,
    sets: Sequence[str] | None = None,
    format: Format = "svg",
) -> bytes:
    """The scores of each method as a column of five cells, as in figures 5 and 9 of Ledig et al.

    A panel for each set; a cell's colour is the share of a method's ratings that gave that score;
    the red marker is the mean, its bar the interval of `opinion.by_method`. Methods come in the
    given ``order`` (which may name more), sets as in ``sets`` or else by name. Returns a whole
    SVG, PDF or PNG file. Raises ``ValueError`` for faulty ratings, for none, for an unknown
    format, and for a method or set that the given order lacks.
    """
    if format not in METADATA:
        raise ValueError(f"a figure is drawn as {', '.join(METADATA)}, not as '{format}'")
    opinions = opinion.by_method(ratings).set_index(["set", "method"])
    if opinions.empty:
        raise ValueError("there are no ratings to draw yet")
    counts = opinion.score_counts(ratings)
    simulated = opinion.raters_kind(ratings) == "simulated"
    return whole(
        lambda: _draw(
            opinions,
            counts.div(counts.sum(axis=1), axis=0),
            sets=_rated("set", opinions, sets),
            methods=_rated("method", opinions, order),
            titles=titles or {},
            simulated=simulated,
        ),
        format,
        simulated,
    )


def _rated(what: str, opinions: pd.DataFrame, order: Sequence[str] | None) -> list[str]:
    """The sets or methods that have ratings, in the given order."""
    rated = list(opinions.index.unique(what))
    if order is None:
        return rated
    for name in rated:
        if name not in order:
            raise ValueError(f"the {what} '{name}' is rated, but not among: {', '.join(order)}")
    return [name for name in order if name in rated]


def _draw(
    opinions: pd.DataFrame,
    shares: pd.DataFrame,
    *,
    sets: Sequence[str],
    methods: Sequence[str],
    titles: Mapping[str, str],
    simulated: bool,
) -> Figure:
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap, Normalize
    from matplotlib.figure import Figure

    # Nearly white to dark blue, without the darkest tones, on which red is lost in grey print.
    colours = ListedColormap(colormaps["Blues"](np.linspace(0.0, 0.92, 256)))
    cells = ScalarMappable(Normalize(0.0, np.ceil(shares.to_numpy().max() * 10) / 10), colours)
    figure = Figure(figsize=(WIDTH, 1.3 + 1.6 * len(sets)), layout="constrained")
    panels = figure.subplots(len(sets), 1, sharex=True, squeeze=False)[:, 0]
    for ax, name in zip(panels, sets, strict=True):
        of_set = opinions.loc[[name]].droplevel("set")
        _cells(ax, shares.loc[[name]].droplevel("set"), methods, cells)
        _means(ax, of_set, methods)
        ax.set_title(name, loc="left")
        ax.set_title(_size(of_set, simulated), loc="right", size=8, color=QUIET, weight="normal")
    slanted = len(methods) > 6
    panels[-1].set_xticks(
        range(len(methods)),
        [titles.get(name, name).replace(" ", "\n") for name in methods],
        linespacing=1.0,
        **({"rotation": 40, "ha": "right", "rotation_mode": "anchor"} if slanted else {}),
    )
    _colour_bar(figure, panels, cells)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", frameon=False, fontsize=8)
    return figure


def _cells(ax: Axes, shares: pd.DataFrame, methods: Sequence[str], cells: ScalarMappable) -> None:
    """For each method a column of five cells, one for each score."""
    place, row = np.indices((len(methods), len(opinion.SCORES)))
    share = shares.reindex(list(methods)).to_numpy()
    known = ~np.isnan(share)
    ax.bar(
        place[known],
        1.0,
        width=0.84,
        bottom=np.array(opinion.SCORES)[row[known]] - 0.5,
        color=cells.to_rgba(share[known]),
        edgecolor="white",
        linewidth=0.5,
    )
    for gap in np.flatnonzero(~known[:, 0]).tolist():
        ax.text(gap, 3, "not rated", rotation=90, ha="center", va="center", color=QUIET)
    ax.set(xlim=(-0.6, len(methods) - 0.4), ylim=(0.5, 5.5), yticks=opinion.SCORES, ylabel="Score")
    ax.spines[:].set_visible(False)


def _means(ax: Axes, opinions: pd.DataFrame, methods: Sequence[str]) -> None:
    """The mean of each method with its interval, where it has one."""
    half = opinions["ci_half_width"]
    alone = bool(half.isna().all())
    label = "Mean (no interval: one rater)" if alone else f"Mean and its {opinion.INTERVAL}"
    # White and wider first: an outline that keeps the red readable on dark cells and in grey.
    for colour, extra, name in [("white", 1.4, None), (MEAN_COLOUR, 0.0, label)]:
        ax.errorbar(
            [methods.index(method) for method in opinions.index],
            opinions["mos"],
            yerr=None if alone else half,
            fmt="o",
            color=colour,
            markersize=2.8 + extra,
            elinewidth=1.1 + extra,
            capsize=3.4 + extra / 2,
            capthick=1.1 + extra,
            label=name,
        )


def _colour_bar(figure: Figure, panels: Iterable[Axes], cells: ScalarMappable) -> None:
    from matplotlib.ticker import PercentFormatter

    bar = figure.colorbar(
        cells,
        ax=list(panels),
        format=PercentFormatter(1.0, decimals=0, symbol=" %"),
        label="Share of ratings",
        fraction=0.04,
        aspect=30,
        pad=0.02,
    )
    bar.outline.set_visible(False)
    assert bar.solids is not None
    bar.solids.set_edgecolor("face")  # else viewers show hairlines between the steps


def _size(opinions: pd.DataFrame, simulated: bool) -> str:
    """Who gave how many ratings, such as ``26 raters, 130 ratings per method``."""
    raters, ratings = _range(opinions["raters"]), _range(opinions["ratings"])
    kind = f"{'simulated ' * simulated}rater{'s' * (raters != '1')}"
    return f"{raters} {kind}, {ratings} ratings per method"


def _range(numbers: pd.Series) -> str:
    few, many = int(numbers.min()), int(numbers.max())
    return f"{few}" if few == many else f"{few}–{many}"


def mean_ranks(
    ranks: Mapping[str, Mapping[str, float]],
    *,
    order: Sequence[str],
    titles: Mapping[str, str] | None = None,
    simulated: bool = False,
    format: Format = "svg",
) -> bytes:
    """The mean rank of each method in a panel for each set, as in figure 10 of Ledig et al.

    ``ranks``: by set, then by method; 1 is best, at the top. Returns a whole file. Raises
    ``ValueError`` where there is no rank.
    """
    if not any(ranks.values()):
        raise ValueError("there are no ranks to draw yet: no cell holds every method")
    return whole(lambda: _ranks(ranks, order, titles or {}), format, simulated)


def against_measures(
    points: pd.DataFrame,
    *,
    labels: Mapping[str, str],
    of_sets: Collection[str] = (),
    titles: Mapping[str, str] | None = None,
    without_references: Collection[str] = (),
    simulated: bool = False,
    format: Format = "svg",
) -> bytes:
    """MOS against measures: a row a set, a column a measure; grey images, named methods in colour.

    points: set, method, mos, then a column for each measure named in ``labels`` (which says how
    they are written); one row a stimulus. Those ``of_sets`` hold one figure for all images of a
    method, which are no points then. More than `ABREAST` measures go into further rows. Sets
    ``without_references`` are left out if there is no figure of them; their empty panels say why.
    Returns a whole file. Raises ``ValueError`` without any.
    """
    shown = {m: name for m, name in labels.items() if m in points and points[m].notna().any()}
    if points.empty or not shown:
        raise ValueError("there is no measured and rated image to draw yet")
    nothing = points[list(shown)].isna().all(axis=1).groupby(points["set"]).transform("all")
    drawn = points[~(nothing & points["set"].isin(list(without_references)))]
    return whole(
        lambda: _scatter(drawn, shown, of_sets, titles or {}, without_references),
        format,
        simulated,
    )


def whole(draw: Callable[[], Figure], format: Format, simulated: bool) -> bytes:
    """Draw in this house's style and nobody else's; every figure of simulated raters is stamped."""
    import matplotlib as mpl

    if format not in METADATA:
        raise ValueError(f"a figure is drawn as {', '.join(METADATA)}, not as '{format}'")
    with _drawing, mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(STYLE)
        file, figure, about = io.BytesIO(), draw(), METADATA[format]
        if simulated:
            _stamp(figure)
            about = about | {"Title": marks.SIMULATED}
        figure.savefig(file, format=format, dpi=220, metadata=about)
    return file.getvalue()


def _ranks(
    ranks: Mapping[str, Mapping[str, float]],
    order: Sequence[str],
    titles: Mapping[str, str],
) -> Figure:
    from matplotlib.figure import Figure

    sets = [name for name, of_set in ranks.items() if of_set]
    methods = [name for name in order if any(name in ranks[s] for s in sets)]
    figure = Figure(figsize=(WIDTH, 0.7 + 0.24 * len(methods) * len(sets)), layout="constrained")
    panels = figure.subplots(len(sets), 1, sharex=True, squeeze=False)[:, 0]
    for ax, name in zip(panels, sets, strict=True):
        there = sorted((m for m in methods if m in ranks[name]), key=lambda m: ranks[name][m])
        values = [ranks[name][m] for m in there]
        ax.hlines(range(len(there)), 1, values, color="#9db8d9", linewidth=2)
        ax.plot(values, range(len(there)), "o", color="#08306b", markersize=5)
        for y, value in enumerate(values):
            ax.annotate(
                f"{value:.2f}", (value, y), (6, 0), textcoords="offset points", va="center", size=8
            )
        ax.set_yticks(range(len(there)), [titles.get(m, m) for m in there])
        ax.set(xlim=(0.9, len(methods) + 0.5), ylim=(len(there) - 0.5, -0.5))
        ax.set_title(name, loc="left")
        ax.spines[["top", "right", "left"]].set_visible(False)
        ax.grid(axis="x", color="#dddddd", linewidth=0.6)
        ax.set_axisbelow(True)
    panels[-1].set_xlabel("Mean rank of a rater's scores on one image, 1 is best")
    return figure


def _scatter(
    points: pd.DataFrame,
    measures: Mapping[str, str],
    of_sets: Collection[str],
    titles: Mapping[str, str],
    without_references: Collection[str],
) -> Figure:
    from matplotlib.figure import Figure

    sets = list(dict.fromkeys(points["set"]))
    lines = -(-len(measures) // ABREAST)
    abreast = -(-len(measures) // lines)
    figure = Figure(
        figsize=(1.1 + 2.3 * abreast, 0.6 + 2.2 * len(sets) * lines), layout="constrained"
    )
    panels = figure.subplots(len(sets) * lines, abreast, squeeze=False)
    methods = list(dict.fromkeys(points["method"]))
    drawn: dict[str, Any] = {}
    for number, set_name in enumerate(sets):
        own = panels[number * lines : (number + 1) * lines].flatten()
        of_set = points[points["set"] == set_name]
        for place, (measure, label) in enumerate(measures.items()):
            ax = own[place]
            marks_ = _panel(ax, of_set, measure, methods, titles, images=measure not in of_sets)
            if set_name in without_references and not marks_:
                ax.text(
                    0.5, 0.85, "no originals", transform=ax.transAxes, ha="center", va="center",
                    size=8, color=QUIET,
                )  # fmt: skip
                ax.set_xticks([])
            ax.set_title(set_name if place == 0 else "", loc="left")
            ax.set_xlabel(label if lines > 1 or number == len(sets) - 1 else "")
            ax.set_ylabel("MOS" if place % abreast == 0 else "")
            if place == 0 or measure not in OURS:  # other sets and measures may know other methods
                drawn = marks_ | drawn
        for ax in own[len(measures) :]:
            ax.remove()
    known = [name for name in methods if name in drawn]
    figure.legend(
        [drawn[name] for name in known], [titles.get(name, name) for name in known],
        loc="outside lower center", frameon=False, fontsize=8,
        ncols=min(len(known), 2 * abreast) or 1,
    )  # fmt: skip
    return figure


def _panel(
    ax: Axes,
    of_set: pd.DataFrame,
    measure: str,
    methods: Sequence[str],
    titles: Mapping[str, str],
    *,
    images: bool,
) -> dict[str, Any]:
    """One measure on one set: the ``images`` in grey, and over them what each method has.

    Returns the methods' marks.
    """
    known = of_set[np.isfinite(of_set[measure].astype(float))]
    if images:
        ax.plot(known[measure], known["mos"], ".", color="#c9c9c9", markersize=3, zorder=1)
    means = known.groupby("method")[[measure, "mos"]].mean()
    drawn = {}
    for name in [m for m in methods if m in means.index]:
        # Told apart by shape and, in print without colour, by lightness too.
        number = methods.index(name)
        (drawn[name],) = ax.plot(
            *means.loc[name],
            MARKS[number % len(MARKS)],
            color=HUES[number % len(HUES)],
            markeredgecolor="white",
            markeredgewidth=0.6,
            markersize=6.5,
            label=titles.get(name, name),
            zorder=2,
        )
    ax.set(ylim=(0.8, 5.2), yticks=opinion.SCORES)
    ax.spines[["top", "right"]].set_visible(False)
    return drawn


ABREAST = 5
"""Measures beside each other in a figure that is still read on a page."""
MARKS = "os^Dv<>Ph*Xd"
HUES = ("#000000", "#e69f00", "#56b4e9", "#009e73", "#0072b2", "#d55e00", "#cc79a7", "#7f7f7f")
"""The colours of Okabe and Ito, which colour-blind readers tell apart."""


def _stamp(figure: Figure) -> None:
    """Says above the figure and across each of its panels, where no cutting takes it off."""
    figure.suptitle(marks.SIMULATED, color=MEAN_COLOUR, size=10, weight="bold")
    for ax in figure.axes:
        if ax.get_label() != "<colorbar>":
            ax.text(
                0.5, 0.5, "SIMULATED", transform=ax.transAxes, ha="center", va="center",
                size=15, weight="bold", color=MEAN_COLOUR, alpha=0.22, zorder=9,
            )  # fmt: skip
