"""While a verb of the desk holds the one lock that votes need, it reads no file and does little."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from django.db import connection

from study.desk import links, rehearsal, studies
from study.models import Anchor, Rater, Stimulus, Study
from tests.conftest import METHODS

FEW = 45
"""Statements; one for each of fifteen images, or more, would be beyond it."""


@dataclass
class Held:
    """What happened in one transaction."""

    statements: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)

    @property
    def votes(self) -> int:
        return sum("INSERT INTO study_rating" in sql for sql in self.statements)


@dataclass
class Watch:
    """Every transaction since it began to look."""

    held: list[Held] = field(default_factory=list)
    looking: bool = True

    def statement(self, execute, sql, params, many, context):
        if sql.startswith("BEGIN"):
            self.held.append(Held())
        elif connection.in_atomic_block:
            self.held[-1].statements.append(sql)
        return execute(sql, params, many, context)

    def opened(self, path: object) -> None:
        if connection.in_atomic_block and not str(path).endswith((".py", ".pyc", ".so")):
            self.held[-1].files.append(str(path))

    @property
    def files(self) -> list[str]:
        return [path for held in self.held for path in held.files]

    @property
    def most(self) -> int:
        return max(len(held.statements) for held in self.held)


WATCHES: list[Watch] = []


def _hear(event: str, arguments: tuple) -> None:
    if event == "open" and WATCHES and isinstance(arguments[0], str):
        WATCHES[-1].opened(arguments[0])


@pytest.fixture
def watch(transactional_db, settings, generated) -> Iterator[Watch]:
    """Looks at every statement and at every file that is opened, until the test is over."""
    if not WATCHES:
        sys.addaudithook(_hear)  # such a hook stays for good, and hears nothing when we are done
    settings.OUTPUTS_DIR = generated / "outputs"
    watch = Watch()
    WATCHES.append(watch)
    with connection.execute_wrapper(watch.statement):
        yield watch
    WATCHES[:] = [Watch(looking=False)]


def samples(slug: str = "mine", **options) -> Study:
    protocol = {"first_stabilising": 0, **options.pop("protocol", {})}
    return studies.create(slug, sets=["Samples"], methods=METHODS, protocol=protocol, **options)


def calibrated(settings, calibration_dir) -> dict[str, object]:
    settings.CALIBRATION_DIR = calibration_dir
    return {"calibrate": True}


def test_making_a_study_reads_and_copies_before_the_lock(watch, settings, calibration_dir):
    study = samples(opened=True, protocol=calibrated(settings, calibration_dir))
    assert study.state == Study.State.OPEN
    assert study.stimuli.count() == 15
    assert Anchor.objects.filter(study=study).count() == 20
    assert watch.held
    assert watch.files == []
    assert watch.most < FEW


def test_opening_a_study_reads_and_makes_anchors_before_the_lock(watch, settings, calibration_dir):
    study = samples(protocol=calibrated(settings, calibration_dir))
    before = len(watch.held)
    studies.open_(study)
    studies.close(study)
    studies.open_(study)
    assert len(watch.held) > before
    assert watch.files == []
    assert watch.most < FEW


def test_a_bad_calibration_folder_is_refused_without_the_lock(watch, settings, tmp_path):
    for number in range(8):
        (tmp_path / f"{number}.png").write_bytes(b"no image")
    study = samples(protocol=calibrated(settings, tmp_path))
    before = len(watch.held)
    with pytest.raises(ValueError, match="cannot be read as an image"):
        studies.open_(study)
    assert len(watch.held) == before


def test_inviting_a_thousand_takes_a_few_statements(watch):
    study = samples()
    assert len(links.invite(study, 1000)) == 1000
    assert watch.most < FEW


def test_a_rehearsal_leaves_the_lock_after_a_few_votes_and_so_does_its_removal(watch, monkeypatch):
    monkeypatch.setattr(rehearsal, "VOTES_AT_A_TIME", 4)
    monkeypatch.setattr(rehearsal, "TRIALS_AT_A_TIME", 4)
    study = samples(opened=True)
    assert len(list(rehearsal.rehearse(study, raters=2, seed=0))) == 2
    assert sum(held.votes for held in watch.held) == 30
    assert max(held.votes for held in watch.held) == 4
    before = len(watch.held)
    assert rehearsal.remove(study) == 2
    assert not Rater.objects.exists()
    assert len(watch.held) - before > 30 / 4
    assert max(len(held.statements) for held in watch.held[before:]) < FEW
    assert watch.files == []


def test_what_changes_while_a_study_is_opened_is_not_opened_unseen(watch, settings, monkeypatch):
    """Somebody saves the draft, or takes an image out, after the files were read."""
    study = samples()
    for change in (
        lambda: Study.objects.filter(pk=study.pk).update(undo_seconds=3),
        lambda: study.stimuli.remove(study.stimuli.first()),
    ):
        _in_between(monkeypatch, change)
        with pytest.raises(ValueError, match="was changed while it was being opened"):
            studies.open_(study)
        monkeypatch.undo()
        study.refresh_from_db()
        assert study.state == Study.State.DRAFT
    studies.open_(study)
    assert study.undo_seconds == 3
    assert study.stimuli.count() == 14


def _in_between(monkeypatch, change) -> None:
    """Let ``change`` happen once, right after the rules were checked."""
    check = studies._check_protocol

    def check_and_change(*arguments):
        check(*arguments)
        change()

    monkeypatch.setattr(studies, "_check_protocol", check_and_change)


def test_a_name_that_is_taken_meanwhile_is_refused_with_its_sentence(watch, monkeypatch):
    _in_between(monkeypatch, lambda: Study.objects.create(slug="mine", title="Somebody else's"))
    with pytest.raises(ValueError, match="there is a study mine already"):
        samples(opened=True)
    assert Study.objects.get().title == "Somebody else's"


def test_the_length_of_every_file_is_kept(watch, settings, calibration_dir):
    samples(opened=True, protocol=calibrated(settings, calibration_dir))
    lengths = {row.path.stat().st_size: row.length for row in Stimulus.objects.all()}
    assert len(lengths) > 15
    assert all(there == said for there, said in lengths.items())


def test_making_a_study_again_puts_an_altered_file_right_and_keeps_the_rows(watch):
    first = samples()
    rows = list(Stimulus.objects.order_by("pk").values())
    victim = first.stimuli.first()
    whole = victim.path.read_bytes()
    victim.path.write_bytes(whole[:100])
    samples("second")
    assert victim.path.read_bytes() == whole
    assert list(Stimulus.objects.order_by("pk").values()) == rows
