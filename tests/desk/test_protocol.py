"""The rules of a study: which are possible, how they are written, and that they freeze."""

from __future__ import annotations

import pytest

from study.desk import studies
from study.models import Study


@pytest.mark.parametrize(
    ("protocol", "sentence"),
    [
        ({"session_minutes": 31}, "session_minutes=31"),
        ({"plates": -1}, "plates=-1"),
        ({"language": "fr"}, "language=fr"),
        ({"colour": 1}, "no setting 'colour'"),
    ],
)
def test_a_rule_that_cannot_be_is_refused_by_name(draft_study, protocol, sentence):
    with pytest.raises(ValueError, match=sentence):
        studies.set_protocol(draft_study, protocol)


@pytest.mark.parametrize(("said", "meant"), [("true", True), ("False", False), ("1", True)])
def test_yes_and_no_are_taken_as_people_write_them(draft_study, said, meant):
    studies.set_protocol(draft_study, {"screen_vision": said})
    assert draft_study.screen_vision is meant


@pytest.mark.parametrize("protocol", [{"share": 7}, {"retests": 7}, {"sessions": 7}])
def test_a_study_too_small_for_its_rules_is_not_opened(draft_study, protocol):
    studies.set_protocol(draft_study, protocol)
    draft_study.save()
    with pytest.raises(ValueError, match=next(iter(protocol))):
        studies.open_(draft_study)


def test_the_protocol_is_frozen_with_the_study(open_study):
    for name in Study.PROTOCOL:
        assert name in Study.FROZEN
    open_study.plates = 6
    with pytest.raises(Exception, match="frozen"):
        open_study.save()


def test_every_rule_of_the_protocol_is_a_setting_that_can_be_frozen():
    own = {field.name for field in Study._meta.get_fields() if field.concrete}
    base = {"id", "slug", "title", "state", "created_at", "opened_at", "closed_at",
            "stimuli_sha256", "stimuli", "researchers"}  # fmt: skip
    assert set(Study.PROTOCOL) <= own
    from study.models.protocol import Protocol

    assert {field.name for field in Protocol._meta.get_fields()} == set(Study.PROTOCOL)
    assert base <= own
