"""Where a test cannot succeed, a study's page and files say so, and draw no conclusion from it."""

from __future__ import annotations

import csv
import io
import re
import uuid

import numpy as np
import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from study.analysis import verdicts
from study.analysis.significance import ALPHA, holm, wilcoxon
from study.desk import links, studies
from study.models import Trial
from study.rating import sessions
from tests.rating.way import cast

SCORES = {"nearest": 1, "bicubic": 3, "hr": 5}
NOTHING = "no difference between two methods can be shown"


@pytest.fixture
def rated(open_study, owner):
    """Called with how many rate, alike but for the first: the page of the closed study."""

    def rate(raters: int, *odd: dict[str, int]) -> str:
        given = [*odd, *[SCORES] * raters][:raters]
        for invitation, scores in zip(links.invite(open_study, raters), given, strict=True):
            rater = sessions.enrol(invitation)
            for trial in Trial.objects.filter(rater=rater).order_by("position"):
                score = scores[trial.stimulus.method.name]
                cast(rater, token=trial.token, score=score, client_id=uuid.uuid4())
        studies.close(open_study)
        client = Client()
        client.force_login(owner)
        return client.get(reverse("study", args=["small"])).content.decode()

    return rate


@pytest.mark.parametrize("pairs", [1, 3, 36, 66])
def test_the_fewest_raters_are_those_with_whom_the_exact_test_can_succeed(pairs):
    needed = verdicts.least_raters(pairs)
    for raters, shown in ((needed - 1, False), (needed, True)):
        unanimous = wilcoxon(1.0 + 0.01 * np.arange(raters)).p
        assert unanimous == pytest.approx(verdicts.least_p(raters))
        assert bool((holm([unanimous] * pairs) < ALPHA).all()) is shown
        assert verdicts.can_differ([raters] * pairs) == [shown] * pairs
        assert bool(verdicts.too_few(raters, pairs)) is not shown


def test_one_rater_shows_no_difference_and_there_is_no_matrix(rated, capsys):
    page = rated(1)
    assert f"With 1 rater {NOTHING}" in page
    assert "at least 7 raters for 3 pairs" in page
    assert "≈" not in re.sub(r'<div class="terms">.*', "", page, flags=re.S)
    assert 'id="pairs"' not in page
    call_command("results", "small")
    said = capsys.readouterr().out
    assert f"with 1 rater {NOTHING}" in said
    assert "one of cells is about these raters alone" in said


def test_three_raters_show_none_and_cells_have_a_dash(rated):
    page = rated(3)
    assert f"With 3 raters {NOTHING}" in page
    main = re.sub(r'<div class="terms">.*', "", page, flags=re.S)
    assert "significantly" not in main
    assert "≈" not in main
    assert "told apart" not in main, "no word of power"
    matrix = re.search(r'<table class="pairs">.*?</table>', main, re.S)[0]
    assert matrix.count("no test: too few raters") == 6
    assert "best" not in matrix
    assert "+2.00" in matrix, "the differences themselves stay"


def test_the_fewest_raters_that_can_show_a_difference_do(rated):
    page = rated(7)
    assert NOTHING not in page
    matrix = re.search(r'<table class="pairs">.*?</table>', page, re.S)[0]
    assert "too few" not in matrix
    assert matrix.count('class="best"') == 6


def test_methods_that_are_not_told_apart_by_enough_raters_are_marked(rated):
    page = rated(7, *[{"nearest": 3, "bicubic": 3, "hr": 5}] * 6)
    assert "<sup>≈</sup>" in page
    assert "not significantly" in page


def test_files_keep_their_p_and_say_in_words_what_it_is_not(rated, owner, tmp_path):
    rated(3)
    client = Client()
    client.force_login(owner)
    for extension in ("txt", "md", "json", "tex"):
        text = client.get(reverse("results", args=["small", extension])).content.decode()
        assert NOTHING in " ".join(text.split()), extension
    call_command("results", "small", format="csv", out=tmp_path)
    rows = list(csv.DictReader(io.StringIO((tmp_path / "pairs.csv").read_text())))
    of_raters = [float(row["p_holm"]) for row in rows if row["unit"] == "raters"]
    assert len(of_raters) == 3
    assert all(0 < p <= 1 for p in of_raters)


def test_a_pair_with_fewer_raters_than_the_rest_is_judged_by_its_own():
    family = [{"n": 26, "n_zero": 0, "p_holm": 0.001}] * 2
    few = {"n": 3, "n_zero": 0, "p_holm": 0.2}
    *rest, last = verdicts.judged([*family, few])
    assert all(row["differs"] for row in rest)
    assert (last["can_differ"], last["differs"]) == (False, False)


def test_a_small_p_that_so_few_unequal_means_cannot_carry_is_no_difference():
    (row,) = verdicts.judged([{"n": 8, "n_zero": 3, "p_holm": 0.04}])
    assert (row["can_differ"], row["differs"], row["unmarked"]) == (True, False, True)
    (alike,) = verdicts.judged([{"n": 8, "n_zero": 8, "p_holm": 1.0}])
    assert (alike["can_differ"], alike["differs"], alike["unmarked"]) == (True, False, False)
