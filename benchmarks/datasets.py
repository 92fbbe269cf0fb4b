"""The image sets: which images they hold and what every pixel of them is.

A manifest names each image with its size and the SHA-256 of its decoded pixels. Those of the
benchmark sets are shipped in ``manifests/``; a set of somebody's own brings its manifest along, as
``FOLDER/SET/manifest.json``, in the same form. The images of every set lie in
``FOLDER/SET/IMAGE.png``: ``fetch`` and ``own_sets`` bring them there.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.files import pixel_hash, read_image
from sr_models import SCALE

SET_NAMES = ("Set5", "Set14", "BSD100")
"""The sets of the paper."""

SAMPLES = "Samples"
"""Photographs that come with scikit-image: a set to try things with, no benchmark."""

SHIPPED = (*SET_NAMES, "Urban100", SAMPLES)
"""The sets whose manifests come with this package."""

ELSEWHERE = {
    "DIV2K_valid": (
        "DIV2K's validation set (Agustsson and Timofte, CVPRW 2017)",
        "https://data.vision.ee.ethz.ch/cvl/DIV2K/DIV2K_valid_HR.zip",
    )
}
"""Public sets whose pixels are not known here: what they are, and where they come from."""

MANIFESTS = Path(__file__).parent / "manifests"
CROP = "crop_sha256"
"""Left out of a manifest where it says nothing."""
OWN = "manifest.json"
"""What a set of somebody's own is known by, in its folder."""


@dataclass(frozen=True)
class ImageEntry:
    """One image of a set. ``sha256`` is ``files.pixel_hash``; ``channels`` is 1 (grey) or 3.

    ``crop_sha256`` is that of the image as far as four divides its sides, where that is another
    image: many copies of the benchmark sets hold no more of it, and nothing else is rated.
    """

    name: str
    width: int
    height: int
    channels: int
    sha256: str
    crop_sha256: str = ""


@dataclass(frozen=True)
class Source:
    """A public address of an archive that holds the set; ``tried`` once it was seen to do so."""

    address: str
    tried: bool


@dataclass(frozen=True)
class Manifest:
    """What a set is: its images in alphabetical order and where they can be had.

    ``scale`` is how much smaller the LR images are; ``references`` says whether the images are
    originals, to which outputs can be held.
    """

    name: str
    title: str
    images: tuple[ImageEntry, ...]
    sources: tuple[Source, ...] = ()
    license: str = ""
    scale: int = SCALE
    references: bool = True


def names(folder: Path | None = None) -> list[str]:
    """All sets that are known: the shipped ones, then those of somebody's own in ``folder``.

    >>> names()
    ['Set5', 'Set14', 'BSD100', 'Urban100', 'Samples']
    """
    own = sorted(path.parent.name for path in folder.glob(f"[!.]*/{OWN}")) if folder else []
    return [*SHIPPED, *(name for name in own if name not in SHIPPED)]


def manifest(name: str, folder: Path | None = None) -> Manifest:
    """The manifest of the set ``name``, shipped or in ``folder``.

    Raises ``ValueError`` for a set that is not known, or naming the file that is no manifest.

    >>> [image.name for image in manifest("Set5").images]
    ['baby', 'bird', 'butterfly', 'head', 'woman']
    """
    if name in SHIPPED:
        return _shipped(MANIFESTS / f"{name}.json")
    if name not in names(folder):
        for known, (title, address) in ELSEWHERE.items():
            if name.casefold() in (known.casefold(), known.casefold().partition("_")[0]):
                raise ValueError(
                    f"{known} is {title}, of which no manifest is shipped: get {address} and "
                    f"python manage.py add_set {known} {address.rpartition('/')[2]} brings it in "
                    "as a set of your own"
                )
        raise ValueError(
            f"there is no image set {name!r}; there are {', '.join(names(folder))}; "
            "python manage.py add_set brings in your own"
        )
    path = Path(folder or "", name, OWN)
    told = path.stat()
    return _read(path, told.st_mtime_ns, told.st_size)


