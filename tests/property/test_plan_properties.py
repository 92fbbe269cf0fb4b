"""What every plan keeps, for any numbers of stimuli, sources, methods, sessions and retests."""

from __future__ import annotations

from collections import Counter
from functools import cache
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from study.plan import Item, Rules, lengths, plan, room

seeds = st.integers(0, 2**62)
any_items = st.lists(st.builds(Item, st.integers(0, 5), st.integers(0, 4)), max_size=30)
squares = st.builds(
    lambda sources, methods: [Item(s, m) for s in range(sources) for m in range(methods)],
    st.integers(1, 12),
    st.integers(1, 7),
)
any_rules = st.builds(
    Rules,
    source_gap=st.integers(0, 5),
    longest_run=st.integers(1, 3),
    sessions=st.integers(1, 5),
    retests=st.integers(0, 8),
    share=st.none() | st.integers(1, 25),
    first_stabilising=st.integers(0, 6),
    later_stabilising=st.integers(0, 4),
)
designs = any_items | squares
bare = {"first_stabilising": 0, "later_stabilising": 0}


def in_a_row(values) -> int:
    longest = run = 0
    previous = object()
    for value in values:
        run = run + 1 if value == previous else 1
        longest, previous = max(longest, run), value
    return longest


def others_between(values) -> int:
    """Fewest others between two equal values, by looking at every pair."""
    pairs = [
        second - first - 1
        for second, value in enumerate(values)
        for first in range(second)
        if values[first] == value
    ]
    return min(pairs, default=len(values))


@given(items=designs, rules=any_rules, seed=seeds)
@settings(max_examples=300, deadline=None)
def test_every_stimulus_of_a_share_comes_once_and_every_retest_after_its_first_showing(
    items, rules, seed
):
    trials = plan(items, seed=seed, rules=rules).trials
    main = [trial.item for trial in trials if trial.kind == "main"]
    again = [trial.item for trial in trials if trial.kind == "retest"]
    share = len(items) if rules.share is None else min(rules.share, len(items))
    assert len(main) == len(set(main)) == share
    assert len(again) == len(set(again)) == min(rules.retests, share)
    places = {trial.item: place for place, trial in enumerate(trials) if trial.kind == "main"}
    for place, trial in enumerate(trials):
        if trial.kind == "retest":
            assert places[trial.item] < place


@given(items=designs, rules=any_rules, seed=seeds)
@settings(max_examples=300, deadline=None)
def test_sessions_are_as_long_as_each_other_and_open_with_their_stabilising_trials(
    items, rules, seed
):
    trials = plan(items, seed=seed, rules=rules).trials
    load = sum(trial.kind != "stabilising" for trial in trials)
    assert all(b.session - a.session in (0, 1) for a, b in pairwise(trials))
    lengths = Counter(trial.session for trial in trials)
    assert sorted(lengths) == list(range(min(rules.sessions, load)))
    assert max(lengths.values(), default=0) - min(lengths.values(), default=0) <= 1
    for session, length in lengths.items():
        kinds = [trial.kind == "stabilising" for trial in trials if trial.session == session]
        assert kinds == sorted(kinds, reverse=True)
        assert sum(kinds) < length
        asked = rules.later_stabilising if session else rules.first_stabilising
        assert sum(kinds) <= asked
        # All that were asked for, wherever a session has room beside them.
        if load // len(lengths) > rules.first_stabilising + rules.later_stabilising:
            assert sum(kinds) == min(asked, len(items))


@given(items=designs, rules=any_rules, seed=seeds)
@settings(max_examples=300, deadline=None)
def test_the_proof_tells_the_truth(items, rules, seed):
    made = plan(items, seed=seed, rules=rules)
    trials, proof = made.trials, made.proof
    assert proof.seed == seed
    assert proof.source_gap == others_between([items[trial.item].source for trial in trials])
    assert proof.longest_run == in_a_row([items[trial.item].method for trial in trials])
    lengths = Counter(trial.session for trial in trials)
    opening = Counter(trial.session for trial in trials if trial.kind == "stabilising")
    assert proof.session_lengths == tuple(lengths[session] for session in sorted(lengths))
    assert proof.stabilising == tuple(opening[session] for session in sorted(lengths))
    asked = [trial for trial in trials if trial.kind != "stabilising"]
    distances = [
        trials.index(trial) - place
        for trial in asked
        for place, first in enumerate(trials)
        if trial.kind == "retest" and first.kind == "main" and first.item == trial.item
    ]
    assert proof.retests == len(distances)
    assert proof.retest_distance == min(distances, default=None)
    methods = Counter(items[trial.item].method for trial in asked)
    cells = Counter((items[trial.item].method, trial.session) for trial in asked)
    load = Counter(trial.session for trial in asked)
    off = [
        abs(cells[method, session] - methods[method] * load[session] / len(asked))
        for method in methods
        for session in load
    ]
    assert abs(proof.method_imbalance - max(off, default=0)) < 1e-9


