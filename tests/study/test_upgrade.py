"""A site of an earlier version is brought up to date with all its votes."""

from __future__ import annotations

import math
import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from benchmarks.measures import Value
from study.desk import exports, imports, stimuli
from study.models import (
    Measure,
    Method,
    Rater,
    Rating,
    Session,
    SetMeasure,
    Stimulus,
    StimulusMeasure,
    Study,
    Trial,
)
from study.rating import votes
from study.rating.viewing import Viewing

BEFORE_SESSIONS = ("study", "0002_analysis")
BEFORE_MEASURING = ("study", "0003_session")
BEFORE_CATALOGUE = ("study", "0004_promises")
BEFORE_NIQE = ("study", "0006_scales")


@pytest.fixture
def earlier(transactional_db, request):
    """The models of the version before sessions, or of another one; then migrates on."""
    version = getattr(request, "param", BEFORE_SESSIONS)
    executor = MigrationExecutor(connection)
    latest = executor.loader.graph.leaf_nodes()
    executor.migrate([version])
    yield executor.loader.project_state([version]).apps
    MigrationExecutor(connection).migrate(latest)


def test_votes_raters_and_sessions_of_an_earlier_version_stay(earlier):
    def make(model: str, /, **fields):
        return earlier.get_model("study", model).objects.create(**fields)

    now = timezone.now()
    study = make("Study", slug="old", title="Old", state="open", opened_at=now)
    dataset = make("Dataset", name="Set5", title="Set5")
    source = make("SourceImage", dataset=dataset, name="baby")
    method = make("Method", name="bicubic", title="Bicubic", place=1)
    stimulus = make(
        "Stimulus", source=source, method=method, sha256="0" * 64, width=8, height=8
    )  # fmt: skip
    for number, finished_at in ((1, now), (2, None)):
        invitation = make("Invitation", study=study, number=number, token=f"token{number}")
        rater = make(
            "Rater", study=study, invitation=invitation, number=number, finished_at=finished_at,
            position=int(finished_at is not None),
        )  # fmt: skip
        session = make("Session", rater=rater, number=1, seed=7, gap=3, started_at=now)
        trial = make(
            "Trial", rater=rater, session=session, position=0, stimulus=stimulus, token=f"t{number}"
        )
        if finished_at:
            make("Rating", trial=trial, score=4, client_id=uuid.uuid4())
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())

    finished, at_work = Rater.objects.order_by("number")
    assert (finished.stage, at_work.stage) == (Rater.Stage.FINISHED, Rater.Stage.RATING)
    first, second = Session.objects.order_by("rater__number")
    assert (first.ended_at, second.ended_at) == (now, None)
    assert {trial.kind for trial in Trial.objects.all()} == {Trial.Kind.MAIN}
    assert Rating.objects.counted().get().score == 4


@pytest.mark.parametrize("earlier", [BEFORE_MEASURING], indirect=True)
def test_a_rater_in_the_middle_goes_on_with_the_images_that_the_browser_has(earlier):
    """Nobody wrote down when they were sent; the first may have been looked at for minutes."""

    def make(model: str, /, **fields):
        return earlier.get_model("study", model).objects.create(**fields)

    began = timezone.now() - timedelta(minutes=20)
    study = make("Study", slug="old", title="Old", state="open", opened_at=began)
    source = make("SourceImage", dataset=make("Dataset", name="Set5", title="Set5"), name="baby")
    method = make("Method", name="bicubic", title="Bicubic", place=1)
    invitation = make("Invitation", study=study, number=1, token="token")
    rater = make("Rater", study=study, invitation=invitation, number=1, position=2)
    session = make("Session", rater=rater, number=1, seed=7, gap=3, started_at=began)
    for position in range(9):
        stimulus = make(
            "Stimulus", source=source, method=method, sha256=f"{position:064}", width=8, height=8
        )
        trial = make(
            "Trial", rater=rater, session=session, position=position, stimulus=stimulus,
            token=f"t{position}",
        )  # fmt: skip
        if position < 2:
            make("Rating", trial=trial, score=4, client_id=uuid.uuid4())
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())

    known = Trial.objects.exclude(delivered_at=None).order_by("position")
    assert list(known.values_list("position", "delivered_at")) == [(n, began) for n in range(2, 7)]
    at_work = Rater.objects.get()
    for position in range(2, 7):
        told = {"token": f"t{position}", "score": 3, "client_id": uuid.uuid4()}
        assert votes.cast(at_work, **told, seen=Viewing(response_ms=600_000)).since_delivery_ms
    with pytest.raises(votes.Refused, match="not sent"):
        votes.cast(at_work, token="t7", score=3, client_id=uuid.uuid4())


