"""A network as a method, by its file: converted, tried, kept, and run as it was taken in."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from django.core.management import CommandError
from safetensors.torch import save_file
from spandrel.architectures.ESRGAN import ESRGAN

from benchmarks import methods, own_models
from benchmarks.cases import case
from benchmarks.catalogue import catalogue
from benchmarks.datasets import manifest
from benchmarks.files import file_hash, read_image
from benchmarks.models import Model
from benchmarks.records import read_record
from sr_models import foreign
from sr_models.facts import Facts
from sr_models.methods import WEIGHTS_DIR

ROOT = Path(__file__).resolve().parent.parent.parent
OURS = WEIGHTS_DIR / "srgan.safetensors"


@pytest.fixture(scope="module")
def weights() -> dict[str, torch.Tensor]:
    """A small ESRGAN of scale 4, whatever it makes of an image."""
    torch.manual_seed(7)
    network = ESRGAN(num_filters=8, num_blocks=1, scale=4)
    return {name: 0.3 * tensor for name, tensor in network.state_dict().items()}


def row(site, name: str) -> dict:
    found = catalogue(
        benchmarks_dir=site.benchmarks, methods_dir=site.methods, outputs_dir=site.outputs
    )
    return next(row for row in found["methods"] if row["name"] == name)


def test_our_own_network_by_its_file_is_the_built_in_one_to_the_pixel(run, site):
    said = run("add_method", "copy", "--model", str(OURS), "--device", "cpu", "--title", "A copy")
    assert said.startswith(
        "copy: took srgan.safetensors, SRResNet of 1.5 million parameters in float32; it enlarges "
        "by 4, large LR images in tiles of about 256x256 px. Next: python manage.py generate "
        "--sets SET "
    )
    assert [*site.state()] == ["copy/method.json", "copy/model.safetensors"]
    assert (row(site, "copy")["kind"], row(site, "copy")["scale"]) == ("model (SRResNet)", 4)
    assert run("generate", "--sets", "Mine", "--methods", "copy", "srgan").startswith("8 outputs")
    for image in ("bowl", "man"):
        mine, built_in = (
            site.outputs / "Mine" / name / f"{image}.png" for name in ("copy", "srgan")
        )
        assert mine.read_bytes() == built_in.read_bytes()
        assert read_record(mine)["device"] in ("cpu", "cuda")
    # What there is needs no network, and none is loaded for it.
    told = (
        "import sys; from pathlib import Path; from benchmarks.outputs import generate; "
        f"root = Path({str(site.root)!r}); report = generate(benchmarks_dir=root / 'benchmarks', "
        "outputs_dir=root / 'outputs', methods_dir=root / 'methods', sets=['Mine'], "
        "methods=['copy'], progress=False); print(report.skipped, 'torch' in sys.modules)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", told], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ended.stdout == "4 False\n"


def test_a_file_that_is_another_now_makes_nothing_until_the_right_one_is_back(run, site, tmp_path):
    add = ("add_method", "copy", "--model", str(OURS), "--device", "cpu")
    run(*add)
    before, kept = site.state(), site.methods / "copy" / "model.safetensors"
    generate = ("generate", "--sets", "Mine", "--methods", "copy")
    assert run(*generate).startswith("4 outputs made")
    shutil.copyfile(WEIGHTS_DIR / "srresnet.safetensors", kept)
    assert run(*generate).startswith("0 outputs made, 4 were there already")
    said = r"copy: .*model\.safetensors is not the model that was taken in; .*remove_method copy"
    with pytest.raises(CommandError, match=said):
        run("generate", "--sets", "Other", "--methods", "copy")
    assert not (site.outputs / "Other").exists()
    (wrong,) = (look() for look in methods.taken(site.methods))
    assert wrong == f"{kept} is not the model that was taken in"
    kept.unlink()
    assert row(site, "copy")["lacks"] == f"{kept} is missing"
    with pytest.raises(CommandError, match=r"model\.safetensors is missing; .*remove_method copy"):
        run("generate", "--sets", "Other", "--methods", "copy")
    assert run(*add).startswith("copy: there already is srgan.safetensors, SRResNet")
    assert site.state() == before
    assert run("generate", "--sets", "Other", "--methods", "copy").startswith("4 outputs made")
    with pytest.raises(CommandError, match=r"copy is another model already; .*remove_m"):
        run("add_method", "copy", "--model", str(WEIGHTS_DIR / "srcnn.safetensors"))
    with pytest.raises(CommandError, match=r"no method of this kind \(model, not command\)"):
        run("add_method", "copy", "--command", "true {lr} {out}")
    assert site.state() == before


def test_another_networks_outputs_are_what_it_makes_of_each_image(site, tmp_path, weights):
    torch.save({"params_ema": weights}, tmp_path / "theirs.pth")
    added = own_models.add(
        "theirs", model=tmp_path / "theirs.pth", folder=site.methods, device="cpu", scale=4,
        license="MIT", source="a paper",
    )  # fmt: skip
    assert (added.facts.architecture, added.facts.scale) == ("ESRGAN", 4)
    report = site.generate(["theirs"], sets=["Mine", "Other"])
    assert (report.done, report.failed) == (8, [])
    (kept,) = methods.own_methods(site.methods)
    assert kept.model.facts == added.facts
    assert kept.model.sha256 == file_hash(site.methods / "theirs" / kept.model.file)
    upscale = foreign.upscaler(site.methods / "theirs" / kept.model.file, added.facts, device="cpu")
    of = manifest("Mine", site.benchmarks)
    for entry in of.images:
        output = read_image(site.outputs / "Mine" / "theirs" / f"{entry.name}.png")
        assert np.array_equal(output, upscale(case(site.benchmarks, of, entry).lr))
    with pytest.raises(ValueError, match="theirs enlarges by 4, and the images of Mine_x2"):
        site.generate(["theirs"], sets=["Mine_x2"])

    # What it makes no image of is told by its name; that is no end of all others.
    broken = {name: tensor.clone() for name, tensor in weights.items()}
    broken["model.0.bias"][0] = float("nan")
    path = site.methods / "theirs" / kept.model.file
    save_file(broken, path)
    other = replace(kept, model=replace(kept.model, sha256=file_hash(path)))
    path.with_name("method.json").write_text(methods.as_json(other))
    report = site.generate(["bicubic", "theirs"])
    assert report.done == 4
    assert [line.split(":")[0] for line in report.failed] == [
        "Mine bowl", "Mine cat", "Mine sky", "Mine man"
    ]  # fmt: skip
    assert "theirs made nothing of it: " in report.failed[0]
    # So is what the library of networks says in its own way.
    save_file(weights, path)
    facts = replace(kept.model.facts, channels=1)
    other = replace(kept, model=Model(path.name, file_hash(path), facts))
    path.with_name("method.json").write_text(methods.as_json(other))
    report = site.generate(["theirs"])
    assert report.failed[3].startswith("Mine man: theirs made nothing of it: the network cannot be")
    assert "1 channels" in report.failed[3]
    # Nor is it a traceback where the network cannot be built at all.
    path.write_bytes(b"no network")
    other = replace(kept, model=replace(kept.model, sha256=file_hash(path)))
    path.with_name("method.json").write_text(methods.as_json(other))
    with pytest.raises(ValueError, match="is not a safetensors file"):
        site.generate(["theirs"])


class Harm:
    """What a pickle can do: it makes a file where it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def broken(kind: str, folder: Path, weights: dict[str, torch.Tensor]) -> Path:
    """A file of a kind that cannot be taken."""
    path = folder / "brought.pth"
    if kind == "a folder":
        path.mkdir()
    elif kind == "empty":
        path.touch()
    elif kind == "harmful":
        torch.save({"params": Harm(folder / "harm")}, path)
    elif kind == "NaN":
        torch.save(weights | {"model.0.bias": torch.full((8,), float("nan"))}, path)
    elif kind == "a tensor is missing":
        first = next(name for name in weights if "RDB2.conv3" in name)
        torch.save({name: each for name, each in weights.items() if name != first}, path)
    elif kind == "TorchScript":
        torch.jit.save(torch.jit.trace(torch.nn.Conv2d(3, 3, 1), torch.zeros(1, 3, 4, 4)), path)
    elif kind == "unknown":
        torch.save({"a.weight": torch.zeros(3, 3, 1, 1)}, path)
    elif kind == "it restores":
        torch.save(ESRGAN(num_filters=8, num_blocks=1, scale=1).state_dict(), path)
    return path


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.*torch.jit:FutureWarning")
@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("not there", "there is no model file .*brought.pth"),
        ("a folder", "there is no model file .*brought.pth"),
        ("empty", "brought.pth is empty"),
        ("harmful", "brought.pth holds .*could run code"),
        ("NaN", "the tensor model.0.bias holds NaN or infinity"),
        ("a tensor is missing", "RDB2.conv3.0.weight is missing"),
        ("TorchScript", "brought.pth is TorchScript"),
        ("unknown", "belong to none of the architectures"),
        ("it restores", "ESRGAN restores images and does not enlarge them"),
    ],
)
def test_what_is_no_network_is_refused_in_a_sentence(run, site, tmp_path, weights, kind, message):
    path = broken(kind, tmp_path, weights)
    with pytest.raises(CommandError, match=message) as error:
        run("add_method", "mine", "--model", str(path), "--device", "cpu")
    assert "\n" not in str(error.value)
    assert {each.name for each in site.methods.glob("*")} == {".lock"}
    assert not (tmp_path / "harm").exists()


