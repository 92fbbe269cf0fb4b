"""Anchors of a study: images as a 1 and as a 5, for the calibration of its raters.

They are of a folder, or where a study has no originals the images that its methods enlarge.

The worst version (nearest neighbour) stands for a 1, the original for a 5, as in the SRGAN paper.
Images are read, made worse and encoded first, which takes seconds; then their rows are stored,
which takes the database's one lock for a moment.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import zip_longest
from pathlib import Path

import numpy as np
from django.conf import settings
from django.db import transaction
from numpy.typing import NDArray

from benchmarks.datasets import ImageEntry, Manifest, manifest
from benchmarks.files import encode_png, images_below, read_image
from sr_models import SCALE
from sr_models.methods import ORIGINAL, upscaler
from study.desk import stimuli
from study.desk.stimuli import Placed
from study.models import Anchor, Dataset, SourceImage, Study, roots

MOST_IMAGES = 24
"""Taken from a folder, in the order of their paths; more would not be seen by any rater."""
MOST_LOOKED_AT = 20_000
"""Files and folders in it: looked through in a second, and no folder of chosen images has more."""
LONGEST_NAME: int = SourceImage._meta.get_field("name").max_length  # type: ignore[assignment]
DATASET = "calibration"
WORST = "nearest"
SCORES = {WORST: 1, ORIGINAL: 5}


def folder_of(study: Study) -> Path | None:
    """Where the calibration images of ``study`` lie, or ``None`` if no place is named.

    Raises ``ValueError`` if the place is none that a study may name.
    """
    if study.calibration_folder:
        try:
            return roots.calibration_folder(study.calibration_folder)
        except ValueError as error:
            raise ValueError(f"calibration_folder of {study.slug}: {error}") from None
    return Path(settings.CALIBRATION_DIR).resolve() if settings.CALIBRATION_DIR else None


def images_in(folder: Path | None) -> list[Path]:
    """The images below ``folder``, at most :data:`MOST_IMAGES`, in the order of their paths.

    Raises ``ValueError`` if the folder holds too much to look through.
    """
    return _found(folder)[:MOST_IMAGES]


def _found(folder: Path | None) -> list[Path]:
    if folder is None or not folder.is_dir():
        return []
    return list(images_below(folder, most=MOST_LOOKED_AT, label=_told(folder)))


def _told(path: Path) -> str:
    """A folder or a file of calibration images as people may read of it."""
    if settings.CALIBRATION_DIR and path == Path(settings.CALIBRATION_DIR).resolve():
        return "CALIBRATION_DIR"
    return roots.told(path, roots.of_calibration())


def own_sets(study: Study) -> tuple[str, ...]:
    """The sets of ``study`` on whose images it calibrates: all, if none has originals, or none.

    Such images are what is enlarged, and not what is rated.
    """
    shown = Dataset.objects.filter(sources__stimuli__studystimulus__study=study).distinct()
    sets = dict(shown.values_list("name", "references"))
    return () if any(sets.values()) else tuple(sets)


def at_hand(study: Study, own: Sequence[str]) -> int:
    """How many images there are to calibrate on, up to :data:`MOST_IMAGES`; see `prepare`.

    Raises ``ValueError`` as `folder_of` and `images_in`.
    """
    if own and not study.calibration_folder:
        return len({entry.sha256 for _, entry in _entries(own)})
    return len(images_in(folder_of(study)))


def prepare(
    study: Study,
    shown: Collection[str] | None = None,
    own: Sequence[str] | None = None,
    *,
    most: int = MOST_IMAGES,
) -> list[tuple[Placed, int]]:
    """Make the anchors of ``study`` from images: each file put in place, and its score.

    They are those of the folder that the study names; else those of ``own``, its sets if none of
    them has originals (`own_sets`, if not given); else those of ``CALIBRATION_DIR``. An image of a
    folder is made worse by four, one of a set by the scale of its set. ``shown``: checksums of the
    files that the study shows; those of its stimuli, if not given. ``most``: images to make anchors
    of, where more are there; never fewer than one rater needs.
    Takes seconds and no lock of the database. Raises ``ValueError`` if the folder is none that a
    study may name, if there are too few different images, or naming the file that is no image,
    looks the same as a 1 and as a 5, or is rated in the study. In sets of the study images that
    look the same as both are passed over: nobody chose them for this.
    """
    if shown is None:
        shown = set(study.stimuli.values_list("sha256", flat=True))
    if own is None:
        own = own_sets(study)
    own = () if study.calibration_folder else own
    if own:
        images = _of_sets(own)
        where = f"{' and '.join(own)} {'have' if len(own) > 1 else 'has'}"
    else:
        folder = folder_of(study)
        images = _of_folder(folder)
        where = f"{_told(folder)} holds" if folder else ""
    needed = study.calibration_examples + study.calibration_checks
    _refuse_fewer(study, where, needed, len(images), "images")
    pairs: dict[str, list[tuple[Placed, int]]] = {}
    for image in images:
        if len(pairs) == max(most, needed):
            break
        versions = [(*version, encode_png(version[1])) for version in _versions(image)]
        worst, original = (hashlib.sha256(content).hexdigest() for *_, content in versions)
        if worst == original and own:
            continue
        if worst == original:
            raise ValueError(
                f"{image.told} looks the same as a 1 and as a 5; calibrate on images with detail"
            )
        if worst in shown or original in shown:
            raise ValueError(f"{image.told} is rated in {study.slug}; calibrate on other images")
        if original not in pairs:  # a check on a copy would not be on an unseen image
            pairs[original] = [_put(image.name, *version) for version in versions]
    what = "different images with detail" if own else "different images"
    _refuse_fewer(study, where, needed, len(pairs), what)
    return [made for pair in pairs.values() for made in pair]


@dataclass(frozen=True)
class _Image:
    """An image to make a 1 and a 5 of."""

    name: str
    """As the database has it."""
    told: str
    """As people may read of it."""
    pixels: Callable[[], NDArray[np.uint8]]
    scale: int = SCALE


def _of_folder(folder: Path | None) -> list[_Image]:
    paths = _found(folder)
    names = _names(folder, paths) if folder else {}
    return [_Image(names[path], _told(path), partial(_read, path)) for path in paths]


def _of_sets(sets: Sequence[str]) -> list[_Image]:
    """The images that are enlarged, of each set in turn, so that all are among the first."""
    return [
        _Image(
            _short(f"{of.name}/{entry.name}"),
            f"{of.name} {entry.name}",
            partial(_enlarged, of, entry),
            of.scale,
        )
        for of, entry in _entries(sets)
    ]


def _enlarged(of: Manifest, entry: ImageEntry) -> NDArray[np.uint8]:
    from benchmarks.cases import case  # as in _versions

    return case(settings.BENCHMARKS_DIR, of, entry).lr


def _entries(sets: Sequence[str]) -> list[tuple[Manifest, ImageEntry]]:
    found = [manifest(name, settings.BENCHMARKS_DIR) for name in sets]
    turns = zip_longest(*([(of, entry) for entry in of.images] for of in found))
    return [each for turn in turns for each in turn if each]


def _put(image: str, method: str, pixels: NDArray[np.uint8], content: bytes) -> tuple[Placed, int]:
    height, width = pixels.shape[:2]
    placed = stimuli.put(
        content,
        dataset=DATASET,
        title="Calibration",
        image=image,
        method=method,
        size=(width, height),
    )
    return placed, SCORES[method]


def store(study: Study, prepared: Sequence[tuple[Placed, int]]) -> None:
    """Make what was ``prepared`` the anchors of ``study``, in place of any it had."""
    with transaction.atomic():
        Anchor.objects.filter(study=study).delete()
        rows = stimuli.store([placed for placed, _ in prepared])
        scores = {row.pk: score for row, (_, score) in zip(rows, prepared, strict=True)}
        Anchor.objects.bulk_create(
            Anchor(study=study, stimulus_id=pk, score=score) for pk, score in scores.items()
        )


def _refuse_fewer(study: Study, where: str, needed: int, found: int, what: str) -> None:
    if found < needed:
        there = f"{where} {found} {what}" if where else "CALIBRATION_DIR is not set"
        raise ValueError(
            f"{study.slug} calibrates its raters on {needed} images and {there}; name a folder "
            "that holds enough, or switch calibration off"
        )


def _names(folder: Path, paths: Sequence[Path]) -> dict[Path, str]:
    """What each image is called: its path below ``folder``, no two alike.

    The suffix is left out where it tells nothing apart.
    """
    taken = Counter(path.with_suffix("") for path in paths) + Counter(paths)
    names = {}
    for path in paths:
        place = path.with_suffix("") if taken[path.with_suffix("")] == 1 else path
        names[path] = _short(roots.readable(place.relative_to(folder).as_posix()))
    return names


def _short(name: str) -> str:
    """A name that the database can hold: of one that is too long the end, behind a digest."""
    if len(name) <= LONGEST_NAME:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:12]
    return f"{digest}…{name[-(LONGEST_NAME - 13) :]}"


def _read(path: Path) -> NDArray[np.uint8]:
    label = _told(path)
    if not roots.leads_into(path, roots.of_calibration()):
        raise ValueError(f"{label} is a link that leads out of {roots.CALIBRATION}")
    return read_image(path, label=label)


def _versions(image: _Image) -> list[tuple[str, NDArray[np.uint8]]]:
    """(method, pixels) of the worst version of the image, and of the image itself."""
    # Imported here: serving pages needs neither SciPy nor the degradation.
    from benchmarks.resize import crop_to_multiple, degrade

    pixels = image.pixels()
    try:
        original = crop_to_multiple(pixels, image.scale)
    except ValueError as error:
        raise ValueError(f"{image.told}: {error}") from None
    worst = upscaler(WORST, scale=image.scale)(degrade(original, image.scale))
    return [(WORST, worst), (ORIGINAL, original)]
