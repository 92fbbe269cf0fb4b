"""Images of one's own become a set as a whole, or none is taken and all that is wrong is said."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
import textwrap
import zipfile
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from benchmarks import own_sets
from benchmarks.datasets import available, manifest
from benchmarks.files import encode_png, read_image
from benchmarks.resize import degrade
from study.desk.anchors import DATASET
from tests.benchmarks.bring_sets import NAMES, Pixels, add, names, put, refused, versions


def test_a_set_of_the_published_images_is_the_published_set(benchmarks_dir, folder):
    add("Mine", benchmarks_dir / "Set5", folder)
    assert manifest("Mine", folder).images == manifest("Set5").images
    assert available(folder) == ["Mine"]


def test_a_flat_folder_becomes_a_set_and_a_line_says_what_it_is(source, folder, photographs):
    put(source / "odd.PNG", photographs["coffee"][1:70, 3:93])
    said = add("Mine", source, folder, title="My shots", license="CC0")
    assert said == (
        f"Mine: 6 images (5 in colour, 1 in grey; 90x69 to 128x100 px) in {folder / 'Mine'}; 1 "
        "will be cropped by 1 to 3 px to a multiple of 4. Next: python manage.py generate "
        "--sets Mine, or python manage.py add_method with outputs of your own"
    )
    found = manifest("Mine", folder)
    assert (found.title, found.license, found.scale, found.references) == (
        *("My shots", "CC0"),
        *(4, True),
    )
    assert names(folder) == [*NAMES[:4], "odd", "rocket"]


def edsr(root: Path, photographs: dict[str, Pixels]) -> tuple[Path, str]:
    """The layout of EDSR's archive of benchmarks."""
    for name, image in photographs.items():
        put(root / "benchmark" / "Set5" / "HR" / f"{name}.png", image)
        put(root / "benchmark/Set5/LR_bicubic/X4" / f"{name}x4.png", degrade(image))
    return root / "benchmark", "HR/{}"


def selfexsr(root: Path, photographs: dict[str, Pixels]) -> tuple[Path, str]:
    """That of SelfExSR, and of the archives of results that follow it."""
    for number, image in enumerate(photographs.values()):
        for which, version in versions(image).items():
            put(root / "image_SRF_4" / f"img_{number:03}_SRF_4_{which}.png", version)
    return root / "image_SRF_4", "{}_SRF_4_HR"


def ntire(root: Path, photographs: dict[str, Pixels]) -> tuple[Path, str]:
    """That of the NTIRE challenges."""
    for number, image in enumerate(photographs.values()):
        put(root / "x4" / "HR" / f"{901 + number:04}.png", image)
        put(root / "x4" / "LQ" / f"{901 + number:04}x4.png", degrade(image))
    return root / "x4", "HR/{}"


def hub(root: Path, photographs: dict[str, Pixels]) -> tuple[Path, str]:
    """That of the copies on a hub: a tar.gz for each version."""
    with tarfile.open(root / "Set5_HR.tar.gz", "w:gz") as tar:
        for name, image in photographs.items():
            content = encode_png(image)
            info = tarfile.TarInfo(f"Set5_HR/{name}.png")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return root / "Set5_HR.tar.gz", ""


@pytest.mark.parametrize("layout", [edsr, selfexsr, ntire, hub])
@pytest.mark.parametrize("packed", [False, True])
def test_originals_are_taken_from_every_layout(tmp_path, folder, photographs, layout, packed):
    source, pattern = layout(tmp_path, photographs)
    if packed and source.is_dir():
        source = Path(shutil.make_archive(str(source), "zip", source.parent, source.name))
    add("Mine", source, folder, pattern=pattern)
    images = [
        read_image(folder / "Mine" / f"{entry.name}.png")
        for entry in manifest("Mine", folder).images
    ]
    assert len(images) == len(photographs)
    assert all(
        np.array_equal(image, photograph)
        for image, photograph in zip(images, photographs.values(), strict=True)
    )


def test_what_a_pattern_passes_over_is_counted(tmp_path, folder, photographs):
    source, pattern = selfexsr(tmp_path, photographs)
    assert "; 10 other files are not like the pattern. " in add(
        "Mine", source, folder, pattern=pattern
    )
    assert names(folder) == [f"img_{number:03}" for number in range(5)]
    assert "none of 15 files is like the pattern '{}_GT'; the first is img_000_SRF_4_HR.png" in (
        refused(source, folder, "Other", pattern="{}_GT")
    )


