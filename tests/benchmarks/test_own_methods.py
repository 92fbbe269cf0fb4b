"""Outputs of somebody's own method: taken whole and right, or not at all and with the reason."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from django.core.management import CommandError, call_command

from benchmarks import methods
from benchmarks.datasets import load_verified, manifest
from benchmarks.files import encode_png, pixel_hash
from benchmarks.outputs import read_outputs
from benchmarks.own_methods import Added, add, remove
from benchmarks.own_names import REFERENCES
from benchmarks.resize import degrade
from benchmarks.tables import quality_table
from sr_models.interpolation import bicubic, nearest
from study.analysis import reading
from tests.benchmarks.bring_outputs import refused

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
    assert (found.name, found.title, found.license, found.source) == (
        "mymodel", "My model", "MIT", "a paper"
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
    assert "the images of Mine are not there: python manage.py add_set Mine" in refused(
        site, folder
    )


def test_a_folder_of_methods_that_cannot_be_made_is_named(site):
    site.methods.write_text("a file")
    with pytest.raises(ValueError, match="METHODS_DIR names the folder of your own methods"):
        site.add("mymodel", site.made())
    assert site.methods.read_text() == "a file"


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
