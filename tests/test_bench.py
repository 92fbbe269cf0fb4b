"""The quick halves of ``make bench`` still run; what they print is for people."""

from __future__ import annotations

import re

from tests import bench
from tests.bench_plan import planning


def test_plan_and_inference_can_be_measured(capsys, monkeypatch):
    monkeypatch.setattr(bench, "TURNS", 1)
    planning(bench.medians)
    bench.inference()
    said = capsys.readouterr().out
    assert re.search(r"1128 trials in four sessions: [\d.]+ ms", said)
    assert re.search(r"[\d.]+ times as fast", said)