def test_several_folders_are_listed_and_one_of_them_is_to_be_named(tmp_path, folder, photographs):
    source, _ = edsr(tmp_path, photographs)
    said = "its images lie in 2 folders: Set5/HR (5), Set5/LR_bicubic/X4 (5); "
    assert refused(source, folder) == (
        f"{source} was not taken: {said}name one of them, or give --pattern 'Set5/HR/{{}}'"
    )
    add("Mine", source / "Set5" / "HR", folder)
    packed = Path(shutil.make_archive(str(source), "tar", source))
    assert f"{said}choose, as --pattern 'Set5/HR/{{}}'" in refused(packed, folder, "Other")


def test_versions_of_one_scene_are_refused_with_the_pattern_that_takes_the_originals(
    tmp_path, folder, photographs
):
    source, pattern = selfexsr(tmp_path, photographs)
    lines = refused(source, folder).splitlines()
    # The LR images are too small besides.
    assert sum("seem to show one scene" in line for line in lines) == 5
    assert f"--pattern '{pattern}' takes the originals alone" in lines[-1]
    for path in source.glob("*_LR.png"):
        path.unlink()
    assert len(refused(source, folder).splitlines()) == 1 + 5
    add("Mine", source, folder, as_they_are=True)
    assert len(names(folder)) == 10


def test_a_name_of_any_script_is_kept_composed(tmp_path, folder, photographs):
    for name, image in zip(("cafe\u0301", "写真 1", "a.x4"), photographs.values(), strict=False):
        put(tmp_path / "mine" / f"{name}.png", image)
    add("Mine", tmp_path / "mine", folder)
    assert names(folder) == ["a.x4", "caf\u00e9", "写真 1"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Set5", "Set5 is a set that comes with this product; choose another name"),
        ("set5", "Set5 is a set that comes with this product; choose another name"),
        ("samples", "Samples is a set that comes with this product"),
        (DATASET, "calibration is what images for calibration lie under"),
        ("Calibration", "Calibration is what images for calibration lie under"),
        ("../out", "'../out' cannot be the name of a set: it needs 1 to 50 letters"),
        ("-a", "'-a' cannot be the name"),
        ("", "'' cannot be the name"),
        ("a b", "'a b' cannot be the name"),
        ("straße", "'straße' cannot be the name"),
        ("a\n", r"'a\n' cannot be the name"),
        ("a" * 51, "cannot be the name"),
        ("THEIRS", "Theirs is there, whose name differs in case only; choose another name"),
        ("kept", "kept is there and is no image set; choose another name, or move it"),
    ],
)
def test_a_name_that_a_set_cannot_have_is_refused(source, folder, name, said):
    (folder / "Theirs").mkdir(parents=True)
    (folder / "kept").mkdir()
    (folder / "kept" / "a.png").write_bytes(b"somebody's")
    assert said in refused(source, folder, name)


def test_a_title_is_one_line(source, folder):
    assert "--title needs one line of at most 100" in refused(source, folder, title="a\nb")
    assert "--license needs one line of at most 200" in refused(source, folder, license="a" * 201)


def test_again_with_the_same_images_mends_a_set(source, folder, photographs):
    add("Mine", source, folder, title="My shots", license="CC0")
    (folder / "Mine" / "camera.png").unlink()
    (folder / "Mine" / "coffee.png").write_bytes(b"damaged")
    kept = (folder / "Mine" / "rocket.png").stat().st_ino
    said = add("Mine", source, folder)
    assert said.startswith("Mine: was there already, 2 of its files were put back; 5 images (")
    found = manifest("Mine", folder)
    assert (found.title, found.license) == ("My shots", "CC0")
    assert (folder / "Mine" / "rocket.png").stat().st_ino == kept
    add("Mine", source, folder, title="New")
    assert manifest("Mine", folder).title == "New"
    put(source / "camera.png", photographs["camera"][::-1])
    assert "there is a set Mine of other images; choose another name, or first python" in (
        refused(source, folder)
    )
    (folder / "Mine" / "manifest.json").write_text("{")
    assert "is no manifest of an image set" in (said := refused(source, folder))
    assert "python manage.py remove_set Mine" in said


