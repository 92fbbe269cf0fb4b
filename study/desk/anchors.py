"""Anchors of a study: images of a folder as a 1 and as a 5, for the calibration of its raters.

The worst version (nearest neighbour) stands for a 1, the original for a 5, as in the SRGAN paper.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
from django.conf import settings
from django.db import transaction
from numpy.typing import NDArray

from benchmarks.files import encode_png, read_image
from sr_models.methods import ORIGINAL, upscaler
from study.desk import stimuli
from study.desk.stimuli import Placed
from study.models import Anchor, Study

MOST_IMAGES = 24
"""Taken from a folder, in the order of their names; more would not be seen by any rater."""
DATASET = "calibration"
WORST = "nearest"
SCORES = {WORST: 1, ORIGINAL: 5}
PATTERNS = ("*.png", "*.jpg", "*.jpeg", "*.bmp", "*.tif", "*.tiff")


Prepared = tuple[Placed, int]
"""A version of an image, put in place, and the score that it stands for."""


def folder_of(study: Study) -> Path | None:
    """Where the calibration images of ``study`` lie, or ``None`` if no place is named."""
    if study.calibration_folder:
        return (Path(settings.BASE_DIR) / Path(study.calibration_folder).expanduser()).resolve()
    return settings.CALIBRATION_DIR


def images_in(folder: Path | None) -> list[Path]:
    """The images below ``folder``, at most :data:`MOST_IMAGES`, sorted by name."""
    if folder is None or not folder.is_dir():
        return []
    found = {path for pattern in PATTERNS for path in folder.rglob(pattern)}
    return sorted(found)[:MOST_IMAGES]


def prepare(study: Study, shown: Collection[str]) -> list[Prepared]:
    """Make the anchors of ``study`` from its folder: each file put in place, and its score.

    ``shown``: checksums of the files that the study shows. Takes seconds and no lock of the
    database. Raises ``ValueError`` if there are too few images, one is not an image, or one is an
    image that the study shows too.
    """
    folder = folder_of(study)
    paths = images_in(folder)
    needed = study.calibration_examples + study.calibration_checks
    if len(paths) < needed:
        where = f"{folder} holds {len(paths)} images" if folder else "CALIBRATION_DIR is not set"
        raise ValueError(
            f"{study.slug} calibrates its raters on {needed} images and {where}; name a folder "
            "that holds enough, or switch calibration off"
        )
    prepared = []
    for path in paths:
        for method, image in _versions(path):
            content = encode_png(image)
            if hashlib.sha256(content).hexdigest() in shown:
                raise ValueError(f"{path} is rated in {study.slug}; calibrate on other images")
            height, width = image.shape[:2]
            placed = stimuli.put(
                content,
                dataset=DATASET,
                title="Calibration",
                image=path.stem,
                method=method,
                size=(width, height),
            )
            prepared.append((placed, SCORES[method]))
    return prepared


def store(study: Study, prepared: Sequence[Prepared]) -> None:
    """Make what was ``prepared`` the anchors of ``study``, in place of any it had."""
    with transaction.atomic():
        Anchor.objects.filter(study=study).delete()
        rows = stimuli.store([placed for placed, _ in prepared])
        scores = {row.pk: score for row, (_, score) in zip(rows, prepared, strict=True)}
        Anchor.objects.bulk_create(
            Anchor(study=study, stimulus_id=pk, score=score) for pk, score in scores.items()
        )


def _versions(path: Path) -> list[tuple[str, NDArray[np.uint8]]]:
    """(method, pixels) of the worst version of the image, and of the image itself."""
    # Imported here: serving pages needs neither SciPy nor the degradation.
    from benchmarks.resize import crop_to_multiple, degrade

    original = crop_to_multiple(read_image(path))
    return [(WORST, upscaler(WORST)(degrade(original))), (ORIGINAL, original)]
