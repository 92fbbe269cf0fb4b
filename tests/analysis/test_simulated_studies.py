"""Studies with known truth: intervals cover it, corrections hold, screening finds the careless."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtr

from study.analysis import opinion, power, report, screening, significance, subjects
from study.analysis.votes import of_votes

STUDIES = 1000
RATERS = 26
STRICTNESS, TASTE, NOISE = 0.35, 0.35, 0.6


def study_of(rng, qualities, *, raters=RATERS):
    """Scores of raters by images by methods; ``qualities`` is images by methods, latent."""
    images, methods = qualities.shape
    felt = qualities + rng.normal(0, NOISE, (raters, images, methods))
    felt += rng.normal(0, STRICTNESS, (raters, 1, 1)) + rng.normal(0, TASTE, (raters, 1, methods))
    return np.clip(np.floor(felt + 0.5), 1, 5)


def true_mos(qualities):
    """What infinitely many such raters would give these images, on average over the images."""
    spread = np.sqrt(STRICTNESS**2 + TASTE**2 + NOISE**2)
    return (1 + ndtr((qualities[..., None] - power.THRESHOLDS) / spread).sum(axis=-1)).mean(axis=0)


@pytest.fixture(scope="module")
def intervals():
    """MOS, clustered and pooled half-widths of 1000 studies of three methods, and the truth."""
    rng = np.random.default_rng(1)
    qualities = np.array([1.9, 3.0, 3.3]) + rng.normal(0, 0.3, (10, 1))
    found = np.empty((STUDIES, 3, 3))
    for k in range(STUDIES):
        some = power.of_cube(study_of(rng, qualities), ["a", "b", "c"])
        table = opinion.method_opinions(some)
        found[k] = table[["mos", "ci_half_width", "pooled_half_width"]].to_numpy().T
    return found, true_mos(qualities)


def test_clustered_intervals_cover_the_truth(intervals):
    found, truth = intervals
    covered = np.abs(found[:, 0] - truth) <= found[:, 1]
    assert ((covered.mean(axis=0) >= 0.93) & (covered.mean(axis=0) <= 0.97)).all(), covered.mean(0)


def test_pooled_intervals_do_not(intervals):
    found, truth = intervals
    covered = (np.abs(found[:, 0] - truth) <= found[:, 2]).mean(axis=0)
    assert (covered < 0.75).all(), covered


def test_bootstrap_intervals_cover_raters_and_images_alike():
    """Truth over all images: the two-way bootstrap covers it, raters alone do not."""
    rng = np.random.default_rng(2)
    truth = true_mos(rng.normal(0, 0.5, (200_000, 1)) + 3.0)[0]
    covered = np.zeros(2)
    for _ in range(200):
        qualities = 3.0 + rng.normal(0, 0.5, (20, 1))
        some = power.of_cube(study_of(rng, qualities), ["a"])
        (row,) = report.methods_with_intervals(some, draws=400)
        covered += [
            row["ci_bootstrap_low"] <= truth <= row["ci_bootstrap_high"],
            row["ci_low"] <= truth <= row["ci_high"],
        ]
    both, raters_alone = covered / 200
    assert both >= 0.90
    assert raters_alone < both - 0.05


def test_holm_keeps_the_family_wise_error_by_raters_and_cells_do_not():
    """Six methods alike: 15 pairs, none of which differs."""
    rng = np.random.default_rng(3)
    qualities = np.full((12, 6), 3.1) + rng.normal(0, 0.3, (12, 1))
    methods = list("abcdef")
    wrong = {"raters": 0, "cells": 0}
    for k in range(STUDIES):
        some = power.of_cube(study_of(rng, qualities), methods)
        for unit in wrong:
            if unit == "cells" and k >= 100:
                continue
            table = significance.pairs(some, "all", units=(unit,))
            wrong[unit] += bool((table["p_holm"] < 0.05).any())
    assert wrong["raters"] / STUDIES <= 0.055
    assert wrong["cells"] / 100 > 0.2, "cells of one rater are not independent"


def unanimous(raters=RATERS):
    """NN gets 1 and HR gets 5 from everyone; another method is disputed."""
    rows = [
        {"rater": r, "content": c, "method": m, "stimulus": f"{m}{c}",
         "score": {"nn": 1, "hr": 5}.get(m, 2 + (r + c) % 3)}
        for r in range(raters) for c in range(10) for m in ("nn", "x", "hr")
    ]  # fmt: skip
    return of_votes(pd.DataFrame(rows))


def test_bt500_rejects_nobody_for_stimuli_on_which_all_agree():
    some = unanimous()
    found = screening.bt500(some)
    assert found.unanimous == 20
    assert not found.rejected.any()
    assert (found.p + found.q).sum() == 0
    said = report.analyse(some)["notes"]
    assert any("BT.500 skips 20 of 30 stimuli" in note for note in said)


def test_correlation_finds_shuffled_raters_where_bt500_finds_few():
    rng = np.random.default_rng(4)
    cube = study_of(rng, rng.uniform(1, 5, (30, 4)))
    careless = [2, 7, 11, 19, 23]
    for i in careless:
        cube[i] = rng.permutation(cube[i].ravel()).reshape(cube[i].shape)
    some = power.of_cube(cube, list("abcd"))
    assert np.flatnonzero(screening.correlations(some) < 0.75).tolist() == careless
    assert screening.bt500(some).rejected.sum() < len(careless)
    model = subjects.subject_model(some)
    assert set(np.argsort(model.inconsistency)[-5:]) == set(careless), "they weigh least"


def test_the_subject_model_finds_bias_and_inconsistency():
    rng = np.random.default_rng(5)
    psi, bias = rng.uniform(1, 5, 300), rng.normal(0, 0.4, 20)
    v = rng.uniform(0.3, 1.2, 20)
    bias -= bias.mean()
    u = psi + bias[:, None] + v[:, None] * rng.normal(size=(20, 300))
    i, j = np.nonzero(rng.random(u.shape) < 0.8)
    votes = pd.DataFrame({"rater": i, "stimulus": j, "score": u[i, j]})
    found = subjects.subject_model(of_votes(votes))
    assert found.bias == pytest.approx(bias, abs=0.2)
    assert found.inconsistency == pytest.approx(v, rel=0.15)
    low, high = found.interval()
    assert 0.90 <= ((low <= psi) & (psi <= high)).mean() <= 0.98


def test_power_grows_with_raters_and_meets_its_formula():
    """A difference that the formula calls just detectable is found about four times in five."""
    mos = {"a": 2.8, "b": 3.3, "c": 2.0}
    powers = [
        power.power_of(mos, ("a", "b"), raters=n, images=20, studies=100) for n in (6, 20, 40)
    ]
    assert powers == sorted(powers)
    assert powers[0] < 0.5 < powers[2]
    answer = power.raters_needed(mos, ("a", "b"), images=20, studies=100)
    assert answer.tried[answer.raters] >= 0.8
    assert answer.tried.get(answer.raters - 1, 0) < 0.8
    a = power.Assumptions()
    sd = np.sqrt(2 * a.taste**2 + 2 * a.noise**2 / 20)
    assert power.smallest_difference(sd, answer.raters, 3) == pytest.approx(0.5, abs=0.12)


def test_tests_of_many_studies_at_once_are_those_of_the_analysis():
    """Few images make ties and zeros; few raters exact p values, many the approximation."""
    rng = np.random.default_rng(7)
    mos = {"a": 1.7, "b": 2.6, "c": 3.0, "d": 3.4}
    first, second = np.triu_indices(len(mos), 1)
    for raters, images in [(2, 1), (5, 14), (9, 3), (30, 14), (50, 90), (51, 90), (60, 2)]:
        for _ in range(5):
            cube = power.simulate(mos, raters=raters, images=images, rng=rng)
            table = significance.pairs(power.of_cube(cube, list(mos)), "all", units=("raters",))
            means = cube.sum(axis=1) / images
            p = significance.signed_rank_p((means[:, first] - means[:, second]).T)
            assert p.tolist() == table["p"].tolist()
            assert significance.holm(p).tolist() == table["p_holm"].tolist()


def test_raters_who_see_a_share_of_the_images_show_less():
    mos = {"a": 2.6, "b": 3.0, "c": 3.4}
    found = [
        power.power_of(mos, ("a", "b"), raters=20, images=20, seen=seen, studies=100)
        for seen in (20, 5, 1)
    ]
    assert found == sorted(found, reverse=True)
    assert found[0] == power.power_of(mos, ("a", "b"), raters=20, images=20, studies=100)
    assert found[0] > found[2]
