"""Bring the benchmark sets to where the project reads them, whatever copy of them there is.

An image is recognised by its pixels: its file's name, format and folder do not matter. What a
source holds beside the sets (low-resolution versions, other sets, anything) is passed over.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from importlib import resources
from pathlib import Path, PurePosixPath
from typing import IO

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks import archives
from benchmarks.datasets import SAMPLES, ImageEntry, image_path, load_verified, manifest
from benchmarks.download import download
from benchmarks.files import (
    encode_png,
    image_size,
    images_below,
    pixel_hash,
    read_image,
    write_whole,
)

MOST_LOOKED_AT = 1_000_000
"""Files and folders in a source: a home by mistake, or a loop of mounts, ends with a sentence."""

SAMPLE_FILES = {
    "astronaut": "astronaut.png",
    "camera": "camera.png",
    "chelsea": "chelsea.png",
    "coffee": "coffee.png",
    "rocket": "rocket.jpg",
}
"""In the public domain or CC0, and inside the scikit-image wheel: no network is needed."""

Images = dict[tuple[str, str], ImageEntry]
"""Images by set and name."""

Refused = dict[tuple[str, str], str]
"""Why the file that has an image's name was not taken for it, by set and name."""

Files = Iterable[tuple[str, Path | IO[bytes] | None]]
"""Files that may be images, each with the place it came from; ``None`` where it is too large."""


def fetch(
    names: Iterable[str],
    *,
    source: str | None,
    destination: Path,
    progress: bool = True,
    say: Callable[[str], None] = print,
) -> dict[str, int]:
    """Bring the sets ``names`` into ``destination``; how many images of each were written.

    ``source`` is a folder, an archive (zip or tar) or the http(s) address of one. Without it the
    addresses in the manifests are tried, and ``say`` hears how that went; ``Samples`` needs
    neither. What is there already and right stays. Raises ``ValueError`` if a set or the source
    is unknown, or if images are missing in the end; those that were found are kept.
    """
    sets = [manifest(name) for name in dict.fromkeys(names)]
    missing: Images = {
        (each.name, entry.name): entry
        for each in sets
        for entry in each.images
        if not _is_right(destination, each.name, entry)
    }
    needed = list(missing)
    refused: Refused = {}
    _cut_samples(missing, refused, destination)
    if source and missing:
        _search(source, missing, refused, destination, progress)
    elif missing:
        _search_addresses(missing, refused, destination, progress, say)
    if missing:
        hint = "" if source else ". Get a copy and name its folder: --source FOLDER"
        raise ValueError(_complaint(missing, refused) + hint)
    return {each.name: sum(name == each.name for name, _ in needed) for each in sets}


def _is_right(folder: Path, set_name: str, entry: ImageEntry) -> bool:
    try:
        load_verified(folder, set_name, entry)
    except ValueError:
        return False
    return True