def test_a_set_is_removed_with_its_outputs(source, folder, tmp_path):
    add("Mine", source, folder)
    for name in ("Mine", "Other"):
        (tmp_path / "outputs" / name / "bicubic").mkdir(parents=True)
    for name, said in (
        ("Set5", "Set5 comes with this product and cannot be removed"),
        ("mine", "there is no set 'mine' of your own; there is Mine"),
        ("../mine", "there is no set '../mine' of your own"),
    ):
        with pytest.raises(ValueError, match=said):
            own_sets.remove(name, folder=folder, outputs_dir=tmp_path / "outputs")
    (folder / "Mine" / "manifest.json").write_text("{")
    own_sets.remove("Mine", folder=folder, outputs_dir=tmp_path / "outputs")
    assert list(folder.iterdir()) == []
    assert [path.name for path in (tmp_path / "outputs").iterdir()] == ["Other"]


def test_too_many_images_are_not_read(source, folder, monkeypatch):
    monkeypatch.setattr(own_sets, "MOST_IMAGES", 4)
    assert "holds 5 images, and a set has at most 4; choose some" in refused(source, folder)


ADD = """
    import os, resource, sys
    from pathlib import Path
    from benchmarks import files, own_sets
    {before}
    try:
        own_sets.add("Mine", Path(sys.argv[1]), folder=Path(sys.argv[2]), progress=False)
    except OSError as error:
        print(error)
"""


def run(source: Path, folder: Path, before: str) -> tuple[int, str]:
    """How a process ends that adds a set, and what it says."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(ADD).format(before=before), source, folder],
        capture_output=True, text=True, check=False,
        cwd=Path(__file__).resolve().parents[2],
    )  # fmt: skip
    return done.returncode, done.stdout


def test_a_full_disk_is_one_sentence_and_leaves_nothing(source, folder):
    code, said = run(source, folder, "resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000))")
    assert code == 0
    assert re.fullmatch(r"\[Errno \d+\] File too large: '.*png'\n", said)
    assert list(folder.iterdir()) == []


def test_what_a_killed_run_leaves_is_hidden_and_goes_with_the_next(source, folder):
    packed = Path(shutil.make_archive(str(source), "zip", source))
    code, _ = run(packed, folder, "own_sets._versions = lambda *_: os.kill(os.getpid(), 9)")
    assert code == -9
    assert len(list(folder.iterdir())) == 1
    assert len(list(folder.rglob("*.png"))) == 2 * len(NAMES)
    assert available(folder) == []
    add("Other", source, folder)
    assert [path.name for path in folder.iterdir()] == ["Other"]


def test_a_place_where_no_folder_can_be_made_is_one_sentence(source, settings, tmp_path):
    (tmp_path / "file").write_text("")
    settings.BENCHMARKS_DIR = tmp_path / "file" / "benchmarks"
    with pytest.raises(CommandError, match=r"file/benchmarks cannot be used: not a directory"):
        call_command("add_set", "Mine", source, verbosity=0)


def test_an_empty_place_is_not_the_folder_we_are_in(settings, folder):
    settings.BENCHMARKS_DIR = folder
    with pytest.raises(CommandError, match="is empty; name a folder of images"):
        call_command("add_set", "Mine", "")
    assert not folder.exists()


def test_the_command_passes_on_what_it_is_told(tmp_path, settings, folder, photographs):
    settings.BENCHMARKS_DIR = folder
    source, _ = selfexsr(tmp_path, photographs)
    out = io.StringIO()
    call_command(
        *("add_set", "Mine", str(source), "--title", "Shots", "--license", "CC0"),
        *("--pattern", "{}_SRF_4_bicubic", "--as-they-are"),
        stdout=out, verbosity=0,
    )  # fmt: skip
    assert out.getvalue().startswith("Mine: 5 images (4 in colour, 1 in grey; 128x100 px) in")
    assert (manifest("Mine", folder).title, manifest("Mine", folder).license) == ("Shots", "CC0")


def test_a_zip_that_was_cut_short_leaves_nothing(source, folder, tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as packed:
        packed.write(source / "coffee.png", "coffee.png")
    os.truncate(path, path.stat().st_size - 30)
    assert "a.zip is not a whole zip or tar archive" in refused(path, folder)
