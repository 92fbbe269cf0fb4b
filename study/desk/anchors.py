"""Anchors of a study: images of a folder as a 1 and as a 5, for the calibration of its raters.

The worst version (nearest neighbour) stands for a 1, the original for a 5, as in the SRGAN paper.
Images are read, made worse and encoded first, which takes seconds; then their rows are stored,
which takes the database's one lock for a moment.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
from django.conf import settings
from django.db import transaction
from numpy.typing import NDArray

from benchmarks.files import encode_png, images_below, read_image
from sr_models.methods import ORIGINAL, upscaler
from study.desk import stimuli
from study.desk.stimuli import Placed
from study.models import Anchor, SourceImage, Study, roots

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


def prepare(study: Study, shown: Collection[str] | None = None) -> list[tuple[Placed, int]]:
    """Make the anchors of ``study`` from its folder: each file put in place, and its score.

    ``shown``: checksums of the files that the study shows; those of its stimuli, if not given.
    Takes seconds and no lock of the database. Raises ``ValueError`` if the folder is none that a
    study may name or holds too few different images, or naming the file that is no image, looks
    the same as a 1 and as a 5, or is rated in the study.
    """
    if shown is None:
        shown = set(study.stimuli.values_list("sha256", flat=True))
    folder = folder_of(study)
    paths = _found(folder)
    needed = study.calibration_examples + study.calibration_checks
    _refuse_fewer(study, folder, needed, len(paths), "images")
    names = _names(folder, paths) if folder else {}
    pairs: dict[str, list[tuple[Placed, int]]] = {}
    for path in paths:
        if len(pairs) == max(MOST_IMAGES, needed):
            break
        versions = [(*version, encode_png(version[1])) for version in _versions(path)]
        worst, original = (hashlib.sha256(content).hexdigest() for *_, content in versions)
        if worst == original:
            raise ValueError(
                f"{_told(path)} looks the same as a 1 and as a 5; calibrate on images with detail"
            )
        if worst in shown or original in shown:
            raise ValueError(f"{_told(path)} is rated in {study.slug}; calibrate on other images")
        if original not in pairs:  # a check on a copy would not be on an unseen image
            pairs[original] = [_put(names[path], *version) for version in versions]
    _refuse_fewer(study, folder, needed, len(pairs), "different images")
    return [made for pair in pairs.values() for made in pair]


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


def _refuse_fewer(study: Study, folder: Path | None, needed: int, found: int, what: str) -> None:
    if found < needed:
        where = f"{_told(folder)} holds {found} {what}" if folder else "CALIBRATION_DIR is not set"
        raise ValueError(
            f"{study.slug} calibrates its raters on {needed} images and {where}; name a folder "
            "that holds enough, or switch calibration off"
        )


def _names(folder: Path, paths: Sequence[Path]) -> dict[Path, str]:
    """What each image is called: its path below ``folder``, no two alike.

    The suffix is left out where it tells nothing apart. Of a path that is too long the end is kept,
    behind a digest of the whole.
    """
    taken = Counter(path.with_suffix("") for path in paths) + Counter(paths)
    names = {}
    for path in paths:
        place = path.with_suffix("") if taken[path.with_suffix("")] == 1 else path
        name = roots.readable(place.relative_to(folder).as_posix())
        if len(name) > LONGEST_NAME:
            digest = hashlib.sha256(name.encode()).hexdigest()[:12]
            name = f"{digest}…{name[-(LONGEST_NAME - 13) :]}"
        names[path] = name
    return names


def _versions(path: Path) -> list[tuple[str, NDArray[np.uint8]]]:
    """(method, pixels) of the worst version of the image, and of the image itself."""
    # Imported here: serving pages needs neither SciPy nor the degradation.
    from benchmarks.resize import crop_to_multiple, degrade

    label = _told(path)
    if not roots.leads_into(path, roots.of_calibration()):
        raise ValueError(f"{label} is a link that leads out of {roots.CALIBRATION}")
    image = read_image(path, label=label)
    try:
        original = crop_to_multiple(image)
    except ValueError as error:
        raise ValueError(f"{label}: {error}") from None
    return [(WORST, upscaler(WORST)(degrade(original))), (ORIGINAL, original)]
