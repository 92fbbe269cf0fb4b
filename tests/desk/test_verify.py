"""What is wrong with files, rows, outputs and sets is found, told with what to do, and mended."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from benchmarks import methods, programs
from benchmarks.files import file_hash, write_whole
from benchmarks.models import Model
from sr_models.facts import Facts
from study.desk import rehearsal, studies
from study.models import Deed, Rater, Rating, Stimulus, Study, StudyStimulus
from tests.own_material import bring


@pytest.fixture(autouse=True)
def site(settings, tmp_path, generated, open_study) -> Path:
    """Outputs and images of this test's own, and rights as they should be."""
    settings.VAR_DIR = tmp_path
    tmp_path.chmod(0o700)
    for name, folder in (("OUTPUTS_DIR", "outputs"), ("BENCHMARKS_DIR", "benchmarks")):
        setattr(settings, name, tmp_path / folder)
        shutil.copytree(generated / folder, tmp_path / folder)
    database = Path(connection.settings_dict["NAME"])
    for path in database.parent.glob(f"{database.name}*"):
        path.chmod(0o600)
    return tmp_path


def run(*arguments: str) -> tuple[str, str]:
    """What `verify` says, and its last word if something is wrong."""
    out = io.StringIO()
    try:
        call_command("verify", *arguments, stdout=out, stderr=out, verbosity=0)
    except CommandError as error:
        return out.getvalue(), str(error)
    return out.getvalue(), ""


def marks(study: Study) -> list[tuple[str, str]]:
    kinds = [Deed.Kind.FAULT, Deed.Kind.MENDED]
    found = Deed.objects.filter(study=study, kind__in=kinds)
    return [(deed.kind, deed.details["fault"]) for deed in found]


def test_all_is_well(open_study):
    list(rehearsal.rehearse(open_study, raters=2, seed=1))
    said, wrong = run()
    assert not wrong
    assert said == (
        "All is well: looked at 15 images of studies, 20 outputs and originals, 2 raters.\n"
    )
    assert marks(open_study) == []


