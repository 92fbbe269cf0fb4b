"""Sets at other scales, with LR images of their own or without originals, as the desk has them."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from benchmarks import methods, own_methods, own_sets
from benchmarks.files import encode_png
from benchmarks.resize import degrade
from sr_models.interpolation import bicubic
from study.desk import stimuli, studies
from study.desk.verify import verify
from study.models import Dataset, Stimulus
from tests.own_material import bring, photographs

IMAGES = photographs(("east", "west"))
SHOWN = ("nearest", "bicubic", "hr")


def written(folder: Path, images: dict[str, np.ndarray]) -> Path:
    folder.mkdir(parents=True)
    for name, image in images.items():
        (folder / f"{name}.png").write_bytes(encode_png(image))
    return folder


@pytest.fixture(autouse=True)
def own(db, settings, tmp_path) -> Path:
    """A set `streets`, of which `ours` and `theirs` have outputs, `ours` also at x2."""
    settings.BENCHMARKS_DIR = tmp_path / "benchmarks"
    settings.PERCEPTUAL_WEIGHTS_DIR = None
    bring(tmp_path)
    made = {name: bicubic(degrade(image, 2), 2) for name, image in IMAGES.items()}
    own_methods.add(
        "ours", outputs=written(tmp_path / "x2", made), folder=settings.METHODS_DIR,
        benchmarks_dir=settings.BENCHMARKS_DIR, sets=["streets_x2"], progress=False,
    )  # fmt: skip
    return tmp_path


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out, stderr=out, verbosity=0)
    return out.getvalue()


def test_what_a_study_shows_of_a_set_at_another_scale_keeps_the_set(own, settings):
    stimuli.make_outputs(["streets_x2"], [*SHOWN, "ours"], progress=False)
    study = studies.create("own", sets=["streets_x2"], methods=[*SHOWN, "ours"])
    assert set(Dataset.objects.values_list("name", "scale")) == {("streets_x2", 2)}
    found = json.loads(run("catalogue", "--format", "json"))
    assert next(row["studies"] for row in found["sets"] if row["name"] == "streets") == ["own"]
    with pytest.raises(CommandError, match="the set streets is shown in own and stays"):
        run("remove_set", "streets")
    assert (settings.METHODS_DIR / "ours" / "streets_x2" / "east.png").is_file()
    study.delete()
    said = run("remove_set", "streets")
    assert said == (
        "the set streets is gone, with the outputs over it, and those that ours, theirs had "
        "brought\n"
    )
    assert not (settings.OUTPUTS_DIR / "streets_x2").exists()
    assert methods.methods(settings.METHODS_DIR)["ours"].sets == frozenset()
    assert not Dataset.objects.exists()
    assert not Stimulus.objects.exists()


def test_the_table_for_people_has_scales_originals_and_lr_images(own, settings):
    lr = written(own / "lr", {name: image[::3, ::3] for name, image in IMAGES.items()})
    hr = written(own / "hr", {name: image[:96, :129] for name, image in IMAGES.items()})
    lr = written(own / "lr3", {name: image[:96:3, :129:3] for name, image in IMAGES.items()})
    options = {"folder": settings.BENCHMARKS_DIR, "progress": False}
    own_sets.add("given", hr, scale=3, lr=lr, **options)
    own_sets.add("alone", lr, references=False, **options)
    stimuli.make_outputs(["given", "alone", "streets_x8"], ["bicubic"], progress=False)
    text = run("catalogue")
    assert all(line == line.rstrip() for line in text.splitlines())
    rows = {line.split()[0]: line.split() for line in text.splitlines() if line}
    heads = "Set Title Images there Scale Originals LR Licence Studies"
    assert " ".join(rows["Set"]) == heads
    assert rows["given"] == ["given", "given", "2", "of", "2", "x3", "yes", "given", "-", "-"]
    assert rows["alone"] == ["alone", "alone", "2", "of", "2", "x4", "no", "given", "-", "-"]
    assert rows["streets"] == ["streets", "streets", "2", "of", "2", "x4", "yes", "made", "-", "-"]
    outputs = text[text.index("Outputs made") :].split("\n\n")[0].splitlines()
    assert outputs[1].split() == ["Method", "alone", "given", "streets", "streets_x2", "streets_x8"]
    cells = {line.split()[0]: line.split()[1:] for line in outputs[2:]}
    assert cells["bicubic"] == ["2/2", "2/2", "0/2", "0/2", "2/2"]
    assert cells["ours"] == ["-", "-", "0/2", "0/2", "-"]
    assert cells["hr"] == ["-", "0/2", "0/2", "0/2", "0/2"]
    assert cells["srgan"] == ["0/2", "-", "0/2", "-", "-"]


def test_lr_images_are_verified(own, settings):
    lr = written(own / "lr", {name: degrade(image, 2) for name, image in IMAGES.items()})
    source = written(own / "hr", IMAGES)
    own_sets.add(
        "given", source, folder=settings.BENCHMARKS_DIR, scale=2, lr=lr, progress=False
    )  # fmt: skip

    assert verify().wrong == []
    folder = settings.BENCHMARKS_DIR / "given" / "lr"
    (folder / "east.png").write_bytes((folder / "west.png").read_bytes())
    (folder / "west.png").unlink()
    east, west = verify().wrong
    brings = "python manage.py add_set given FOLDER --scale 2 --lr LR-FOLDER, with the images that"
    assert east.startswith("given east: the pixels of")
    assert f"{brings} it was made from, puts the right one there" in east
    assert west == (
        f"given west: {folder / 'west.png'} is missing; {brings} it was made from, brings it"
    )
