"""One walk through a plan's places: at each the trial that is due first and keeps the rules.

The distance between two of one source is kept at any price; the other rules are kept where a
choice is left, in the order of their penalties.
"""

from __future__ import annotations

from collections.abc import Sequence

from study.plan.design import Planned
from study.plan.timetable import Due

# What a trial costs that breaks a rule, the gravest first; each outweighs all that follow.
NEAR_STABILISING = 8  # its source was just shown, but in a trial that is never analysed
LONG_RUN = 4  # its method has had its run, or another method must come now to keep its runs short
OVER_SHARE = 2  # its method has had its share of this session
EARLY_RETEST = 1  # it would come before half the load has passed since its first showing


class Walk:
    """The places from first to last, and what has been shown so far.

    ``sources`` and ``methods``: of each item, as numbers 0, 1, ... ``due``: the trials to place.
    ``gap``: others between two of one source. ``run``: most trials of one method in a row.
    """

    def __init__(
        self,
        sources: Sequence[int],
        methods: Sequence[int],
        due: Sequence[Due],
        *,
        gap: int,
        run: int,
    ) -> None:
        self.sources, self.methods, self.gap, self.run = sources, methods, gap, run
        self.waiting = list(due)
        self.half = len(due) // 2
        self.trials: list[Planned] = []
        self.shown_at: dict[int, int] = {}
        self.last_method, self.in_a_row = -1, 0
        # Before these places a source is too near to its last trial: of any kind, or analysed.
        self.ready = [0] * (max(sources, default=-1) + 1)
        self.ready_analysed = list(self.ready)
        self.left_of_source = _Left(len(self.ready), [sources[trial.item] for trial in due])
        kinds = max(methods, default=-1) + 1
        self.left_of_method = _Left(kinds, [methods[trial.item] for trial in due])

    def stabilise(self, session: int, count: int, candidates: Sequence[Sequence[int]]) -> None:
        """Open ``session`` with ``count`` trials of as many methods as possible.

        ``candidates``: lists of items, the most suitable list first.
        """
        used = {trial.item for trial in self.trials if trial.kind == "stabilising"}
        seen = [0] * len(self.left_of_method.counts)
        for _ in range(count):
            place = len(self.trials)
            best: tuple[int, ...] | None = None
            for rank, items in enumerate(candidates):
                for item in items:
                    method = self.methods[item]
                    wait = max(0, self.ready[self.sources[item]] - place)
                    ends_run = method == self.last_method and self.in_a_row >= self.run
                    cost = (wait, ends_run, item in used, rank, seen[method])
                    if best is None or cost < best[:-1]:
                        best = (*cost, item)
                        if cost == (0, 0, 0, rank, 0):
                            break
                if best is not None and best[:3] == (0, 0, 0):
                    break
            if best is None:
                return
            item = best[-1]
            used.add(item)
            seen[self.methods[item]] += 1
            self._show(Planned(item, session, "stabilising"))

    def work(self, session: int, count: int, share: Sequence[int], *, scarce_first: bool) -> bool:
        """Place ``count`` trials of ``session``, ``share[m]`` of method m; whether all could be.

        ``scarce_first``: always a source that has the most trials left, which finds an order
        with the gap wherever there is one, for the price of a less free choice.
        """
        left = list(share)
        for _ in range(count):
            chosen = self._choose(left, scarce_first)
            if chosen is None:
                return False
            trial = self.waiting.pop(chosen)
            self.left_of_source.take(self.sources[trial.item])
            self.left_of_method.take(self.methods[trial.item])
            left[self.methods[trial.item]] -= 1
            self._show(Planned(trial.item, session, trial.kind))
        return True

    def _choose(self, share: Sequence[int], scarce_first: bool) -> int | None:
        place, free = len(self.trials), len(self.waiting)
        sources, methods, ready = self.sources, self.methods, self.ready_analysed
        per_source, per_method = self.left_of_source, self.left_of_method
        least = 0
        most = per_source.most
        # Sources that need every place that is left must come now.
        need = (most - 1) * (self.gap + 1) + per_source.having[most]
        if scarce_first or (most > 1 and need >= free):
            counts = per_source.counts
            least = max((n for n, at in zip(counts, ready, strict=True) if at <= place), default=0)
        heaviest = per_method.most
        pressing = heaviest > self.run * (free - heaviest)
        full_run = self.in_a_row >= self.run
        best, best_cost = None, 16
        for index, (_, item, kind) in enumerate(self.waiting):
            source, method = sources[item], methods[item]
            if ready[source] > place or per_source.counts[source] < least:
                continue
            cost = 0
            if self.ready[source] > place:
                cost = NEAR_STABILISING
            if (full_run and method == self.last_method) or (
                pressing and per_method.counts[method] < heaviest
            ):
                cost += LONG_RUN
            if share[method] <= 0:
                cost += OVER_SHARE
            if kind == "retest":
                if item not in self.shown_at:
                    continue
                if place - self.shown_at[item] < self.half:
                    cost += EARLY_RETEST
            if cost < best_cost:
                best, best_cost = index, cost
                if not cost:
                    break
        return best

    def _show(self, trial: Planned) -> None:
        place, method = len(self.trials), self.methods[trial.item]
        source = self.sources[trial.item]
        self.ready[source] = place + self.gap + 1
        if trial.kind != "stabilising":
            self.ready_analysed[source] = place + self.gap + 1
        if trial.kind == "main":
            self.shown_at[trial.item] = place
        self.in_a_row = self.in_a_row + 1 if method == self.last_method else 1
        self.last_method = method
        self.trials.append(trial)


class _Left:
    """How many trials each source (or method) has left, and always the largest such number."""

    def __init__(self, kinds: int, trials: Sequence[int]) -> None:
        self.counts = [0] * kinds
        for kind in trials:
            self.counts[kind] += 1
        self.most = max(self.counts, default=0)
        self.having = [0] * (self.most + 1)  # how many sources have 0, 1, ... left
        for count in self.counts:
            self.having[count] += 1

    def take(self, kind: int) -> None:
        count = self.counts[kind]
        self.counts[kind] = count - 1
        self.having[count] -= 1
        self.having[count - 1] += 1
        while self.most and not self.having[self.most]:
            self.most -= 1
