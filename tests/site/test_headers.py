"""No page asks another site for anything."""

from __future__ import annotations

import re

from django.urls import reverse


def test_nothing_is_loaded_from_elsewhere(rater_client):
    response = rater_client.get(reverse("rate"))
    assert "default-src 'self'" in response["Content-Security-Policy"]
    assert not re.findall(rb'(?:src|href)="(?:https?:)?//', response.content)
    assert b"<style" not in response.content
