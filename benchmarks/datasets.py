"""The image sets: which images they hold and what every pixel of them is.

A manifest names each image with its size and the SHA-256 of its decoded pixels. Those of the
benchmark sets are shipped in ``manifests/``; a set of somebody's own brings its manifest along, as
``FOLDER/SET/manifest.json``, in the same form. The images of every set lie in
``FOLDER/SET/IMAGE.png``: ``fetch`` and ``own_sets`` bring them there.

Every set is at one scale. ``Set5_x2`` is Set5 at x2: the same images, another factor.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.advice import advice
from benchmarks.files import MOST_PIXELS, pixel_hash, read_image
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
LEFT_OUT = ("crop_sha256", "lr_sha256")
"""Of an image, where a manifest has nothing to say of it."""
OWN = "manifest.json"
"""What a set of somebody's own is known by, in its folder."""
LR = "lr"
"""The folder in that of a set in which the LR images lie that came with it."""
SCALES = (2, 3, 4, 8)
"""By how much images are enlarged."""
AT = re.compile(r"(.+)_x([2348])")
"""A set at another scale than its own: its name, then the scale."""
LONGEST_NAME, LONGEST_TITLE = 50, 100
"""Characters of a set's that the database keeps."""
LEAST_OUTPUT, LEAST_LR = 32, 8
"""Pixels a side of an output, which SSIM and LPIPS need, and of what it is made from: bicubic looks
at two on each side of a place, and with fewer an image would be borders for the most part."""


@dataclass(frozen=True)
class ImageEntry:
    """One image of a set. ``sha256`` is ``files.pixel_hash``; ``channels`` is 1 (grey) or 3.

    ``crop_sha256`` is that of the image as far as four divides its sides, where that is another
    image: many copies of the benchmark sets hold no more of it, and nothing else is rated.
    ``lr_sha256`` is that of an LR image that came with the set.
    """

    name: str
    width: int
    height: int
    channels: int
    sha256: str
    crop_sha256: str = ""
    lr_sha256: str = ""

    @property
    def made_from(self) -> str:
        """What outputs of it hang on: another image, or another LR image, makes them stale."""
        return " ".join(filter(None, (self.sha256, self.lr_sha256)))


@dataclass(frozen=True)
class Source:
    """A public address of an archive that holds the set; ``tried`` once it was seen to do so."""

    address: str
    tried: bool


@dataclass(frozen=True)
class Manifest:
    """What a set is: its images in alphabetical order and where they can be had.

    ``scale`` is how much smaller the LR images are; ``references`` says whether the images are
    originals, to which outputs can be held, or what is to be enlarged itself. ``base`` is the set
    whose images these are at another scale, if it is not this one.
    """

    name: str
    title: str
    images: tuple[ImageEntry, ...]
    sources: tuple[Source, ...] = ()
    license: str = ""
    scale: int = SCALE
    references: bool = True
    base: str = ""

    @property
    def brings_lr(self) -> bool:
        """Whether LR images came with it, so that none are made of the originals."""
        return any(image.lr_sha256 for image in self.images)


def names(folder: Path | None = None) -> list[str]:
    """All sets that are known: the shipped ones, then those of somebody's own in ``folder``.

    Each of them at another scale is known too, as `manifest` has it, and not listed.

    >>> names()
    ['Set5', 'Set14', 'BSD100', 'Urban100', 'Samples']
    """
    own = sorted(path.parent.name for path in folder.glob(f"[!.]*/{OWN}")) if folder else []
    return [*SHIPPED, *(name for name in own if name not in SHIPPED)]