FAULTS = {
    "missing": lambda path: path.unlink(),
    "holds something else": lambda path: path.write_bytes(
        path.read_bytes()[:-1] + bytes([path.read_bytes()[-1] ^ 1])
    ),
    "bytes; ": lambda path: path.write_bytes(path.read_bytes()[:50]),
    "has 0 bytes": lambda path: path.write_bytes(b""),
    "cannot be read": lambda path: (path.unlink(), path.mkdir()),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_image_is_told_marked_noted_and_mended_from_its_output(open_study, fault):
    stimulus = open_study.stimuli.first()
    whole = stimulus.path.read_bytes()
    FAULTS[fault](stimulus.path)
    said, wrong = run()
    assert wrong.startswith("1 things are wrong")
    assert f"{stimulus}: The file {stimulus.path.name} " in said
    assert fault in said
    assert "verify --mend copies it back" in said
    stimulus.refresh_from_db()
    assert fault in stimulus.fault
    assert marks(open_study) == [("fault", stimulus.fault)]
    assert run()[1]
    assert len(marks(open_study)) == 1, "noted once"

    if stimulus.path.is_dir():
        stimulus.path.rmdir()
    said, wrong = run("--mend")
    assert not wrong
    assert "Copied from" in said
    assert stimulus.path.read_bytes() == whole
    assert Stimulus.objects.get(pk=stimulus.pk).fault == ""
    assert [kind for kind, _ in marks(open_study)][-1] == "mended"
    assert not run()[1]


def test_what_no_output_can_mend_is_to_be_restored(open_study, settings):
    stimulus = open_study.stimuli.first()
    settings.OUTPUTS_DIR /= "elsewhere"
    stimulus.path.unlink()
    said, wrong = run("--mend")
    assert wrong
    assert "Restore it from a backup" in said
    stimulus.path.parent.parent.rename(stimulus.path.parents[2] / "gone")
    said, wrong = run()
    assert wrong.startswith("1 things are wrong")
    assert "with 15 images of studies is missing" in said


def test_a_length_that_is_not_that_of_a_right_file_is_written_anew(open_study):
    Stimulus.objects.filter(pk=open_study.stimuli.first().pk).update(length=1)
    said, wrong = run()
    assert not wrong
    assert "length of its file is written down anew" in said
    assert all(row.length == row.path.stat().st_size for row in Stimulus.objects.all())


def test_a_file_that_is_no_studys_is_told_and_does_no_harm(open_study, settings):
    other = Path(settings.STIMULI_DIR) / "ab" / "abcd.png"
    other.parent.mkdir(exist_ok=True)
    other.write_bytes(b"1234")
    said, wrong = run()
    assert not wrong
    assert "1 files are no study's" in said


def test_outputs_and_originals_are_compared_with_what_was_written_of_them(site):
    output = next((site / "outputs" / "Samples" / "nearest").glob("*.png"))
    output.write_bytes(output.read_bytes() + b"0")
    next((site / "outputs" / "Samples" / "bicubic").glob("*.json")).unlink()
    original = next((site / "benchmarks" / "Samples").glob("*.png"))
    shutil.copy(sorted((site / "benchmarks" / "Samples").glob("*.png"))[-1], original)
    said, wrong = run()
    assert wrong.startswith("3 things are wrong")
    assert f"{output}: its bytes are not those that its record tells of; manage.py generate" in said
    assert "it has no record" in said
    assert f"Samples {original.stem}: the pixels of {original} are not those" in said


def test_a_study_that_shows_something_else_than_it_was_opened_with_is_told(open_study):
    StudyStimulus.objects.filter(study=open_study).first().delete()
    said, wrong = run()
    assert wrong
    assert "study small: its 5 images are not those it was opened with" in said


@pytest.mark.parametrize("simulated", [True, False])
def test_positions_and_votes_are_compared(open_study, rater, simulated):
    if simulated:
        (rater,) = rehearsal.rehearse(open_study, raters=1, seed=1)
        Rating.objects.filter(trial__rater=rater).order_by("trial__position")[2].delete()
    else:
        Rater.objects.filter(pk=rater.pk).update(position=2)
    said, wrong = run()
    assert wrong.startswith("1 things are wrong")
    assert ("rehearse small --replace" in said) == simulated
    assert f"small {'S' if simulated else 'R'}001: stands at position" in said


def test_a_row_without_its_parent_is_found_by_the_databases_own_check(transactional_db, open_study):
    with connection.constraint_checks_disabled():
        Study.researchers.through.objects.create(study=open_study, user_id=777)
    try:
        said, wrong = run()
        assert wrong
        assert "of study_study_researchers names a row of auth_user that is gone" in said
    finally:
        Study.researchers.through.objects.all().delete()


def test_files_that_others_may_use_are_told(site):
    (site / "secret_key").write_text("secret")
    (site / "secret_key").chmod(0o644)
    site.chmod(0o755)
    said, wrong = run()
    assert wrong.startswith("2 things are wrong")
    assert f"chmod 600 {site / 'secret_key'}" in said
    assert f"chmod 700 {site}" in said


def test_of_one_study_nothing_else_is_looked_at(open_study, generated, site):
    studies.create("other", sets=["Samples"], methods=["nearest"])
    shown = set(open_study.stimuli.values_list("pk", flat=True))
    Stimulus.objects.exclude(pk__in=shown).first().path.unlink()
    next((site / "outputs").rglob("*.json")).unlink()
    assert run()[1]
    said, wrong = run("--study", "small")
    assert not wrong
    assert "looked at 6 images of studies, 0 outputs" in said
    assert "no study 'none'" in run("--study", "none")[1]


def test_own_sets_and_what_was_brought_of_methods_are_looked_at_too(site, settings):
    bring(site / "brought")
    (site / "benchmarks" / "streets" / "east.png").write_bytes(b"no image")
    output = settings.METHODS_DIR / "ours" / "streets" / "west.png"
    output.write_bytes((settings.METHODS_DIR / "ours" / "streets" / "east.png").read_bytes())
    said, wrong = run()
    assert wrong.startswith("2 ")
    assert "streets east: " in said
    assert "add_set streets FOLDER" in said
    assert f"the pixels of {output} are not those that were taken in; restore it" in said


def test_the_models_and_programs_of_own_methods_are_looked_at_too(site, settings, tmp_path):
    program = tmp_path / "upscale"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    model = settings.METHODS_DIR / "net" / "model.safetensors"
    write_whole(model, b"weights")
    facts = Facts("ESRGAN", "spandrel", 4, 3, 1, 2, 16, 500, 1800, 226_099, "float32")
    command = programs.parsed(f"{program} {{lr}} {{out}}", time_limit=5)
    for own in (
        methods.OwnMethod("net", "Net", 1000, kind="model",
                          model=Model(model.name, file_hash(model), facts)),
        methods.OwnMethod("tool", "Tool", 1001, kind="command", command=command),
    ):  # fmt: skip
        write_whole(settings.METHODS_DIR / own.name / methods.OWN, methods.as_json(own).encode())
    said, wrong = run()
    assert not wrong, said
    model.write_bytes(b"weighty")
    program.write_text("#!/bin/sh\n# another version\n")
    said, wrong = run()
    assert wrong.startswith("2 ")
    assert f"{model} is not the model that was taken in; restore it from a backup, or" in said
    assert f"{program} is another file than the one that was taken in; restore it" in said
    model.unlink()
    program.unlink()
    said, wrong = run()
    assert f"{model} is missing; restore it from a backup, or remove the method and add it" in said
    assert f"{program} is missing; restore it" in said