def test_what_is_said_wrong_of_a_network_is_refused(run, site):
    with pytest.raises(CommandError, match=r"enlarges by 4, and 2 was declared"):
        run("add_method", "mine", "--model", str(OURS), "--scale", "2", "--device", "cpu")
    for option, value, message in (
        ("--scale", "5", "scale 5 is unknown; use 2, 3, 4 or 8"),
        ("--precision", "int8", "precision 'int8' is unknown; use float32, float16, bfloat16"),
    ):
        with pytest.raises(CommandError, match=message):
            run("add_method", "mine", "--model", str(OURS), option, value)
    with pytest.raises(CommandError, match="there is a built-in method srgan; give yours another"):
        run("add_method", "srgan", "--model", str(OURS))
    assert site.state() == {}


def test_the_fingerprint_tells_file_and_precision(site):
    facts = Facts("ESRGAN", "spandrel", 4, 3, 1, 2, 16, 500, 1800, 226_099, "float32")
    prints = set()
    for sha256, precision in (("a", "float32"), ("b", "float32"), ("a", "float16")):
        model = Model("model.safetensors", sha256, replace(facts, precision=precision))
        own = methods.OwnMethod("mine", "Mine", 1000, kind="model", model=model)
        path = site.methods / "mine" / "method.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(methods.as_json(own))
        assert "outputs" not in json.loads(path.read_text())
        assert methods.own_methods(site.methods) == [own]
        (found,) = methods.chosen(["mine"], site.methods)
        prints.add(found.fingerprint("Mine", manifest("Mine", site.benchmarks).images[0]))
    assert len(prints) == 3
