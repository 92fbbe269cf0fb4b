"""fetch_benchmarks, generate and quality: what they print, and one line for what is wrong."""

from __future__ import annotations

import csv
import io
import json
import math
import shutil

import pytest
from django.core.management import CommandError, call_command

KEYS = ["set", "method", "images", "psnr", "ssim", "ssim_daala", "lpips", "dists", "niqe"]
KEYS += ["published_psnr", "published_ssim"]


@pytest.fixture(autouse=True)
def _folders(settings, tmp_path):
    settings.BENCHMARKS_DIR = tmp_path / "benchmarks"
    settings.OUTPUTS_DIR = tmp_path / "outputs"


def run(*arguments: str, stderr: io.StringIO | None = None) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out, stderr=stderr or out, verbosity=0)
    return out.getvalue()


def test_from_nothing_to_a_table(samples):
    assert run("fetch_benchmarks", "Samples") == (
        "Samples: 5 images, every pixel as its manifest says (5 new)\n"
    )
    methods = ("--methods", "nearest", "hr")
    err = io.StringIO()
    assert run("generate", *methods, stderr=err) == "10 outputs made, 0 were there already\n"
    assert run("generate", *methods, stderr=err) == "0 outputs made, 10 were there already\n"
    said = err.getvalue().splitlines()
    assert said[:2] == said[2:]
    for line, measure, network in zip(said, ("LPIPS", "DISTS"), ("AlexNet", "VGG16"), strict=False):
        assert line.startswith(f"{measure} was not measured: {network} is not in ")
        assert line.endswith(f"python manage.py generate adds {measure}")
    lines = run("quality").splitlines()
    assert len(lines) == 3
    assert lines[0].split()[:4] == ["Set", "Method", "Images", "PSNR"]
    assert lines[1].startswith("Samples  Nearest neighbour       5  ")
    *cells, niqe = lines[2].split()[2:]
    assert cells == ["(HR)", "5", "inf", "-", "1.0000", "-", "1.0000", "-", "-"]
    assert 2 < float(niqe) < 6
    assert len({len(line) for line in lines}) == 1


@pytest.fixture
def ready(settings, generated):
    settings.BENCHMARKS_DIR, settings.OUTPUTS_DIR = generated / "benchmarks", generated / "outputs"


def test_json_has_the_agreed_keys_and_no_infinity(ready):
    rows = json.loads(run("quality", "--format", "json", "--against", "ledig2017"))
    assert [list(row) for row in rows] == [KEYS] * 3
    assert [row["method"] for row in rows] == ["nearest", "bicubic", "hr"]
    assert rows[2]["psnr"] is None
    assert rows[0]["images"] == 5
    assert rows[0]["psnr"] < rows[1]["psnr"]
    for name in ("lpips", "dists", "published_psnr"):
        assert [row[name] for row in rows] == [None] * 3
    assert rows[2]["niqe"] < rows[1]["niqe"] < rows[0]["niqe"]


def test_csv_says_infinite_where_json_cannot(ready):
    rows = list(csv.DictReader(io.StringIO(run("quality", "--format", "csv"))))
    assert list(rows[0]) == KEYS
    assert math.isinf(float(rows[2]["psnr"]))
    assert rows[0]["lpips"] == ""


def test_latex_is_a_table_of_eleven_columns(ready):
    lines = run("quality", "--format", "latex").splitlines()
    assert lines[0] == r"\begin{tabular}{llrrrrrrrrr}"
    assert lines[-1] == r"\end{tabular}"
    rows = [line for line in lines if line.endswith(r"\\")]
    assert [row.count("&") for row in rows] == [10] * 4
    assert r"$\infty$" in rows[3]


def test_the_papers_figures_stand_beside_ours(settings, benchmarks_dir):
    settings.BENCHMARKS_DIR = benchmarks_dir
    run("generate", "--sets", "Set5", "--methods", "bicubic", "hr")
    bicubic, hr = json.loads(run("quality", "--format", "json"))
    assert bicubic["psnr"] == pytest.approx(bicubic["published_psnr"], abs=0.01)
    assert bicubic["ssim_daala"] == pytest.approx(bicubic["published_ssim"], abs=3e-4)
    assert (hr["published_psnr"], hr["published_ssim"]) == (None, 1.0)
    assert "28.43      28.43" in run("quality", "--sets", "Set5", "--methods", "bicubic")


def test_a_bad_image_ends_generate_with_its_name_and_a_failure(settings, samples, tmp_path, capsys):
    shutil.copytree(samples, settings.BENCHMARKS_DIR)
    (settings.BENCHMARKS_DIR / "Samples" / "coffee.png").write_bytes(b"no image")
    err = io.StringIO()
    with pytest.raises(CommandError, match="1 image could not be used; the rest is done"):
        call_command("generate", "--methods", "nearest", stderr=err, stdout=err, verbosity=0)
    assert "Samples coffee: " in err.getvalue()
    with pytest.raises(CommandError, match="1 of 5 outputs are missing"):
        run("quality")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("fetch_benchmarks Set6", "there is no image set 'Set6'; there are Set5, Set14, BSD100"),
        ("fetch_benchmarks Set5 --source nowhere", "nowhere is no source of images"),
        ("generate", "there is no image set in .*fetch_benchmarks brings them"),
        ("generate --sets Set6", "there is no image set 'Set6'"),
        ("generate --sets Set5 --methods lanczos", "there is no method 'lanczos'"),
        ("generate --sets Set5 --methods hr --device gpu", "there is no device 'gpu'"),
        ("quality", "nothing has been generated"),
        ("quality --sets Set6", "there is no image set 'Set6'"),
        ("quality --methods lanczos", "there is no method 'lanczos'"),
        ("quality --sets Set5 --methods nearest", "5 of 5 outputs are missing"),
        ("quality --format xml", "there is no format 'xml'; there are table, csv, json, latex"),
        ("quality --against nobody", "there is no published table 'nobody'; there is ledig2017"),
    ],
)
def test_bad_input_gives_one_clear_line(line, message):
    with pytest.raises(CommandError, match=message) as error:
        run(*line.split())
    assert "\n" not in str(error.value)
