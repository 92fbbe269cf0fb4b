"""Studies at any scale and of images without an original: what there cannot be is said."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from benchmarks import datasets
from benchmarks.cases import case
from benchmarks.files import encode_png, pixel_hash
from study.analysis import marks
from study.desk import archive, exports, imports, rehearsal, results, stimuli, studies
from study.desk.presets import FIRST_METHODS
from study.models import Dataset, Deed, Study
from tests.own_material import bring, bring_without_originals, photographs

NO_ORIGINALS = (
    "wild has no originals: no PSNR, SSIM, LPIPS and DISTS, no hidden reference, no DMOS."
)
NETWORKS = "srresnet and srgan"


@pytest.fixture
def sets(db, settings, tmp_path):
    """``streets`` has originals, at x4; ``wild`` and ``old`` have none, at x2 and x4."""
    settings.BENCHMARKS_DIR = tmp_path / "benchmarks"
    bring(tmp_path / "streets", images=("east", "west"), methods=("ours",))
    images = photographs(("dog", "gate", "lane"), height=40, width=50)
    bring_without_originals("wild", images=images, scale=2)
    bring_without_originals("old", images=images, scale=4)


def chosen(*sets: str, methods: tuple[str, ...] = (), **options) -> tuple[dict, list[str]]:
    found = studies.choose(sets, methods, **options)
    return found.methods, found.remarks


def run(*arguments: str) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    call_command(*arguments, stdout=out, stderr=err, verbosity=0)
    return out.getvalue(), err.getvalue()


# ---- What is shown of which set ----


@pytest.mark.parametrize("command", [["create_study", "s"], ["first_study"]])
def test_sets_of_several_scales_are_refused_by_their_names(sets, command):
    with pytest.raises(CommandError, match="streets at x4, streets_x2 at x2; leave sets out, or"):
        run(*command, "--sets", "streets", "streets_x2")
    assert not Study.objects.exists()
    assert not Dataset.objects.exists()


def test_scales_are_mixed_if_that_is_asked_for_and_the_same_images_are_said(sets):
    methods, remarks = chosen(
        "streets", "streets_x2", methods=("nearest", "bicubic", "hr"), mixed_scales=True
    )
    assert methods == dict.fromkeys(("streets", "streets_x2"), ("nearest", "bicubic", "hr"))
    assert remarks[0].startswith("streets and streets_x2 are the same images: raters see each")
    assert chosen("wild", "streets_x2")[0].keys() == {"wild", "streets_x2"}  # both at x2


def test_a_presets_methods_that_cannot_be_are_left_out_and_said(sets):
    at_2 = f"is shown without {NETWORKS}: it is at x2, and they are made for x4"
    no_hr = "is shown without hr: its images have no originals"
    assert chosen("streets") == ({"streets": FIRST_METHODS}, [])
    assert chosen("streets_x2") == (
        {"streets_x2": ("nearest", "bicubic", "hr")}, [f"streets_x2 {at_2}"]
    )  # fmt: skip
    assert chosen("old") == ({"old": FIRST_METHODS[:-1]}, [f"old {no_hr}"])
    assert chosen("wild") == (
        {"wild": ("nearest", "bicubic")}, [f"wild {at_2}", f"wild {no_hr}"]
    )  # fmt: skip


@pytest.mark.parametrize(
    ("of", "methods", "sentence"),
    [
        (["streets_x2"], ("bicubic", "srgan"), "srgan enlarges by 4, and the images of streets_x2"),
        (["old"], ("bicubic", "hr"), "hr is the original, and the images of old have none"),
        (["wild", "old"], ("bicubic", "hr"), "hr is the original, and the images of wild have"),
        (["wild", "streets"], ("bicubic", "hr", "srcan"), "there is no method 'srcan'"),
        (["old", "streets"], ("bicubic", "ours"), "ours has no outputs of old; python manage.py"),
        (["wild", "streets"], ("hr", "srgan", "bicubic"), "fewer than two methods are left to co"),
    ],
)
def test_methods_that_were_named_are_refused_if_there_is_nothing_they_could_be_shown_of(
    sets, of, methods, sentence
):
    with pytest.raises(ValueError, match=f"^{sentence}"):
        studies.choose(of, methods, mixed_scales=True)


def test_the_original_is_shown_of_the_sets_that_have_one_and_networks_at_their_scale(sets):
    methods, remarks = chosen(
        "old", "streets", "wild", methods=("nearest", "bicubic", "srgan", "hr"), mixed_scales=True
    )
    assert methods == {
        "old": ("nearest", "bicubic", "srgan"),
        "streets": ("nearest", "bicubic", "srgan", "hr"),
        "wild": ("nearest", "bicubic"),
    }
    assert remarks == [
        "old is shown without hr: its images have no originals",
        "wild is shown without srgan: it is at x2, and they are made for x4",
        "wild is shown without hr: its images have no originals",
    ]


def test_first_study_of_images_without_originals_shows_what_can_be_made_of_them(sets, settings):
    settings.SITE_URL = "http://here"
    out, _ = run("first_study", "--sets", "wild")
    assert f"wild is shown without {NETWORKS}" in out
    study = Study.objects.get()
    assert study.state == "open"
    assert exports.order(study) == ["nearest", "bicubic"]
    assert not study.calibrate  # three images are too few


def test_a_set_of_the_same_name_that_is_another_now_takes_the_place_of_one_that_nobody_shows(sets):
    Dataset.objects.create(name="wild", title="Wild", scale=4, references=True)
    stimuli.make_outputs(["wild"], ["nearest", "bicubic"], progress=False)
    studies.create("s", sets=["wild"], methods=["nearest", "bicubic"])
    row = Dataset.objects.get(name="wild")
    assert (row.scale, row.references) == (2, False)
    Dataset.objects.update(scale=3)
    with pytest.raises(ValueError, match="a study shows wild as a set at x3 without originals"):
        studies.create("t", sets=["wild"], methods=["nearest", "bicubic"])
    assert Study.objects.count() == 1


# ---- What is found ----


@pytest.fixture
def mixed(sets, settings) -> Study:
    """Rated by simulated raters and closed: ``wild`` at x2, ``streets`` at x4 with originals."""
    methods = ("nearest", "bicubic", "hr")
    for name, some in (("wild", methods[:2]), ("streets", methods)):
        stimuli.make_outputs([name], some, progress=False)
    run("create_study", "both", "--sets", "wild", "streets", "--methods", *methods,
        "--mixed-scales")  # fmt: skip
    return rated(studies.get("both"))


@pytest.fixture
def pure(sets) -> Study:
    """The same of ``wild`` alone."""
    stimuli.make_outputs(["wild"], ["nearest", "bicubic"], progress=False)
    return rated(studies.create("pure", sets=["wild"], opened=True, say=lambda line: None))


def rated(study: Study) -> Study:
    list(rehearsal.rehearse(study, raters=4, seed=3, mos={"nearest": 2.5, "bicubic": 3.5}))
    studies.close(study)
    return study


def measured(study: Study, path) -> None:
    """A figure by another program, which needs no original."""
    rows = [
        f"{each.source.dataset.name},{each.source.name},{each.method.name},MUSIQ,{30 + n}"
        for n, each in enumerate(study.stimuli.select_related("source__dataset", "method"))
    ]
    path.write_text("\n".join(["set,image,method,measure,value", *rows]))
    imports.take(path, study=study)


def test_every_table_says_what_images_without_originals_cannot_have(mixed, pure):
    for study in (mixed, pure):
        for form in ("table", "latex", "markdown"):
            assert NO_ORIGINALS in exports.table(study, kind="simulated", form=form)
        rows = list(csv.DictReader(io.StringIO(exports.table(study, kind="simulated", form="csv"))))
        for row in rows:
            assert ("no originals: " in row["note"]) == (row["set"] == "wild")
            assert (row["psnr"] == "") == (row["set"] == "wild")
            if row["set"] == "wild":
                assert "not measured" not in row["note"]
        found = json.loads(exports.table(study, kind="simulated", form="json"))
        dmos = {(row["set"], row["method"]): row["dmos"] for row in found["methods"]}
        assert dmos["wild", "bicubic"] is None
        assert study == pure or dmos["streets", "bicubic"] is not None
    notes = exports.report(mixed, kind="simulated")["notes"]
    assert "No stimulus of wild is a hidden reference: no DMOS there, and no rule about the " \
        "original." in notes  # fmt: skip
    assert "No measure has a figure of wild: nothing to correlate with there." in notes
    found = exports.report(pure, kind="simulated")
    flags = [flag for row in found["raters"] for flag in row["flags"]]
    assert not any("nearest" in flag for flag in flags)  # at x2 it is no 1
    notes = found["notes"]
    assert "No hidden reference is named: no DMOS." in notes
    assert "No image quality measures are given: nothing to correlate with." in notes


def test_the_tables_of_one_set_speak_of_that_set(mixed):
    of_wild = exports.table(mixed, kind="simulated", form="table", sets=["wild"])
    assert NO_ORIGINALS in of_wild
    assert "PSNR  " not in of_wild
    assert "DMOS" not in of_wild.split("Notes")[0].replace(NO_ORIGINALS, "")
    of_streets = exports.table(mixed, kind="simulated", form="table", sets=["streets"])
    assert NO_ORIGINALS not in of_streets
    assert "PSNR" in of_streets


def test_the_page_has_no_columns_of_dashes_but_a_note_and_tells_scales(
    mixed, pure, admin_client, tmp_path
):
    def sections(study: Study) -> dict[str, dict]:
        context = results.page(
            study, kind="simulated", found=results.computed(study, kind="simulated")
        )
        return {each["name"]: each for each in context["sections"]}

    assert [c["name"] for c in sections(mixed)["streets"]["columns"]][:3] == [
        "psnr", "ssim_daala", "ssim"
    ]  # fmt: skip
    assert sections(mixed)["wild"]["columns"] == sections(pure)["wild"]["columns"] == []
    figure = "Figure of measures, PDF"  # offered where there is anything to draw
    for study, offered in ((mixed, True), (pure, False)):
        html = admin_client.get(reverse("study", args=[study.slug])).content.decode()
        assert (figure in html) == offered
    measured(mixed, tmp_path / "figures.csv")
    assert [c["title"] for c in sections(mixed)["wild"]["columns"]] == ["MUSIQ"]
    for study in (mixed, pure):
        html = admin_client.get(reverse("study", args=[study.slug])).content.decode()
        assert NO_ORIGINALS in html
        assert "x2, without originals" in html
        assert ("x4, with originals" in html) == ("the original aside" in html) == (study == mixed)


def test_measures_without_a_reference_stand_in_and_figures_say_the_rest(mixed, pure, tmp_path):
    with pytest.raises(ValueError, match="there is no measured and rated image to draw yet"):
        exports.figure(pure, kind="simulated", name="measures", form="svg")
    without = exports.figure(mixed, kind="simulated", name="measures", form="svg")
    for study in (mixed, pure):
        measured(study, tmp_path / f"{study.slug}.csv")
        rows = exports.report(study, kind="simulated")["objective"]
        assert {row["measure"] for row in rows if row["set"] == "wild"} == {"musiq"}
        image = next(r for r in rows if r["set"] == "wild" and r["level"] == "image")
        assert image["n"] == 6
        assert image["spearman"] is not None
        assert exports.figure(study, kind="simulated", name="measures", form="png")
    drawn = exports.figure(mixed, kind="simulated", name="measures", form="svg")
    # Of streets alone PSNR and both SSIM; with MUSIQ beside them of both.
    assert [each.count(b'id="axes_') for each in (without, drawn)] == [3, 8]


def test_what_is_published_tells_scales_and_analysed_again_gives_the_same_numbers(
    mixed, pure, tmp_path
):
    for study in (mixed, pure):
        measured(study, tmp_path / f"{study.slug}.csv")
        with zipfile.ZipFile(io.BytesIO(archive.archive(study, kind="simulated"))) as packed:
            files = {name: packed.read(name) for name in packed.namelist()}
        for name in ("README.txt", "method.md"):
            text = files[marks.file_name("simulated", name)].decode()
            assert "wild: x2; its images are enlarged as they are. There are no originals" in text
            assert ("streets: x4; the LR images were made of the originals by MATLAB's bicubic at "
                    "1/4." in text) == (study == mixed)  # fmt: skip
        assert ("with hidden reference (ITU-T P.910), where there" in text) == (study == mixed)
        rows = list(csv.DictReader(io.StringIO(files["SIMULATED-stimuli.csv"].decode())))
        assert {(row["set"], row["enlarged_by"], row["has_original"]) for row in rows} <= {
            ("wild", "2", "False"), ("streets", "4", "True")
        }  # fmt: skip
        for row in csv.DictReader(io.StringIO(files["SIMULATED-codebook.csv"].decode())):
            assert row["meaning"], row
        rows = list(csv.DictReader(io.StringIO(files["SIMULATED-ratings.csv"].decode())))
        assert {row["enlarged_by"] for row in rows if row["set"] == "wild"} == {"2"}
        ratings = tmp_path / "ratings.csv"
        ratings.write_bytes(files["SIMULATED-ratings.csv"])
        out = tmp_path / f"again-{study.slug}"
        run("analyse", str(ratings), "--format", "csv", "--out", str(out))
        there = {path.name: path.read_bytes() for path in out.iterdir()}
        assert there.keys() >= {"SIMULATED-methods.csv", "SIMULATED-raters.csv"}
        for name, content in there.items():
            assert content == files[f"tables/{name}"], name


def test_a_study_of_before_has_none_of_these_columns_and_words(open_study):
    list(rehearsal.rehearse(open_study, raters=2, seed=1))
    with zipfile.ZipFile(io.BytesIO(archive.archive(open_study, kind="simulated"))) as packed:
        texts = [packed.read(n).decode() for n in packed.namelist() if n.endswith(("v", "t", "d"))]
    for word in ("enlarged_by", "has_original", "Images\n", "where there are originals"):
        assert not any(word in text for text in texts), word
    found = results.computed(open_study, kind="simulated")
    assert [each["told"] for each in found["sections"]] == [""]


def test_lr_images_that_came_with_a_set_are_told_for_good(sets, settings):
    of = datasets.manifest("streets", settings.BENCHMARKS_DIR)
    entries = []
    for entry in of.images:
        lr = np.ascontiguousarray(case(settings.BENCHMARKS_DIR, of, entry).lr[::-1])
        path = datasets.lr_path(settings.BENCHMARKS_DIR, "streets", entry)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(encode_png(lr))
        entries.append(replace(entry, lr_sha256=pixel_hash(lr)))
    own = settings.BENCHMARKS_DIR / "streets" / datasets.OWN
    own.write_text(datasets.as_json(replace(of, images=tuple(entries))))
    stimuli.make_outputs(["streets"], ["nearest", "hr"], progress=False)
    study = studies.create("s", sets=["streets"], methods=["nearest", "hr"], opened=True)
    list(rehearsal.rehearse(study, raters=2, seed=3))
    assert Deed.objects.get(kind="created").details["lr_images_came_with"] == ["streets"]
    own.unlink()
    with zipfile.ZipFile(io.BytesIO(archive.archive(study, kind="simulated"))) as packed:
        text = packed.read("SIMULATED-README.txt").decode()
    assert "streets: x4; the LR images came with the set." in text
