"""Folders as people have them become a set, methods, a study and its results."""

from __future__ import annotations

import csv
import io
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from django.core.management import call_command

from benchmarks.files import encode_png
from benchmarks.resize import degrade
from study.analysis import marks
from study.desk import archive, exports, rehearsal, studies
from study.models import Rating
from tests.own_material import Image, blocky, photographs, softened

IMAGES = photographs(("img_001", "img_002", "img_003"), height=61, width=70)
Files = Mapping[str, Image]
Brought = tuple[list[str], list[list[str]]]
"""What `add_set` is told, and `add_method` for each of two methods, after the names."""


def put(folder: Path, files: Files) -> Path:
    for name, image in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode_png(image))
    return folder


def named(form: str, make: Callable[[Image], Image] = lambda image: image) -> Files:
    return {form.format(name): make(image) for name, image in IMAGES.items()}


def outputs(folder: Path, form: str) -> list[list[str]]:
    """One folder a method, its files named by ``form``."""
    made = {"ours": softened, "theirs": blocky}
    return [
        ["--outputs", str(put(folder / name, named(form.replace("NAME", name), make)))]
        for name, make in made.items()
    ]


def edsr(folder: Path) -> Brought:
    """`benchmark/SET/{HR,LR_bicubic/X4}`; the set as a whole is named."""
    put(folder / "Mine", named("HR/{}.png"))
    put(folder / "Mine", named("LR_bicubic/X4/{}x4.png", degrade))
    return [str(folder / "Mine"), "--pattern", "HR/{}"], outputs(folder, "{}.png")


def selfexsr(folder: Path) -> Brought:
    """Everything side by side, told apart by the ends of names; cropped to a multiple of four."""
    put(folder, named("image_SRF_4/{}_SRF_4_HR.PNG", lambda image: image[:60, :68]))
    put(folder, named("image_SRF_4/{}_SRF_4_LR.PNG", degrade))
    put(folder, named("image_SRF_4/{}_SRF_4_Ours.PNG", lambda image: softened(image)[:60, :68]))
    put(folder, named("image_SRF_4/{}_SRF_4_Theirs.PNG", blocky))
    told = ["--outputs", str(folder / "image_SRF_4"), "--pattern"]
    methods = [[*told, "{}_SRF_4_Ours"], [*told, "{}_SRF_4_Theirs"]]
    return [str(folder / "image_SRF_4"), "--pattern", "{}_SRF_4_HR"], methods


def basicsr(folder: Path) -> Brought:
    put(folder / "HR", named("{}.png"))
    return [str(folder / "HR")], outputs(folder, "visualization/mine/{}_NAME_x4_f64.png")


def real_esrgan(folder: Path) -> Brought:
    put(folder / "inputs", named("{}.png"))
    return [str(folder / "inputs")], outputs(folder, "results/{}_out.png")


def ntire(folder: Path) -> Brought:
    put(folder / "valid", named("HR/{}.png"))
    put(folder / "valid", named("LQ/{}x4.png", degrade))
    return [str(folder / "valid" / "HR")], outputs(folder, "{}x4.png")


def rcan(folder: Path) -> Brought:
    put(folder / "SR" / "HR", named("{}_HR_x4.png"))
    source = [str(folder / "SR" / "HR"), "--pattern", "{}_HR_x4"]
    return source, outputs(folder, "SR/BI/NAME/mine/x4/{}_NAME_x4.png")


def hub(folder: Path) -> Brought:
    """A tar.gz of the originals, in a zip; outputs in zips."""
    put(folder, named("mine_HR/{}.png"))
    with tarfile.open(folder / "mine_HR.tar.gz", "w:gz") as packed:
        packed.add(folder / "mine_HR", "mine_HR")
    with zipfile.ZipFile(folder / "all.zip", "w") as packed:
        packed.write(folder / "mine_HR.tar.gz", "data/mine_HR.tar.gz")
    methods = outputs(folder, "{}_x4.png")
    for _, place in methods:
        with zipfile.ZipFile(f"{place}.zip", "w") as packed:
            for path in Path(place).iterdir():
                packed.write(path, f"SR/{path.name}")
    return [str(folder / "all.zip")], [[option, f"{place}.zip"] for option, place in methods]


@pytest.mark.parametrize("layout", [edsr, selfexsr, basicsr, real_esrgan, ntire, rcan, hub])
def test_a_layout_of_the_field_becomes_a_set_methods_a_study_and_its_results(
    db, settings, tmp_path, layout
):
    settings.BENCHMARKS_DIR = tmp_path / "benchmarks"
    source, methods = layout(tmp_path / "brought")

    def run(*arguments: str) -> None:
        call_command(*arguments, stdout=io.StringIO(), stderr=io.StringIO(), verbosity=0)

    run("add_set", "mine", *source)
    for name, told in zip(("ours", "theirs"), methods, strict=True):
        run("add_method", name, *told, "--title", name.title())
    shown = ["bicubic", "ours", "theirs", "hr"]
    run("generate", "--sets", "mine", "--methods", *shown)
    run("create_study", "own", "--sets", "mine", "--methods", *shown)

    study = studies.get("own")
    assert study.stimuli.count() == 12
    assert set(study.stimuli.values_list("source__name", flat=True)) == set(IMAGES)
    list(rehearsal.rehearse(study, raters=2, seed=1, mos={"ours": 4, "theirs": 2}))
    assert Rating.objects.count() >= 24
    rows = exports.mos(study, kind="simulated").set_index("method")
    assert list(rows.index) == shown
    assert list(rows["title"]) == ["Bicubic", "Ours", "Theirs", "Original (HR)"]
    # The same pixels as bicubic's, whatever they were called and wherever they lay.
    assert rows.loc["ours", "psnr"] == rows.loc["bicubic", "psnr"] > rows.loc["theirs", "psnr"]
    assert rows.loc["ours", "mos"] > rows.loc["theirs", "mos"]
    with zipfile.ZipFile(io.BytesIO(archive.archive(study, kind="simulated"))) as packed:
        text = packed.read(marks.file_name("simulated", "stimuli.csv")).decode()
    table = list(csv.DictReader(line for line in io.StringIO(text) if not line.startswith("#")))
    assert {(row["set"], row["method"]) for row in table} == {("mine", each) for each in shown}
