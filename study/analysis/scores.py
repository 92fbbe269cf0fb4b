"""Opinion scores as plain arrays: which rater gave which stimulus which score.

Everything in `study.analysis` works on a `Scores`. Raters and stimuli are in natural order of their
names (2 before 10), votes by stimulus, rater and repetition: the order of rows in a file changes
no bit of any figure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from study.analysis.measures import OfSets

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

ACR = (1.0, 5.0)
EVERYTHING = "all"
"""The name of the set where ratings name none."""


@dataclass(frozen=True, eq=False)
class Scores:
    """Votes that count, one element each in ``rater``, ``stimulus`` (codes) and ``score``.

    ``stimuli`` has one row a stimulus: stimulus, set, content (its source), method (None where the
    ratings name none), reference (whether it is the hidden reference), left_out (double votes that
    do not count), and enlarged_by where the ratings say by how much an image was enlarged.
    ``retests`` has one row for each stimulus rated again: rater, stimulus (codes), first, second.
    ``measures`` has a column for each image quality measure, a row for each stimulus. ``notes`` are
    the rules that were applied on the way, as sentences.
    """

    raters: list[str]
    stimuli: pd.DataFrame
    rater: Ints
    stimulus: Ints
    score: Floats
    scale: tuple[float, float] = ACR
    retests: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame(columns=["rater", "stimulus", "first", "second"])
    )
    measures: pd.DataFrame = field(default_factory=pd.DataFrame)
    methods: tuple[str, ...] = ()
    sets: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    response_ms: Floats | None = None
    """Milliseconds to each vote, NaN where unknown; None where the ratings do not say."""
    raters_kind: str | None = None
    """people or simulated, never both; None where the ratings do not say."""
    of_sets: OfSets = field(default_factory=dict)
    """What measures say of a method's images of a whole set together."""

    def __len__(self) -> int:
        return len(self.score)

    @cached_property
    def sums(self) -> Floats:
        """Sum of each rater's votes on each stimulus: raters by stimuli, 0 where there is none."""
        return self._cells(self.score)

    @cached_property
    def counts(self) -> Floats:
        """Number of each rater's votes on each stimulus: raters by stimuli."""
        return self._cells(np.ones(len(self)))

    @cached_property
    def matrix(self) -> Floats:
        """Each rater's (mean) score of each stimulus: raters by stimuli, NaN for none."""
        with np.errstate(invalid="ignore"):
            return self.sums / self.counts

    def _cells(self, values: Floats) -> Floats:
        shape = len(self.raters), len(self.stimuli)
        codes = self.rater * shape[1] + self.stimulus
        sums: Floats = np.bincount(codes, values, shape[0] * shape[1]).astype(np.float64)
        return sums.reshape(shape)

    @cached_property
    def _of_sets(self) -> dict[str, Ints]:
        of_stimulus = self.stimuli["set"].to_numpy()
        return {name: np.flatnonzero(of_stimulus == name).astype(np.int64) for name in self.sets}

    @cached_property
    def _grids(self) -> dict[str, Floats]:
        return {}

    def of_set(self, name: str) -> Ints:
        """Codes of the stimuli of one set."""
        return self._of_sets[name]

    def methods_of(self, name: str) -> list[str]:
        """The methods that were rated on a set, in their order."""
        there = set(self.stimuli["method"].to_numpy()[self.of_set(name)])
        return [method for method in self.methods if method in there]

    def by_method(self, name: str, values: Floats) -> Floats:
        """Sums of ``values`` (raters by stimuli) over the stimuli of each method of a set.

        Returns raters by methods, in the order of `methods_of`.
        """
        codes, methods = self.of_set(name), self.methods_of(name)
        place = {method: m for m, method in enumerate(methods)}
        belongs = np.zeros((len(codes), len(methods)))
        column = [place[method] for method in self.stimuli["method"].to_numpy()[codes]]
        belongs[np.arange(len(codes)), column] = 1
        return values[:, codes] @ belongs

    def rater_means(self, name: str) -> Floats:
        """Each rater's mean score of each method on a set, NaN where there is none."""
        with np.errstate(invalid="ignore"):
            return self.by_method(name, self.sums) / self.by_method(name, self.counts)

    def cells(self, name: str) -> Floats:
        """Scores by (rater, content) and method of a set: raters by contents by methods, or NaN.

        Where several stimuli share a content and a method, their mean.
        """
        if name not in self._grids:
            self._grids[name] = self._grid(name)
        return self._grids[name]

    def _grid(self, name: str) -> Floats:
        codes, methods = self.of_set(name), self.methods_of(name)
        of_set = self.stimuli.iloc[codes]
        content, contents = pd.factorize(of_set["content"])
        method = pd.Index(methods).get_indexer(pd.Index(of_set["method"]))
        sums = np.zeros((len(self.raters), len(contents), len(methods)))
        counts = np.zeros_like(sums)
        place = content * len(methods) + method
        if len(np.unique(place)) == len(place):
            sums[:, content, method] = self.sums[:, codes]
            counts[:, content, method] = self.counts[:, codes]
        else:
            for c, m, j in zip(content, method, codes, strict=True):
                sums[:, c, m] += self.sums[:, j]
                counts[:, c, m] += self.counts[:, j]
        with np.errstate(invalid="ignore"):
            return sums / counts

    def without(self, raters: Sequence[str]) -> Scores:
        """The same scores without these raters; stimuli that nobody else saw are gone too."""
        keep = ~np.isin(np.array(self.raters, dtype=object), list(raters))
        votes = keep[self.rater]
        rated = np.zeros(len(self.stimuli), dtype=bool)
        rated[self.stimulus[votes]] = True
        rater_code, code = np.cumsum(keep) - 1, np.cumsum(rated) - 1
        stays = keep[self.retests["rater"].to_numpy(dtype=np.int64)]
        retests = self.retests[stays]
        return replace(
            self,
            raters=[name for name, stay in zip(self.raters, keep, strict=True) if stay],
            stimuli=self.stimuli[rated].reset_index(drop=True),
            rater=rater_code[self.rater[votes]],
            stimulus=code[self.stimulus[votes]],
            score=self.score[votes],
            response_ms=None if self.response_ms is None else self.response_ms[votes],
            retests=retests.assign(
                rater=rater_code[retests["rater"].to_numpy(dtype=np.int64)],
                stimulus=code[retests["stimulus"].to_numpy(dtype=np.int64)],
            ),
            measures=self.measures[rated].reset_index(drop=True)
            if len(self.measures)
            else (self.measures),
        )
