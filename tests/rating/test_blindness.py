"""The wing of raters works with keys: nothing in its source could say by which method."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sr_models.methods import METHODS

STUDY = Path(__file__).resolve().parents[2] / "study"
FOLDERS = (STUDY / "rating", STUDY / "templates/study/rating", STUDY / "static/study/rating")
SOURCES = sorted(
    path
    for folder in FOLDERS
    for path in folder.rglob("*")
    if path.suffix in {".py", ".html", ".js", ".css"}
)
NAMES = [*METHODS, *(method.title for method in METHODS.values())]
NAMED = re.compile(rf"(?<![\w-])(?:{'|'.join(map(re.escape, NAMES))})(?![\w-])", re.IGNORECASE)
ASKED = re.compile(
    r"""\bMethod\b                           # the model itself
    | methods?(?:__|\.)(?:name|title|place)  # a lookup or an attribute of a row
    | \.title\b                              # of a method, or of a study: researchers write it
    """,
    re.VERBOSE,
)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(STUDY)))
def test_no_source_of_the_raters_wing_names_a_method_or_asks_for_its_name(path):
    text = path.read_text()
    assert NAMED.findall(text) == []
    assert ASKED.findall(text) == []


def test_the_sources_that_are_read_are_all_of_the_wing():
    assert {path.suffix for path in SOURCES} == {".py", ".html", ".js", ".css"}
    assert {"views.py", "calibration.py", "rate.html", "rate.js"} <= {p.name for p in SOURCES}


@pytest.mark.parametrize(
    "line",
    [
        'SCORES = {"nearest": 1, "hr": 5}',
        "title = METHODS[trial.stimulus.method.name].title",
        'rows.values_list("stimulus__method__title")',
        "from study.models import Method",
        "<p>{{ study.title }}</p>",
        "const best = 'SRResNet-VGG22';",
    ],
)
def test_a_line_that_tells_would_be_found(line):
    assert NAMED.search(line) or ASKED.search(line)


@pytest.mark.parametrize(
    "line", ['if request.method == "GET":', "item = Item(s.source_id, s.method_id)", "threshr"]
)
def test_a_key_is_no_name(line):
    assert not NAMED.search(line)
    assert not ASKED.search(line)
