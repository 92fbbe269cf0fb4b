"""Bring the benchmark sets to where the project reads them, whatever copy of them there is.

An image is recognised by its pixels: its file's name, format and folder do not matter. What a
source holds beside the sets (low-resolution versions, other sets, anything) is passed over. Many
copies hold no more of an image than four divides, which is all that is rated: such a crop will do,
and the whole image takes its place where a run comes upon it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks import archives
from benchmarks.advice import advice
from benchmarks.datasets import SAMPLES, ImageEntry, image_path, load_verified, manifest, mends
from benchmarks.download import download
from benchmarks.files import (
    encode_png,
    image_size,
    images_below,
    pixel_hash,
    read_image,
    write_whole,
)
from benchmarks.progress import Progress
from benchmarks.resize import crop_to_multiple
from sr_models import SCALE

MOST_LOOKED_AT = 1_000_000
"""Files and folders in a source: a home by mistake, or a loop of mounts, ends with a sentence."""
MOST_NAMED = 5
"""Images of a set that a complaint names with what is wrong: all of a set have one fault mostly."""

SAMPLE_FILES = {
    "astronaut": "astronaut.png",
    "camera": "camera.png",
    "chelsea": "chelsea.png",
    "coffee": "coffee.png",
    "rocket": "rocket.jpg",
}
"""In the public domain or CC0, and inside the scikit-image wheel: no network is needed."""

Key = tuple[str, str]
"""An image: its set and its name."""

Files = Iterable[tuple[str, Path | IO[bytes] | None]]
"""Files that may be images, each with the place it came from; ``None`` where it is too large."""


class Brought(NamedTuple):
    """What came of a set: how many files were written, and how many images are crops now."""

    new: int
    crops: int


@dataclass
class _Run:
    """What is looked for: images that are not there, and those of which a crop is.

    ``refused`` says why the file that has an image's name was not taken for it, after a number
    that is the smaller, the more the file looks like the one that was meant.
    """

    destination: Path
    progress: Progress
    missing: dict[Key, ImageEntry] = field(default_factory=dict)
    crops: dict[Key, ImageEntry] = field(default_factory=dict)
    written: set[Key] = field(default_factory=set)
    refused: dict[Key, tuple[int, str]] = field(default_factory=dict)
    sought: int = 0
    """How many were missing at first."""

    def tell(self, place: str) -> None:
        """Tell who listens how many of them were found, and what was looked at."""
        if callable(self.progress):
            found = min(len(self.written), self.sought)
            self.progress(found, self.sought, f"looking at {PurePosixPath(place).name}")

    def put(self, image: NDArray[np.uint8], key: Key) -> None:
        """Keep an image or its crop, if that is better than what is there."""
        entry = self.missing.get(key) or self.crops.get(key)
        if entry is None or (key in self.crops and not _is_whole(image, entry)):
            return
        write_whole(image_path(self.destination, key[0], entry), encode_png(image))
        self.written.add(key)
        for known in (self.missing, self.crops):
            known.pop(key, None)
        if not _is_whole(image, entry):
            self.crops[key] = entry

    def refuse(self, key: Key, rank: int, reason: str) -> None:
        """Keep the reason, unless there is a better one."""
        if key not in self.refused or rank < self.refused[key][0]:
            self.refused[key] = rank, reason


def fetch(
    names: Iterable[str],
    *,
    source: str | None,
    destination: Path,
    progress: Progress = True,
    say: Callable[[str], object] = print,
) -> dict[str, Brought]:
    """Bring the sets ``names`` into ``destination``, or what a set there lacks; what came of each.

    ``source`` is a folder, an archive (zip or tar) or the http(s) address of one. Without it the
    addresses in the manifests are tried, and ``say`` hears how that went; ``Samples`` needs
    neither. What is there already and right stays; for crops of which the whole images are
    wanted a folder or an archive is looked through, but nothing is downloaded. Raises
    ``ValueError`` if a set or the source is unknown, or if images are missing in the end; those
    that were found are kept; ``progress`` hears how many.
    """
    sets = [manifest(name, destination) for name in dict.fromkeys(names)]
    for each in sets:
        if each.base:
            raise ValueError(
                f"{each.name} is {each.base} at x{each.scale}, and the same images: "
                f"{mends(each.name, destination)} brings them"
            )
    run = _Run(destination, progress)
    for each in sets:
        for entry in each.images:
            try:
                image = load_verified(destination, each.name, entry)
            except ValueError:
                run.missing[each.name, entry.name] = entry
            else:
                if not _is_whole(image, entry):
                    run.crops[each.name, entry.name] = entry
    run.sought = len(run.missing)
    _cut_samples(run)
    if source and (run.missing or (run.crops and not _is_address(source))):
        _search(source, run)
    elif run.missing:
        _search_addresses(run, say)
    if run.missing:
        hint = "" if source else f"; {advice('get a copy')}"
        raise ValueError(_complaint(run) + hint)
    return {
        each.name: Brought(
            sum(name == each.name for name, _ in run.written),
            sum(name == each.name for name, _ in run.crops),
        )
        for each in sets
    }


def _is_whole(image: NDArray[np.uint8], entry: ImageEntry) -> bool:
    return image.shape[:2] == (entry.height, entry.width)


def _is_address(source: str) -> bool:
    return source.startswith(("http://", "https://"))


def cut_sample(name: str) -> NDArray[np.uint8]:
    """One of the photographs in scikit-image, its middle of at most 384 px a side."""
    with (resources.files("skimage") / "data" / SAMPLE_FILES[name]).open("rb") as file:
        image = read_image(file, label=f"scikit-image's {SAMPLE_FILES[name]}")
    top, left = (max(side - 384, 0) // 2 for side in image.shape[:2])
    return np.ascontiguousarray(image[top : top + 384, left : left + 384])


def _cut_samples(run: _Run) -> None:
    for key, entry in list(run.missing.items()):
        if key[0] == SAMPLES:
            image = cut_sample(entry.name)
            if pixel_hash(image) == entry.sha256:
                run.put(image, key)
            else:
                run.refuse(key, 0, "scikit-image holds another version of it")


def _search_addresses(run: _Run, say: Callable[[str], object]) -> None:
    """Try the public addresses of the missing sets, each once, until nothing is missing."""
    tried: set[str] = set()
    for name in dict.fromkeys(name for name, _ in run.missing):
        for source in manifest(name, run.destination).sources:
            if source.address in tried or all(each != name for each, _ in run.missing):
                continue
            tried.add(source.address)
            say(f"trying {source.address}" + ("" if source.tried else " (untried so far)"))
            try:
                _search(source.address, run)
            except ValueError as error:
                say(str(error))


def _search(source: str, run: _Run) -> None:
    """Take from ``source`` whatever is missing. Raises ``ValueError`` if it cannot be read."""
    if not _is_address(source):
        _take(_files(Path(source).expanduser()), run)
        return
    # The digest keeps apart two addresses that end alike.
    name = f"{hashlib.sha256(source.encode()).hexdigest()[:12]}-{PurePosixPath(source).name}"
    archive = run.destination / ".downloads" / name
    if not archive.exists():
        download(source, archive, progress=run.progress is True)
    try:
        _take(_files(archive), run)
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


class _Wanted(NamedTuple):
    """What an image is recognised by: its pixels, whole or as a crop, its size, and its name."""

    entries: dict[Key, ImageEntry]
    by_hash: dict[str, Key]
    sizes: set[tuple[int, ...]]
    by_name: dict[str, Key]
    named: re.Pattern[str]


def _wanted(entries: dict[Key, ImageEntry]) -> _Wanted:
    by_hash = {entry.sha256: key for key, entry in entries.items()}
    by_hash |= {entry.crop_sha256: key for key, entry in entries.items() if entry.crop_sha256}
    by_name = {entry.name.casefold(): key for key, entry in entries.items()}
    sizes = {size for entry in entries.values() for size in _sizes(entry)}
    return _Wanted(entries, by_hash, sizes, by_name, _naming(by_name))


def _take(files: Files, run: _Run) -> None:
    """Put every file whose pixels are those of an image that is wanted where it belongs.

    Raises ``ValueError`` if the source cannot be read to its end and images are missing.
    """
    wanted = _wanted(run.missing | run.crops)
    try:
        with tqdm(
            desc="looking", unit=" images", leave=False, disable=run.progress is not True
        ) as bar:
            for place, file in files:
                bar.update()
                _look_at(place, file, wanted, run)
                run.tell(place)
                if not (run.missing or run.crops):
                    return
    except ValueError:
        if run.missing:
            raise


def _look_at(place: str, file: Path | IO[bytes] | None, wanted: _Wanted, run: _Run) -> None:
    """Put a file where it belongs; if it has the name of an image and is another, keep why."""
    stem = PurePosixPath(place).stem.casefold()
    match = wanted.named.search(stem)
    namesake = wanted.by_name[match[0]] if match else None

    def refuse(reason: str, *, rank: int = 0) -> None:
        if match and namesake:
            run.refuse(namesake, rank + (match[0] != stem), reason)

    def is_of_another_size(size: tuple[int, ...]) -> None:
        if namesake:
            right = wanted.entries[namesake]
            refuse(f"{place} has {size[0]}x{size[1]} px, not {right.width}x{right.height}", rank=2)

    if file is None:
        return refuse(f"{place} is larger than {archives.LARGEST >> 20} MiB")
    # Most of a pack are other images: their headers are enough to pass them over.
    size = image_size(file)
    if size and _cropped(size) not in wanted.sizes:
        return is_of_another_size(size)
    if not size and not namesake:
        return None
    try:
        image = read_image(file, label=place)
    except ValueError as error:
        return refuse(str(error))
    key, image = _recognise(image, wanted.by_hash)
    if key:
        return run.put(image, key)
    if namesake and _cropped(image.shape[1::-1]) not in _sizes(wanted.entries[namesake]):
        return is_of_another_size(image.shape[1::-1])
    return refuse(f"the pixels of {place} are not those of the image")


def _naming(names: Iterable[str]) -> re.Pattern[str]:
    """Finds which of ``names`` a file's name tells of: ``baby`` in ``my_baby_HR`` and ``babyx4``.

    Not in what goes on otherwise: there is no ``img_001`` in ``img_0012``, no ``man`` in ``woman``.
    """
    longest_first = sorted(names, key=len, reverse=True)
    either = "|".join(map(re.escape, longest_first))
    return re.compile(rf"(?<![^\W_])(?:{either})(?=x\d|[\W_]|$)")


def _cropped(size: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(side - side % SCALE for side in size)


def _sizes(entry: ImageEntry) -> set[tuple[int, ...]]:
    """(width, height) of an image's crop; also of one that is turned when it is read."""
    size = _cropped((entry.width, entry.height))
    return {size, size[::-1]}


