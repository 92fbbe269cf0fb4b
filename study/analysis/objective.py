"""What people see against what measures say: MOS beside PSNR, SSIM, LPIPS.

The point of the paper: PSNR and SSIM rank SRGAN last among the networks, people rank it first.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from study.analysis import bootstrap
from study.analysis.scores import Floats, Ints, Scores
from study.analysis.screening import pearson

DRAWS = 1000
FEWEST = 3
FEWEST_FOR_LOGISTIC = 6
COLUMNS = [
    *("measure", "set", "level", "n"),
    *("pearson", "pearson_low", "pearson_high", "spearman", "spearman_low", "spearman_high"),
    *("kendall", "kendall_low", "kendall_high", "note"),
]


def against_measures(scores: Scores, mos: Floats) -> list[dict[str, object]]:
    """Correlations of the MOS with every measure, for each set, per image and per method.

    ``mos``: one a stimulus. The original is left out, and so is whatever a measure has no finite
    figure for. Per image: a point is a stimulus, the interval draws images again, with all their
    stimuli. Per method: a point is a method's mean, the interval draws raters and images again.
    Figures of whole sets come last, and per method alone.
    """
    found = []
    for set_name in scores.sets:
        codes = scores.of_set(set_name)
        shown = codes[~scores.stimuli["reference"].to_numpy()[codes]]
        # What hangs on the ratings alone is the same for every measure, and drawn once.
        drawn_mos: Floats | None = None
        orders: dict[bytes, Order] = {}
        for measure in scores.measures.columns:
            x = scores.measures[measure].to_numpy(dtype=np.float64)
            known = shown[np.isfinite(x[shown])]
            if not len(known):
                continue
            base = {"measure": measure, "set": set_name}
            content, contents = pd.factorize(scores.stimuli["content"].iloc[known])
            if known.tobytes() not in orders:
                weights = bootstrap.content_weights(len(contents), draws=DRAWS)
                orders[known.tobytes()] = order(mos[known], _and_once(weights), content)
            found.append(base | {"level": "image"} | per_image(x[known], orders[known.tobytes()]))
            if scores.methods:
                if drawn_mos is None:
                    drawn_mos = bootstrap.method_draws(scores, set_name, draws=DRAWS)
                values = _means_of_methods(scores, set_name, x, known)
                row = _per_method(scores, set_name, values, drawn_mos)
                found.append(base | {"level": "method"} | row)
        compared = {str(name) for name in scores.stimuli["method"].to_numpy()[shown]}
        for measure, of_sets in scores.of_sets.items():
            values = {name: of_sets[set_name, name] for name in scores.methods_of(set_name)
                      if name in compared and (set_name, name) in of_sets}  # fmt: skip
            if values:
                if drawn_mos is None:
                    drawn_mos = bootstrap.method_draws(scores, set_name, draws=DRAWS)
                row = _per_method(scores, set_name, values, drawn_mos)
                found.append({"measure": measure, "set": set_name, "level": "method"} | row)
    return found


def _and_once(weights: Floats) -> Floats:
    """The draws, and before them the sample itself, which has everything once."""
    return np.concatenate([np.ones((1, weights.shape[1])), weights])


def per_image(x: Floats, mos: Order) -> dict[str, object]:
    """Correlations of a measure with the MOS, whose first draw is the sample itself."""
    fitted, note = logistic(x, mos.values)
    found = correlations(x, fitted, mos)
    point = {name: drawn[:1] for name, drawn in found.items()}
    return _described(len(x), point, {name: drawn[1:] for name, drawn in found.items()}, note)


def _means_of_methods(scores: Scores, set_name: str, x: Floats, known: Ints) -> dict[str, float]:
    """A method's figure is its mean over all its images, as in the paper's table 2."""
    of_stimulus, codes = scores.stimuli["method"].to_numpy(), scores.of_set(set_name)
    means = {}
    for method in scores.methods_of(set_name):
        own = known[of_stimulus[known] == method]
        if len(own) and len(own) == int((of_stimulus[codes] == method).sum()):
            means[method] = float(x[own].mean())
    return means


def _per_method(
    scores: Scores, set_name: str, values: dict[str, float], drawn_mos: Floats
) -> dict[str, object]:
    """The same over methods with their ``values``, whose MOS are drawn with raters and images."""
    codes, methods = scores.of_set(set_name), scores.methods_of(set_name)
    of_stimulus = scores.stimuli["method"].to_numpy()
    sums, counts = scores.sums.sum(axis=0), scores.counts.sum(axis=0)
    keep = [m for m, method in enumerate(methods) if method in values]
    own = [codes[of_stimulus[codes] == methods[m]] for m in keep]
    xs = np.array([values[methods[m]] for m in keep])
    ys = np.array([float(sums[each].sum() / counts[each].sum()) for each in own])
    ydraws = drawn_mos[:, keep]
    if len(keep) < FEWEST:
        return _described(len(keep), {}, {}, f"fewer than {FEWEST} methods")
    fitted, note = logistic(xs, ys)
    point = correlations(xs, fitted, order(ys, np.ones((1, len(xs)))))
    drawn = correlations_of_draws(xs, fitted, ydraws[~np.isnan(ydraws).any(axis=1)])
    return _described(len(xs), point, drawn, note)


class Order(NamedTuple):
    """A column of figures as many draws of its points order it.

    ``weights`` (draws by columns) says how often points were drawn; ``content`` is each point's
    column, for points that are drawn together. ``signs`` are those of all differences of two
    points; by draw, ``tied`` counts the pairs that differ, ``ranks`` has each point's rank, from
    the middle and doubled, and ``spread`` is the sum of their squares.
    """

    values: Floats
    weights: Floats
    content: Ints
    signs: Floats
    tied: Floats
    ranks: Floats
    spread: Floats


def order(values: Floats, weights: Floats, content: Ints | None = None) -> Order:
    """`Order` of a column; without ``content`` each point has its own column of ``weights``.

    Ranks of a weighted sample are sums of signs of differences, so that all draws are matrix
    products and nothing is sorted. Signs and weights are whole, hence their sums exact, and those
    of points that are drawn together are summed before they are weighted.
    """
    if content is None:
        content = np.arange(len(values))
    signs = np.sign(values[:, None] - values[None])
    ranks = weights @ _together(signs, content).T
    spread = np.einsum("dp,dp,dp->d", ranks, ranks, weights[:, content])
    tied = _pairs(np.abs(signs), weights, content)
    return Order(values, weights, content, signs, tied, ranks, spread)


def _together(signs: Floats, content: Ints) -> Floats:
    """Sums over columns of one content: rows of ``signs`` by contents."""
    place = np.argsort(content, kind="stable")
    starts = np.searchsorted(content[place], np.arange(content.max() + 1))
    summed: Floats = np.add.reduceat(signs[:, place], starts, axis=1)
    return summed


def _pairs(signs: Floats, weights: Floats, content: Ints) -> Floats:
    """For each draw the sum of ``signs`` over all pairs of its points."""
    together = _together(_together(signs, content).T, content)
    summed: Floats = ((weights @ together) * weights).sum(axis=1)
    return summed


def correlations(x: Floats, fitted: Floats | None, y: Order) -> dict[str, Floats]:
    """Pearson (of ``fitted`` with y), Spearman and Kendall's tau-b of x for each draw of y."""
    of_x = order(x, y.weights, y.content)
    weights = y.weights[:, y.content]
    concordant = _pairs(of_x.signs * y.signs, y.weights, y.content)
    with np.errstate(invalid="ignore", divide="ignore"):
        kendall = concordant / np.sqrt(of_x.tied * y.tied)
    together = np.einsum("dp,dp,dp->d", of_x.ranks, y.ranks, weights)
    found = {"spearman": _ratio(together, of_x.spread * y.spread), "kendall": kendall}
    if fitted is not None:
        found["pearson"] = _pearson(fitted, y)
    return found


