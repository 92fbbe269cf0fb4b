"""LPIPS and DISTS have their weights wherever these can be had, or each says how to bring them."""

from __future__ import annotations

import hashlib
import importlib.util
import re
import shutil
import threading
from collections.abc import Callable
from dataclasses import replace
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
from benchmarks.perceptual import Network
from sr_models.features import BACKBONES
from sr_models.methods import WEIGHTS_DIR
from study.desk import first, stimuli
from tests.benchmarks.bring_sets import add, put

ALEXNET = perceptual.ALEXNET.file
HEADS = WEIGHTS_DIR / "lpips_v0.1_alex_lin.safetensors"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch) -> Path:
    """torchvision's own cache is empty, whatever whoever runs this has."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return perceptual.cache()


class Web(ThreadingHTTPServer):
    """Serves a folder and counts what it was asked for."""

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.folder, self.asked = folder, 0

    def publish(self, name: str, content: bytes) -> str:
        """The address of a file that can be fetched from now on."""
        (self.folder / name).write_bytes(content)
        return f"http://127.0.0.1:{self.server_port}/{name}"


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
def web(tmp_path):
    (tmp_path / "web").mkdir()
    with Web(tmp_path / "web") as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.01], daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def torchvisions(network: Network, weights: Path, folder: Path) -> Path:
    """A file in the form of torchvision's, classifier included, named after its checksum."""
    state = {key: each.float() for key, each in load_file(weights / network.file).items()}
    path = folder / "network.pth"
    torch.save(state | {"classifier.6.bias": torch.zeros(1000)}, path)
    return path.rename(path.with_name(f"{network.key}-{_sha256(path)[:8]}.pth"))


@pytest.fixture(scope="session")
def alexnet(perceptual_dir, tmp_path_factory) -> Path:
    return torchvisions(perceptual.ALEXNET, perceptual_dir, tmp_path_factory.mktemp("alexnet"))


def nowhere(name: str) -> str:
    """The address of a file that cannot be reached."""
    return f"http://127.0.0.1:1/{name}"


@pytest.fixture
def lies_at(monkeypatch) -> Callable[[str, str], None]:
    """Says where the network of a measure is to be fetched from."""

    def at(measure: str, address: str) -> None:
        known = COMPUTED[measure]
        assert known.network
        network = replace(known.network, address=address)
        monkeypatch.setitem(COMPUTED, measure, replace(known, network=network))

    return at


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def bring(folder: Path, address: str, network: Network = perceptual.ALEXNET, **more) -> list[str]:
    """What was said."""
    said: list[str] = []
    network = replace(network, address=address)
    perceptual.bring(network, folder, say=said.append, progress=False, **({"fetch": True} | more))
    return said


