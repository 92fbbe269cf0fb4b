"""The distribution of scores is drawn from the votes that count, and the same each time."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from xml.etree import ElementTree
from xml.sax.saxutils import unescape

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from study.analysis import figures
from tests.analysis.conftest import COLUMNS, votes

ORDER = ["bicubic", "srgan", "hr"]
TITLES = {"bicubic": "Bicubic", "srgan": "SRGAN, $5_$ & more", "hr": "Original (HR)"}


def ratings(raters=3, *, simulated=False):
    return votes(
        [
            (f"r{n}", image, method, min(5, base + (n + i) % 2))
            for n in range(raters)
            for i, image in enumerate("xy")
            for method, base in [("bicubic", 1), ("srgan", 3), ("hr", 5)]
        ],
        simulated=simulated,
    )


def draw(table=None, **options):
    table = ratings() if table is None else table
    return figures.distribution(table, **{"order": ORDER, "titles": TITLES, **options})


def words(svg: bytes) -> str:
    """What the figure says: matplotlib notes each text beside its outlines."""
    ElementTree.fromstring(svg)  # well-formed, or this raises
    return unescape("\n".join(re.findall("<!-- (.*?) -->", svg.decode(), re.DOTALL)))


@pytest.mark.parametrize(
    ("kind", "start"), [("svg", b"<?xml"), ("pdf", b"%PDF"), ("png", b"\x89PNG")]
)
def test_the_same_votes_give_the_same_file(kind, start):
    first = draw(format=kind)
    assert first.startswith(start)
    shuffled = ratings().sample(frac=1, random_state=0)
    assert draw(shuffled, format=kind) == first
    assert draw(ratings().replace({"score": {3: 4}}), format=kind) != first


def test_the_figure_names_sets_methods_raters_and_the_interval():
    both = pd.concat([ratings(), ratings(4).query("method != 'hr'").assign(set="BSD100")])
    said = words(draw(both, sets=["Set5", "BSD100"]))
    for text in ("Set5", "BSD100", "Bicubic", "SRGAN,", "$5_$", "3 raters, 6 ratings per method"):
        assert text in said
    assert "4 raters, 8 ratings per method" in said
    assert "Mean and its 95 % CI, t over raters' means" in said
    assert "Share of ratings" in said
    assert said.count("not rated") == 1, "BSD100 has no votes on the original"
    assert said.index("Set5") < said.index("BSD100")
    assert "simulated" not in said.lower()


def test_simulated_raters_are_named_in_the_figure():
    said = words(draw(ratings(simulated=True)))
    assert "SIMULATED raters, not people" in said
    assert "3 simulated raters" in said


def test_one_rater_has_a_mean_and_no_interval():
    said = words(draw(ratings(1)))
    assert "1 rater, 2 ratings per method" in said
    assert "Mean (no interval: one rater)" in said


def test_the_darkest_cell_is_the_commonest_score():
    """All gave bicubic a 1: the cell at the bottom is dark, the four above nearly white."""
    table = votes([(f"r{n}", "x", "bicubic", 1) for n in range(3)])
    image = np.asarray(Image.open(io.BytesIO(draw(table, format="png"))).convert("L"))
    left = image[:, : image.shape[1] * 3 // 4]  # without the colour bar
    dark_rows = np.flatnonzero((left < 100).mean(axis=1) > 0.5)
    assert 0.5 < dark_rows.mean() / len(image) < 0.9
    assert 0.05 < len(dark_rows) / len(image) < 0.2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"table": pd.DataFrame(columns=COLUMNS)}, "no ratings to draw yet"),
        ({"format": "gif"}, "drawn as svg, pdf, png, not as 'gif'"),
        ({"order": ["bicubic", "srgan"]}, "the method 'hr' is rated, but not among"),
        ({"sets": ["Set14"]}, "the set 'Set5' is rated, but not among: Set14"),
        ({"table": pd.concat([ratings(), ratings(simulated=True)])}, "never both"),
    ],
)
def test_what_cannot_be_drawn_gets_one_sentence(options, message):
    with pytest.raises(ValueError, match=message):
        draw(**options)


def test_drawing_leaves_the_style_of_others_alone():
    import matplotlib as mpl

    with mpl.rc_context({"font.size": 31, "svg.hashsalt": "mine"}):
        draw(ratings(1))
        assert mpl.rcParams["font.size"] == 31
        assert mpl.rcParams["svg.hashsalt"] == "mine"


def test_the_analysis_is_imported_without_matplotlib_django_and_torch():
    code = (
        "import sys, study.analysis.figures, study.analysis.tables;"
        "print([m for m in ('matplotlib', 'django', 'torch', 'sqlite3') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