@pytest.mark.parametrize("earlier", [BEFORE_CATALOGUE], indirect=True)
def test_what_was_measured_stays_and_what_was_not_stays_unknown(earlier):
    """PSNR was empty where infinite; all four were where nothing had been measured."""

    def make(model: str, /, **fields):
        return earlier.get_model("study", model).objects.create(**fields)

    study = make("Study", slug="old", title="Old", state="draft")
    source = make("SourceImage", dataset=make("Dataset", name="Set5", title="Set5"), name="baby")
    known = {
        "bicubic": (31.777, 0.8569, 0.8567, 0.34), "srcnn": (32.5, 0.87, 0.871, None),
        "srgan": (None, None, None, None), "hr": (None, 1.0, 1.0, 0.0),
    }  # fmt: skip
    for place, (name, values) in enumerate(known.items()):
        stimulus = make(
            "Stimulus", source=source, sha256=f"{place:064}", width=8, height=8,
            method=make("Method", name=name, title=name.upper(), place=place),
            **dict(zip(("psnr", "ssim", "ssim_daala", "lpips"), values, strict=True)),
        )  # fmt: skip
        make("StudyStimulus", study=study, stimulus=stimulus)
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())

    ways = Measure.objects.values_list("name", "title", "higher_is_better", "decimals")
    assert list(ways) == [
        ("psnr", "PSNR", True, 2), ("ssim", "SSIM (Wang)", True, 4),
        ("ssim_daala", "SSIM (daala)", True, 4), ("lpips", "LPIPS", False, 4),
    ]  # fmt: skip
    rows = StimulusMeasure.objects.values_list(
        "stimulus__method__name", "measure__name", "value", "version"
    )
    assert sorted(rows) == sorted(
        [("bicubic", "psnr", 31.777, "1"), ("bicubic", "ssim", 0.8569, "1"),
         ("bicubic", "ssim_daala", 0.8567, "1"), ("bicubic", "lpips", 0.34, "1"),
         ("srcnn", "psnr", 32.5, "1"), ("srcnn", "ssim", 0.87, "1"),
         ("srcnn", "ssim_daala", 0.871, "1"), ("hr", "psnr", math.inf, "1"),
         ("hr", "ssim", 1.0, "1"), ("hr", "ssim_daala", 1.0, "1"), ("hr", "lpips", 0.0, "1")]
    )  # fmt: skip
    assert [m.name for m in Method.objects.all()] == ["bicubic", "srcnn", "srgan", "hr"]
    shown = exports.mos(Study.objects.get(), kind="people").set_index("method")
    assert shown.loc["hr", "psnr"] == math.inf
    assert shown.loc["bicubic", ["psnr", "lpips"]].tolist() == [31.777, 0.34]
    assert shown.loc["srgan", "note"] == (
        "no ratings; PSNR, SSIM (Wang), SSIM (daala), LPIPS not measured"
    )


@pytest.mark.parametrize("earlier", [BEFORE_NIQE], indirect=True)
def test_imported_figures_of_what_is_computed_now_keep_a_column_of_their_own(earlier):
    """Ours are never written over them, nor beside them into one column."""

    def make(model: str, /, **fields):
        return earlier.get_model("study", model).objects.create(**fields)

    study = make("Study", slug="old", title="Old", state="draft")
    dataset = make("Dataset", name="Set5", title="Set5")
    method = make("Method", name="bicubic", title="Bicubic", place=1)
    niqe, dists, _taken = (
        make("Measure", name=name, title=title, higher_is_better=False, decimals=4, place=100)
        for name, title in (("niqe", "NIQE"), ("dists", "DISTS"), ("niqe_imported", "Mine"))
    )
    for place in range(2):
        stimulus = make(
            "Stimulus", source=make("SourceImage", dataset=dataset, name=f"i{place}"),
            method=method, sha256=f"{place:064}", width=8, height=8,
        )  # fmt: skip
        make("StudyStimulus", study=study, stimulus=stimulus)
        make(
            "StimulusMeasure", stimulus=stimulus, measure=niqe, value=5 + place,
            version="pyiqa 0.1.10",
        )  # fmt: skip
    make(
        "SetMeasure", dataset=dataset, method=method, stimuli_sha256="0" * 64, measure=dists,
        version="mean", value=0.2,
    )  # fmt: skip
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())

    assert dict(Measure.objects.values_list("name", "title")) == {
        "niqe_imported": "Mine", "niqe_imported_2": "NIQE (imported)",
        "dists_imported": "DISTS (imported)",
    }  # fmt: skip
    assert SetMeasure.objects.get().measure.name == "dists_imported"
    assert imports.reserved().isdisjoint(Measure.objects.values_list("name", flat=True))
    first, second = Stimulus.objects.order_by("pk")
    ours = {name: Value(1, 0.5) for name in ("niqe", "dists")}
    stimuli._measure([(first, ours)])
    rows = StimulusMeasure.objects.values_list("stimulus", "measure__name", "value", "version")
    assert sorted(rows) == sorted(
        [(first.pk, "niqe_imported_2", 5.0, "pyiqa 0.1.10"), (first.pk, "niqe", 0.5, "1"),
         (first.pk, "dists", 0.5, "1"), (second.pk, "niqe_imported_2", 6.0, "pyiqa 0.1.10")]
    )  # fmt: skip
