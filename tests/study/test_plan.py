"""The order in which a rater sees the stimuli."""

from __future__ import annotations

import collections
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from study.plan import plan

LEDIG = [
    f"{s}{i}" for s, n, m in (("a", 19, 12), ("b", 100, 9)) for i in range(n) for _ in range(m)
]


def smallest_gap(order, sources):
    last: dict = {}
    gaps = [math.inf]
    for place, index in enumerate(order):
        if sources[index] in last:
            gaps.append(place - last[sources[index]] - 1)
        last[sources[index]] = place
    return min(gaps)


@given(
    counts=st.lists(st.integers(1, 8), min_size=1, max_size=12),
    seed=st.integers(0, 2**62),
    gap=st.integers(0, 4),
)
@settings(max_examples=200, deadline=None)
def test_every_stimulus_comes_once_and_the_promised_gap_is_kept(counts, seed, gap):
    sources = [source for source, count in enumerate(counts) for _ in range(count)]
    planned = plan(sources, seed=seed, gap=gap)
    assert sorted(planned.order) == list(range(len(sources)))
    assert planned.gap <= gap
    assert smallest_gap(planned.order, sources) >= planned.gap


@given(counts=st.lists(st.integers(1, 6), min_size=2, max_size=8), seed=st.integers(0, 2**62))
@settings(max_examples=200, deadline=None)
def test_no_source_comes_twice_in_a_row_wherever_that_can_be_had(counts, seed):
    sources = [source for source, count in enumerate(counts) for _ in range(count)]
    possible = max(counts) <= (len(sources) + 1) // 2
    assert plan(sources, seed=seed, gap=1).gap == int(possible)


def test_the_papers_1128_trials_keep_a_gap_of_three():
    assert len(LEDIG) == 1128
    planned = plan(LEDIG, seed=20170721, gap=3)
    assert planned.gap == 3
    assert smallest_gap(planned.order, LEDIG) >= 3


RECORDED = (0, 3, 5, 1, 2, 4)


def test_the_same_seed_gives_the_same_order_in_every_version():
    # Written down on the day the planner was made: an order in a report can be replayed for ever.
    assert plan("aabbcc", seed=2017, gap=1).order == RECORDED
    assert plan("aabbcc", seed=2018, gap=1).order != RECORDED


def test_every_method_is_equally_likely_at_every_place():
    methods, images, raters = 5, 5, 2000
    sources = [image for image in range(images) for _ in range(methods)]
    firsts: collections.Counter[int] = collections.Counter()
    halves: collections.Counter[int] = collections.Counter()
    for seed in range(raters):
        order = plan(sources, seed=seed, gap=3).order
        firsts[order[0] % methods] += 1
        halves.update(index % methods for index in order[: len(order) // 2])
    for counts in (firsts, halves):
        assert chisquare([counts[m] for m in range(methods)]).pvalue > 1e-3


def test_every_pair_of_methods_follows_each_other_equally_often():
    methods, images = 4, 6
    sources = [image for image in range(images) for _ in range(methods)]
    pairs: collections.Counter[tuple[int, int]] = collections.Counter()
    for seed in range(1500):
        order = [index % methods for index in plan(sources, seed=seed, gap=1).order]
        pairs.update(zip(order, order[1:], strict=False))
    different = [pairs[a, b] for a in range(methods) for b in range(methods) if a != b]
    assert chisquare(different).pvalue > 1e-3


@pytest.mark.parametrize("sources", ["", "a", "aaaa"])
def test_a_study_too_small_for_any_gap_is_still_planned(sources):
    assert sorted(plan(sources, seed=1, gap=3).order) == list(range(len(sources)))