def manifest(name: str, folder: Path | None = None) -> Manifest:
    """The manifest of the set ``name``, shipped or in ``folder``, or of one at another scale.

    Raises ``ValueError`` for a set that is not known, or naming the file that is no manifest.

    >>> [image.name for image in manifest("Set5").images]
    ['baby', 'bird', 'butterfly', 'head', 'woman']
    >>> manifest("Set5_x2").scale, manifest("Set5_x2").title
    (2, 'Set5 (Bevilacqua et al., BMVC 2012), x2')
    """
    if name in SHIPPED:
        return _shipped(MANIFESTS / f"{name}.json")
    there = names(folder)
    if name not in there:
        if (at := AT.fullmatch(name)) and at[1] in there:
            return _at(manifest(at[1], folder), name, int(at[2]))
        for known, (title, address) in ELSEWHERE.items():
            if name.casefold() in (known.casefold(), known.casefold().partition("_")[0]):
                file = address.rpartition("/")[2]
                raise ValueError(
                    f"{known} is {title}, of which no manifest is shipped: get {address} and "
                    f"{advice('bring set of elsewhere', name=known, file=file)} "
                    "brings it in as a set of your own"
                )
        raise ValueError(
            f"there is no image set {name!r}; there are {', '.join(there)}; "
            f"{advice('bring set')} brings in your own"
        )
    path = Path(folder or "", name, OWN)
    told = path.stat()
    return _read(path, told.st_mtime_ns, told.st_size)


def _at(base: Manifest, name: str, scale: int) -> Manifest:
    """The set ``base`` at another scale than its own."""
    if scale == base.scale:
        raise ValueError(f"{base.name} is at x{scale} by itself; call it {base.name}")
    if base.brings_lr:
        raise ValueError(
            f"the LR images of {base.name} came with it, for x{base.scale}; for x{scale} add the "
            "originals as a set of another name"
        )
    if len(name) > LONGEST_NAME:
        raise ValueError(
            f"{name!r} is longer than {LONGEST_NAME} characters, the most for a set; add its "
            "images under a shorter name"
        )
    for image in base.images:
        if reason := unfit(image.width, image.height, scale, references=base.references):
            raise ValueError(f"{base.name} cannot be at x{scale}: {image.name} is {reason}")
    ending = f", x{scale}"
    title = f"{base.title[: LONGEST_TITLE - len(ending)]}{ending}"
    return replace(base, name=name, title=title, scale=scale, base=base.name)


def base_of(name: str, folder: Path | None = None) -> str:
    """The set in whose folder the images of the set ``name`` lie: itself, or that it is made of.

    >>> base_of("Set5_x2"), base_of("Set5")
    ('Set5', 'Set5')
    """
    at = AT.fullmatch(name)
    if at is None or name in SHIPPED or (folder and (folder / name / OWN).is_file()):
        return name
    return at[1]


def at_other_scales(name: str, folder: Path | None = None) -> list[str]:
    """What the set ``name`` may be called at other scales; names that no other set has.

    >>> at_other_scales("Set5")
    ['Set5_x2', 'Set5_x3', 'Set5_x4', 'Set5_x8']
    """
    every = [f"{name}_x{scale}" for scale in SCALES]
    return [each for each in every if base_of(each, folder) == name]