def largest_gap(counts, most) -> int:
    """The largest gap up to ``most`` that some order of so many of each kind keeps: all tried."""

    def possible(gap) -> bool:
        @cache
        def finish(left, recent) -> bool:
            return not any(left) or any(
                finish(
                    (*left[:kind], left[kind] - 1, *left[kind + 1 :]),
                    (*recent, kind)[-gap:] if gap else (),
                )
                for kind in range(len(left))
                if left[kind] and kind not in recent
            )

        return finish(tuple(counts), ())

    return max(gap for gap in range(most + 1) if possible(gap))


@given(
    counts=st.lists(st.integers(1, 4), min_size=1, max_size=5), gap=st.integers(0, 4), seed=seeds
)
@settings(max_examples=200, deadline=None)
def test_the_largest_possible_distance_between_two_of_a_source_is_kept(counts, gap, seed):
    items = [Item(source, n % 3) for source, count in enumerate(counts) for n in range(count)]
    kept = plan(items, seed=seed, rules=Rules(source_gap=gap, sessions=2, **bare)).proof.source_gap
    assert min(kept, gap) == largest_gap(counts, min(gap, len(items)))


@given(
    counts=st.lists(st.integers(1, 12), min_size=1, max_size=5), run=st.integers(1, 3), seed=seeds
)
@settings(max_examples=200, deadline=None)
def test_runs_of_a_method_are_as_short_as_the_numbers_allow(counts, run, seed):
    items = [Item((method, n), method) for method, count in enumerate(counts) for n in range(count)]
    kept = plan(items, seed=seed, rules=Rules(longest_run=run, **bare)).proof.longest_run
    heaviest = max(counts)
    assert kept <= max(run, -(-heaviest // (len(items) - heaviest + 1)))


@given(
    sources=st.integers(8, 20),
    methods=st.integers(3, 9),
    sessions=st.integers(1, 4),
    retests=st.integers(0, 6),
    seed=seeds,
)
@settings(max_examples=150, deadline=None)
def test_a_study_with_room_keeps_every_rule_over_session_borders_and_stabilising_trials(
    sources, methods, sessions, retests, seed
):
    items = [Item(source, method) for source in range(sources) for method in range(methods)]
    rules = Rules(sessions=sessions, retests=retests)
    made = plan(items, seed=seed, rules=rules)
    load = len(items) + retests
    assert made.proof.source_gap >= rules.source_gap
    assert made.proof.longest_run <= rules.longest_run
    assert made.proof.method_imbalance < 2
    if retests:
        assert made.proof.retest_distance >= load // 3


@given(items=designs.filter(bool), rules=any_rules, seed=seeds, data=st.data())
@settings(max_examples=150, deadline=None)
def test_a_share_is_made_of_the_stimuli_with_the_fewest_votes(items, rules, seed, data):
    number = st.integers(0, 4)
    votes = data.draw(st.lists(number, min_size=len(items), max_size=len(items)))
    trials = plan(items, seed=seed, rules=rules, votes=votes).trials
    shown = {trial.item for trial in trials if trial.kind == "main"}
    spared = [votes[item] for item in range(len(items)) if item not in shown]
    assert max(votes[item] for item in shown) <= min(spared, default=4)


@given(items=designs, rules=any_rules, seed=seeds)
@settings(max_examples=150, deadline=None)
def test_a_plan_depends_on_which_stimuli_are_alike_and_on_nothing_in_their_names(
    items, rules, seed
):
    renamed = [Item(f"image {99 - item.source}", (17 - item.method,)) for item in items]
    made = plan(items, seed=seed, rules=rules)
    assert plan(items, seed=seed, rules=rules) == made
    assert plan(renamed, seed=seed, rules=rules) == made


@given(items=designs, rules=any_rules, seed=seeds)
@settings(max_examples=300, deadline=None)
def test_how_long_sessions_are_is_known_before_anything_is_planned(items, rules, seed):
    proof = plan(items, seed=seed, rules=rules).proof
    each = min(rules.share or len(items), len(items))
    opening, rest = lengths(each + min(rules.retests, each), len(items), rules)
    assert tuple(opening) == proof.stabilising
    assert tuple(a + b for a, b in zip(opening, rest, strict=True)) == proof.session_lengths


@given(items=designs, seed=seeds)
@settings(max_examples=200, deadline=None)
def test_no_plan_keeps_a_wider_gap_or_shorter_runs_than_there_is_said_to_be_room_for(items, seed):
    rules = Rules(source_gap=len(items), longest_run=1, **bare)
    gap, run = room(items, rules)
    proof = plan(items, seed=seed, rules=rules).proof
    assert (proof.source_gap, proof.longest_run >= run) == (gap, True)
