"""Real opinion scores and small tables of ratings."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

COLUMNS = ["rater", "set", "image", "method", "score", "simulated"]


def votes(
    rows: Sequence[tuple[str, str, str, int]], *, set_name: str = "Set5", simulated: bool = False
) -> pd.DataFrame:
    """Ratings of one set from (rater, image, method, score)."""
    table = pd.DataFrame(rows, columns=["rater", "image", "method", "score"])
    return table.assign(set=set_name, simulated=simulated)[COLUMNS]


@pytest.fixture(scope="session")
def opinion_scores() -> Callable[[str], tuple[pd.DataFrame, dict[str, Any]]]:
    """Reads a data set of real scores: its rows, and the figures that independent code found."""
    folder = os.environ.get("OPINION_SCORES_DIR")
    if not folder:
        pytest.skip("OPINION_SCORES_DIR is not set: no real opinion scores at hand")

    def read(name: str) -> tuple[pd.DataFrame, dict[str, Any]]:
        reference = json.loads(Path(folder, f"{name}.reference.json").read_text())
        return pd.read_csv(Path(folder, f"{name}.csv")), reference

    return read


@pytest.fixture(scope="session")
def netflix(opinion_scores) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Netflix public: 26 raters each saw all 79 videos; each video is taken for a stimulus."""
    rows, reference = opinion_scores("NFLX_public")
    ratings = rows.rename(columns={"observer": "rater", "stimulus": "image"})
    ratings = ratings.assign(set="NFLX", method="video", simulated=False)[COLUMNS]
    return ratings, reference["models"]["MosModel"]


@pytest.fixture(scope="session")
def generated_images(opinion_scores) -> tuple[pd.DataFrame, dict[str, Any]]:
    """AVT AI images: 25 raters, six methods, not all cells, three votes given twice."""
    rows, reference = opinion_scores("avt_ai_images_quality")
    ratings = rows.rename(columns={"observer": "rater", "content": "image"})
    return ratings.assign(set="AVT", simulated=False)[COLUMNS], reference["avt_ai_images_quality"]
