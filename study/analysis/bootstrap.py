"""Intervals by drawing raters and images again, with replacement."""

from __future__ import annotations

import numpy as np
import pandas as pd

from study.analysis.scores import Floats, Scores

DRAWS = 2000
LEVEL = (2.5, 97.5)


def method_draws(scores: Scores, set_name: str, *, draws: int = DRAWS, seed: int = 0) -> Floats:
    """Means of each method of a set in ``draws`` studies, raters and images drawn again in each.

    Returns draws by methods, NaN where a draw has no vote on a method. Raters and images are drawn
    independently (the two-way bootstrap of Owen 2007), so that both count as samples.
    """
    codes, methods = scores.of_set(set_name), scores.methods_of(set_name)
    of_set = scores.stimuli.iloc[codes]
    content, contents = pd.factorize(of_set["content"])
    belongs = (of_set["method"].to_numpy()[:, None] == np.array(methods, dtype=object)).astype(
        float
    )
    rng = np.random.default_rng(seed)
    raters = _weights(rng, len(scores.raters), draws)
    images = _weights(rng, len(contents), draws)[:, content]
    sums = (raters @ scores.sums[:, codes] * images) @ belongs
    counts = (raters @ scores.counts[:, codes] * images) @ belongs
    with np.errstate(invalid="ignore"):
        means: Floats = sums / counts
    return means


def interval(draws: Floats) -> tuple[Floats, Floats]:
    """The percentile interval (95 %) of each column; NaN for a column without any figure."""
    low, high = np.full(draws.shape[1], np.nan), np.full(draws.shape[1], np.nan)
    for m in range(draws.shape[1]):
        known = draws[~np.isnan(draws[:, m]), m]
        if len(known):
            low[m], high[m] = np.percentile(known, LEVEL)
    return low, high


def content_weights(contents: int, *, draws: int = DRAWS, seed: int = 0) -> Floats:
    """How often each of ``contents`` images is drawn in each of ``draws`` draws."""
    return _weights(np.random.default_rng(seed), contents, draws)


def _weights(rng: np.random.Generator, n: int, draws: int) -> Floats:
    return rng.multinomial(n, np.full(n, 1 / n), size=draws).astype(np.float64)
