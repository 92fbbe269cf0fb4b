"""How many raters a study needs: an answer with its assumptions, and one line for nonsense."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command

from study.desk import sample_size, shown, studies
from study.models import Study


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--difference", "0"], "a difference is above 0"),
        (["--difference", "0.5", "--power", "1"], "a power lies between"),
        (["--difference", "0.5", "--preset", "x"], "unknown preset 'x'"),
        (["--difference", "0.5", "--set", "x"], "the preset has Set5"),
        (["--difference", "0.5", "--studies", "1"], "simulate 20 to"),
        (["--difference", "0.5", "--images", "0"], "ask for 1 to"),
    ],
)
def test_plan_raters_refuses_with_one_line(arguments, sentence):
    with pytest.raises(CommandError, match=sentence):
        call_command("plan_raters", *arguments)


def test_plan_raters_answers_with_its_assumptions_and_asks_for_more_where_it_must(capsys):
    numbers = []
    for difference in ("1.0", "0.6"):
        call_command("plan_raters", difference=float(difference), studies=40)
        said = capsys.readouterr().out
        numbers.append(int(said.split()[0]))
        assert f"show a difference of {float(difference):g} in at least 80% of studies" in said
        assert "Assumed: Set5, 5 images" in said
    assert numbers[0] < numbers[1]


def test_the_page_of_a_draft_computes_the_figure_of_the_command(settings, benchmarks_dir, db):
    settings.BENCHMARKS_DIR = benchmarks_dir
    wanted = shown.wish(studies.choose((), (), preset="quick").methods)
    here = sample_size.of_study(Study(slug="quick", wanted=wanted), difference=1.5)
    there = sample_size.estimate("quick", difference=1.5)
    assert (here.answer, here.mos, here.studies) == (there.answer, there.mos, there.studies)
