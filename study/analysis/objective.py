"""What people see against what measures say: MOS beside PSNR, SSIM, LPIPS.

The point of the paper: PSNR and SSIM rank SRGAN last among the networks, people rank it first.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from study.analysis import bootstrap
from study.analysis.scores import Floats, Scores
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
    """
    found = []
    for set_name in scores.sets:
        codes = scores.of_set(set_name)
        shown = codes[~scores.stimuli["reference"].to_numpy()[codes]]
        for measure in scores.measures.columns:
            x = scores.measures[measure].to_numpy(dtype=np.float64)
            known = shown[np.isfinite(x[shown])]
            if not len(known):
                continue
            base = {"measure": measure, "set": set_name}
            content, contents = pd.factorize(scores.stimuli["content"].iloc[known])
            weights = bootstrap.content_weights(len(contents), draws=DRAWS)[:, content]
            found.append(base | {"level": "image"} | per_image(x[known], mos[known], weights))
            if scores.methods:
                found.append(base | {"level": "method"} | _per_method(scores, set_name, x, known))
    return found


def per_image(x: Floats, y: Floats, weights: Floats) -> dict[str, object]:
    """Correlations of two columns, their intervals from ``weights`` (draws by points)."""
    fitted, note = logistic(x, y)
    point = correlations(x, fitted, y, np.ones((1, len(x))))
    drawn = correlations(x, fitted, y, weights)
    return _described(len(x), point, drawn, note)


def _per_method(scores: Scores, set_name: str, x: Floats, known: np.ndarray) -> dict[str, object]:
    """The same over methods, whose MOS are drawn with raters and images."""
    codes, methods = scores.of_set(set_name), scores.methods_of(set_name)
    of_stimulus = scores.stimuli["method"].to_numpy()
    drawn_mos = bootstrap.method_draws(scores, set_name, draws=DRAWS)
    keep, measure, mos = [], [], []
    sums, counts = scores.sums.sum(axis=0), scores.counts.sum(axis=0)
    for m, method in enumerate(methods):
        own = known[of_stimulus[known] == method]
        # A method's figure is its mean over all its images, as in the paper's table 2.
        if len(own) == int((of_stimulus[codes] == method).sum()):
            keep.append(m)
            measure.append(float(x[own].mean()))
            mos.append(float(sums[own].sum() / counts[own].sum()))
    xs, ys, ydraws = np.array(measure), np.array(mos), drawn_mos[:, keep]
    if len(keep) < FEWEST:
        return _described(len(keep), {}, {}, f"fewer than {FEWEST} methods")
    fitted, note = logistic(xs, ys)
    point = correlations(xs, fitted, ys, np.ones((1, len(xs))))
    drawn = correlations_of_draws(xs, fitted, ydraws[~np.isnan(ydraws).any(axis=1)])
    return _described(len(xs), point, drawn, note)


def correlations(x: Floats, fitted: Floats | None, y: Floats, weights: Floats) -> dict[str, Floats]:
    """Pearson (of ``fitted`` with y), Spearman and Kendall's tau-b for each row of weights.

    A weight is how often a point was drawn. Ranks of a weighted sample are sums of signs of
    differences, so that all draws are matrix products and nothing is sorted.
    """
    sx, sy = np.sign(x[:, None] - x[None]), np.sign(y[:, None] - y[None])
    concordant = ((weights @ (sx * sy)) * weights).sum(axis=1)
    tied = [((weights @ np.abs(s)) * weights).sum(axis=1) for s in (sx, sy)]
    with np.errstate(invalid="ignore", divide="ignore"):
        kendall = concordant / np.sqrt(tied[0] * tied[1])
    found = {"spearman": _weighted(weights @ sx.T, weights @ sy.T, weights), "kendall": kendall}
    if fitted is not None:
        found["pearson"] = _weighted(
            np.broadcast_to(fitted, weights.shape), np.broadcast_to(y, weights.shape), weights
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
    with np.errstate(invalid="ignore", divide="ignore"):
        r: Floats = np.where(
            spread > 1e-18, (a * b * weights).sum(axis=1) / np.sqrt(spread), np.nan
        )
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
    from scipy.optimize import least_squares

    centre, spread = x.mean(), x.std()
    z = (x - centre) / spread
    sign = 1.0 if pearson(z, y) >= 0 else -1.0

    def curve(b: Floats) -> Floats:
        steep = np.clip(-(z - b[2]) * np.exp(b[3]), -60, 60)
        mapped: Floats = b[1] + (b[0] - b[1]) / (1 + np.exp(steep))
        return mapped

    def slopes(b: Floats) -> Floats:
        s = curve(np.array([1.0, 0.0, b[2], b[3]]))
        steep = (b[0] - b[1]) * s * (1 - s) * np.exp(b[3])
        return np.column_stack([s, 1 - s, -steep, steep * (z - b[2])])

    def residual(b: Floats) -> Floats:
        left: Floats = curve(b) - y
        return left

    ends = (y.max(), y.min()) if sign > 0 else (y.min(), y.max())
    fits = [
        least_squares(residual, [*ends, 0.0, start], jac=slopes, method="lm", max_nfev=2000)
        for start in (0.0, 1.0)
    ]
    best = min(fits, key=lambda fit: fit.cost)
    mapped = curve(best.x)
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
