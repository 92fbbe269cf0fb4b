"""Anchors of a study: images of a folder as a 1 and as a 5, for the calibration of its raters.

The worst version (nearest neighbour) stands for a 1, the original for a 5, as in the SRGAN paper.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from benchmarks.files import encode_png, read_image
from sr_models.methods import ORIGINAL, upscaler
from study.desk import stimuli
from study.models import Anchor, Study

MOST_IMAGES = 24
"""Taken from a folder, in the order of their names; more would not be seen by any rater."""
DATASET = "calibration"
WORST = "nearest"
SCORES = {WORST: 1, ORIGINAL: 5}
PATTERNS = ("*.png", "*.jpg", "*.jpeg", "*.bmp", "*.tif", "*.tiff")


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


def take_in(study: Study) -> None:
    """Make the anchors of ``study`` from its folder and keep them as stimuli.

    Raises ``ValueError`` if there are too few images, one is not an image, or one is an image that
    the study shows too.
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
    shown = set(study.stimuli.values_list("sha256", flat=True))
    Anchor.objects.filter(study=study).delete()
    dataset = stimuli.image_set(DATASET, title="Calibration")
    for path in paths:
        for method, image in _versions(path):
            content = encode_png(image)
            if hashlib.sha256(content).hexdigest() in shown:
                raise ValueError(f"{path} is rated in {study.slug}; calibrate on other images")
            height, width = image.shape[:2]
            stimulus = stimuli.keep(
                content, dataset=dataset, image=path.stem, method=method, size=(width, height)
            )
            Anchor.objects.get_or_create(study=study, stimulus=stimulus, score=SCORES[method])


def _versions(path: Path) -> list[tuple[str, NDArray[np.uint8]]]:
    """(method, pixels) of the worst version of the image, and of the image itself."""
    # Imported here: serving pages needs neither SciPy nor the degradation.
    from benchmarks.resize import crop_to_multiple, degrade

    original = crop_to_multiple(read_image(path))
    return [(WORST, upscaler(WORST)(degrade(original))), (ORIGINAL, original)]
