"""Every figure of the reference files that this engine computes, over all rows and all fields.

The reference files follow several conventions. Where ours differs, the test turns the engine to
theirs by its own switches (population SD in BT.500, Pratt's zeros, the rater within the MOS), or
computes the difference by hand: 1.95996 for t in intervals, divisor n in observers' SDs.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from django.core.management import call_command
from scipy.special import stdtrit
from scipy.stats import chi2

from study.analysis import (
    opinion,
    reading,
    reliability,
    report,
    screening,
    significance,
    subjects,
)

EXACT = {"rel": 1e-9, "abs": 1e-9}
ITERATED = {"rel": 1e-6, "abs": 1e-6}
NORMAL = 1.95996


def near(expected, **tolerance):
    return pytest.approx(np.asarray(expected, dtype=float), nan_ok=True, **(tolerance or EXACT))


@pytest.fixture(scope="module")
def folder() -> Path:
    value = os.environ.get("OPINION_SCORES_DIR")
    if not value:
        pytest.skip("OPINION_SCORES_DIR is not set: no real opinion scores at hand")
    return Path(value)


def reference(folder, name):
    return json.loads((folder / f"{name}.reference.json").read_text())


@pytest.fixture(scope="module", params=["NFLX_public", "toy_dict_with_repetitions"])
def sureal(request, folder):
    """Scores and what sureal makes of them; both have numbers of repetitions."""
    return reading.read(folder / f"{request.param}.csv"), reference(folder, request.param)


@pytest.fixture(scope="module")
def avt(folder):
    name = "avt_ai_images_quality"
    return reading.read(folder / f"{name}.csv"), reference(folder, name)[name]


def test_sizes(sureal):
    scores, expected = sureal
    assert len(scores) == expected["n_scores"]
    assert len(scores.stimuli) == expected["n_stimuli"]
    assert len(scores.raters) == expected["n_observers"]


def test_mos_sd_se_and_interval_of_every_stimulus(sureal):
    scores, expected = sureal
    table, model = opinion.stimulus_opinions(scores), expected["models"]["MosModel"]
    assert table["mos"].to_numpy() == near(model["quality_scores"])
    assert table["sd"].to_numpy() == near(model["quality_ambiguity"])
    assert table["se"].to_numpy() == near(model["quality_scores_std"])
    for half in model["quality_scores_ci95"]:
        t = stdtrit(table["ratings"] - 1, 0.975)
        assert table["ci_half_width"].to_numpy() == near(np.array(half) / NORMAL * t)


def test_dmos_of_every_stimulus(folder):
    scores = reading.read(folder / "NFLX_public.csv")
    model = reference(folder, "NFLX_public")["models"]["DmosModel"]
    table = opinion.stimulus_opinions(scores)
    assert table["dmos"].to_numpy() == near(model["quality_scores"])
    assert table["dmos"].mean() == pytest.approx(3.7731256085686473, **EXACT)


def test_bt500_with_the_population_sd(sureal):
    scores, expected = sureal
    model = expected["models"]["SubjrejMosModel"]
    found = screening.bt500(scores, ddof=0)
    assert found.rejected.tolist() == model["observer_rejected"]
    # The trap: theirs count everyone on both sides of a stimulus on which all agree; we skip it.
    both = found.p + found.q + 2 * found.unanimous
    assert both / found.n == near(model["observer_rejected_1st_stats"])
    with np.errstate(invalid="ignore"):  # 0/0 where nobody lies outside, in theirs too
        assert np.abs(found.p - found.q) / both == near(model["observer_rejected_2nd_stats"])
    rest = opinion.stimulus_opinions(scores.without(list(np.array(scores.raters)[found.rejected])))
    assert rest["mos"].to_numpy() == near(model["quality_scores"])
    assert rest["sd"].to_numpy() == near(model["quality_ambiguity"])
    assert rest["se"].to_numpy() == near(model["quality_scores_std"])


def test_correlation_of_every_rater_with_the_mos(folder):
    scores = reading.read(folder / "NFLX_public.csv")
    model = reference(folder, "NFLX_public")["models"]["SubjrejMosModelPearson"]
    found = screening.correlations(scores, with_self=True)
    assert found == near(model["observer_rejected_1st_stats"])
    assert (found < 0.75).tolist() == model["observer_rejected"]
    ours = screening.correlations(scores)
    assert (ours < found).all(), "without oneself in the mean one agrees with it less"
    rows = scores.matrix
    for i in range(len(rows)):
        others = np.delete(rows, i, axis=0).mean(axis=0)
        assert ours[i] == pytest.approx(np.corrcoef(rows[i], others)[0, 1], **EXACT)


@pytest.mark.parametrize(
    "solver",
    ["SubjectMLEModelProjectionSolver", "SubjectMLEModelProjectionSolver2",
     "MaximumLikelihoodEstimationModelContentOblivious"],
)  # fmt: skip
def test_subject_model(sureal, solver):
    scores, expected = sureal
    model = expected["models"][solver]
    found = subjects.subject_model(scores)
    bias = np.array(model["observer_bias"])
    # Theirs is not centred where cells are missing; shifting psi against the bias is free.
    shift = bias.mean()
    assert found.psi == near(np.array(model["quality_scores"]) + shift, **ITERATED)
    assert found.bias == near(bias - shift, **ITERATED)
    assert found.inconsistency == near(model["observer_inconsistency"], **ITERATED)
    n = np.bincount(scores.rater)
    mean = np.bincount(scores.rater, scores.score) / n
    if "num_iter" in model and "Projection" in solver:
        assert found.iterations == model["num_iter"]
        assert mean == near(model["observer_scores_mean"])
        spread = np.sqrt(np.bincount(scores.rater, (scores.score - mean[scores.rater]) ** 2) / n)
        assert spread == near(model["observer_scores_std"])
    v = found.inconsistency
    if scores.matrix.shape == (26, 79) and solver != "SubjectMLEModelProjectionSolver2":
        assert found.psi_se == near(model["quality_scores_std"], **ITERATED)
        low, high = found.interval()
        assert (high - found.psi) == near(model["quality_scores_ci95"][1], rel=1e-5)
        assert (found.psi - low) == near(model["quality_scores_ci95"][0], rel=1e-5)
    residual = scores.score - found.psi[scores.stimulus] - found.bias[scores.rater]
    if solver == "SubjectMLEModelProjectionSolver2":
        votes = np.bincount(scores.stimulus)
        centre = np.bincount(scores.stimulus, residual) / votes
        squares = np.bincount(scores.stimulus, (residual - centre[scores.stimulus]) ** 2)
        assert np.sqrt(squares) / votes == near(model["quality_scores_std"], **ITERATED)
    assert v / np.sqrt(n) == near(model["observer_bias_std"], **ITERATED)
    assert v / np.sqrt(2 * n) == near(model["observer_inconsistency_std"], **ITERATED)
    half = NORMAL * v / np.sqrt(n)
    for theirs in model["observer_bias_ci95"]:
        assert half == near(theirs, **ITERATED)
    low, high = model["observer_inconsistency_ci95"]
    assert v - v * np.sqrt(n / chi2.ppf(0.975, n)) == near(low, **ITERATED)
    assert v * np.sqrt(n / chi2.ppf(0.025, n)) - v == near(high, **ITERATED)


def test_the_demonstration_of_p910(folder):
    scores = reading.read(folder / "itut_p910_demo_sample_data.csv", matrix=True)
    expected = reference(folder, "itut_p910_demo")
    found = subjects.subject_model(scores)
    assert found.psi == near(expected["mos_j"], **ITERATED)
    assert found.bias == near(expected["bias_i"], **ITERATED)
    assert found.inconsistency == near(expected["inconsistency_i"], **ITERATED)
    residual = scores.score - found.psi[scores.stimulus] - found.bias[scores.rater]
    n = np.bincount(scores.stimulus)
    centre = np.bincount(scores.stimulus, residual) / n
    squares = np.bincount(scores.stimulus, (residual - centre[scores.stimulus]) ** 2)
    assert np.sqrt(squares) / n == near(expected["sos_j"], **ITERATED)


def test_the_matrix_and_the_long_form_say_the_same(folder):
    long = report.analyse(reading.read(folder / "NFLX_public.csv"))
    matrix = report.analyse(reading.read(folder / "NFLX_public_matrix.csv", matrix=True))
    for key in ("agreement", "sos_a"):
        assert matrix[key] == long[key]
    assert matrix["subject_model"]["psi"] == near(long["subject_model"]["psi"])
    for ours, theirs in zip(matrix["raters"], long["raters"], strict=True):
        assert {**ours, "rater": ""} == {**theirs, "rater": ""}


def test_the_sos_parameter(folder, avt):
    assert reliability.sos_a(reading.read(folder / "NFLX_public.csv")) == pytest.approx(
        0.198, abs=5e-4
    )
    scores, expected = avt
    assert reliability.sos_a(scores) == pytest.approx(expected["sos_a_unbiased_variance"], **EXACT)
    assert reliability.sos_a(scores, ddof=0) == pytest.approx(
        expected["sos_a_population_variance"], **EXACT
    )


def test_methods_of_the_generated_images(avt):
    scores, expected = avt
    assert len(scores) == expected["ratings"]
    assert scores.stimuli["left_out"].sum() == expected["duplicates"]
    assert len(scores.raters) == expected["raters_used"]
    table = opinion.method_opinions(scores).set_index("method")
    assert set(table.index) == set(expected["method_mos"])
    for method, row in table.iterrows():
        given = expected["method_mos"][method]
        assert (row["mos"], row["sd"]) == pytest.approx((given["mean"], given["std"]), abs=5.1e-7)
        assert row["ratings"] == given["count"]
        clustered = expected["method_ci95_t_over_rater_means"][method]
        pooled = expected["method_ci95_t_over_all_ratings"][method]
        assert row["ci_half_width"] == pytest.approx(clustered, **EXACT)
        assert row["pooled_half_width"] == pytest.approx(pooled, **EXACT)


def test_agreement_on_the_generated_images(avt):
    scores, expected = avt
    for metric, alpha in expected["krippendorff_alpha"].items():
        ours = reliability.krippendorff(scores.matrix, ordinal=metric == "ordinal")
        assert ours == pytest.approx(alpha, **EXACT)
    found = reliability.icc(scores.matrix)
    assert found.a1 == pytest.approx(expected["icc_pingouin"]["ICC(A,1)"][0], **EXACT)
    assert found.ak == pytest.approx(expected["icc_pingouin"]["ICC(A,k)"][0], **EXACT)
    assert found.raters == expected["icc_raters_complete"]


def test_friedman_on_the_generated_images(avt):
    scores, expected = avt
    found = significance.omnibus(scores, "all")
    assert [found["statistic"], found["p"]] == near(expected["friedman_rater_means"])


@pytest.mark.parametrize("zero_method", ["wilcox", "pratt"])
def test_every_pair_by_cells(avt, zero_method):
    scores, expected = avt
    table = significance.pairs(scores, "all", zero_method=zero_method, units=("cells",))
    given = expected["wilcoxon_paired_rater_x_content"]
    assert len(table) == len(given) / 2 == 15
    for row in table.to_dict("records"):
        one = given[f"{row['a']}|{row['b']}|{zero_method}"]
        assert (row["n"], row["statistic"]) == (one["n"], one["W"])
        assert row["p"] == pytest.approx(one["p"], rel=1e-9)
        if "p_holm" in one:
            assert row["p_holm"] == pytest.approx(one["p_holm"], rel=1e-9)


def test_every_pair_by_raters(avt):
    scores, expected = avt
    table = significance.pairs(scores, "all", units=("raters",))
    given = expected["wilcoxon_paired_rater_means"]
    assert len(table) == len(given) == 15
    for row in table.to_dict("records"):
        one = given[f"{row['a']}|{row['b']}"]
        assert (row["n"], row["statistic"]) == (one["n"], one["W"])
        assert row["p"] == pytest.approx(one["p"], rel=1e-9)
        assert row["p_holm"] == pytest.approx(one["p_holm"], rel=1e-9)


def test_the_command_gives_these_figures_without_a_database(folder, tmp_path, capsys):
    """pytest-django forbids the database here; the JSON is what others will compare."""
    call_command("analyse", str(folder / "avt_ai_images_quality.csv"), format="json", out=tmp_path)
    found = json.loads((tmp_path / "analysis.json").read_text())
    mos = {row["method"]: round(row["mos"], 4) for row in found["methods"]}
    assert mos == {
        "craiyon": 2.2859, "dall-e": 3.2444, "glide": 1.8887, "midjourney": 3.2804, "own": 3.9418,
        "stable_diffusion": 3.083,
    }  # fmt: skip
    holm = {
        (row["a"], row["b"]): row["p_holm"] for row in found["pairs"] if row["unit"] == "raters"
    }
    assert holm["dall-e", "midjourney"] == pytest.approx(0.8611, abs=5e-5)
    assert holm["dall-e", "stable_diffusion"] == pytest.approx(0.0712, abs=5e-5)
    assert any("3 repeated votes were left out" in note for note in found["notes"])
    call_command("analyse", str(folder / "NFLX_public.csv"), format="csv", out=tmp_path)
    stimuli = pd.read_csv(tmp_path / "stimuli.csv")
    assert stimuli["mos"].iloc[[0, 10]].tolist() == near([4.884615384615385, 2.0769230769230771])
