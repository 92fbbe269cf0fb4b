"""Real opinion scores give the figures that independent code found."""

from __future__ import annotations

import pytest
from scipy import stats

from study.analysis import opinion


def test_mos_sd_and_standard_error_of_all_netflix_videos(netflix):
    ratings, reference = netflix
    table = opinion.by_stimulus(ratings).set_index("image")
    table = table.loc[ratings["image"].unique()]
    assert (table["ratings"] == 26).all()
    assert table["mos"].tolist() == pytest.approx(reference["quality_scores"], abs=1e-12)
    assert table["sd"].tolist() == pytest.approx(reference["quality_ambiguity"], abs=1e-12)
    assert table["se"].tolist() == pytest.approx(reference["quality_scores_std"], abs=1e-12)
    # The reference takes 1.95996 standard errors; with 26 raters Student's t takes 2.0595.
    normal, _ = reference["quality_scores_ci95"]
    expected = [half * stats.t.ppf(0.975, 25) / 1.95996 for half in normal]
    assert table["ci_half_width"].tolist() == pytest.approx(expected, abs=1e-12)
    assert (table["note"] == "").all()


def test_netflix_means_are_those_written_down(netflix):
    table = opinion.by_stimulus(netflix[0]).set_index("image")
    table = table.loc[netflix[0]["image"].unique()]
    assert table["mos"].iloc[0] == pytest.approx(4.884615384615385, abs=1e-14)
    assert table["mos"].iloc[10] == pytest.approx(2.0769230769230771, abs=1e-14)
    assert table["mos"].mean() == pytest.approx(3.544790652385589, abs=1e-12)
    assert table["sd"].mean() == pytest.approx(0.6621911698651353, abs=1e-12)
    assert table["se"].mean() == pytest.approx(0.12986637295658307, abs=1e-12)


def test_methods_of_a_partial_design_with_double_votes(generated_images):
    ratings, reference = generated_images
    table = opinion.by_method(ratings).set_index("method")
    assert set(table.index) == set(reference["method_mos"])
    for method, expected in reference["method_mos"].items():
        row = table.loc[method]
        assert row["mos"] == pytest.approx(expected["mean"], abs=5e-7), "given to six decimals"
        assert row["sd"] == pytest.approx(expected["std"], abs=5e-7)
        assert row["ratings"] == expected["count"]
    assert table["ci_half_width"].to_dict() == pytest.approx(
        reference["method_ci95_t_over_rater_means"], abs=1e-12
    )
    assert (table["raters"] == 25).all()


def test_double_votes_count_once_and_are_reported(generated_images):
    ratings, reference = generated_images
    table = opinion.by_method(ratings).set_index("method")
    assert table["ratings"].sum() == reference["ratings"]
    assert table["left_out"].sum() == reference["duplicates"] == 3
    assert table.loc["glide", "note"] == "repeated votes left out, the first counts: 1"
    assert table.loc["own", "note"] == ""
    assert opinion.by_stimulus(ratings)["left_out"].sum() == 3
    assert opinion.score_counts(ratings).to_numpy().sum() == reference["ratings"]


def test_the_interval_takes_raters_for_the_sample_not_ratings(generated_images):
    ratings, reference = generated_images
    table = opinion.by_method(ratings).set_index("method")
    for method, pooled in reference["method_ci95_t_over_all_ratings"].items():
        assert table.loc[method, "ci_half_width"] > 2 * pooled
