"""A study is made of what was generated, and does not change under its raters."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from study.desk import links, studies
from study.models import Stimulus, Study, StudyStimulus


def test_a_stimulus_is_a_copy_that_generating_again_does_not_touch(draft_study, generated):
    stimulus = draft_study.stimuli.filter(method__name="nearest").first()
    output = generated / "outputs" / "Samples" / "nearest" / f"{stimulus.source.name}.png"
    assert stimulus.path.read_bytes() == output.read_bytes()
    assert stimulus.path.stem == stimulus.sha256
    assert not stimulus.path.samefile(output)


def test_opening_freezes_what_raters_see(open_study):
    open_study.instructions = "Something else"
    with pytest.raises(ValidationError, match="frozen"):
        open_study.save()
    open_study.refresh_from_db()
    open_study.title = "A better title"
    open_study.save()


def test_opening_records_a_checksum_over_all_stimuli(open_study):
    assert len(open_study.stimuli_sha256) == 64
    studies.close(open_study)
    StudyStimulus.objects.filter(study=open_study).first().delete()
    with pytest.raises(ValueError, match="not those it was opened with"):
        studies.open_(open_study)


def test_a_study_with_an_altered_or_missing_file_is_not_opened(draft_study):
    stimulus = draft_study.stimuli.first()
    content = stimulus.path.read_bytes()
    stimulus.path.write_bytes(content + b"\0")
    with pytest.raises(ValueError, match=f"{stimulus.sha256}.png was altered"):
        studies.open_(draft_study)
    stimulus.path.unlink()
    with pytest.raises(ValueError, match="is missing"):
        studies.open_(draft_study)
    draft_study.refresh_from_db()
    assert draft_study.state == Study.State.DRAFT
    stimulus.path.write_bytes(content)
    studies.open_(draft_study)
    assert draft_study.state == Study.State.OPEN


def test_what_was_not_generated_is_named_and_nothing_is_stored(db, settings, generated):
    settings.OUTPUTS_DIR = generated / "outputs"
    with pytest.raises(ValueError, match="srgan"):
        studies.create("s", sets=["Samples"], methods=["nearest", "srgan"])
    assert not Study.objects.exists()
    assert not Stimulus.objects.exists()


def test_invitations_are_numbered_on_and_each_link_is_its_own(open_study):
    made = [*links.invite(open_study, 2), *links.invite(open_study, 3)]
    assert [i.number for i in made] == [1, 2, 3, 4, 5]
    assert len({i.token for i in made}) == 5


def test_the_planned_number_is_frozen_with_the_study(open_study):
    open_study.planned_raters = 5
    with pytest.raises(Exception, match="planned_raters of small was frozen"):
        open_study.save()
    assert Study.objects.get().planned_raters == 26


def test_a_study_has_a_limit_of_links_and_says_it(open_study, monkeypatch):
    monkeypatch.setattr(links, "MOST_OF_A_STUDY", 5)
    links.invite(open_study, 3)
    with pytest.raises(ValueError, match="has 3 invitations and can have 5"):
        links.invite(open_study, 3)
    assert len(links.invite(open_study, 2)) == 2
    assert open_study.invitations.count() == 5


def test_a_set_that_is_named_twice_is_shown_once(db, settings, generated):
    settings.OUTPUTS_DIR = generated / "outputs"
    study = studies.create("s", sets=["Samples", "Samples"], methods=["nearest", "hr"])
    assert study.stimuli.count() == 10
