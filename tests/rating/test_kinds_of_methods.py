"""A weight file, a graph, a program and brought outputs side by side in one blinded study."""

from __future__ import annotations

import csv
import io
import sys
from pathlib import Path

import pytest
import torch
from django.core.management import call_command

from benchmarks.files import encode_png
from sr_models.methods import WEIGHTS_DIR
from study.desk import exports, rehearsal, studies
from study.models import Stimulus, Study
from tests.own_material import blocky, photographs
from tests.rating.way import OPEN, taken, text_of

NAMES = ("zq-ours", "zq-theirs", "zq-graph", "zq-program", "zq-brought")
PROGRAM = """
import sys
from PIL import Image
lr, out = sys.argv[1:]
image = Image.open(lr)
image.resize((4 * image.width, 4 * image.height), Image.Resampling.LANCZOS).save(out)
"""


@pytest.fixture
def of_all_kinds(db, settings, tmp_path: Path, calibration_dir: Path) -> Study:
    """An open study of two photographs by methods of every kind, brought in by commands."""
    settings.BENCHMARKS_DIR = tmp_path / "benchmarks"
    for folder, made in (("hr", None), ("outputs", blocky)):
        (tmp_path / folder).mkdir()
        for name, image in photographs(("zq-one", "zq-two")).items():
            content = encode_png(made(image) if made else image)
            (tmp_path / folder / f"{name}.png").write_bytes(content)

    def run(*words: object) -> None:
        call_command(*map(str, words), stdout=io.StringIO(), stderr=io.StringIO(), verbosity=0)

    run("add_set", "zq-set", tmp_path / "hr")
    ours, theirs, graph, program, brought = NAMES
    run("add_method", ours, "--model", WEIGHTS_DIR / "espcn.safetensors")
    run("add_method", theirs, "--model", foreign(tmp_path), "--scale", 4)
    run("add_method", graph, "--model", exported(tmp_path))
    (tmp_path / "enlarge.py").write_text(PROGRAM)
    command = f"{sys.executable} {tmp_path / 'enlarge.py'} {{lr}} {{out}}"
    run("add_method", program, "--command", command)
    run("add_method", brought, "--outputs", tmp_path / "outputs")
    run("generate", "--sets", "zq-set", "--methods", *NAMES, "espcn", "hr")
    return studies.create(
        "kinds", sets=["zq-set"], methods=(*NAMES, "hr"), opened=True,
        protocol={**OPEN, "calibration_folder": str(calibration_dir)},
    )  # fmt: skip


def foreign(folder: Path) -> Path:
    """Weights of a small network of somebody else's, as its training leaves them."""
    from spandrel.architectures.ESRGAN.__arch.RRDB import RRDBNet

    torch.manual_seed(1)
    network = RRDBNet(in_nc=3, out_nc=3, num_filters=8, num_blocks=1, scale=4)
    torch.save({"params_ema": network.state_dict(), "iter": 7}, folder / "net_g_latest.pth")
    return folder / "net_g_latest.pth"


def exported(folder: Path) -> Path:
    """A network of ours as a graph."""
    from sr_models import weightfile
    from sr_models.networks import build

    network = build(weightfile.load(WEIGHTS_DIR / "espcn.safetensors")).eval()

    class Colours(torch.nn.Module):
        """ESPCN on each channel, so that the graph takes RGB."""

        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, rgb: torch.Tensor) -> torch.Tensor:
            return torch.cat([self.network(each) for each in rgb.split(1, dim=1)], dim=1)

    sides = {2: "height", 3: "width"}
    torch.onnx.export(
        Colours(), (torch.rand(1, 3, 20, 24),), str(folder / "net.onnx"), dynamo=False,
        input_names=["lr"], output_names=["sr"], dynamic_axes={"lr": sides, "sr": sides},
    )  # fmt: skip
    return folder / "net.onnx"


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
def test_every_kind_of_method_comes_blinded_into_one_study_and_its_results(
    of_all_kinds: Study, settings
):
    responses, images = taken(of_all_kinds)
    for response in responses:
        assert "zq-" not in text_of(response)
    heads = [{k: v for k, v in i.headers.items() if k != "Content-Length"} for i in images]
    assert all(head == heads[0] for head in heads)
    for source in {each.source for each in of_all_kinds.stimuli.select_related("source")}:
        shown = Stimulus.objects.filter(source=source)
        assert shown.count() == len(NAMES) + 1 == len(set(shown.values_list("sha256")))
        assert {(each.width, each.height) for each in shown} == {(128, 96)}

    made = Path(settings.OUTPUTS_DIR) / "zq-set"
    for name in ("zq-one.png", "zq-two.png"):
        assert (made / NAMES[0] / name).read_bytes() == (made / "espcn" / name).read_bytes()

    list(rehearsal.rehearse(of_all_kinds, raters=2, seed=1, mos=dict.fromkeys(NAMES, 3)))
    table = exports.table(of_all_kinds, kind="simulated", form="csv")
    rows = {row["method"]: row for row in csv.DictReader(io.StringIO(table))}
    assert {*rows} >= {*NAMES, "hr"}
    assert float(rows["zq-program"]["psnr"]) > float(rows["zq-brought"]["psnr"])