def unfit(width: int, height: int, scale: int, *, references: bool = True) -> str:
    """What is wrong with the size of an image in a set at ``scale``; empty if nothing is.

    >>> unfit(32, 32, 4), unfit(60, 80, 8)
    ('', '60x80 px; an image needs 64 px a side at x8')
    >>> unfit(32, 7, 4, references=False)
    '32x7 px; an image needs 8 px a side at x4, without an original'
    """
    least = max(LEAST_LR, -(-LEAST_OUTPUT // scale)) * (scale if references else 1)
    if min(width, height) < least:
        told = f" at x{scale}" * (scale != SCALE or not references)
        told += ", without an original" * (not references)
        return f"{width}x{height} px; an image needs {least} px a side{told}"
    if not references and width * height * scale**2 > MOST_PIXELS:
        return (
            f"{width}x{height} px; enlarged by {scale} it would have more than "
            f"{MOST_PIXELS // 1_000_000} million pixels, the most for an image"
        )
    return ""


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
    head = {key: value for key, value in asdict(found).items() if key not in ("images", "base")}
    lines = ",\n    ".join(
        json.dumps(
            {key: value for key, value in asdict(image).items() if key not in LEFT_OUT or value}
        )
        for image in found.images
    )
    whole = json.dumps(head, indent=2, ensure_ascii=False).removesuffix("\n}")
    return f'{whole},\n  "images": [\n    {lines}\n  ]\n}}\n'


def image_path(folder: Path, set_name: str, entry: ImageEntry) -> Path:
    """Where an image lies below ``folder``."""
    return folder / base_of(set_name, folder) / f"{entry.name}.png"


def lr_path(folder: Path, set_name: str, entry: ImageEntry) -> Path:
    """Where an LR image that came with its set lies below ``folder``."""
    return folder / set_name / LR / f"{entry.name}.png"


def is_there(folder: Path, name: str) -> bool:
    """Whether every image of a set lies in ``folder``, and every LR image that came with it."""
    return all(
        image_path(folder, name, entry).is_file()
        and (not entry.lr_sha256 or lr_path(folder, name, entry).is_file())
        for entry in manifest(name, folder).images
    )


def available(folder: Path) -> list[str]:
    """The sets of which every image lies in ``folder``, the paper's first.

    Only looks whether the files are there; ``load_verified`` looks at their pixels.
    """
    return [name for name in names(folder) if is_there(folder, name)]


def chosen(folder: Path, wanted: Iterable[str] | None) -> list[str]:
    """The sets to work on: ``wanted`` if given, otherwise all that are available in ``folder``.

    Raises ``ValueError`` for an unknown set, or if none is named and none is available.
    """
    if wanted:
        return [manifest(name, folder).name for name in dict.fromkeys(wanted)]
    found = available(folder)
    if not found:
        raise ValueError(
            f"there is no image set in {folder} yet: {advice('bring benchmarks')} brings "
            f"them, and {advice('bring set')} your own"
        )
    return found


def load_verified(folder: Path, set_name: str, entry: ImageEntry) -> NDArray[np.uint8]:
    """The pixels of an image, (h, w) or (h, w, 3) uint8, checked against the manifest.

    They are the whole image or what of it four divides, where that is all that the scale of the
    set asks for. Raises ``ValueError`` that names the image if its file is missing, unreadable or
    differs in as little as one pixel.
    """
    path = image_path(folder, set_name, entry)
    image, found = _read_image(path, set_name, entry)
    if found == entry.crop_sha256:
        scale = manifest(set_name, folder).scale
        cut = [side - side % SCALE for side in (entry.width, entry.height)]
        if any(
            side - side % scale > less
            for side, less in zip((entry.width, entry.height), cut, strict=True)
        ):
            raise ValueError(
                f"{set_name} {entry.name}: {path} was cut for x{SCALE}, and x{scale} needs the "
                f"whole image of {entry.width}x{entry.height}; bring whole images by "
                f"{mends(set_name, folder)}{advice('from')} after removing this one"
            )
    elif found != entry.sha256:
        raise ValueError(_wrong_pixels(path, set_name, entry, folder))
    return image


def load_lr(folder: Path, set_name: str, entry: ImageEntry) -> NDArray[np.uint8]:
    """The pixels of an LR image that came with its set, checked as those of `load_verified`."""
    path = lr_path(folder, set_name, entry)
    image, found = _read_image(path, set_name, entry)
    if found != entry.lr_sha256:
        raise ValueError(_wrong_pixels(path, set_name, entry, folder))
    return image


def _read_image(path: Path, set_name: str, entry: ImageEntry) -> tuple[NDArray[np.uint8], str]:
    try:
        image = read_image(path)
    except ValueError as error:
        raise ValueError(f"{set_name} {entry.name}: {error}") from None
    return image, pixel_hash(image)


def _wrong_pixels(path: Path, set_name: str, entry: ImageEntry, folder: Path) -> str:
    shipped = base_of(set_name, folder) in SHIPPED
    what = "of the published image" if shipped else "that were taken in"
    return (
        f"{set_name} {entry.name}: the pixels of {path} are not those {what}; "
        f"{mends(set_name, folder)} puts the right one there"
    )


def mends(set_name: str, folder: Path | None = None) -> str:
    """What brings the images of a set where they are missing or wrong."""
    base = base_of(set_name, folder)
    if base in SHIPPED:
        return advice("bring benchmark", name=base)
    options = ""
    if folder and (folder / base / OWN).is_file():
        found = manifest(base, folder)
        options += f" --scale {found.scale}" * (found.scale != SCALE)
        options += " --lr LR-FOLDER" * found.brings_lr
        options += " --no-reference" * (not found.references)
    return advice("mend set", name=base, options=options)
