"""A rehearsal can be replayed, stopped and told, in every study of a database."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest
from django.core.management import CommandError, call_command
from django.db.models import Avg, Count

from study.desk import rehearsal, stimuli, studies
from study.models import Deed, Rater, Rating, Study
from tests.conftest import METHODS
from tests.own_material import bring
from tests.serving import ROOT, our_site


def play(study: Study, **options) -> list[Rater]:
    return list(rehearsal.rehearse(study, **options))


def votes(study: Study) -> list[tuple[int, int]]:
    rated = Rating.objects.filter(trial__rater__study=study)
    ordered = rated.order_by("trial__rater__number", "trial__position")
    return list(ordered.values_list("trial__stimulus", "score"))


def test_the_same_seed_gives_what_it_has_always_given(open_study):
    play(open_study, raters=3, seed=5)
    first = open_study.stimuli.order_by("pk")[0].pk
    assert [(stimulus - first, score) for stimulus, score in votes(open_study)] == [
        *[(11, 5), (0, 1), (6, 1), (10, 5), (1, 1), (5, 1)],
        *[(6, 1), (5, 1), (11, 4), (10, 4), (1, 1), (0, 1)],
        *[(5, 1), (11, 3), (10, 5), (1, 1), (0, 1), (6, 1)],
    ]


def test_two_studies_of_one_database_are_rehearsed_with_the_same_seed(open_study):
    second = studies.create("second", sets=["Samples"], methods=METHODS, opened=True)
    third = studies.create("third", sets=["Samples"], methods=METHODS, opened=True)
    for study in (open_study, second, third):
        play(study, raters=2, seed=7)
    assert votes(second) == votes(third), "of the same images: ids alone differ"
    assert Rater.objects.filter(stage=Rater.Stage.FINISHED).count() == 6


def test_a_rehearsal_is_told_in_the_log_and_one_that_is_refused_is_not(open_study):
    play(open_study, raters=2, seed=7)
    with pytest.raises(ValueError, match="rehearsed already"):
        play(open_study, raters=2, seed=8)
    play(open_study, raters=1, seed=9, replace=True)
    told = Deed.objects.filter(study=open_study, kind=Deed.Kind.REHEARSED)
    assert [deed.details for deed in told] == [
        {"raters": 2, "seed": 7, "removed": 0},
        {"raters": 1, "seed": 9, "removed": 2},
    ]
    assert "command line" in told[0].account


def test_of_two_rehearsals_at_once_the_second_stops(open_study):
    first = rehearsal.rehearse(open_study, raters=3, seed=1)
    next(first)
    second = rehearsal.rehearse(open_study, raters=3, seed=2, replace=True)
    next(second)
    next(first)  # goes on where the other one has begun anew
    with pytest.raises(ValueError, match="another rehearsal of small is going on"):
        next(second)


ONE_AT_A_TIME = (
    "import sys; from django.core.management import execute_from_command_line as run;"
    "import django; django.setup(); from study.desk import rehearsal;"
    "rehearsal.VOTES_AT_A_TIME = rehearsal.TRIALS_AT_A_TIME = 1; run(sys.argv)"
)


def killed(condition, *arguments: str) -> None:
    """Run `rehearse` for as long as ``condition`` does not hold, then kill it."""
    process = subprocess.Popen(
        [sys.executable, "-c", ONE_AT_A_TIME, "rehearse", "small", *arguments],
        cwd=ROOT, env={**os.environ, **our_site()},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    while process.poll() is None:
        if condition():
            process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "it ended before it could be killed"


def test_a_killed_rehearsal_leaves_a_rater_who_has_not_finished_and_can_be_replaced(
    transactional_db, open_study
):
    killed(lambda: Rating.objects.count() >= 8, "--raters", "50")
    raters = Rater.objects.annotate(votes=Count("trial__rating")).order_by("number")
    assert [rater.position for rater in raters] == [rater.votes for rater in raters]
    assert {rater.votes == 6 for rater in raters if rater.finished_at} == {True}
    last = raters.last()
    assert last.votes < 6
    assert (last.stage, last.finished_at) == (Rater.Stage.RATING, None)
    with pytest.raises(ValueError, match="was stopped before its end or is going on: 1 of 2"):
        play(open_study, raters=2, seed=0)

    killed(lambda: Rating.objects.count() <= 4, "--raters", "50", "--replace")
    assert {(r.stage, r.finished_at, r.position) for r in Rater.objects.all()} == {
        (Rater.Stage.WITHDRAWN, None, 0)
    }
    play(open_study, raters=2, seed=0, replace=True)
    assert Rating.objects.count() == 12
    assert {rater.finished_at is None for rater in Rater.objects.all()} == {False}


def test_methods_that_no_paper_knows_are_rehearsed_as_fair_or_as_told(db, settings, tmp_path):
    settings.BENCHMARKS_DIR = tmp_path / "benchmarks"
    bring(tmp_path)
    methods = ("nearest", "ours", "theirs", "hr")
    stimuli.make_outputs(["streets"], methods, progress=False)
    study = studies.create("own", sets=["streets"], methods=methods, opened=True)
    assert len(list(rehearsal.rehearse(study, raters=20, seed=0, mos={"ours": 4.5}))) == 20
    means = Rating.objects.values_list("trial__stimulus__method__name").annotate(Avg("score"))
    found = dict(means)
    assert found["ours"] == pytest.approx(4.5, abs=0.35)
    assert found["theirs"] == pytest.approx(3, abs=0.35)
    assert found["nearest"] == pytest.approx(1.11, abs=0.35)
    before = Rating.objects.count()
    for mos, said in (({"srgan": 3}, "does not show srgan"), ({"ours": 6}, "between 1 and 5")):
        with pytest.raises(ValueError, match=said):
            list(rehearsal.rehearse(study, raters=1, seed=0, replace=True, mos=mos))
    with pytest.raises(CommandError, match="write METHOD=MOS"):
        call_command("rehearse", "own", "--mos", "ours", "--replace")
    assert Rating.objects.count() == before
