"""What there is to rate is listed, and nothing that a study shows is taken out."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from benchmarks import datasets, methods
from study.desk import stimuli, studies
from study.models import Dataset, Method, Stimulus, Study
from tests.own_material import bring

SHOWN = ("bicubic", "ours", "hr")


@pytest.fixture(autouse=True)
def own(db, settings, tmp_path) -> Path:
    """A set `streets`, and the methods `ours` and `theirs`, which have outputs of it."""
    settings.BENCHMARKS_DIR = tmp_path / "benchmarks"
    settings.PERCEPTUAL_WEIGHTS_DIR = None
    bring(tmp_path, titles={"ours": "Ours, at last"})
    return tmp_path


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out, stderr=out, verbosity=0)
    return out.getvalue()


def study_of_it(slug: str = "own", *, opened: bool = True) -> Study:
    stimuli.make_outputs(["streets"], SHOWN, progress=False)
    return studies.create(slug, sets=["streets"], methods=SHOWN, opened=opened)


def test_sets_methods_outputs_and_measures_are_listed_shipped_and_own_alike():
    found = json.loads(run("catalogue", "--format", "json"))
    sets = {row["name"]: row for row in found["sets"]}
    assert [*sets][:3] == ["Set5", "Set14", "BSD100"]
    assert sets["Set5"]["there"] == 0
    own = sets["streets"]
    assert (own["images"], own["there"], own["scale"], own["references"]) == (2, 2, 4, True)
    names = [row["name"] for row in found["methods"]]
    assert names[:2] == ["nearest", "bicubic"]
    assert names[-3:] == ["ours", "theirs", "hr"]
    assert {row["name"]: row["sets"] for row in found["methods"]}["ours"] == ["streets"]
    made = {(row["set"], row["method"]): row for row in found["outputs"]}
    assert {name for name, _ in made} == {"streets"}, "of other sets the originals are not there"
    assert (made["streets", "ours"]["made"], made["streets", "ours"]["missing"]) == (0, 2)
    measures = ["psnr", "ssim", "ssim_daala", "lpips", "dists", "niqe"]
    assert [row["name"] for row in found["measures"]] == measures
    assert [row["version"] for row in found["measures"]] == [1] * 6
    assert [row["name"] for row in found["measures"] if not row["needs_reference"]] == ["niqe"]

    study_of_it()
    found = json.loads(run("catalogue", "--format", "json"))
    made = {(row["set"], row["method"]): row for row in found["outputs"]}
    assert (made["streets", "ours"]["made"], made["streets", "theirs"]["made"]) == (2, 0)
    assert made["streets", "ours"]["measured"] == {
        "psnr": 2, "ssim": 2, "ssim_daala": 2, "lpips": 0, "dists": 0, "niqe": 0
    }  # fmt: skip
    shown = {row["name"]: row["studies"] for row in (*found["sets"], *found["methods"])}
    assert (shown["streets"], shown["ours"], shown["theirs"]) == (["own"], ["own"], [])


def test_the_table_for_people_has_it_all_and_no_ragged_line():
    study_of_it()
    said = run("catalogue")
    for words in ("Ours, at last", "2 of 2", "2/2", "LPIPS", "lower", "streets"):
        assert words in said
    assert all(line == line.rstrip() for line in said.splitlines())


def test_a_method_that_is_a_program_is_listed_shown_kept_and_taken_out_like_others(own, settings):
    program = own / "upscale"
    program.write_text(
        f"#!{sys.executable}\nimport sys\nfrom PIL import Image\nlr = Image.open(sys.argv[1])\n"
        "lr.resize((4 * lr.width, 4 * lr.height)).save(sys.argv[2])\n"
    )
    program.chmod(0o755)
    call_command("add_method", "tool", command=f"{program} {{lr}} {{out}}", verbosity=0)
    (row,) = (
        row
        for row in json.loads(run("catalogue", "--format", "json"))["methods"]
        if row["name"] == "tool"
    )
    assert (row["kind"], row["sets"], row["scale"], row["lacks"]) == ("command", None, 4, "")
    program.rename(own / "elsewhere")
    assert f"tool: {program} is missing" in run("catalogue")
    (own / "elsewhere").rename(program)
    stimuli.make_outputs(["streets"], ("tool", "hr"), progress=False)
    study = studies.create("tools", sets=["streets"], methods=("tool", "hr"))
    with pytest.raises(CommandError, match="the method tool is shown in tools and stays"):
        run("remove_method", "tool")
    study.delete()
    assert "the method tool is gone" in run("remove_method", "tool")
    assert not (settings.METHODS_DIR / "tool").exists()
    assert not (settings.OUTPUTS_DIR / "streets" / "tool").exists()


@pytest.mark.parametrize("state", ["draft", "open", "closed"])
@pytest.mark.parametrize("named", ["remove_set streets", "remove_method ours"])
def test_what_a_study_shows_stays_whatever_state_it_is_in(own, named, state):
    command, name = named.split()
    study = study_of_it(opened=state != "draft")
    if state == "closed":
        studies.close(study)
    before = {path: path.read_bytes() for path in own.rglob("*.png")}
    with pytest.raises(CommandError, match=f"{name} is shown in own and stays"):
        run(command, name)
    assert {path: path.read_bytes() for path in own.rglob("*.png")} == before
    assert study.stimuli.count() == 6


def test_a_removed_method_is_gone_with_its_outputs_and_can_be_added_anew(own, settings):
    stimuli.make_outputs(["streets"], ["ours", "theirs"], progress=False)
    study = studies.create("own", sets=["streets"], methods=["theirs", "ours"])
    study.delete()
    said = run("remove_method", "ours")
    assert said == "the method ours is gone, with its outputs\n"
    assert "ours" not in methods.methods(settings.METHODS_DIR)
    assert not (settings.OUTPUTS_DIR / "streets" / "ours").exists()
    assert (settings.OUTPUTS_DIR / "streets" / "theirs").exists()
    assert not Method.objects.filter(name="ours").exists()
    assert not Stimulus.objects.filter(method__name="ours").exists()


def test_a_removed_set_is_gone_with_what_was_made_and_brought_over_it(own, settings):
    study_of_it().delete()
    run("remove_set", "streets")
    assert "streets" not in datasets.names(settings.BENCHMARKS_DIR)
    assert not (settings.BENCHMARKS_DIR / "streets").exists()
    assert not (settings.OUTPUTS_DIR / "streets").exists()
    assert methods.methods(settings.METHODS_DIR)["ours"].sets == frozenset()
    assert not Dataset.objects.filter(name="streets").exists()
    # Another set may have the name now; nothing of the old one comes back with it.
    bring(own / "again", images=("north", "south", "middle"), methods=("third",))
    with pytest.raises(ValueError, match="ours has no outputs of streets"):
        stimuli.make_outputs(["streets"], ["ours"], progress=False)
    assert stimuli.make_outputs(["streets"], ["third"], progress=False).done == 3


@pytest.mark.parametrize(
    ("command", "name", "message"),
    [
        ("remove_set", "Set5", "Set5"),
        ("remove_set", "nowhere", "nowhere"),
        ("remove_set", "../methods", r"\.\./methods"),
        ("remove_method", "bicubic", "bicubic is built in"),
        ("remove_method", "hr", "hr is built in"),
        ("remove_method", "nobodys", "nobodys"),
    ],
)
def test_what_is_shipped_or_unknown_cannot_be_taken_out(own, command, name, message):
    before = sorted(own.rglob("*"))
    with pytest.raises(CommandError, match=message):
        run(command, name)
    assert sorted(own.rglob("*")) == before
