"""Outputs are brought of sets at any scale, and of sets without originals, checked as all are."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from benchmarks import methods, own_sets
from benchmarks.datasets import load_verified, manifest
from benchmarks.files import encode_png, read_image
from benchmarks.own_methods import forget
from benchmarks.resize import degrade
from sr_models.interpolation import bicubic, nearest
from tests.benchmarks.bring_outputs import COLOUR, GREY, SIZES, Pixels, Site, refused
from tests.benchmarks.bring_sets import put

LR_SIZES = {"bowl": (16, 14), "cat": (21, 16), "sky": (16, 14), GREY: (18, 12)}


def written(folder: Path, outputs: dict[str, Pixels], form: str = "{}.png") -> Path:
    for name, image in outputs.items():
        put(folder / form.format(name), image)
    return folder


def at(site: Site, scale: int, method: Callable[[Pixels, int], Pixels] = bicubic) -> dict:
    """What a method makes of each image of Mine at a scale."""
    return {name: method(degrade(site.original(name), scale), scale) for name in SIZES}


@pytest.fixture
def low(site: Site) -> dict[str, Pixels]:
    """The images of Low, a set at x3 without originals."""
    images = {
        name: np.ascontiguousarray(site.original(name)[:height, :width])
        for name, (width, height) in LR_SIZES.items()
    }
    own_sets.add(
        "Low", written(site.root / "low", images), folder=site.benchmarks, scale=3,
        references=False, progress=False,
    )  # fmt: skip
    return images


# ---- Scales ----


@pytest.mark.parametrize(
    "form",
    ["{}.png", "results/X2/{}x2.png", "{}_x2_SwinIR.png", "Mine/x2/{}.png", "Mine_x2/{}x2.png"],
)
def test_outputs_at_another_scale_lie_beside_those_of_the_set(site, form):
    two, four = at(site, 2), at(site, 4)
    site.add("mymodel", written(site.root / "x4", four), sets=["Mine"])
    added = site.add("mymodel", written(site.root / "x2", two, form), sets=["Mine_x2"])
    assert added.outputs == {"Mine_x2": 4}
    assert "generate --sets Mine_x2 --methods mymodel, then" in added.sentence
    for set_name, outputs in (("Mine", four), ("Mine_x2", two)):
        for name, image in outputs.items():
            assert np.array_equal(read_image(site.methods / "mymodel" / set_name / f"{name}.png"),
                                  image)  # fmt: skip
    found = methods.methods(site.methods)["mymodel"]
    assert (found.scale, found.sets) == (None, {"Mine", "Mine_x2"})
    report = site.generate(["mymodel", "bicubic"], sets=["Mine", "Mine_x2"])
    assert (report.done, report.failed) == (16, [])
    with pytest.raises(ValueError, match="mymodel has no outputs of Mine_x3"):
        site.generate(["mymodel"], sets=["Mine_x3"])
    said = refused(site, site.root / "x4", "mymodel", sets=["Mine_x2"])
    assert "cat.png, for cat of Mine_x2: " not in said  # it is 60x48, as four and two cut it
    assert "its size is 64x48, not 64x50: it was cut for scale 8" in said
    assert "mymodel has other outputs" not in said


def test_the_sets_of_a_folder_of_results_are_known_at_a_scale(site):
    folder = site.root / "results"
    for set_name in ("Mine", "Other"):
        for entry in manifest(set_name, site.benchmarks).images:
            hr = load_verified(site.benchmarks, set_name, entry)
            put(folder / set_name / "X3" / f"{entry.name}.png", nearest(degrade(hr, 3), 3))
    assert site.add("a", folder, sets=["Mine_x3"]).outputs == {"Mine_x3": 4}
    added = site.add("b", folder, sets=["Mine_x3", "Other_x3"])
    assert added.outputs == {"Mine_x3": 4, "Other_x3": 4}
    said = refused(site, folder, "c")
    assert "it was cut for scale 3, and scale 4 is needed; --set Mine_x3 takes outputs at" in said


def test_folders_tell_sets_of_the_same_names_apart_at_a_scale_too(site, low):
    written(site.root / "results" / "Mine" / "X2", at(site, 2))
    written(site.root / "results" / "Low" / "X4", {n: bicubic(i, 4) for n, i in low.items()})
    added = site.add("mymodel", site.root / "results", sets=["Mine_x2", "Low_x4"])
    assert added.outputs == {"Mine_x2": 4, "Low_x4": 4}


@pytest.mark.parametrize(
    ("scale", "brought", "said"),
    [
        (3, 2, "its size is 60x48, not 61x48 or 60x48"),
        (3, 4, "sky of Mine_x3: its size is 60x48, not 60x51: it was cut for scale 4, and scale 3 "
               "is needed; --set Mine takes outputs at that scale"),
        (2, 3, "bowl of Mine_x2: its size is 63x48, not 64x50: it was cut for scale 3, and scale 2 "
               "is needed; --set Mine_x3 takes outputs at that scale"),
    ],
)  # fmt: skip
def test_outputs_at_the_wrong_scale_are_told_by_their_size(site, scale, brought, said):
    outputs = at(site, brought)
    if brought == 2:
        outputs["cat"] = outputs["cat"][:, :59]
        said = said.replace("its size is 60x48", "its size is 59x48")
    assert said in refused(site, written(site.root / "wrong", outputs), sets=[f"Mine_x{scale}"])


def test_whole_outputs_are_cut_to_what_the_scale_divides(site):
    whole = {name: np.ascontiguousarray(site.original(name)) for name in SIZES}
    made = at(site, 3)
    for name, image in made.items():
        whole[name][: image.shape[0], : image.shape[1]] = image
    added = site.add("mymodel", written(site.root / "x3", whole), sets=["Mine_x3"])
    assert added.cropped == 3  # 3 divides the sides of sky
    assert "; 3 were cut to a multiple of their scale. Next" in added.sentence
    for name, image in made.items():
        assert np.array_equal(read_image(site.methods / f"mymodel/Mine_x3/{name}.png"), image)


def test_a_method_of_before_keeps_its_scale_in_its_file_and_takes_others(site):
    site.add("mymodel", site.made())
    path = site.methods / "mymodel" / "method.json"
    stored = json.loads(path.read_text())
    path.write_text(json.dumps(stored | {"scale": 4}))
    site.add("mymodel", written(site.root / "x8", at(site, 2)), sets=["Mine_x2"])
    assert site.generate(["mymodel"], sets=["Mine", "Mine_x2"]).done == 8


def test_what_was_brought_of_a_set_at_another_scale_is_forgotten_alone(site):
    site.add("mymodel", site.made())
    site.add("mymodel", written(site.root / "x2", at(site, 2)), sets=["Mine_x2"])
    assert forget("Mine_x2", folder=site.methods) == ["mymodel"]
    assert methods.methods(site.methods)["mymodel"].sets == {"Mine"}
    assert not (site.methods / "mymodel" / "Mine_x2").exists()


# ---- Without originals ----


def enlarged(low: dict[str, Pixels]) -> dict[str, Pixels]:
    """Another program's outputs at x3: softer than bicubic."""
    return {
        name: gaussian_filter(bicubic(image, 3), (1, 1, 0)[: image.ndim])
        for name, image in low.items()
    }


