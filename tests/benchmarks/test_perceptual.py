"""LPIPS has its weights wherever they can be had, the same ones everywhere, or says how to."""

from __future__ import annotations

import hashlib
import importlib.util
import re
import shutil
import threading
from collections.abc import Callable
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from benchmarks import datasets, perceptual
from benchmarks.files import encode_png, pixel_hash, read_image
from benchmarks.measures import COMPUTED
from benchmarks.outputs import generate, read_outputs
from sr_models.features import BACKBONES
from sr_models.methods import WEIGHTS_DIR
from study.desk import stimuli

ALEXNET = perceptual.ALEXNET
HEADS = WEIGHTS_DIR / "lpips_v0.1_alex_lin.safetensors"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch) -> Path:
    """torchvision's own cache is empty, whatever whoever runs this has."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return perceptual.cache()


class Web(ThreadingHTTPServer):
    """Serves a folder and counts what it was asked for."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.folder, self.asked, self.monkeypatch = folder, 0, monkeypatch

    def publish(self, name: str, content: bytes) -> str:
        """From now on this is the file to fetch; its address."""
        (self.folder / name).write_bytes(content)
        address = f"http://127.0.0.1:{self.server_port}/{name}"
        self.monkeypatch.setattr(perceptual, "ADDRESS", address)
        return address


class Handler(SimpleHTTPRequestHandler):
    server: Web

    def translate_path(self, path: str) -> str:
        return str(self.server.folder / path.removeprefix("/"))

    def do_GET(self) -> None:
        self.server.asked += 1
        super().do_GET()

    def log_message(self, *args) -> None:
        """Keep the tests' output quiet."""


@pytest.fixture
def web(tmp_path, monkeypatch):
    (tmp_path / "web").mkdir()
    with Web(tmp_path / "web", monkeypatch) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.01], daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def alexnet(perceptual_dir, tmp_path_factory) -> Path:
    """A file in the form of torchvision's, classifier included, named after its checksum."""
    state = {key: each.float() for key, each in load_file(perceptual_dir / ALEXNET).items()}
    path = tmp_path_factory.mktemp("alexnet") / "alexnet.pth"
    torch.save(state | {"classifier.6.bias": torch.zeros(1000)}, path)
    return path.rename(path.with_name(f"alexnet-{_sha256(path)[:8]}.pth"))


@pytest.fixture
def nowhere(monkeypatch) -> Callable[[str], str]:
    """Makes a file of some name one that cannot be reached; gives its address."""

    def at(name: str) -> str:
        monkeypatch.setattr(perceptual, "ADDRESS", f"http://127.0.0.1:1/{name}")
        return perceptual.ADDRESS

    return at


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def bring(folder: Path, **options) -> list[str]:
    """What was said."""
    said: list[str] = []
    perceptual.bring(folder, say=said.append, progress=False, **({"fetch": True} | options))
    return said


