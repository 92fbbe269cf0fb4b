"""A site of an earlier version is brought up to date with all its votes."""

from __future__ import annotations

import uuid

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from study.models import Rater, Rating, Session, Trial

BEFORE_SESSIONS = ("study", "0002_analysis")


@pytest.fixture
def earlier(transactional_db):
    """The models of the version that knew neither screening nor breaks; then migrates on."""
    executor = MigrationExecutor(connection)
    latest = executor.loader.graph.leaf_nodes()
    executor.migrate([BEFORE_SESSIONS])
    yield executor.loader.project_state([BEFORE_SESSIONS]).apps
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