def test_outputs_without_originals_are_known_by_names_as_all_are(site, low):
    folder = written(site.root / "out", enlarged(low), "{}_out.png")
    said = refused(site, folder)
    assert "its names are those of Low and of Mine: say by --set whose they are" in said
    folder.rename(site.root / "Low")
    (site.root / "results").mkdir()
    (site.root / "Low").rename(site.root / "results" / "Low")
    assert site.add("mymodel", site.root / "results").outputs == {"Low": 4}


def test_bicubic_itself_may_be_brought_where_there_are_no_originals(site, low):
    outputs = {name: bicubic(image, 3) for name, image in low.items()}
    folder = written(site.root / "out", outputs)
    assert site.add("mymodel", folder, sets=["Low"]).outputs == {"Low": 4}
    report = site.generate(["mymodel", "bicubic"], sets=["Low"])
    assert (report.done, report.failed) == (8, [])
    for name, image in outputs.items():
        for method in ("mymodel", "bicubic"):
            assert np.array_equal(read_image(site.outputs / f"Low/{method}/{name}.png"), image)


@pytest.mark.parametrize(
    ("scale", "said"),
    [
        (1, "its size is 21x16, not 63x48: that is the size of what was to be enlarged by 3"),
        (4, "its size is 84x64, not 63x48: it looks like scale 4, and scale 3 is needed; --set "
            "Low_x4 takes outputs at that scale"),
        (6, "its size is 126x96, not 63x48: it looks like scale 6, and scale 3 is needed"),
    ],
)  # fmt: skip
def test_sizes_without_originals_are_the_scale_times_those_of_the_images(site, low, scale, said):
    outputs = {name: bicubic(image, scale) for name, image in low.items()}
    lines = refused(site, written(site.root / "out", outputs), sets=["Low"]).splitlines()
    assert len(lines) == 5
    assert lines[2].strip() == f"cat.png, for cat of Low: {said}"
    if scale == 4:
        assert site.add("a", site.root / "out", sets=["Low_x4"]).outputs == {"Low_x4": 4}


def test_colours_without_originals_are_those_of_the_images(site, low):
    outputs = enlarged(low)
    outputs["cat"] = outputs["cat"][..., 0]
    outputs[GREY] = outputs[GREY][..., None] + np.array([0, 9, 5], np.uint8)
    lines = refused(site, written(site.root / "out", outputs), sets=["Low"]).splitlines()
    assert "for cat of Low: it is grey, and what it was made from has colours" in lines[1]
    assert "for man of Low: it has colours, and what it was made from is grey" in lines[2]


def test_mistakes_are_suspected_without_originals_too(site, low):
    outputs = enlarged(low)
    for name in COLOUR:
        outputs[name] = np.ascontiguousarray(outputs[name][..., ::-1])
    folder = written(site.root / "out", outputs)
    said = refused(site, folder, sets=["Low"])
    assert "Low: the outputs seem to be in BGR: with red and blue exchanged more than 6 dB" in said
    outputs = enlarged(low)
    outputs["sky"], outputs["bowl"] = outputs["bowl"], outputs["sky"]
    said = refused(site, written(folder, outputs), sets=["Low"])
    assert "Low: the output of sky shows bowl, it seems" in said
    assert "Low: the output of bowl shows sky, it seems" in said
    site.add("mymodel", folder, sets=["Low"], as_they_are=True)


def test_an_image_that_is_missing_or_wrong_is_named_with_what_brings_it(site, low):
    folder = written(site.root / "out", enlarged(low))
    (site.benchmarks / "Low" / "cat.png").write_bytes(encode_png(low["sky"]))
    said = refused(site, folder, sets=["Low"])
    assert "the image Low cat: the pixels of" in said
    assert "add_set Low FOLDER --scale 3 --no-reference, with the images" in said
    (site.benchmarks / "Low" / "cat.png").unlink()
    said = refused(site, folder, sets=["Low_x4"])
    assert "the images of Low_x4 are not there: python manage.py add_set Low FOLDER --sc" in said