def contents(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_the_address_is_torchvisions_and_so_is_the_cache(monkeypatch, tmp_path):
    """The name holds the checksum, as torchvision checks it. To load that would take seconds."""
    found = importlib.util.find_spec("torchvision")
    assert found
    source = Path(found.origin or "").with_name("models") / "alexnet.py"
    assert re.findall(r"""url="(\S+)",""", source.read_text()) == [perceptual.ADDRESS]
    assert BACKBONES["alex"] == ALEXNET
    for name, value in (("TORCH_HOME", str(tmp_path / "a")), ("XDG_CACHE_HOME", str(tmp_path))):
        assert perceptual.cache() == Path(torch.hub.get_dir(), "checkpoints")
        monkeypatch.delenv("TORCH_HOME", raising=False)
        monkeypatch.setenv(name, value)
    assert perceptual.cache() == Path(torch.hub.get_dir(), "checkpoints")


def test_the_heads_are_shipped_as_they_were_published():
    assert _sha256(HEADS) == "b2eb412ca050d6762cf9e5c851f7a0a326eeffc4ff14d11c6b5a16a245e13bf7"


def test_what_is_fetched_is_kept_small_measures_alike_and_is_fetched_once(
    web, alexnet, perceptual_dir, tmp_path, samples
):
    address, folder = web.publish(alexnet.name, alexnet.read_bytes()), tmp_path / "weights"
    assert bring(folder) == [f"Fetching AlexNet for LPIPS, once, 244 MB: {address}"]
    assert contents(folder) == [ALEXNET]
    wanted, found = load_file(perceptual_dir / ALEXNET), load_file(folder / ALEXNET)
    assert found.keys() == wanted.keys()
    for key, value in wanted.items():
        assert found[key].dtype == torch.float16
        assert torch.equal(found[key], value)
    image = read_image(samples / "Samples" / "chelsea.png")[:64, :80]
    ours, theirs = (perceptual.lpips(each) for each in (folder, perceptual_dir))
    mirrored = np.ascontiguousarray(image[::-1])
    assert ours(image, mirrored) == theirs(image, mirrored) > 0.1
    assert bring(folder) == []
    assert web.asked == 1


@pytest.mark.parametrize("where", ["folder", "cache"])
def test_torchvisions_file_is_used_where_it_lies_already_and_left_there(
    where, alexnet, tmp_path, home, nowhere
):
    nowhere(alexnet.name)
    folder = tmp_path / "weights"
    place = folder if where == "folder" else home
    place.mkdir(parents=True)
    shutil.copy(alexnet, place)
    assert bring(folder, fetch=False) == []
    assert contents(place) == sorted({alexnet.name, *([ALEXNET] if where == "folder" else [])})
    made = (folder / ALEXNET).read_bytes()
    (folder / ALEXNET).unlink()
    bring(folder, fetch=False)
    assert (folder / ALEXNET).read_bytes() == made  # so every site has the same


@pytest.mark.parametrize("content", [b"<html>Sign in to this network</html>", b""])
def test_another_file_under_that_name_is_refused_and_not_kept(web, tmp_path, content):
    name = "alexnet-owt-7be5be79.pth"
    web.publish(name, content)
    folder, begins = tmp_path / "weights", hashlib.sha256(content).hexdigest()[:8]
    with pytest.raises(ValueError, match=f"is not what its name says.* begins with {begins}; "):
        bring(folder)
    assert contents(folder) == []
    (folder / name).write_bytes(content)  # somebody's own is named and left
    with pytest.raises(ValueError, match=f"^{folder}/{name} is not what its name says"):
        bring(folder)
    assert contents(folder) == [name]
    assert web.asked == 1


def test_a_file_with_the_right_checksum_that_is_no_alexnet_is_one_sentence(tmp_path, nowhere):
    folder = tmp_path / "weights"
    folder.mkdir()
    for content in (b"no archive", b""):
        name = f"alexnet-{hashlib.sha256(content).hexdigest()[:8]}.pth"
        (folder / name).write_bytes(content)
        nowhere(name)
        with pytest.raises(ValueError, match="does not hold torchvision's AlexNet; bring") as error:
            bring(folder)
        assert "\n" not in str(error.value)


def test_without_a_network_or_the_wish_to_fetch_a_sentence_says_what_to_bring_where(
    tmp_path, nowhere
):
    folder, address = tmp_path / "weights", nowhere("alexnet-owt-7be5be79.pth")
    help_ = f"; bring {address} into {folder} (PERCEPTUAL_WEIGHTS_DIR names it), and "
    help_ += "python manage.py generate adds LPIPS"
    with pytest.raises(ValueError, match=f"^{address} cannot be reached: ") as error:
        bring(folder)
    assert str(error.value).endswith(help_)
    with pytest.raises(ValueError, match=r"is not in .*, and FETCH_WEIGHTS is off") as error:
        bring(folder, fetch=False)
    assert str(error.value).endswith(help_)
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match=r"cannot be used: .*; bring"):
        bring(tmp_path / "file" / "below")


