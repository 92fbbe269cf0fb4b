"""What `make run` does before it serves: everything once, and nothing again."""

from __future__ import annotations

import io
import re
import shutil
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from benchmarks import outputs
from study.desk import first, links, studies
from study.models import Deed, Invitation, Study
from tests.own_material import bring


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("first_study", *arguments, stdout=out, stderr=out, verbosity=0)
    return out.getvalue()


@pytest.fixture(autouse=True)
def real_images(db, settings, benchmarks_dir):
    """Set5 is there; AlexNet is not, and may not be fetched, so that LPIPS is left out."""
    settings.BENCHMARKS_DIR = benchmarks_dir


def test_the_first_run_opens_a_study_and_the_second_repeats_nothing(client, settings):
    said = run()
    assert said.count("LPIPS was not measured: ") == 1
    assert f"into {settings.PERCEPTUAL_WEIGHTS_DIR} (PERC" in said.splitlines()[-1]
    study = Study.objects.get()
    assert study.state == Study.State.OPEN
    assert study.stimuli.count() == 25
    link = re.search(r"http://[^/]+(/r/\S+)", said)
    assert link
    assert client.get(link[1]).status_code == 302
    password = re.search(r"researcher / (\S+)", said)
    assert password
    assert User.objects.get(is_superuser=True).check_password(password[1])

    made = {
        path: path.stat().st_mtime_ns
        for path in Path(study.stimuli.first().path).parents[1].rglob("*.png")
    }
    again = run()
    assert link[0] in again
    assert "LPIPS" not in again
    assert password[1] not in again
    assert (Study.objects.count(), Invitation.objects.count(), User.objects.count()) == (1, 1, 1)
    assert all(path.stat().st_mtime_ns == time for path, time in made.items())


def test_a_first_study_can_be_of_own_images_and_methods(settings, tmp_path):
    settings.BENCHMARKS_DIR = tmp_path / "benchmarks"
    bring(tmp_path)
    said = run("--sets", "streets", "--methods", "ours", "theirs", "hr")
    assert "Rate images   http" in said
    study = Study.objects.get()
    shown = set(study.stimuli.values_list("source__dataset__name", "method__name"))
    assert shown == {("streets", name) for name in ("hr", "ours", "theirs")}


def test_a_first_run_that_cannot_open_its_study_leaves_none_and_the_next_one_has_a_link(
    settings, tmp_path
):
    for number in range(8):
        (tmp_path / f"{number}.png").write_bytes(b"no image")
    settings.CALIBRATION_DIR = tmp_path
    with pytest.raises(CommandError, match="cannot be read as an image"):
        run()
    assert not Study.objects.exists()
    settings.CALIBRATION_DIR = None
    assert "Rate images   http" in run()
    assert Study.objects.get().state == Study.State.OPEN


@pytest.fixture(scope="module")
def outputs_of_set5(benchmarks_dir, tmp_path_factory) -> Path:
    """A folder with what the quick preset shows of Set5."""
    folder = tmp_path_factory.mktemp("set5")
    outputs.generate(
        benchmarks_dir=benchmarks_dir,
        outputs_dir=folder,
        sets=["Set5"],
        methods=studies.PRESETS["quick"].methods,
        progress=False,
    )
    return folder


@pytest.fixture
def made(outputs_of_set5, settings) -> None:
    """They have been made before."""
    shutil.copytree(outputs_of_set5, settings.OUTPUTS_DIR)


def left_behind(**protocol) -> Study:
    """What an earlier version made and did not come to open."""
    return studies.create(first.SLUG, title=first.TITLE, sets=["Set5"], protocol=protocol)


@pytest.mark.parametrize("calibrate", [False, True])
def test_a_draft_that_a_stopped_run_left_behind_is_completed_and_opened(made, calibrate):
    draft = left_behind(calibrate=calibrate)  # its calibration images are not there any more
    draft.stimuli.first().path.unlink()
    assert "Rate images   http" in run()
    study = Study.objects.get()
    assert (study.slug, study.state) == ("first", Study.State.OPEN)
    assert all(stimulus.path.is_file() for stimulus in study.stimuli.all())
    assert Deed.objects.filter(study=study, kind=Deed.Kind.OPENED).count() == 1


@pytest.mark.parametrize("touched", ["rules", "links", "title"])
def test_a_draft_that_somebody_works_on_is_left_alone(made, touched):
    draft = left_behind(**({"undo_seconds": 0} if touched == "rules" else {}))
    if touched == "links":
        links.invite(draft, 1)
    if touched == "title":
        Study.objects.update(title="My own")
    said = run()
    assert Study.objects.get() == draft
    assert Study.objects.get().state == Study.State.DRAFT
    if touched != "links":
        assert "Rate images" not in said
        assert "manage.py open_study first" in said


def test_an_open_study_is_shown_rather_than_an_older_draft(made):
    studies.create("older", sets=["Set5"])
    studies.create("newer", sets=["Set5"], opened=True)
    assert "/studies/newer/" in run()
