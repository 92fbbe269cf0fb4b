"""The orders in which raters see the stimuli: what holds over many raters, tested as statistics.

The seeds are fixed, so nothing here fails by chance twice. Where a test asks many questions at
once, its level is divided by their number (Bonferroni).
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import chisquare, kstest, norm

from study.plan import Item, Planned, Rules, plan
from tests.bench_plan import LEDIG2017

LEVEL = 1e-3
SQUARE = [Item(source, method) for source in range(8) for method in range(5)]
SITTINGS = Rules(sessions=4, retests=20)
PAPER = [plan(LEDIG2017, seed=seed, rules=SITTINGS) for seed in range(60)]


def of_kind(made, *kinds) -> list[Planned]:
    return [trial for trial in made.trials if trial.kind in kinds]


def positions(items, raters, rules) -> np.ndarray:
    """Raters by items: the place of each item among the main trials, from 0 to 1."""
    places = np.full((raters, len(items)), np.nan)
    for seed in range(raters):
        main = of_kind(plan(items, seed=seed, rules=rules), "main")
        places[seed, [trial.item for trial in main]] = (np.arange(len(main)) + 0.5) / len(main)
    return places


def uniform(values, bins) -> float:
    """The p value of a chi-square test of ``values`` in [0, 1] against equal numbers in bins."""
    return chisquare(np.histogram(values, bins, (0, 1))[0]).pvalue


# The paper's study


def test_the_papers_1128_trials_keep_every_rule_for_every_rater():
    for made in PAPER:
        main = of_kind(made, "main")
        assert sorted(trial.item for trial in main) == list(range(1128))
        proof = made.proof
        assert proof.source_gap >= 3
        assert proof.longest_run <= 2
        assert proof.session_lengths == (290, 291, 290, 291)
        assert proof.stabilising == (5, 3, 3, 3)
        assert proof.retests == 20
        assert proof.retest_distance >= 556  # 31/32 of half of 1148
        assert proof.method_imbalance < 1


def test_every_session_and_every_half_of_it_has_its_share_of_each_method():
    for made in PAPER:
        for session in range(4):
            load = [t for t in of_kind(made, "main", "retest") if t.session == session]
            methods = [LEDIG2017[t.item].method for t in load]
            early, late = (
                Counter(methods[: len(load) // 2]),
                Counter(methods[len(load) // 2 :]),
            )
            # A random order misses this in nearly every session (by 8 and more).
            assert max(abs(early[method] - late[method]) for method in range(12)) <= 3


def test_no_session_is_a_methods_favourite():
    rules = Rules(sessions=3, first_stabilising=0, later_stabilising=0)
    counts = np.zeros((5, 3))
    for seed in range(300):
        for trial in plan(SQUARE, seed=seed, rules=rules).trials:
            counts[SQUARE[trial.item].method, trial.session] += 1
    # Eight trials of a method in three sessions of 13, 13 and 14: each has two or three of them.
    expected = 300 * 8 * np.array([13, 13, 14]) / 40
    for row in counts:
        assert chisquare(row, expected).pvalue > LEVEL / 5


# Position


def test_every_method_is_equally_likely_at_every_place():
    places = positions(SQUARE, 600, Rules(first_stabilising=0))
    methods = np.array([item.method for item in SQUARE])
    for method in range(5):
        assert uniform(places[:, methods == method].ravel(), 20) > LEVEL / 5
    firsts = Counter(methods[places.argmin(axis=1)].tolist())
    lasts = Counter(methods[places.argmax(axis=1)].tolist())
    for ends in (firsts, lasts):
        assert chisquare([ends[method] for method in range(5)]).pvalue > LEVEL / 2


@pytest.mark.parametrize(
    "rules",
    [
        Rules(),
        Rules(sessions=2),
        Rules(source_gap=7),  # eight sources: they must go round in a circle
        Rules(share=16, first_stabilising=3),
    ],
    ids=["one session", "two sessions", "no room in the gap", "a share"],
)
def test_every_stimulus_is_equally_likely_at_every_place(rules):
    places = positions(SQUARE, 600, rules)
    for item in range(len(SQUARE)):
        shown = places[:, item][~np.isnan(places[:, item])]
        assert uniform(shown, 8) > LEVEL / len(SQUARE)
    if rules.share:
        shown = (~np.isnan(places)).sum(axis=0)
        assert chisquare(shown).pvalue > LEVEL


def test_large_and_small_sets_are_mixed_evenly_in_the_papers_plan():
    places = np.array(
        [
            [p for _, p in sorted((t.item, n) for n, t in enumerate(of_kind(made, "main")))]
            for made in PAPER
        ]
    )
    places = (places + 0.5) / 1128
    small = np.array([item.source[0] != "BSD100" for item in LEDIG2017])
    for part in (small, ~small):
        assert uniform(places[:, part].ravel(), 20) > LEVEL / 2
    # Mean places of the 1128 stimuli, as far from the middle as chance takes them, no further.
    z = (places.mean(axis=0) - 0.5) * np.sqrt(12 * len(PAPER))
    assert kstest(z, "norm").pvalue > LEVEL
    assert np.abs(z).max() < norm.isf(LEVEL / 2 / 1128)


# Carry-over


def followers(items, plans, methods) -> np.ndarray:
    """How often method b came right after method a: methods by methods."""
    pairs = np.zeros((methods, methods))
    for made in plans:
        order = [items[trial.item].method for trial in of_kind(made, "main", "retest")]
        for a, b in pairwise(order):
            pairs[a, b] += 1
    return pairs


@pytest.mark.parametrize("sessions", [1, 3])
def test_every_method_follows_every_other_equally_often(sessions):
    rules = Rules(sessions=sessions, first_stabilising=0, later_stabilising=0)
    made = [plan(SQUARE, seed=seed, rules=rules) for seed in range(600)]
    pairs = followers(SQUARE, made, 5)
    assert chisquare(pairs[~np.eye(5, dtype=bool)]).pvalue > LEVEL


def test_the_nine_methods_of_all_sets_follow_each_other_equally_often_in_the_papers_plan():
    pairs = followers(LEDIG2017, PAPER, 12)[:9, :9]
    assert chisquare(pairs[~np.eye(9, dtype=bool)]).pvalue > LEVEL


# Shares, votes and raters who drop out


def dropping_out(items, rules, *, raters, seed):
    """Raters who come one by one, six at work at a time; a third leave at a random trial.

    The last quarter of them stay to the end. Returns votes per item, how many left, and the
    shares that were handed out.
    """
    rng = random.Random(seed)
    done, active, left, shares = [0] * len(items), [], 0, []

    def finish(share, votes):
        for item in share[:votes]:
            done[item] += 1

    for number in range(raters):
        owed = Counter(item for share in active for item in share)
        votes = [have + owed[item] for item, have in enumerate(done)]
        made = plan(items, seed=number, rules=rules, votes=votes)
        share = [trial.item for trial in of_kind(made, "main")]
        shares.append((votes, share))
        active.append(share)
        if len(active) > 6:
            share = active.pop(int(rng.random() * len(active)))
            leaves = number < raters * 3 / 4 and rng.random() < 1 / 3
            left += leaves
            finish(share, int(rng.random() * len(share)) if leaves else len(share))
    for share in active:
        finish(share, len(share))
    return done, left, shares


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("items", "share", "raters"), [(SQUARE, 13, 80), (LEDIG2017, 376, 24)], ids=["40", "1128"]
)
def test_votes_per_stimulus_end_equal_though_raters_drop_out(items, share, raters, seed):
    done, left, shares = dropping_out(items, Rules(share=share), raters=raters, seed=seed)
    assert left >= 3
    assert max(done) - min(done) <= 1
    for votes, shown in shares:
        assert len(set(shown)) == share
        spared = set(range(len(items))) - set(shown)
        assert max(votes[item] for item in shown) <= min(votes[item] for item in spared)


def test_a_share_is_mixed_like_the_whole_over_methods_and_sources():
    for seed in range(30):
        made = plan(LEDIG2017, seed=seed, rules=Rules(share=282))
        shown = [LEDIG2017[trial.item] for trial in of_kind(made, "main")]
        methods = Counter(item.method for item in shown)
        whole = Counter(item.method for item in LEDIG2017)
        assert all(abs(methods[method] - whole[method] / 4) <= 1.5 for method in whole)
        sources = Counter(item.source for item in shown)
        images = Counter(item.source for item in LEDIG2017)
        assert all(abs(sources[image] - images[image] / 4) <= 2 for image in images)


# Retests and stabilising trials


def test_retests_come_in_another_session():
    for made in PAPER:
        first = {trial.item: trial for trial in of_kind(made, "main")}
        for trial in of_kind(made, "retest"):
            assert trial.session - first[trial.item].session >= 1


def test_first_showings_of_retests_are_spread_over_the_whole_first_half():
    places = []
    for made in PAPER:
        load = of_kind(made, "main", "retest")
        twice = {trial.item for trial in load if trial.kind == "retest"}
        places += [n for n, t in enumerate(load) if t.item in twice and t.kind == "main"]
    # 1148 trials: up to the middle and, where a method has an odd number, not quite as far.
    assert uniform(np.array(places) / 574, 5) > LEVEL


def test_every_stimulus_is_equally_likely_to_be_shown_twice_and_every_method_in_each_plan():
    drawn: Counter[int] = Counter()
    for seed in range(400):
        twice = [t.item for t in of_kind(plan(SQUARE, seed=seed, rules=Rules(retests=5)), "retest")]
        assert sorted(SQUARE[item].method for item in twice) == list(range(5))
        assert len({SQUARE[item].source for item in twice}) >= 4
        drawn.update(twice)
    assert chisquare([drawn[item] for item in range(len(SQUARE))]).pvalue > LEVEL


def test_stabilising_trials_show_methods_of_the_whole_range_and_stay_away_from_their_own_vote():
    for made in PAPER[:20]:
        main = of_kind(made, "main")
        place = {trial.item: number / len(main) for number, trial in enumerate(main)}
        session_of = {trial.item: trial.session for trial in main}
        warm_ups = of_kind(made, "stabilising")
        twice = {trial.item for trial in of_kind(made, "retest")}
        assert len({trial.item for trial in warm_ups}) == 14
        assert not twice & {trial.item for trial in warm_ups}
        for session in range(4):
            mine = [trial.item for trial in warm_ups if trial.session == session]
            assert len({LEDIG2017[item].method for item in mine}) == len(mine)
            for item in mine:
                if session == 0:
                    assert place[item] > 0.7
                else:
                    assert session_of[item] < session


def test_stabilising_trials_of_a_share_are_stimuli_that_the_rater_is_never_asked_about():
    shown: Counter[int] = Counter()
    for seed in range(400):
        made = plan(SQUARE, seed=seed, rules=Rules(share=20))
        asked = {trial.item for trial in of_kind(made, "main")}
        warm_ups = [trial.item for trial in of_kind(made, "stabilising")]
        assert not asked & set(warm_ups)
        assert sorted(SQUARE[item].method for item in warm_ups) == list(range(5))
        shown.update(warm_ups)
    assert chisquare([shown[item] for item in range(len(SQUARE))]).pvalue > LEVEL


# The same for ever

PINNED = (
    *((8, 0, "s"), (3, 0, "s"), (7, 0, "m"), (0, 0, "m"), (5, 0, "m"), (1, 0, "m")),
    *((5, 1, "s"), (7, 1, "r"), (0, 1, "r"), (6, 1, "m"), (4, 1, "m"), (2, 1, "m")),
)


def test_the_same_seed_gives_the_same_order_in_every_version():
    # Written down on the day the planner was made: an order in a report can be replayed for ever.
    items = [Item(source, method) for source in ("baby", "bird", "woman") for method in "xyz"]
    rules = Rules(sessions=2, retests=2, share=7, first_stabilising=2, later_stabilising=1)
    votes = [1, 0, 0, 2, 0, 1, 0, 0, 1]
    made = plan(items, seed=2017, rules=rules, votes=votes)
    assert tuple((t.item, t.session, t.kind[0]) for t in made.trials) == PINNED
    assert plan(items, seed=2018, rules=rules, votes=votes).trials != made.trials


def test_no_order_of_hashes_enters_a_plan():
    code = (
        "from tests.bench_plan import LEDIG2017; from study.plan import Rules, plan;"
        "rules = Rules(sessions=3, retests=9, share=400);"
        "print([t.item for t in plan(LEDIG2017, seed=5, rules=rules).trials])"
    )
    orders = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
            capture_output=True,
            check=True,
        ).stdout
        for seed in (1, 2, 3)
    }
    assert len(orders) == 1


# Small, odd and impossible


@pytest.mark.parametrize(
    ("items", "gap", "run"),
    [
        ([], 0, 0),
        ([Item("a", "x")], 1, 1),
        ([Item("a", method) for method in "wxyz"], 0, 1),
        ([Item(source, "x") for source in "abcd"], 4, 4),
        ([Item(source, method) for source in "ab" for method in "xyz"], 1, 2),
        ([Item(source, method) for source in "abc" for method in "xyz"], 2, 2),
        ([*[Item("a", n) for n in range(3)], Item("b", 9)], 0, 1),
    ],
    ids=["nothing", "one", "one source", "one method", "two sources", "three sources", "lopsided"],
)
def test_where_the_numbers_leave_less_room_the_proof_says_what_is_kept(items, gap, run):
    for seed in range(20):
        made = plan(items, seed=seed, rules=Rules(first_stabilising=0))
        assert sorted(trial.item for trial in made.trials) == list(range(len(items)))
        assert made.proof.source_gap == gap
        assert made.proof.longest_run <= run


def test_little_room_is_used_to_the_last_place():
    # 11 of the 12 distances within each of 19 images, and the 19 themselves, make 99 the limit.
    bare = Rules(source_gap=1000, first_stabilising=0)
    assert plan(LEDIG2017, seed=1, rules=bare).proof.source_gap == 99
    for counts, run in (((40, 20), 2), ((30, 30), 1), ((29, 10, 20), 1)):
        items = [Item((m, n), m) for m, count in enumerate(counts) for n in range(count)]
        tight = Rules(longest_run=run, first_stabilising=0)
        assert plan(items, seed=1, rules=tight).proof.longest_run == run
    # Six between two of eight images: they all but go round in a circle.
    bare = {"first_stabilising": 0, "later_stabilising": 0}
    tight = Rules(source_gap=6, sessions=3, retests=5, **bare)
    for seed in range(50):
        proof = plan(SQUARE, seed=seed, rules=tight).proof
        assert proof.source_gap == 6
        assert proof.retest_distance >= 21
        assert proof.method_imbalance < 1


def test_stabilising_trials_cost_no_more_distance_than_they_must():
    # Four images in a circle keep three between; stabilising trials break the circle, and an
    # order that asks for three would keep but one.
    items = [Item(source, method) for source in range(4) for method in range(6)]
    for seed in range(50):
        rules = Rules(sessions=4, retests=1)
        assert plan(items, seed=seed, rules=rules).proof.source_gap >= 2


def test_a_session_keeps_room_for_a_vote_beside_its_stabilising_trials():
    proof = plan(SQUARE[:6], seed=1, rules=Rules(sessions=3)).proof
    assert proof.session_lengths == (5, 5, 6)
    assert proof.stabilising == (4, 3, 3)


def test_more_sessions_retests_or_share_than_there_are_stimuli_means_all_of_them():
    made = plan(SQUARE[:6], seed=1, rules=Rules(sessions=50, retests=50, share=50))
    assert sorted(trial.item for trial in of_kind(made, "main")) == list(range(6))
    assert made.proof.retests == 6
    assert len(made.proof.session_lengths) == 12
    assert min(Counter(t.session for t in of_kind(made, "main", "retest")).values()) == 1


@pytest.mark.parametrize(
    ("rule", "least"),
    [
        ("source_gap", 0),
        ("longest_run", 1),
        ("sessions", 1),
        ("retests", 0),
        ("share", 1),
        ("first_stabilising", 0),
        ("later_stabilising", 0),
    ],
)
def test_nonsense_rules_are_refused_in_a_sentence(rule, least):
    for value in (least - 1, 1.5, True):
        with pytest.raises(ValueError, match=rf"{rule} is {value}; a whole number from {least} on"):
            Rules(**{rule: value})
    Rules(**{rule: least})


@pytest.mark.parametrize("votes", [[0] * 39, [0] * 39 + [-1], []])
def test_votes_of_other_items_are_refused_in_a_sentence(votes):
    with pytest.raises(ValueError, match="votes must be 40 numbers from 0 on"):
        plan(SQUARE, seed=1, votes=votes)
