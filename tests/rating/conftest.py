"""A study with whatever protocol a test asks for."""

from __future__ import annotations

import pytest
from django.test import Client

from study.desk import links, studies


@pytest.fixture
def come(draft_study, calibration_dir, settings):
    """Opens the small study under a protocol; returns a browser that followed a link to it."""
    settings.CALIBRATION_DIR = calibration_dir

    def follow(**protocol) -> Client:
        studies.set_protocol(draft_study, protocol)
        draft_study.save()
        studies.open_(draft_study)
        client = Client()
        client.get(links.invite(draft_study, 1)[0].get_absolute_url())
        return client

    return follow