def contents(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_the_addresses_are_torchvisions_and_so_is_the_cache(monkeypatch, tmp_path):
    """The name holds the checksum, as torchvision checks it. To load that would take seconds."""
    found = importlib.util.find_spec("torchvision")
    assert found
    models = Path(found.origin or "").with_name("models")
    alexnet, vgg = ((models / f"{name}.py").read_text() for name in ("alexnet", "vgg"))
    assert re.findall(r"""url="(\S+)",""", alexnet) == [perceptual.ALEXNET.address]
    assert re.findall(r"""url="(\S+/vgg16-\S+)",""", vgg)[0] == perceptual.VGG16.address
    assert {each.key: each.file for each in (perceptual.ALEXNET, perceptual.VGG16)} == BACKBONES
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
    said = [f"Fetching AlexNet for LPIPS, once, 244 MB: {address}"]
    assert bring(folder, address, unasked=True) == said
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
    assert bring(folder, address) == []
    assert web.asked == 1


def test_vgg16_comes_the_same_way_where_somebody_asks_for_it(web, perceptual_dir, tmp_path):
    """Half a gigabyte is not fetched in passing: the first run of a site says how to."""
    file = torchvisions(perceptual.VGG16, perceptual_dir, tmp_path)
    address, folder = web.publish(file.name, file.read_bytes()), tmp_path / "weights"
    with pytest.raises(ValueError, match="528 MB are not fetched unasked; ") as error:
        bring(folder, address, perceptual.VGG16, unasked=True)
    assert str(error.value) == (
        f"VGG16 is not in {folder}, and 528 MB are not fetched unasked; python manage.py generate "
        "fetches it and adds DISTS"
    )
    assert web.asked == 0
    said = [f"Fetching VGG16 for DISTS, once, 528 MB: {address}"]
    assert bring(folder, address, perceptual.VGG16) == said
    assert contents(folder) == [perceptual.VGG16.file]
    wanted, found = (load_file(each / perceptual.VGG16.file) for each in (perceptual_dir, folder))
    assert found.keys() == wanted.keys()
    assert all(torch.equal(found[key], value) for key, value in wanted.items())
    (folder / perceptual.VGG16.file).unlink()
    (folder / file.name).write_bytes(file.read_bytes())
    assert bring(folder, address, perceptual.VGG16, fetch=False, unasked=True) == []


@pytest.mark.parametrize("where", ["folder", "cache"])
def test_torchvisions_file_is_used_where_it_lies_already_and_left_there(
    where, alexnet, tmp_path, home
):
    address, folder = nowhere(alexnet.name), tmp_path / "weights"
    place = folder if where == "folder" else home
    place.mkdir(parents=True)
    shutil.copy(alexnet, place)
    assert bring(folder, address, fetch=False) == []
    assert contents(place) == sorted({alexnet.name, *([ALEXNET] if where == "folder" else [])})
    made = (folder / ALEXNET).read_bytes()
    (folder / ALEXNET).unlink()
    bring(folder, address, fetch=False)
    assert (folder / ALEXNET).read_bytes() == made  # so every site has the same


@pytest.mark.parametrize("content", [b"<html>Sign in to this network</html>", b""])
def test_another_file_under_that_name_is_refused_and_not_kept(web, tmp_path, content):
    name = "alexnet-owt-7be5be79.pth"
    address = web.publish(name, content)
    folder, begins = tmp_path / "weights", hashlib.sha256(content).hexdigest()[:8]
    with pytest.raises(ValueError, match=f"is not what its name says.* begins with {begins}; "):
        bring(folder, address)
    assert contents(folder) == []
    (folder / name).write_bytes(content)  # somebody's own is named and left
    with pytest.raises(ValueError, match=f"^{folder}/{name} is not what its name says"):
        bring(folder, address)
    assert contents(folder) == [name]
    assert web.asked == 1


@pytest.mark.parametrize("network", [perceptual.ALEXNET, perceptual.VGG16])
def test_a_file_with_the_right_checksum_that_is_another_is_one_sentence(
    tmp_path, network, alexnet, perceptual_dir
):
    folder = tmp_path / "weights"
    folder.mkdir()
    contents = [b"no archive", b""]
    if network is perceptual.VGG16:
        contents.append(alexnet.read_bytes())
    for content in contents:
        name = f"network-{hashlib.sha256(content).hexdigest()[:8]}.pth"
        (folder / name).write_bytes(content)
        says = f"does not hold torchvision's {network.title}; bring"
        with pytest.raises(ValueError, match=says) as error:
            bring(folder, nowhere(name), network)
        assert "\n" not in str(error.value)


def test_without_a_network_or_the_wish_to_fetch_a_sentence_says_what_to_bring_where(tmp_path):
    folder, address = tmp_path / "weights", nowhere("alexnet-owt-7be5be79.pth")
    help_ = f"; bring {address} into {folder} (PERCEPTUAL_WEIGHTS_DIR names it), and "
    help_ += "python manage.py generate adds LPIPS"
    with pytest.raises(ValueError, match=f"^{address} cannot be reached: ") as error:
        bring(folder, address)
    assert str(error.value).endswith(help_)
    with pytest.raises(ValueError, match=r"is not in .*, and FETCH_WEIGHTS is off") as error:
        bring(folder, address, fetch=False)
    assert str(error.value).endswith(help_)
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match=r"cannot be used: .*; bring"):
        bring(tmp_path / "file" / "below", address)


@pytest.fixture
def small(settings, samples, tmp_path) -> Path:
    """A set of two images that are measured at once; where its images are brought to."""
    image = read_image(samples / "Samples" / "chelsea.png")
    for name, crop in (("left", image[:40, :48]), ("right", image[60:100, 60:108])):
        put(tmp_path / "mine" / f"{name}.png", crop)
    settings.BENCHMARKS_DIR, settings.FETCH_WEIGHTS = tmp_path / "benchmarks", True
    add("Small", tmp_path / "mine", settings.BENCHMARKS_DIR)
    return settings.PERCEPTUAL_WEIGHTS_DIR