def test_outputs_are_made_without_lpips_and_measured_by_it_once_it_can_be(
    settings, samples, alexnet, web, nowhere
):
    """Offline first; then with a network; then there is nothing to fetch any more."""
    settings.BENCHMARKS_DIR, settings.FETCH_WEIGHTS = samples, True
    said: list[str] = []

    def run():
        return stimuli.make_outputs(["Samples"], ["nearest"], progress=False, say=said.append)

    def measured() -> set[bool]:
        found = read_outputs(settings.OUTPUTS_DIR, sets=["Samples"], methods=["nearest"])
        return {"lpips" in each.measures for each in found}

    nowhere(alexnet.name)
    report = run()
    assert (report.done, report.failed) == (5, [])
    (remark,) = report.remarks
    assert remark.startswith("LPIPS was not measured: http://127.0.0.1:1/alexnet")
    assert measured() == {False}
    again = run()
    assert (again.done, again.skipped, again.remarks) == (0, 5, [remark])
    assert len(said) == 2  # once a run

    web.publish(alexnet.name, alexnet.read_bytes())
    files = {path: path.stat().st_mtime_ns for path in settings.OUTPUTS_DIR.rglob("*.png")}
    report = run()
    assert (report.done, report.remarks) == (5, [])
    assert measured() == {True}
    assert {path: path.stat().st_mtime_ns for path in files} == files
    shutil.rmtree(settings.PERCEPTUAL_WEIGHTS_DIR)
    report = run()
    assert (report.done, report.remarks, web.asked) == (0, [], 1)


def test_images_too_small_for_lpips_are_made_and_measured_by_the_rest(
    samples, perceptual_dir, tmp_path
):
    """LPIPS needs 32 px a side; nothing is fetched for a set of smaller ones."""
    least, image = COMPUTED["lpips"].least, read_image(samples / "Samples" / "chelsea.png")
    lpips = perceptual.lpips(perceptual_dir)
    assert lpips(image[:least, :least], image[:least, :least]) == 0
    entries = []
    (tmp_path / "Own").mkdir()
    for name, side in (("large", least), ("odd", least + 3), ("small", least - 1)):
        crop = np.ascontiguousarray(image[:side, : 2 * side])
        (tmp_path / "Own" / f"{name}.png").write_bytes(encode_png(crop))
        entries.append(datasets.ImageEntry(name, 2 * side, side, 3, pixel_hash(crop)))
    for some, brought in ((entries[2:], 0), (entries, 1)):
        manifest = datasets.Manifest("Own", "Own", tuple(some))
        (tmp_path / "Own" / datasets.OWN).write_text(datasets.as_json(manifest))
        asked: list[str] = []
        options = {"benchmarks_dir": tmp_path, "outputs_dir": tmp_path / "out", "progress": False}
        report = generate(
            sets=["Own"], methods=["nearest"], perceptual_dir=perceptual_dir,
            bring_weights=lambda asked=asked: asked.append("once"), **options,
        )  # fmt: skip
        assert (report.done, report.remarks, len(asked)) == (1 + brought, [], brought)
    found = read_outputs(
        tmp_path / "out", sets=["Own"], methods=["nearest"], benchmarks_dir=tmp_path
    )
    assert [set(COMPUTED) - set(each.measures) for each in found] == [set(), set(), {"lpips"}]


@pytest.mark.parametrize("damage", ["no tensors", "other tensors"])
def test_weights_that_are_no_alexnet_are_said_and_the_rest_is_made(
    settings, samples, tmp_path, damage
):
    settings.BENCHMARKS_DIR = samples
    settings.PERCEPTUAL_WEIGHTS_DIR.mkdir()
    path = settings.PERCEPTUAL_WEIGHTS_DIR / ALEXNET
    path.write_bytes(b"no tensors") if damage == "no tensors" else shutil.copy(HEADS, path)
    report = stimuli.make_outputs(["Samples"], ["nearest"], progress=False)
    assert (report.done, report.failed) == (5, [])
    assert report.remarks[0].startswith(f"LPIPS was not measured: {path} ")
    assert len(report.remarks) == 1