def _recognise(
    image: NDArray[np.uint8], by_hash: dict[str, Key]
) -> tuple[Key | None, NDArray[np.uint8]]:
    """Which image this is, and its pixels, if need be without what four does not divide of them.

    Three equal channels are also taken for the grey image that they are.
    """
    forms = [image]
    if image.ndim == 3 and (image == image[..., :1]).all():
        forms.append(np.ascontiguousarray(image[..., 0]))
    forms += [np.ascontiguousarray(crop_to_multiple(form)) for form in forms]
    for form in forms:
        if key := by_hash.get(pixel_hash(form)):
            return key, form
    return None, image


def _complaint(run: _Run) -> str:
    """One sentence that names refused images with the reason, and missing ones."""
    parts = []
    for set_name in dict.fromkeys(name for name, _ in run.missing):
        keys = [key for key in run.missing if key[0] == set_name]
        refused = [key for key in keys if key in run.refused]
        absent = [key[1] for key in keys if key not in run.refused]
        said = [f"{key[1]} was refused ({run.refused[key][1]})" for key in refused[:MOST_NAMED]]
        if len(refused) > MOST_NAMED:
            said.append(f"{len(refused) - MOST_NAMED} more were refused")
        if absent:
            more = f" and {len(absent) - MOST_NAMED} more" if len(absent) > MOST_NAMED else ""
            said.append(f"not found: {', '.join(absent[:MOST_NAMED])}{more}")
        total = len(manifest(set_name, run.destination).images)
        parts.append(f"{set_name} lacks {len(keys)} of {total} images: {'; '.join(said)}")
    return ". ".join(parts)
