"""A study of own images and own methods gives itself away no more than one of shipped ones."""

from __future__ import annotations

import io
import re
import shutil

import numpy as np
import pytest
from PIL import Image

from study.desk import stimuli, studies
from study.models import Stimulus, Study
from tests.own_material import bring, bring_without_originals, photographs
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


FEW = {**OPEN, "calibration_checks": 3}


def test_no_response_tells_the_scale_or_that_there_are_no_originals(
    db, settings, tmp_path, generated, calibration_dir
):
    settings.BENCHMARKS_DIR, methods = tmp_path / "benchmarks", ("nearest", "bicubic")
    names = [f"zq-{number}" for number in range(5)]  # as many as there are of Samples
    images = {
        name: np.ascontiguousarray(image[2 * n : 2 * n + 48, 3 * n : 3 * n + 64])
        for n, (name, image) in enumerate(photographs(names).items())
    }
    bring_without_originals("zq-wild", images=images, scale=2, title="zq-wild by Somebody")
    (settings.BENCHMARKS_DIR / "Samples").symlink_to(generated / "benchmarks" / "Samples")
    shutil.copytree(generated / "outputs", settings.OUTPUTS_DIR)
    stimuli.make_outputs(["zq-wild"], methods, progress=False)
    wild = studies.create("zq", sets=["zq-wild"], methods=methods, opened=True, protocol=FEW)
    folder = {"calibration_folder": str(calibration_dir)}
    usual = studies.create(
        "usual", sets=["Samples"], methods=methods, opened=True, protocol={**FEW, **folder}
    )
    responses, images_ = taken(wild)
    plain, others = taken(usual)
    assert {masked(each) for each in responses} == {masked(each) for each in plain}
    for response in responses:
        assert "zq-" not in text_of(response)
        assert "Somebody" not in text_of(response)
    for image in images_:
        assert set(chunks(image.content)) == {b"IHDR", b"IDAT", b"raNd", b"IEND"}
    heads = [
        {k: v for k, v in each.headers.items() if k != "Content-Length"}
        for each in (*images_, *others)
    ]
    assert all(head == heads[0] for head in heads)
    # The images themselves were anchors, of one size; so are all versions that were rated.
    assert {(each.width, each.height) for each in wild.stimuli.all()} == {(128, 96)}
    anchors = [anchor.stimulus for anchor in wild.anchors.select_related("stimulus")]
    assert [(each.width, each.height) for each in anchors] == [(64, 48)] * 10
