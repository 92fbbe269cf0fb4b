"""An image set is at one scale, is known at the others too, and may have no originals."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from benchmarks import own_sets
from benchmarks.catalogue import catalogue
from benchmarks.datasets import available, is_there, load_verified, manifest
from benchmarks.files import encode_png, read_image
from benchmarks.outputs import Report, generate
from benchmarks.resize import crop_to_multiple, degrade
from sr_models.interpolation import bicubic
from tests.benchmarks.bring_sets import Pixels, add, left, names, put, refused

ODD = (123, 97)
"""Width and height that neither 2, 3, 4 nor 8 divides both of."""


@pytest.fixture
def odd(tmp_path, photographs) -> Path:
    """Images of which each scale leaves some rows and columns out."""
    for name in ("coffee", "camera"):
        put(tmp_path / "odd" / f"{name}.png", photographs[name][: ODD[1], : ODD[0]])
    return tmp_path / "odd"


def made(folder: Path, sets: list[str], methods: list[str]) -> Report:
    return generate(
        benchmarks_dir=folder, outputs_dir=folder.parent / "outputs", sets=sets, methods=methods,
        progress=False,
    )  # fmt: skip


def output(folder: Path, set_name: str, method: str, image: str) -> Pixels:
    return read_image(folder.parent / "outputs" / set_name / method / f"{image}.png")


# ---- Scales ----


@pytest.mark.parametrize(
    ("scale", "cropped", "sides"),
    [
        (2, "2 will be cropped by 1 px to a multiple of 2", (122, 96)),
        (3, "2 will be cropped by 1 to 2 px to a multiple of 3", (123, 96)),
        (8, "2 will be cropped by 1 to 7 px to a multiple of 8", (120, 96)),
    ],
)
def test_a_set_at_another_scale_is_made_smaller_and_enlarged_by_it(
    odd, folder, scale, cropped, sides
):
    said = add("Mine", odd, folder, scale=scale)
    assert f"123x97 px) in {folder / 'Mine'}, at x{scale}; {cropped}. Next: " in said
    report = made(folder, ["Mine"], ["nearest", "bicubic", "hr"])
    assert (report.done, report.failed) == (6, [])
    for name in ("coffee", "camera"):
        whole = read_image(odd / f"{name}.png")
        hr = whole[: sides[1], : sides[0]]
        lr = degrade(hr, scale)
        assert lr.shape[:2] == (sides[1] // scale, sides[0] // scale)
        assert np.array_equal(output(folder, "Mine", "hr", name), hr)
        assert np.array_equal(output(folder, "Mine", "bicubic", name), bicubic(lr, scale))
        nearest = output(folder, "Mine", "nearest", name)
        assert nearest.shape == hr.shape
        assert all(
            np.array_equal(nearest[top::scale, left_::scale], lr)
            for top in range(scale)
            for left_ in range(scale)
        )


def test_networks_say_by_how_much_they_enlarge(odd, folder):
    add("Mine", odd, folder, scale=2)
    add("Four", odd, folder)
    for name in ("Mine", "Four_x2"):
        with pytest.raises(
            ValueError, match=f"srgan enlarges by 4, and the images of {name} are to be enlarged by"
        ):
            made(folder, [name], ["bicubic", "srgan"])
    assert not (folder.parent / "outputs").exists()


@pytest.mark.parametrize(
    ("scale", "least"), [(2, 32), (3, 33), (4, 32), (8, 64)]
)  # fmt: skip
def test_an_image_needs_32_px_a_side_and_8_px_of_lr(tmp_path, folder, photographs, scale, least):
    for side, name in ((least, "right"), (least - 1, "small")):
        put(tmp_path / name / "a.png", photographs["coffee"][:side, :100])
    add("Right", tmp_path / "right", folder, scale=scale)
    at = f" at x{scale}" * (scale != 4)
    assert f"a.png is 100x{least - 1} px; an image needs {least} px a side{at}" in (
        refused(tmp_path / "small", folder, scale=scale)
    )


def test_a_set_is_known_at_other_scales_where_its_images_are_large_enough(source, folder):
    add("Mine", source, folder)
    small = read_image(source / "coffee.png")[:40]
    put(source / "coffee.png", small)
    add("Low", source, folder)
    assert manifest("Mine_x8", folder).scale == 8
    assert is_there(folder, "Mine_x8")
    said = "Low cannot be at x8: coffee is 128x40 px; an image needs 64 px a side at x8"
    with pytest.raises(ValueError, match=said):
        manifest("Low_x8", folder)
    assert available(folder) == ["Low", "Mine"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Set5_x2", "Set5_x2 is what Set5 is called at x2; choose another name"),
        ("set5_X8", "set5_X8 is what Set5 is called at x8"),
        ("foo_x4", "foo_x4 is what foo is called at x4"),
        ("bar", "there is a set bar_x3, which is what bar would be called at x3"),
        ("BAR", "there is a set bar_x3, which is what BAR would be called at x3"),
    ],
)
def test_a_name_that_is_a_set_at_another_scale_is_refused(source, folder, name, said):
    add("foo", source, folder)
    add("bar_x3", source, folder, scale=3)
    assert said in refused(source, folder, name)
    assert "was there already, 0 of" in add("bar_x3", source, folder, scale=3)
    add("bar_x5", source, folder)  # there is no such scale


def test_a_set_of_before_that_has_such_a_name_stays_a_set_of_its_own(source, folder):
    add("Mine_x2", source, folder)
    add("Other", source, folder)
    (folder / "Other").rename(folder / "Mine")
    text = (folder / "Mine" / "manifest.json").read_text()
    (folder / "Mine" / "manifest.json").write_text(text.replace('"Other"', '"Mine"'))
    assert manifest("Mine_x2", folder).scale == 4
    assert "was there already" in add("Mine_x2", source, folder)
    made(folder, ["Mine", "Mine_x2"], ["nearest"])
    own_sets.remove("Mine", folder=folder, outputs_dir=folder.parent / "outputs")
    assert names(folder, "Mine_x2")
    assert [path.name for path in (folder.parent / "outputs").iterdir()] == ["Mine_x2"]


def test_the_same_images_again_with_another_scale_change_nothing(source, folder):
    add("Mine", source, folder)
    said = refused(source, folder, scale=2)
    assert "there is a set Mine at x4, not x2 (at x2 it is Mine_x2); to mend it say" in said
    assert "--scale 4, otherwise choose another name, or first python manage.py remove_set" in said
    said = refused(source, folder, references=False)
    assert "there is a set Mine with originals; to mend it leave out --no-reference" in said
    add("Other", source, folder, scale=2, references=False)
    said = refused(source, folder, "Other", scale=2)
    assert "there is a set Other without originals; to mend it say --no-reference" in said
    said = refused(source, folder, "Other", references=False)
    assert "there is a set Other at x2, not x4" in said


def test_what_mends_a_set_is_told_as_it_was_added(source, folder):
    add("Mine", source, folder, scale=2, references=False)
    (folder / "Mine" / "coffee.png").write_bytes(encode_png(np.zeros((9, 9), np.uint8)))
    for name in ("Mine", "Mine_x4"):
        with pytest.raises(ValueError, match="add_set Mine FOLDER --scale 2 --no-reference, with"):
            load_verified(folder, name, manifest("Mine", folder).images[3])
    said = add("Mine", source, folder, scale=2, references=False)
    assert said.startswith("Mine: was there already, 1 of its files were put back; ")


def test_outputs_at_every_scale_go_with_their_set(source, folder):
    add("Mine", source, folder)
    add("Mine_x5", source, folder)
    made(folder, ["Mine", "Mine_x2", "Mine_x8", "Mine_x5"], ["nearest"])
    own_sets.remove("Mine", folder=folder, outputs_dir=folder.parent / "outputs")
    assert [path.name for path in (folder.parent / "outputs").iterdir()] == ["Mine_x5"]


def test_what_was_cut_for_four_is_enough_where_the_scale_cuts_as_much(benchmarks_dir, tmp_path):
    entries = manifest("BSD100").images
    entry = next(each for each in entries if (each.width, each.height) == (481, 321))
    whole = load_verified(benchmarks_dir, "BSD100", entry)
    put(tmp_path / "BSD100" / f"{entry.name}.png", whole[:320, :480])
    for name in ("BSD100", "BSD100_x2", "BSD100_x8"):
        scale = manifest(name).scale
        found = crop_to_multiple(load_verified(tmp_path, name, entry), scale)
        assert np.array_equal(found, whole[:320, :480])
    with pytest.raises(ValueError, match="was cut for x4, and x3 needs the whole image of 481x321"):
        load_verified(tmp_path, "BSD100_x3", entry)


def test_to_fetch_a_set_at_another_scale_is_to_fetch_the_set(settings, folder):
    settings.BENCHMARKS_DIR = folder
    said = "Set5_x2 is Set5 at x2, and the same images: python manage.py fetch_benchmarks Set5 "
    with pytest.raises(CommandError, match=said):
        call_command("fetch_benchmarks", "Set5_x2", verbosity=0)
    assert not folder.exists()


# ---- Without originals ----


def test_images_without_originals_are_what_is_enlarged(source, folder):
    said = add("Mine", source, folder, scale=3, references=False)
    assert said == (
        f"Mine: 5 images (4 in colour, 1 in grey; 128x100 px) in {folder / 'Mine'}, at x3; they "
        "are what is enlarged by 3, and have no originals: there will be no PSNR, SSIM, LPIPS or "
        "DISTS, no hidden reference hr, and no DMOS. Next: python manage.py generate "
        "--sets Mine, or python manage.py add_method with outputs of your own"
    )
    assert not manifest("Mine", folder).references
    assert made(folder, ["Mine", "Mine_x2"], ["nearest", "bicubic"]).done == 20
    for name in names(folder):
        lr = read_image(source / f"{name}.png")
        for set_name, scale in (("Mine", 3), ("Mine_x2", 2)):
            found = output(folder, set_name, "bicubic", name)
            assert np.array_equal(found, bicubic(lr, scale))
    with pytest.raises(ValueError, match="hr is the original, and the images of Mine have none"):
        made(folder, ["Mine"], ["hr"])


def test_the_sizes_of_images_without_originals_are_bounded_by_what_is_made_of_them(
    tmp_path, folder, photographs
):
    wide = np.tile(photographs["camera"], (10, 13))
    put(tmp_path / "a" / "a.png", photographs["coffee"][:8])
    put(tmp_path / "b" / "a.png", photographs["coffee"][:7])
    put(tmp_path / "c" / "a.png", wide)
    add("Low", tmp_path / "a", folder, references=False)
    assert "a.png is 128x8 px; an image needs 16 px a side at x2, without an original" in (
        refused(tmp_path / "a", folder, scale=2, references=False)
    )
    assert "a.png is 128x7 px; an image needs 8 px a side at x4, without an original" in (
        refused(tmp_path / "b", folder, references=False)
    )
    add("Large", tmp_path / "c", folder, references=False)  # 27 million pixels at x4
    said = "a.png is 1664x1000 px; enlarged by 8 it would have more than 40 million pixels"
    assert said in refused(tmp_path / "c", folder, scale=8, references=False)
    with pytest.raises(ValueError, match="Large cannot be at x8: a is 1664x1000 px; enlarged by 8"):
        manifest("Large_x8", folder)


# ---- Commands ----


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out, stderr=out, verbosity=0)
    return out.getvalue()


def test_the_lr_images_are_handed_out_with_the_scale_of_their_set(source, settings, folder):
    settings.BENCHMARKS_DIR, lr = folder, folder.parent / "given"
    run("add_set", "Mine", str(source), "--scale", "3")
    run("add_set", "Alone", str(source), "--no-reference", "--scale", "2")
    for name, scale in (("Mine", 3), ("Mine_x2", 2), ("Alone", 2), ("Alone_x8", 8)):
        said = run("lr", name, str(lr / name))
        assert f"enlarge them by {scale}, keep their names" in said
        assert f"add_method NAME --outputs FOLDER --set {name}" in said
        for path in source.iterdir():
            whole = read_image(path)
            wanted = whole if name.startswith("Alone") else degrade(whole, scale)
            assert np.array_equal(read_image(lr / name / path.name), wanted)


def test_the_catalogue_tells_scales_and_whether_there_are_originals(source, folder, tmp_path):
    add("Mine", source, folder, scale=3)
    add("Alone", source, folder, references=False)
    made(folder, ["Mine", "Alone", "Mine_x2"], ["nearest"])
    found = catalogue(benchmarks_dir=folder, methods_dir=None, outputs_dir=tmp_path / "outputs")
    sets = {row["name"]: (row["scale"], row["references"], row["lr"]) for row in found["sets"]}
    assert sets["Set5"] == (4, True, "made")
    assert (sets["Mine"], sets["Alone"]) == ((3, True, "made"), (4, False, "given"))
    assert "Mine_x2" not in sets
    rows = {(row["set"], row["method"]): row for row in found["outputs"]}
    assert {name for name, _ in rows} == {"Alone", "Mine", "Mine_x2"}
    assert {method for name, method in rows if name == "Mine_x2"} == {"nearest", "bicubic", "hr"}
    assert ("Alone", "hr") not in rows
    assert (rows["Mine_x2", "nearest"]["made"], rows["Mine_x2", "bicubic"]["made"]) == (5, 0)
    assert not {"psnr", "lpips"} & rows["Alone", "nearest"]["measured"].keys()


def test_scales_that_are_not_there_are_refused(source, settings, folder):
    settings.BENCHMARKS_DIR = folder
    with pytest.raises(CommandError, match="invalid choice: 5"):
        run("add_set", "Mine", str(source), "--scale", "5")
    assert left(folder) == []
    assert "there is no scale 5; there are 2, 3, 4, 8" in refused(source, folder, scale=5)