@functools.cache
def _shipped(path: Path) -> Manifest:
    return parsed(path.read_text())


@functools.lru_cache(maxsize=64)
def _read(path: Path, changed: int, length: int) -> Manifest:
    try:
        found = parsed(path.read_text())
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"{path} is no manifest of an image set: {error}") from None
    if found.name != path.parent.name:
        raise ValueError(
            f"{path} is the manifest of {found.name!r}: a set lies in a folder of its name"
        )
    return found


def parsed(text: str) -> Manifest:
    """A manifest from the JSON that it is kept as."""
    stored: dict[str, Any] = json.loads(text)
    images = tuple(ImageEntry(**image) for image in stored.pop("images"))
    for image in images:
        # Names are parts of paths, and a folder of images may come from anybody.
        if not image.name or image.name.startswith(".") or set(image.name) & set("/\\\0"):
            raise ValueError(f"{image.name!r} is no name of an image")
    sources = tuple(Source(**source) for source in stored.pop("sources", ()))
    return Manifest(images=images, sources=sources, **stored)


def as_json(found: Manifest) -> str:
    """A manifest as it is kept: one line an image."""
    head = {key: value for key, value in asdict(found).items() if key != "images"}
    lines = ",\n    ".join(
        json.dumps({key: value for key, value in asdict(image).items() if key != CROP or value})
        for image in found.images
    )
    whole = json.dumps(head, indent=2, ensure_ascii=False).removesuffix("\n}")
    return f'{whole},\n  "images": [\n    {lines}\n  ]\n}}\n'


def image_path(folder: Path, set_name: str, entry: ImageEntry) -> Path:
    """Where an image lies below ``folder``."""
    return folder / set_name / f"{entry.name}.png"


def available(folder: Path) -> list[str]:
    """The sets of which every image lies in ``folder``, the paper's first.

    Only looks whether the files are there; ``load_verified`` looks at their pixels.
    """
    return [
        name
        for name in names(folder)
        if all(image_path(folder, name, entry).is_file() for entry in manifest(name, folder).images)
    ]


def chosen(folder: Path, wanted: Iterable[str] | None) -> list[str]:
    """The sets to work on: ``wanted`` if given, otherwise all that are available in ``folder``.

    Raises ``ValueError`` for an unknown set, or if none is named and none is available.
    """
    if wanted:
        return [manifest(name, folder).name for name in dict.fromkeys(wanted)]
    found = available(folder)
    if not found:
        raise ValueError(
            f"there is no image set in {folder} yet: python manage.py fetch_benchmarks brings "
            "them, and python manage.py add_set your own"
        )
    return found


def load_verified(folder: Path, set_name: str, entry: ImageEntry) -> NDArray[np.uint8]:
    """The pixels of an image, (h, w) or (h, w, 3) uint8, checked against the manifest.

    They are the whole image or what of it four divides. Raises ``ValueError`` that names the image
    if its file is missing, unreadable or differs in as little as one pixel.
    """
    path = image_path(folder, set_name, entry)
    try:
        image = read_image(path)
    except ValueError as error:
        raise ValueError(f"{set_name} {entry.name}: {error}") from None
    if pixel_hash(image) not in {entry.sha256, entry.crop_sha256}:
        what = "of the published image" if set_name in SHIPPED else "that were taken in"
        raise ValueError(
            f"{set_name} {entry.name}: the pixels of {path} are not those {what}; "
            f"{mends(set_name)} puts the right one there"
        )
    return image


def mends(set_name: str) -> str:
    """The command that brings the images of a set where they are missing or wrong."""
    if set_name in SHIPPED:
        return f"python manage.py fetch_benchmarks {set_name}"
    return f"python manage.py add_set {set_name} FOLDER, with the images that it was made from,"
