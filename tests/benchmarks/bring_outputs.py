"""What somebody brings along: two small sets with originals, and outputs of them in any layout."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from benchmarks.datasets import ImageEntry, Manifest, as_json, load_verified, manifest
from benchmarks.files import encode_png, pixel_hash, read_image
from benchmarks.outputs import generate
from benchmarks.own_methods import Added, add
from benchmarks.resize import crop_to_multiple, degrade
from sr_models.interpolation import bicubic

Pixels = np.ndarray
COLOUR = ("bowl", "cat", "sky")
GREY = "man"
SIZES = {"bowl": (64, 50), "cat": (61, 48), "sky": (60, 51), GREY: (62, 49)}
"""Widths and heights: four divides none of these images."""


@dataclass(frozen=True)
class Site:
    """Two own sets, Mine and Other, with originals; and folders for what is made."""

    root: Path

    @property
    def benchmarks(self) -> Path:
        return self.root / "benchmarks"

    @property
    def methods(self) -> Path:
        return self.root / "methods"

    @property
    def outputs(self) -> Path:
        return self.root / "outputs"

    def add(self, name: str, folder: Path, **options) -> Added:
        return add(
            name, outputs=folder, folder=self.methods, benchmarks_dir=self.benchmarks,
            progress=False, **options,
        )  # fmt: skip

    def original(self, image: str) -> Pixels:
        return read_image(self.benchmarks / "Mine" / f"{image}.png")

    def made(self, form: str = "{name}.png", sets=("Mine",), method=bicubic) -> Path:
        """A folder of what ``method`` makes, its files named by ``form``."""
        folder = self.root / "brought"
        for set_name in sets:
            for entry in manifest(set_name, self.benchmarks).images:
                hr = load_verified(self.benchmarks, set_name, entry)
                path = folder / form.format(set=set_name, name=entry.name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(encode_png(method(degrade(hr))))
        return folder

    def state(self) -> dict[str, bytes]:
        return {
            str(path.relative_to(self.methods)): path.read_bytes()
            for path in sorted(self.methods.rglob("*"))
            if path.is_file() and path.name != ".lock"
        }

    def generate(self, methods: list[str], sets=("Mine",)):
        return generate(
            benchmarks_dir=self.benchmarks, outputs_dir=self.outputs, methods_dir=self.methods,
            sets=sets, methods=methods, progress=False,
        )  # fmt: skip


def made_site(root: Path, samples: Path) -> Site:
    """The sets, cut from the photographs of Samples."""
    found = Site(root)
    photos = {"bowl": "coffee", "cat": "chelsea", "sky": "rocket", GREY: "camera"}
    for set_name, end in (("Mine", ""), ("Other", "2")):
        entries = []
        for name, (width, height) in SIZES.items():
            whole = read_image(samples / "Samples" / f"{photos[name]}.png")
            top = 150 if set_name == "Mine" else 90
            image = np.ascontiguousarray(whole[top : top + height, 120 : 120 + width])
            path = found.benchmarks / set_name / f"{name}{end}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encode_png(image))
            entries.append(
                ImageEntry(
                    f"{name}{end}", width, height, 3 if image.ndim == 3 else 1, pixel_hash(image),
                    pixel_hash(crop_to_multiple(image)),
                )
            )  # fmt: skip
        text = as_json(Manifest(set_name, set_name, tuple(entries)))
        (found.benchmarks / set_name / "manifest.json").write_text(text)
    return found


def refused(site: Site, folder: Path, name: str = "mine", **options) -> str:
    """What is said of outputs that are not taken; and that nothing is."""
    before = site.state()
    with pytest.raises(ValueError) as error:  # noqa: PT011
        site.add(name, folder, **options)
    assert site.state() == before
    return str(error.value)