def _pearson(x: Floats, y: Order) -> Floats:
    """Pearson's r of x with y for each draw, from sums over the points of a content."""
    a, b = x - x.mean(), y.values - y.values.mean()  # so that little is lost in differences
    size, of_a, of_b, aa, bb, ab = (
        y.weights @ np.bincount(y.content, each, y.weights.shape[1])
        for each in (np.ones_like(a), a, b, a * a, b * b, a * b)
    )
    of_x, of_y = aa - of_a * of_a / size, bb - of_b * of_b / size
    found = _ratio(ab - of_a * of_b / size, of_x * of_y)
    # Where a draw hardly varies, these differences lose digits: point by point then.
    hardly = (of_x < 1e-3 * aa) | (of_y < 1e-3 * bb)
    if hardly.any():
        each = y.weights[hardly][:, y.content]
        found[hardly] = _weighted(
            np.broadcast_to(x, each.shape), np.broadcast_to(y.values, each.shape), each
        )
    return found


def correlations_of_draws(x: Floats, fitted: Floats | None, draws: Floats) -> dict[str, Floats]:
    """The same three of x with each row of ``draws`` (draws by points)."""
    sx, sy = np.sign(x[:, None] - x[None]), np.sign(draws[:, :, None] - draws[:, None, :])
    tied = np.abs(sx).sum() * np.abs(sy).sum(axis=(1, 2))
    once = np.ones_like(draws)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = {"kendall": (sx * sy).sum(axis=(1, 2)) / np.sqrt(tied)}
    found["spearman"] = _weighted(
        np.broadcast_to(sx.sum(axis=1), draws.shape), sy.sum(axis=2), once
    )
    if fitted is not None:
        found["pearson"] = _weighted(np.broadcast_to(fitted, draws.shape), draws, once)
    return found


