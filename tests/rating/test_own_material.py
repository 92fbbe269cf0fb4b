"""A study of own images and own methods gives itself away no more than one of shipped ones."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
from PIL import Image

from study.desk import stimuli, studies
from study.models import Stimulus, Study
from tests.own_material import bring
from tests.rating.way import OPEN, chunks, taken, text_of

PLAIN = {"set": "pictures", "images": ("next", "vote"), "methods": ("image", "good")}
"""Words that stand on raters' pages and in their addresses."""
STRANGE = {"set": "zq-set", "images": ("zq-one", "zq-two"), "methods": ("zq-ours", "zq-theirs")}


@pytest.fixture
def of_own_material(db, settings, tmp_path, calibration_dir):
    """Makes an open study of material of somebody's own, with all that can be in a protocol."""
    settings.BENCHMARKS_DIR = tmp_path / "benchmarks"

    def make(slug: str, names: dict) -> Study:
        titles = {each: f"{each} by Somebody" for each in names["methods"]}
        bring(
            tmp_path / slug, set_name=names["set"], images=names["images"],
            methods=names["methods"], titles=titles,
        )  # fmt: skip
        methods = (*names["methods"], "hr")
        stimuli.make_outputs([names["set"]], methods, progress=False)
        return studies.create(
            slug, sets=[names["set"]], methods=methods, opened=True,
            protocol={**OPEN, "calibration_folder": str(calibration_dir)},
        )  # fmt: skip

    return make


def masked(response) -> str:
    """A response without what is another for every rater: keys, checksums, lengths."""
    text = re.sub(
        r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "", text_of(response)
    )
    return re.sub(r"\d+", "0", re.sub(r"[A-Z0-9]{4}(-[A-Z0-9]{4})+", "", text))


def test_no_byte_of_any_response_depends_on_what_sets_images_and_methods_are_called(
    of_own_material,
):
    plain, _ = taken(of_own_material("plain", PLAIN))
    strange, _ = taken(of_own_material("strange", STRANGE))
    assert {masked(each) for each in plain} == {masked(each) for each in strange}
    for response in strange:
        assert "zq-" not in text_of(response)
        assert "Somebody" not in text_of(response)


def test_no_image_of_own_material_tells_its_method(of_own_material):
    study = of_own_material("strange", STRANGE)
    _, images = taken(study)
    for image in images:
        assert set(chunks(image.content)) == {b"IHDR", b"IDAT", b"raNd", b"IEND"}
    heads = [{k: v for k, v in i.headers.items() if k != "Content-Length"} for i in images]
    assert all(head == heads[0] for head in heads)
    for source in {stimulus.source for stimulus in study.stimuli.select_related("source")}:
        shown = Stimulus.objects.filter(source=source)
        assert shown.count() == 3
        assert {(each.width, each.height) for each in shown} == {(128, 96)}
        kinds = {Image.open(io.BytesIO(each.path.read_bytes())).mode for each in shown}
        assert kinds == {"RGB"}
    first, second = (
        np.asarray(Image.open(study.stimuli.filter(method__name=name).first().path))
        for name in STRANGE["methods"]
    )
    assert not np.array_equal(first, second)
