"""Anchors: what a study calibrates its raters on is there, and is not what it asks about."""

from __future__ import annotations

import pytest

from study.desk import studies
from study.models import Anchor, Study


def test_a_study_that_calibrates_does_not_open_without_images_for_it(
    draft_study, settings, tmp_path
):
    studies.set_protocol(draft_study, {"calibrate": True})
    draft_study.save()
    with pytest.raises(ValueError, match="CALIBRATION_DIR is not set"):
        studies.open_(draft_study)
    settings.CALIBRATION_DIR = tmp_path / "nothing"
    with pytest.raises(ValueError, match="holds 0 images"):
        studies.open_(draft_study)
    assert not Anchor.objects.exists()


def test_images_that_are_rated_do_not_calibrate(draft_study, tmp_path):
    folder = tmp_path / "own"
    folder.mkdir()
    for place, stimulus in enumerate(draft_study.stimuli.filter(method__name="hr")):
        for copy in range(4):
            (folder / f"{place}{copy}.png").write_bytes(stimulus.path.read_bytes())
    studies.set_protocol(draft_study, {"calibrate": True, "calibration_folder": str(folder)})
    draft_study.save()
    with pytest.raises(ValueError, match="calibrate on other images"):
        studies.open_(draft_study)
    assert Study.objects.get().state == Study.State.DRAFT