def _weighted(a: Floats, b: Floats, weights: Floats) -> Floats:
    total = weights.sum(axis=1, keepdims=True)
    a = a - (a * weights).sum(axis=1, keepdims=True) / total
    b = b - (b * weights).sum(axis=1, keepdims=True) / total
    spread = (a * a * weights).sum(axis=1) * (b * b * weights).sum(axis=1)
    return _ratio((a * b * weights).sum(axis=1), spread)


def _ratio(together: Floats, spread: Floats) -> Floats:
    """A sum of products over the root of two sums of squares; NaN where nothing varies."""
    with np.errstate(invalid="ignore", divide="ignore"):
        r: Floats = np.where(spread > 1e-18, together / np.sqrt(spread), np.nan)
    return np.clip(r, -1, 1)


def logistic(x: Floats, y: Floats) -> tuple[Floats | None, str]:
    """``x`` mapped to the scale of ``y`` by a monotone logistic curve of four parameters.

    f(x) = b2 + (b1 - b2)/(1 + exp(-(x - b3)/b4)), least squares (VQEG 2000, ITU-T P.1401). Returns
    None and the reason where there are too few points or one of the two does not vary.
    """
    if len(x) < FEWEST_FOR_LOGISTIC:
        return None, f"no Pearson: the logistic fit needs {FEWEST_FOR_LOGISTIC} points"
    if np.ptp(x) <= 1e-12 or np.ptp(y) <= 1e-12:
        return None, "no correlation: one of the two does not vary"
    from scipy.optimize import leastsq

    centre, spread = x.mean(), x.std()
    z = (x - centre) / spread
    sign = 1.0 if pearson(z, y) >= 0 else -1.0

    slope = np.empty((4, len(z)))
    latest: tuple[bytes, Floats] = b"", z

    def below(b: Floats) -> Floats:
        """What curve and slopes divide by: 1 + exp(-(z - b3)/b4), kept for the latest b."""
        nonlocal latest
        if latest[0] != b.tobytes():
            steep = -(z - b[2]) * np.exp(b[3])
            np.minimum(np.maximum(steep, -60, out=steep), 60, out=steep)
            latest = b.tobytes(), 1 + np.exp(steep, out=steep)
        return latest[1]

    def curve(b: Floats) -> Floats:
        mapped: Floats = b[1] + (b[0] - b[1]) / below(b)
        return mapped

    def slopes(b: Floats) -> Floats:
        s = np.divide(1, below(b), out=slope[0])
        rest = np.subtract(1, s, out=slope[1])
        steep = (b[0] - b[1]) * s * rest * np.exp(b[3])
        np.negative(steep, out=slope[2])
        np.multiply(steep, z - b[2], out=slope[3])
        return slope

    def residual(b: Floats) -> Floats:
        left: Floats = curve(b) - y
        return left

    ends = (y.max(), y.min()) if sign > 0 else (y.min(), y.max())
    fits = [
        # Levenberg and Marquardt by MINPACK itself: `least_squares` takes twice as long around it.
        leastsq(
            residual, [*ends, 0.0, start], Dfun=slopes, col_deriv=True, full_output=True,
            ftol=1e-8, xtol=1e-8, gtol=1e-8, maxfev=2000,
        )
        for start in (0.0, 1.0)
    ]  # fmt: skip
    best = min(fits, key=lambda fit: float(np.dot(fit[2]["fvec"], fit[2]["fvec"])))
    mapped = curve(best[0])
    if np.ptp(mapped) <= 1e-9:
        return None, "no Pearson: the logistic curve is flat"
    return mapped, ""


def _described(
    n: int, point: dict[str, Floats], drawn: dict[str, Floats], note: str
) -> dict[str, object]:
    row: dict[str, object] = {"n": n}
    for name in ("pearson", "spearman", "kendall"):
        value = float(point[name][0]) if name in point and n >= FEWEST else np.nan
        known = drawn[name][~np.isnan(drawn[name])] if name in drawn else np.array([])
        low, high = np.percentile(known, bootstrap.LEVEL) if len(known) > 1 else (np.nan, np.nan)
        row |= {name: value, f"{name}_low": float(low), f"{name}_high": float(high)}
        if np.isnan(value):
            row |= {f"{name}_low": np.nan, f"{name}_high": np.nan}
    return row | {"note": note or (f"fewer than {FEWEST} points" if n < FEWEST else "")}