def measured(settings) -> set[str]:
    """Which measures the outputs of the small set have, all of them the same."""
    (found,) = {
        frozenset(each.measures)
        for each in read_outputs(
            settings.OUTPUTS_DIR, sets=["Small"], methods=["nearest"],
            benchmarks_dir=settings.BENCHMARKS_DIR,
        )
    }  # fmt: skip
    return set(found) - {"psnr", "ssim", "ssim_daala"}


def test_outputs_are_made_without_lpips_and_measured_by_it_once_it_can_be(
    settings, small, alexnet, web, lies_at
):
    """Offline first; then with a network; then there is nothing to fetch any more."""
    said: list[str] = []

    def run():
        return stimuli.make_outputs(["Small"], ["nearest"], progress=False, say=said.append)

    lies_at("lpips", nowhere(alexnet.name))
    lies_at("dists", nowhere("vgg16-397923af.pth"))
    report = run()
    assert (report.done, report.failed) == (2, [])
    lpips, dists = report.remarks
    assert lpips.startswith("LPIPS was not measured: http://127.0.0.1:1/alex-")
    assert dists.startswith("DISTS was not measured: http://127.0.0.1:1/vgg16-397923af.pth cannot")
    assert measured(settings) == set()
    again = run()
    assert (again.done, again.skipped, again.remarks) == (0, 2, [lpips, dists])
    assert len(said) == 4  # once a run and a network

    lies_at("lpips", web.publish(alexnet.name, alexnet.read_bytes()))
    files = {path: path.stat().st_mtime_ns for path in settings.OUTPUTS_DIR.rglob("*.png")}
    report = run()
    assert (report.done, report.remarks) == (2, [dists])
    assert measured(settings) == {"lpips"}
    assert {path: path.stat().st_mtime_ns for path in files} == files
    shutil.rmtree(small)
    report = run()
    assert (report.done, report.remarks, web.asked) == (0, [dists], 1)


def test_dists_does_not_wait_for_alexnet(settings, small, perceptual_dir, lies_at):
    """And what was measured before is not measured again."""
    lies_at("lpips", nowhere("alexnet-owt-7be5be79.pth"))
    small.mkdir()
    (small / perceptual.VGG16.file).symlink_to(perceptual_dir / perceptual.VGG16.file)
    report = stimuli.make_outputs(["Small"], ["nearest"], progress=False, say=list)
    assert [remark.partition(":")[0] for remark in report.remarks] == ["LPIPS was not measured"]
    assert measured(settings) == {"dists"}
    (small / perceptual.VGG16.file).unlink()
    (small / ALEXNET).symlink_to(perceptual_dir / ALEXNET)
    report = stimuli.make_outputs(["Small"], ["nearest"], progress=False, say=list)
    assert (report.done, report.remarks) == (2, [])
    assert measured(settings) == {"lpips", "dists"}


def test_a_first_run_fetches_alexnet_alone_and_says_how_dists_comes(
    db, settings, small, alexnet, web, lies_at
):
    lies_at("lpips", web.publish(alexnet.name, alexnet.read_bytes()))
    said: list[str] = []
    made = first.prepare(say=said.append, progress=False, sets=["Small"])
    assert made.remarks == [
        f"DISTS was not measured: VGG16 is not in {small}, and 528 MB are not fetched unasked; "
        "python manage.py generate fetches it and adds DISTS; manage.py measure first then shows "
        "it here"
    ]
    assert [line for line in said if "Fetching" in line] == [said[0]]
    assert web.asked == 1


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
    for some, brought in ((entries[2:], []), (entries, ["LPIPS", "DISTS"])):
        manifest = datasets.Manifest("Own", "Own", tuple(some))
        (tmp_path / "Own" / datasets.OWN).write_text(datasets.as_json(manifest))
        asked: list[str] = []
        options = {"benchmarks_dir": tmp_path, "outputs_dir": tmp_path / "out", "progress": False}
        report = generate(
            sets=["Own"], methods=["nearest"], perceptual_dir=perceptual_dir,
            bring_weights=lambda network, asked=asked: asked.append(network.measure), **options,
        )  # fmt: skip
        assert (report.done, report.remarks) == (1 + bool(brought), [])
        assert asked == brought
    found = read_outputs(
        tmp_path / "out", sets=["Own"], methods=["nearest"], benchmarks_dir=tmp_path
    )
    lacking = [{"niqe"}, {"niqe"}, {"lpips", "dists", "niqe"}]
    assert [set(COMPUTED) - set(each.measures) for each in found] == lacking


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
    assert [remark.partition(" ")[0] for remark in report.remarks] == ["LPIPS", "DISTS"]