def cut_sample(name: str) -> NDArray[np.uint8]:
    """One of the photographs in scikit-image, its middle of at most 384 px a side."""
    with (resources.files("skimage") / "data" / SAMPLE_FILES[name]).open("rb") as file:
        image = read_image(file, label=f"scikit-image's {SAMPLE_FILES[name]}")
    top, left = (max(side - 384, 0) // 2 for side in image.shape[:2])
    return np.ascontiguousarray(image[top : top + 384, left : left + 384])


def _cut_samples(missing: Images, refused: Refused, destination: Path) -> None:
    for key, entry in list(missing.items()):
        if key[0] == SAMPLES:
            image = cut_sample(entry.name)
            if pixel_hash(image) == entry.sha256:
                _put(image, key, missing, destination)
            else:
                refused[key] = "scikit-image holds another version of it"


def _search_addresses(
    missing: Images,
    refused: Refused,
    destination: Path,
    progress: bool,
    say: Callable[[str], None],
) -> None:
    """Try the public addresses of the missing sets, each once, until nothing is missing."""
    tried: set[str] = set()
    for name in dict.fromkeys(name for name, _ in missing):
        for source in manifest(name).sources:
            if source.address in tried or all(each != name for each, _ in missing):
                continue
            tried.add(source.address)
            say(f"trying {source.address}" + ("" if source.tried else " (untried so far)"))
            try:
                _search(source.address, missing, refused, destination, progress)
            except ValueError as error:
                say(str(error))


def _search(
    source: str, missing: Images, refused: Refused, destination: Path, progress: bool
) -> None:
    """Take from ``source`` whatever is missing. Raises ``ValueError`` if it cannot be read."""
    if not source.startswith(("http://", "https://")):
        _take(_files(Path(source).expanduser()), missing, refused, destination, progress)
        return
    # The digest keeps apart two addresses that end alike.
    name = f"{hashlib.sha256(source.encode()).hexdigest()[:12]}-{PurePosixPath(source).name}"
    archive = destination / ".downloads" / name
    if not archive.exists():
        download(source, archive, progress=progress)
    try:
        _take(_files(archive), missing, refused, destination, progress)
    except ValueError:
        archive.unlink()  # it is damaged: the next run gets it anew
        raise
    archive.unlink()


def _files(source: Path) -> Files:
    """Every file in a folder or an archive that may be an image by its name."""
    if source.is_dir():
        return ((str(path), path) for path in images_below(source, most=MOST_LOOKED_AT))
    if source.is_file():
        return archives.images(source)
    raise ValueError(
        f"{source} is no source of images; a folder, a zip or tar archive, or the address of "
        "one (http://, https://) is"
    )


def _take(
    files: Files, missing: Images, refused: Refused, destination: Path, progress: bool
) -> None:
    """Put every file whose pixels are those of a missing image where it belongs."""
    by_hash = {entry.sha256: key for key, entry in missing.items()}
    by_name = {entry.name.casefold(): key for key, entry in missing.items()}
    sizes = {(entry.width, entry.height) for entry in missing.values()}
    sizes |= {(height, width) for width, height in sizes}  # of an image that is turned when read
    with tqdm(desc="looking", unit=" images", leave=False, disable=not progress) as bar:
        for place, file in files:
            bar.update()
            namesake = by_name.get(PurePosixPath(place).stem.casefold())
            if file is None:
                if namesake:
                    most = f"{archives.LARGEST >> 20} MiB"
                    refused.setdefault(namesake, f"{place} is larger than {most}")
                continue
            # Most of a pack are other images: their headers are enough to pass them over.
            if namesake is None and image_size(file) not in sizes:
                continue
            try:
                key, image = _recognise(read_image(file, label=place), by_hash)
            except ValueError as error:
                if namesake:
                    refused.setdefault(namesake, str(error))
                continue
            if key in missing:
                _put(image, key, missing, destination)
            elif namesake and key is None:
                refused[namesake] = f"the pixels of {place} are not those of the published image"
            if not missing:
                return


def _recognise(
    image: NDArray[np.uint8], by_hash: dict[str, tuple[str, str]]
) -> tuple[tuple[str, str] | None, NDArray[np.uint8]]:
    """Which image this is; three equal channels are also taken for the grey image they are."""
    key = by_hash.get(pixel_hash(image))
    if key is None and image.ndim == 3 and (image == image[..., :1]).all():
        image = np.ascontiguousarray(image[..., 0])
        key = by_hash.get(pixel_hash(image))
    return key, image


def _put(
    image: NDArray[np.uint8], key: tuple[str, str], missing: Images, destination: Path
) -> None:
    write_whole(image_path(destination, key[0], missing[key]), encode_png(image))
    del missing[key]


def _complaint(missing: Images, refused: Refused) -> str:
    """One sentence that names each refused image with the reason, and the missing ones."""
    parts = []
    for set_name in dict.fromkeys(name for name, _ in missing):
        keys = [key for key in missing if key[0] == set_name]
        reasons = [f"{key[1]} was refused ({refused[key]})" for key in keys if key in refused]
        absent = [key[1] for key in keys if key not in refused]
        if absent:
            more = f" and {len(absent) - 5} more" if len(absent) > 5 else ""
            reasons.append(f"not found: {', '.join(absent[:5])}{more}")
        total = len(manifest(set_name).images)
        parts.append(f"{set_name} lacks {len(keys)} of {total} images: {'; '.join(reasons)}")
    return ". ".join(parts)
