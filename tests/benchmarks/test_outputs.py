"""Outputs are whole, up to date, measured and made once, whatever happened before."""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import quality
from benchmarks.files import encode_png, read_image
from benchmarks.outputs import Output, generate, generated, read_outputs
from benchmarks.resize import degrade
from sr_models.interpolation import bicubic

METHODS = ("nearest", "bicubic", "hr")


@pytest.fixture
def outputs(request, tmp_path) -> Path:
    """The outputs of the Samples set, to be tampered with."""
    return shutil.copytree(
        request.getfixturevalue("generated") / "outputs", tmp_path / "own-outputs"
    )


def again(samples, outputs, **options):
    arguments = {"sets": ["Samples"], "methods": METHODS, "progress": False} | options
    return generate(benchmarks_dir=samples, outputs_dir=outputs, **arguments)


def state(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Every file with what would change if it were written again."""
    return {
        str(path.relative_to(folder)): (
            path.stat().st_mtime_ns, path.stat().st_ino, path.read_bytes()
        )
        for path in sorted(folder.rglob("*")) if path.is_file()
    }  # fmt: skip


def contents(folder: Path) -> dict[str, bytes]:
    return {name: content for name, (_, _, content) in state(folder).items()}


def value(output: Output, measure: str) -> float:
    return output.measures[measure].value


def test_an_output_is_what_the_method_makes_of_the_degraded_image(samples, outputs):
    for output in read_outputs(outputs, sets=["Samples"], methods=METHODS):
        hr = read_image(samples / "Samples" / f"{output.image}.png")
        image = read_image(output.path)
        assert (output.width, output.height) == (hr.shape[1], hr.shape[0])
        assert hashlib.sha256(output.path.read_bytes()).hexdigest() == output.sha256
        if output.method == "hr":
            assert np.array_equal(image, hr)
            assert value(output, "psnr") == math.inf
            assert value(output, "ssim") == value(output, "ssim_daala") == 1
        elif output.method == "bicubic":
            assert np.array_equal(image, bicubic(degrade(hr)))
            assert value(output, "psnr") == quality.psnr(hr, image)
        assert value(output, "ssim") == quality.ssim(hr, image)
        assert value(output, "ssim_daala") == quality.ssim_daala(hr, image)
        assert "lpips" not in output.measures


def test_a_second_run_writes_nothing(samples, outputs):
    before = state(outputs)
    report = again(samples, outputs)
    assert (report.done, report.skipped, report.failed) == (0, 15, [])
    assert state(outputs) == before


def test_two_runs_give_the_same_bytes(samples, outputs, tmp_path):
    report = again(samples, tmp_path / "second")
    assert (report.done, report.skipped) == (15, 0)
    assert contents(tmp_path / "second") == contents(outputs)


@pytest.mark.parametrize("damage", ["cut", "other pixels", "no png", "no record", "odd record"])
def test_a_damaged_output_is_not_read_and_made_again(samples, outputs, damage):
    before = contents(outputs)
    png = outputs / "Samples" / "bicubic" / "coffee.png"
    record = png.with_suffix(".json")
    match damage:
        case "cut":
            png.write_bytes(png.read_bytes()[:-20])
        case "other pixels":
            png.write_bytes(encode_png(np.zeros((384, 384, 3), np.uint8)))
        case "no png":
            png.unlink()
        case "no record":
            record.unlink()
        case "odd record":
            record.write_text('{"sha256": 1}')
    with pytest.raises(ValueError, match="1 of 15 outputs are missing or out of date") as error:
        read_outputs(outputs, sets=["Samples"], methods=METHODS)
    assert "bicubic of coffee in Samples" in str(error.value)
    assert "manage.py generate --sets Samples --methods bicubic makes them" in str(error.value)
    report = again(samples, outputs)
    assert (report.done, report.skipped) == (1, 14)
    assert contents(outputs) == before


def test_outputs_of_another_version_of_a_method_are_made_again(samples, outputs):
    record = outputs / "Samples" / "nearest" / "camera.json"
    stored = json.loads(record.read_text())
    record.write_text(json.dumps(stored | {"fingerprint": "nearest of last year"}))
    assert again(samples, outputs).done == 1
    assert json.loads(record.read_text()) == stored


def test_figures_of_another_version_are_measured_again_on_the_same_file(samples, outputs):
    png = outputs / "Samples" / "nearest" / "camera.png"
    record = png.with_suffix(".json")
    stored = json.loads(record.read_text())
    measures = stored["measures"] | {"psnr": {"version": 0, "value": 1.0}}
    record.write_text(json.dumps(stored | {"measures": measures}))
    before = state(outputs)
    assert again(samples, outputs).done == 1
    assert json.loads(record.read_text()) == stored
    after = state(outputs)
    assert [name for name in after if after[name] != before[name]] == [
        "Samples/nearest/camera.json"
    ]


def test_records_of_the_version_before_are_read_as_they_are(samples, outputs):
    """Its measures had one version together, and infinity was nothing."""
    before = read_outputs(outputs, sets=["Samples"], methods=METHODS)
    for path in outputs.rglob("*.json"):
        stored = json.loads(path.read_text())
        known = {name: stored["measures"][name]["value"] for name in ("psnr", "ssim", "ssim_daala")}
        del stored["measures"]
        known = {name: None if value == "inf" else value for name, value in known.items()}
        path.write_text(json.dumps(stored | known | {"measured_by": 1, "lpips": None}))
    files = {path: path.stat().st_mtime_ns for path in outputs.rglob("*.png")}
    plain = [replace(each, measures=dict(list(each.measures.items())[:3])) for each in before]
    assert read_outputs(outputs, sets=["Samples"], methods=METHODS) == plain
    # What was not measured then is measured now, of the same files.
    assert again(samples, outputs).done == len(before)
    assert read_outputs(outputs, sets=["Samples"], methods=METHODS) == before
    assert {path: path.stat().st_mtime_ns for path in files} == files
    assert again(samples, outputs).done == 0


def test_lpips_is_added_when_its_weights_appear(samples, outputs, alexnet_dir):
    before = state(outputs)
    with_lpips = {
        "methods": ["bicubic"], "perceptual_dir": alexnet_dir, "bring_weights": lambda network: None
    }  # fmt: skip
    assert again(samples, outputs, **with_lpips).done == 5
    after = state(outputs)
    assert all(after[name] == before[name] for name in before if name.endswith(".png"))
    found = read_outputs(outputs, sets=["Samples"], methods=["bicubic"])
    assert all(0.1 < value(output, "lpips") < 1 for output in found)
    # Nothing is measured twice, and a run without the weights loses nothing.
    assert again(samples, outputs).done == again(samples, outputs, **with_lpips).done == 0
    assert read_outputs(outputs, sets=["Samples"], methods=["bicubic"]) == found


def test_a_bad_image_is_named_and_the_rest_goes_on(samples, tmp_path):
    own = shutil.copytree(samples, tmp_path / "benchmarks")
    image = read_image(own / "Samples" / "chelsea.png")
    image[10, 10, 0] ^= 1
    (own / "Samples" / "chelsea.png").write_bytes(encode_png(image))
    (own / "Samples" / "coffee.png").write_bytes(b"no image")
    out = tmp_path / "out"
    report = again(own, out, methods=["nearest"])
    assert report.done == 3
    assert [line.split(":")[0] for line in report.failed] == ["Samples chelsea", "Samples coffee"]
    assert len(list(out.rglob("*.png"))) == 3


def test_what_a_killed_writer_left_is_swept_away_and_a_living_ones_is_not(samples, outputs):
    folder = outputs / "Samples" / "nearest"
    old, new = folder / ".a.png.1.part", folder / ".b.png.2.part"
    for part in (old, new):
        part.write_bytes(b"half")
    os.utime(old, (time.time() - 7200,) * 2)
    again(samples, outputs)
    assert not old.exists()
    assert new.exists()


def test_two_runs_at_once_corrupt_nothing(samples, outputs, tmp_path):
    out = tmp_path / "both"
    with ProcessPoolExecutor(2) as pool:
        runs = [pool.submit(again, samples, out) for _ in range(2)]
        assert sum(run.result().done for run in runs) >= 15
    assert contents(out) == contents(outputs)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sets": ["Set7"]}, "no image set 'Set7'"),
        ({"methods": ["lanczos"]}, "no method 'lanczos'; there are nearest, bicubic, srcnn"),
        ({"device": "tpu"}, "no device 'tpu'; there are auto, cpu, cuda"),
        ({"perceptual_dir": Path("nowhere")}, "alexnet_features_fp16.safetensors"),
    ],
)
def test_bad_input_is_refused_before_anything_is_made(samples, tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        again(samples, tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_nothing_generated_yet_says_what_to_do(outputs, tmp_path):
    assert generated(outputs, sets=None, methods=None) == {"Samples": list(METHODS)}
    with pytest.raises(ValueError, match=r"nothing has been generated in .*manage\.py generate"):
        generated(tmp_path / "empty", sets=None, methods=None)
    with pytest.raises(ValueError, match="nothing of Set5 has been generated"):
        generated(outputs, sets=["Set5"], methods=None)
