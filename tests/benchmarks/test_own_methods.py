"""Outputs of somebody's own method: taken whole and right, or not at all and with the reason."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from PIL import Image

from benchmarks import likeness, methods
from benchmarks.datasets import ImageEntry, Manifest, as_json, load_verified, manifest
from benchmarks.files import encode_png, pixel_hash, read_image
from benchmarks.likeness import compared, suspicions
from benchmarks.outputs import generate, read_outputs
from benchmarks.own_methods import REFERENCES, Added, add, remove
from benchmarks.resize import crop_to_multiple, degrade
from benchmarks.tables import quality_table
from sr_models.interpolation import bicubic, nearest
from study.analysis import reading

Pixels = np.ndarray
COLOUR = ("bowl", "cat", "sky")
GREY = "man"
SIZES = {"bowl": (64, 50), "cat": (61, 48), "sky": (60, 51), GREY: (62, 49)}
"""Widths and heights: four divides none of these images."""


@dataclass(frozen=True)
class Site:
    """Two own sets, Mine and Other, with originals; and folders for what is made."""

    root: Path

    @property
    def benchmarks(self) -> Path:
        return self.root / "benchmarks"

    @property
    def methods(self) -> Path:
        return self.root / "methods"

    @property
    def outputs(self) -> Path:
        return self.root / "outputs"

    def add(self, name: str, folder: Path, **options) -> Added:
        return add(
            name, outputs=folder, folder=self.methods, benchmarks_dir=self.benchmarks,
            progress=False, **options,
        )  # fmt: skip

    def original(self, image: str) -> Pixels:
        return read_image(self.benchmarks / "Mine" / f"{image}.png")

    def made(self, form: str = "{name}.png", sets=("Mine",), method=bicubic) -> Path:
        """A folder of what ``method`` makes, its files named by ``form``."""
        folder = self.root / "brought"
        for set_name in sets:
            for entry in manifest(set_name, self.benchmarks).images:
                hr = load_verified(self.benchmarks, set_name, entry)
                path = folder / form.format(set=set_name, name=entry.name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(encode_png(method(degrade(hr))))
        return folder

    def state(self) -> dict[str, bytes]:
        return {
            str(path.relative_to(self.methods)): path.read_bytes()
            for path in sorted(self.methods.rglob("*"))
            if path.is_file() and path.name != ".lock"
        }

    def generate(self, methods: list[str], sets=("Mine",)):
        return generate(
            benchmarks_dir=self.benchmarks, outputs_dir=self.outputs, methods_dir=self.methods,
            sets=sets, methods=methods, progress=False,
        )  # fmt: skip


@pytest.fixture
def site(tmp_path, samples) -> Site:
    found = Site(tmp_path)
    photos = {"bowl": "coffee", "cat": "chelsea", "sky": "rocket", GREY: "camera"}
    for set_name, end in (("Mine", ""), ("Other", "2")):
        entries = []
        for name, (width, height) in SIZES.items():
            whole = read_image(samples / "Samples" / f"{photos[name]}.png")
            top = 150 if set_name == "Mine" else 90
            image = np.ascontiguousarray(whole[top : top + height, 120 : 120 + width])
            path = found.benchmarks / set_name / f"{name}{end}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encode_png(image))
            entries.append(
                ImageEntry(
                    f"{name}{end}", width, height, 3 if image.ndim == 3 else 1, pixel_hash(image),
                    pixel_hash(crop_to_multiple(image)),
                )
            )  # fmt: skip
        text = as_json(Manifest(set_name, set_name, tuple(entries)))
        (found.benchmarks / set_name / "manifest.json").write_text(text)
    return found


def refused(site: Site, folder: Path, name: str = "mine", **options) -> str:
    """What is said of outputs that are not taken; and that nothing is."""
    before = site.state()
    with pytest.raises(ValueError) as error:  # noqa: PT011
        site.add(name, folder, **options)
    assert site.state() == before
    return str(error.value)


# ---- Taken ----

FORMS = [
    "{name}.png",
    "{name}x4.png",
    "Mine/X4/{name}x4.png",
    "image_SRF_4/{name}_SRF_4_Mine.png",
    "visualization/{set}/{name}_EXPERIMENT.png",
    "{name}_out.png",
    "SR/BI/RCAN/{set}/x4/{name}_RCAN_x4.png",
    "MINE_HR/{name}.PNG",
]


@pytest.mark.parametrize("form", FORMS)
def test_outputs_in_any_layout_are_taken_as_their_pixels(site, form):
    added = site.add("mymodel", site.made(form), title="My model", license="MIT", source="a paper")
    assert added == Added("mymodel", {"Mine": 4})
    (found,) = methods.own_methods(site.methods)
    assert (found.name, found.title, found.license, found.source, found.scale) == (
        "mymodel", "My model", "MIT", "a paper", 4
    )  # fmt: skip
    for entry in manifest("Mine", site.benchmarks).images:
        path = site.methods / "mymodel" / "Mine" / f"{entry.name}.png"
        wanted = bicubic(degrade(site.original(entry.name)))
        assert path.read_bytes() == encode_png(wanted)
        assert found.outputs["Mine"].images[entry.name] == pixel_hash(wanted)
        assert found.outputs["Mine"].sources[entry.name] == entry.sha256
    assert sorted(site.state())[0] == "mymodel/Mine/bowl.png"
    assert len(site.state()) == 5


def test_the_real_sets_are_taken(benchmarks_dir, tmp_path):
    for entry in manifest("Set5").images:
        lr = degrade(load_verified(benchmarks_dir, "Set5", entry))
        (tmp_path / f"{entry.name}_x4.png").write_bytes(encode_png(nearest(lr)))
    added = add(
        "near", outputs=tmp_path, folder=tmp_path / "methods", benchmarks_dir=benchmarks_dir,
        progress=False,
    )  # fmt: skip
    assert added.sentence == (
        "near: took 5 outputs of Set5. Next: python manage.py generate --sets Set5 --methods near, "
        "then python manage.py create_study SLUG --sets Set5 --methods near ..."
    )


def test_from_a_folder_to_a_table_of_figures(site):
    site.add("mymodel", site.made("{set}/{name}_a.png", sets=("Mine", "Other")), sets=["Mine"])
    report = site.generate(["bicubic", "mymodel", "hr"])
    assert (report.done, report.skipped, report.failed) == (12, 0, [])
    outputs = read_outputs(
        site.outputs, sets=["Mine"], methods=["bicubic", "mymodel"],
        benchmarks_dir=site.benchmarks, methods_dir=site.methods,
    )  # fmt: skip
    assert [each.sha256 for each in outputs[:4]] == [each.sha256 for each in outputs[4:]]
    assert [each.measures for each in outputs[:4]] == [each.measures for each in outputs[4:]]
    table = quality_table(
        site.outputs, benchmarks_dir=site.benchmarks, methods_dir=site.methods, sets=None,
        methods=None, form="csv", against="ledig2017",
    )  # fmt: skip
    bicubic_, mine = (line.split(",") for line in table.splitlines()[1:3])
    assert (bicubic_[1], mine[1]) == ("bicubic", "mymodel")
    assert bicubic_[2:] == mine[2:]
    # A further set makes nothing anew, here or of the outputs.
    before = site.state()
    with pytest.raises(ValueError, match="mymodel has no outputs of Other"):
        site.generate(["mymodel"], sets=["Other"])
    site.add("mymodel", site.root / "brought", sets=["Other"])
    assert {name: site.state()[name] for name in before if name.endswith(".png")} == {
        name: content for name, content in before.items() if name.endswith(".png")
    }
    again = site.generate(["mymodel"], sets=["Mine", "Other"])
    assert (again.done, again.skipped) == (4, 4)


def test_sets_of_different_scales_are_no_method(site):
    path = site.benchmarks / "Other" / "manifest.json"
    path.write_text(path.read_text().replace('"scale": 4', '"scale": 2'))
    folder = site.made("{set}/{name}.png", sets=("Mine", "Other"))
    said = "a method has one scale, and the sets have several: mine of 4"
    assert f"{said}, Mine of 4, Other of 2" in refused(site, folder)
    site.add("mine", folder, sets=["Mine"])
    assert f"{said}, Other of 2" in refused(site, folder, sets=["Other"])


def test_damage_of_what_was_taken_is_noticed_and_mended_by_adding_it_again(site):
    folder = site.made()
    site.add("mymodel", folder)
    before = site.state()
    (site.methods / "mymodel/Mine/cat.png").write_bytes(encode_png(site.original("cat")))
    (site.methods / "mymodel/Mine/sky.png").unlink()
    report = site.generate(["mymodel"])
    assert report.done == 2
    assert "Mine/cat.png are not those that were taken in" in report.failed[0]
    assert "sky.png is missing" in report.failed[1]
    assert site.add("mymodel", folder).sentence.startswith(
        "mymodel: took 4 outputs of Mine (equal to those that were there). Next"
    )
    assert site.state() == before
    report = site.generate(["mymodel"])
    assert (report.done, report.skipped, report.failed) == (2, 2, [])


def test_other_outputs_of_a_set_that_is_there_are_refused(site):
    site.add("mymodel", site.made())
    said = refused(site, site.made(method=nearest), "mymodel")
    assert "mymodel has other outputs of Mine (of bowl, cat, sky, man)" in said
    assert "manage.py remove_method mymodel, and add it again, or give these another name" in said


def test_outputs_of_the_originals_size_are_cut_to_what_is_compared_and_counted(site):
    folder = site.made()
    for image, (width, height) in SIZES.items():
        path = folder / f"{image}.png"
        padded = np.pad(read_image(path), [(0, height % 4), (0, width % 4), (0, 0)][
            : 2 if image == GREY else 3], mode="edge")  # fmt: skip
        if image != "cat":
            path.write_bytes(encode_png(padded))
    added = site.add("mymodel", folder)
    assert added.cropped == 3
    assert "; 3 were cut to a multiple of four. Next" in added.sentence
    for image in SIZES:
        stored = read_image(site.methods / "mymodel/Mine" / f"{image}.png")
        assert np.array_equal(stored, bicubic(degrade(site.original(image))))


def test_colours_of_a_grey_image_become_grey_if_there_are_hardly_any(site):
    folder = site.made()
    path = folder / f"{GREY}.png"
    grey = read_image(path)
    path.write_bytes(encode_png(grey[..., None].repeat(3, axis=2)))
    assert site.add("equal", folder).converted == 0
    assert np.array_equal(read_image(site.methods / f"equal/Mine/{GREY}.png"), grey)
    tinted = np.clip(grey[..., None] + np.array([0, 1, 3]), 0, 255).astype(np.uint8)
    path.write_bytes(encode_png(tinted))
    added = site.add("tinted", folder, title="Tinted")
    assert added.converted == 1
    assert "; 1 with hardly any colour became grey. Next" in added.sentence
    luma = np.floor(tinted @ np.array([0.299, 0.587, 0.114]) + 0.5)
    assert np.array_equal(read_image(site.methods / f"tinted/Mine/{GREY}.png"), luma)
    path.write_bytes(encode_png(np.clip(grey[..., None] + np.array([0, 9, 5]), 0, 255).astype(
        np.uint8)))  # fmt: skip
    said = refused(site, folder, "coloured")
    assert "man.png, for man of Mine: it has colours, and its original is grey" in said


def test_luma_is_that_of_our_own_networks_answers():
    from sr_models.upscale import LUMA

    assert pytest.approx(LUMA.numpy()) == likeness.LUMA


def test_a_colour_original_without_colours_takes_grey_outputs(site):
    grey = site.original(GREY)
    path = site.benchmarks / "Mine" / "cat.png"
    path.write_bytes(encode_png(grey[..., None].repeat(3, axis=2)))
    found = manifest("Mine", site.benchmarks)
    height, width = grey.shape
    images = tuple(
        ImageEntry("cat", width, height, 3, pixel_hash(read_image(path))) if e.name == "cat" else e
        for e in found.images
    )
    changed = as_json(Manifest("Mine", "Mine", images))
    (site.benchmarks / "Mine" / "manifest.json").write_text(changed)
    folder = site.made()
    (folder / "cat.png").write_bytes(encode_png(bicubic(degrade(grey))))
    site.add("mymodel", folder)
    assert read_image(site.methods / "mymodel/Mine/cat.png").shape == (48, 60, 3)


def test_places_are_given_in_order_and_not_twice(site):
    folder = site.made()
    for name in ("b", "a", "c"):
        site.add(name, folder)
    remove("b", folder=site.methods, outputs_dir=site.outputs)
    site.add("d", folder)
    assert [(each.name, each.place) for each in methods.own_methods(site.methods)] == [
        ("a", 1001), ("c", 1002), ("d", 1003)
    ]  # fmt: skip
    assert [*methods.methods(site.methods)][-4:] == ["a", "c", "d", "hr"]


def test_two_that_are_added_at_once_both_have_a_place(site):
    folder = site.made()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(partial(site.add, folder=folder), ("a", "b", "c", "d")))
    found = methods.own_methods(site.methods)
    assert [each.place for each in found] == [1000, 1001, 1002, 1003]
    assert all(len(each.outputs["Mine"].images) == 4 for each in found)


def test_what_killed_runs_left_is_swept_away_and_does_not_matter(site):
    site.add("mymodel", site.made("{set}/{name}.png", sets=("Mine", "Other")), sets=["Mine"])
    wanted = site.state()
    (site.methods / ".new.x1y2.part" / "Mine").mkdir(parents=True)
    (site.methods / ".new.x1y2.part" / "Mine" / "cat.png").write_bytes(b"half")
    (site.methods / "mymodel" / "Other").mkdir()  # killed before method.json named it
    (site.methods / "mymodel" / "Other" / "strange.png").write_bytes(b"old")
    assert [each.name for each in methods.own_methods(site.methods)] == ["mymodel"]
    site.add("mymodel", site.root / "brought", sets=["Other"])
    after = site.state()
    assert {name.split("/")[1] for name in after} == {"Mine", "Other", "method.json"}
    assert len(after) == len(wanted) + 4
    assert "mymodel/Other/strange.png" not in after


# ---- Refused by name ----


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("hr", "stands for the original"),
        ("GT", "stands for the original"),
        ("Original", "stands for the original"),
        ("SRGAN", "there is a built-in method srgan; give yours another name"),
        ("MyModel", "there is a method mymodel already, in another case"),
        ("-x", "cannot be a method's name: letters, digits, hyphens"),
        ("a/b", "cannot be a method's name"),
        ("..", "cannot be a method's name"),
        ("mine\n", "cannot be a method's name"),
        ("modèle", "cannot be a method's name"),
        ("x" * 51, "cannot be a method's name"),
        ("", "cannot be a method's name"),
        ("kept", "kept is in the way, and is no method: move it elsewhere"),
    ],
)
def test_a_name_that_another_has_or_that_is_none_is_refused(site, name, message):
    site.add("mymodel", site.made())
    (site.methods / "kept").mkdir()
    assert message in refused(site, site.root / "brought", name)


def test_the_words_for_the_original_are_those_of_the_analysis():
    assert REFERENCES == reading.REFERENCES


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"title": "bicubic"}, "bicubic has the title 'Bicubic', and tables could not tell"),
        ({"title": "MY MODEL"}, "mymodel has the title 'My model'"),
        ({"title": "two\nlines"}, "the title of a method is one line of at most 100 letters"),
        ({"title": "x" * 101}, "one line of at most 100 letters"),
        ({"title": " "}, "one line of at most 100 letters"),
        ({"license": "x" * 201}, "the license of a method is one line"),
        ({"pattern": "x4"}, "'x4' is no pattern"),
        ({"pattern": "{}_x3"}, "no file fits the pattern '{}_x3': there are bowl.png"),
        ({"sets": ["Nothing"]}, "there is no image set 'Nothing'"),
        ({"sets": ["Other"]}, "the names are those of Mine, not of Other"),
        ({"sets": ["Set5"]}, "manage.py fetch_benchmarks Set5 brings them"),
    ],
)
def test_what_cannot_be_is_said(site, options, message):
    site.add("mymodel", site.made(), title="My model")
    assert message in refused(site, site.root / "brought", "second", **options)


def test_what_is_said_again_of_a_method_must_agree(site):
    site.add("mymodel", site.made("{set}/{name}.png", sets=("Mine", "Other")), sets=["Mine"],
             title="My model")  # fmt: skip
    brought = site.root / "brought"
    said = refused(site, brought, "mymodel", title="Another", sets=["Other"])
    assert "the title of mymodel is 'My model', not 'Another'" in said
    site.add("mymodel", brought, title="My model", license="MIT", sets=["Other"])
    (found,) = methods.own_methods(site.methods)
    assert (found.title, found.license, [*found.outputs]) == ("My model", "MIT", ["Mine", "Other"])


def test_patterns_to_choose_from_are_told_with_sizes(site):
    site.made("{name}_SR.png")
    site.made("{name}_LR.png", method=lambda lr: lr)
    said = refused(site, site.root / "brought")
    assert "'{}_LR' (Mine; bowl_LR.png is 16x12), '{}_SR' (Mine; bowl_SR.png is 64x48)" in said
    assert "the original bowl is 64x50" in said
    assert site.add("mymodel", site.root / "brought", pattern="{}_SR").outputs == {"Mine": 4}


def test_an_original_that_is_missing_or_wrong_is_named_with_what_brings_it(site):
    folder = site.made("Mine/{name}.png")
    (site.benchmarks / "Mine/cat.png").write_bytes(encode_png(site.original("sky")))
    said = refused(site, folder)
    assert "the original Mine cat: the pixels of" in said
    (site.benchmarks / "Mine/cat.png").unlink()
    assert "the originals of Mine are not there: python manage.py add_set Mine" in refused(
        site, folder
    )


def test_a_folder_of_methods_that_cannot_be_made_is_named(site):
    site.methods.write_text("a file")
    with pytest.raises(ValueError, match="METHODS_DIR names the folder of your own methods"):
        site.add("mymodel", site.made())
    assert site.methods.read_text() == "a file"


# ---- Refused by what they show ----


def deep(path: Path, image: Pixels) -> None:
    Image.fromarray(np.full(image.shape[:2], 40_000, np.uint16)).save(path)


def cmyk(path: Path, image: Pixels) -> None:
    Image.fromarray(image).convert("CMYK").save(path, "TIFF")


def alpha(path: Path, image: Pixels) -> None:
    half = np.full((*image.shape[:2], 1), 128, np.uint8)
    Image.fromarray(np.concatenate([image, half], axis=2)).save(path)


def cut_short(path: Path, image: Pixels) -> None:
    path.write_bytes(path.read_bytes()[:-200])


def changed(change: Callable[[Pixels], Pixels]) -> Callable[[Path, Pixels], object]:
    return lambda path, image: path.write_bytes(encode_png(np.ascontiguousarray(change(image))))


def resized(width: int, height: int) -> Callable[[Path, Pixels], object]:
    return changed(lambda image: np.array(Image.fromarray(image).resize((width, height))))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (deep, "cat.png cannot be read as an image: it has more than 8 bits a channel"),
        (cmyk, "its pixels are CMYK"),
        (alpha, "cat.png is partly transparent"),
        (cut_short, "cat.png cannot be read as an image"),
        (changed(lambda i: i[:-1]), "cat of Mine: its size is 60x47, not 61x48 or 60x48"),
        (resized(15, 12), "its size is 15x12, not 61x48 or 60x48: that is the size of what was to"),
        (resized(30, 24), "it looks like scale 2, and scale 4 is needed"),
        (resized(45, 36), "it looks like scale 3, and scale 4 is needed"),
        (resized(122, 96), "that is 2 times the original; was that enlarged?"),
        (changed(lambda i: np.pad(i, [(0, 0), (0, 1), (0, 0)])[:, :61].transpose(1, 0, 2)),
         "its size is 48x61, not 61x48 or 60x48: it lies on its side"),
        (changed(lambda i: i[..., 0]), "it is grey, and its original has colours"),
    ],
)  # fmt: skip
def test_an_image_that_cannot_be_an_output_is_named_and_nothing_is_taken(site, spoil, message):
    folder = site.made()
    spoil(folder / "cat.png", read_image(folder / "cat.png"))
    said = refused(site, folder)
    assert message in said
    assert "problems" not in said


def test_every_problem_is_named_at_once_and_none_a_hundred_times(site):
    folder = site.made("{set}/{name}.png", sets=("Mine", "Other"))
    cut_short(folder / "Mine/bowl.png", np.zeros(1))
    for name in ("cat", "sky"):
        path = folder / "Other" / f"{name}2.png"
        path.write_bytes(encode_png(read_image(path)[1:]))
    (folder / "Mine/sky.png").unlink()
    (folder / "Other/more.png").write_bytes(encode_png(site.original("cat")))
    (folder / "gone.png").symlink_to("nowhere.png")
    said = refused(site, folder).splitlines()
    assert said[0] == f"{folder} was not taken: 6 problems"
    assert [line.split()[0] for line in said[1:]] == [
        "gone.png", "Mine:", "1", "Mine/bowl.png", "Other/cat2.png,", "Other/sky2.png,"
    ]  # fmt: skip


def test_outputs_in_bgr_are_suspected_as_a_whole_and_one_by_one(site):
    folder = site.made()
    swapped = {name: read_image(folder / f"{name}.png")[..., ::-1] for name in COLOUR}
    (folder / "bowl.png").write_bytes(encode_png(np.ascontiguousarray(swapped["bowl"])))
    assert "Mine: those of bowl seem to be in BGR" in refused(site, folder)
    for name, image in swapped.items():
        (folder / f"{name}.png").write_bytes(encode_png(np.ascontiguousarray(image)))
    said = refused(site, folder)
    assert "Mine: the outputs seem to be in BGR: with red and blue exchanged more than 6 dB" in said
    assert "--as-they-are takes what only looks wrong" in said
    assert site.add("mymodel", folder, as_they_are=True).outputs == {"Mine": 4}


def test_outputs_under_each_others_names_are_suspected(site):
    folder = site.made(method=nearest)
    # Of one size, as all of many sets are: only what they show tells them apart.
    sky, bowl = read_image(folder / "sky.png"), read_image(folder / "bowl.png")
    (folder / "sky.png").write_bytes(encode_png(np.ascontiguousarray(bowl[:48, :60])))
    (folder / "bowl.png").write_bytes(encode_png(np.pad(sky, [(0, 0), (0, 4), (0, 0)], "edge")))
    said = refused(site, folder)
    assert "Mine: the output of sky shows bowl, it seems" in said
    assert "Mine: the output of bowl shows sky, it seems" in said
    site.add("mymodel", folder, as_they_are=True)


def test_the_originals_themselves_are_suspected(site):
    said = refused(site, site.benchmarks / "Mine")
    assert "Mine: the outputs are the originals, pixel by pixel" in said
    site.add("mymodel", site.benchmarks / "Mine", as_they_are=True)


def test_real_outputs_are_never_suspected_and_shuffled_ones_always(benchmarks_dir):
    for set_name, step in (("Set5", 1), ("Set14", 2), ("BSD100", 12)):
        entries = manifest(set_name).images[::step]
        originals = [
            crop_to_multiple(load_verified(benchmarks_dir, set_name, entry)) for entry in entries
        ]
        for method in (nearest, bicubic):
            found = [
                compared(entry.name, method(degrade(hr)), hr)
                for entry, hr in zip(entries, originals, strict=True)
            ]
            assert suspicions(set_name, found) == []
            others = [*found[1:], found[0]]
            shuffled = [
                own._replace(thumbnail=other.thumbnail)
                for own, other in zip(found, others, strict=True)
            ]
            assert suspicions(set_name, shuffled) == [
                f"{set_name}: the output of {own.name} shows {other.name}, it seems"
                for own, other in zip(found, others, strict=True)
            ]


# ---- Removed ----


def test_a_method_is_removed_with_what_was_generated_of_it_and_nothing_else(site):
    for name in ("mymodel", "second"):
        site.add(name, site.made())
    site.generate(["mymodel", "second"])
    assert remove("mymodel", folder=site.methods, outputs_dir=site.outputs) == 4
    assert [each.name for each in methods.own_methods(site.methods)] == ["second"]
    assert [path.name for path in (site.outputs / "Mine").iterdir()] == ["second"]
    assert {name.split("/")[0] for name in site.state()} == {"second"}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("srgan", "srgan is built in; only methods of your own can be removed"),
        ("other", "there is no method of your own called 'other'; there are mymodel"),
        ("../outputs", "no method of your own"),
    ],
)
def test_only_ones_own_methods_are_removed(site, name, message):
    site.add("mymodel", site.made())
    before = site.state()
    with pytest.raises(ValueError, match=message):
        remove(name, folder=site.methods, outputs_dir=site.outputs)
    assert site.state() == before


# ---- The command ----


def test_the_command_takes_outputs_and_says_what_comes_next(site, settings, capsys):
    settings.BENCHMARKS_DIR, settings.METHODS_DIR = site.benchmarks, site.methods
    shutil.make_archive(str(site.root / "packed"), "zip", site.made("{set}/{name}_out.png"))
    line = ["add_method", "mymodel", "--outputs", str(site.root / "packed.zip"), "--set", "Mine"]
    call_command(*line, "--pattern", "{}_out", "--title", "My model", verbosity=0)
    assert capsys.readouterr().out.startswith("mymodel: took 4 outputs of Mine. Next: python")
    assert methods.methods(site.methods)["mymodel"].title == "My model"
    with pytest.raises(CommandError, match="the title of mymodel is 'My model', not 'Another'"):
        call_command(*line, "--title", "Another", verbosity=0)
