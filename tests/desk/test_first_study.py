"""What `make run` does before it serves: everything once, and nothing again."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from study.models import Invitation, Study


def run() -> str:
    out = io.StringIO()
    call_command("first_study", stdout=out, stderr=out, verbosity=0)
    return out.getvalue()


@pytest.fixture(autouse=True)
def real_images(db, settings, benchmarks_dir):
    """Set5 is there; LPIPS, which takes a while, is left out."""
    settings.BENCHMARKS_DIR, settings.PERCEPTUAL_WEIGHTS_DIR = benchmarks_dir, None


def test_the_first_run_opens_a_study_and_the_second_repeats_nothing(client):
    said = run()
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
    assert password[1] not in again
    assert (Study.objects.count(), Invitation.objects.count(), User.objects.count()) == (1, 1, 1)
    assert all(path.stat().st_mtime_ns == time for path, time in made.items())


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
