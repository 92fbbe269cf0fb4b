"""Calibrating raters: what a 1 and a 5 look like, shown on images that nobody rates, then asked.

The worst version (nearest neighbour) stands for a 1, the original for a 5, as in the SRGAN paper.
A check on unseen images follows: an answer within one point of what the image stands for is right.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable
from pathlib import Path

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from benchmarks.files import encode_png, read_image, write_whole
from sr_models.methods import METHODS
from study.models import (
    Anchor,
    Dataset,
    Method,
    Rater,
    Rating,
    Session,
    SourceImage,
    Stimulus,
    Study,
    Trial,
)

MOST_IMAGES = 24
"""Taken from a folder, in the order of their names; more would not be seen by any rater."""
TOLERANCE = 1
"""Points by which an answer in the check may differ from what the image stands for."""
DATASET = "calibration"
SCORES = {"nearest": 1, "hr": 5}
PATTERNS = ("*.png", "*.jpg", "*.jpeg", "*.bmp", "*.tif", "*.tiff")

MEANING: dict[int, str | Promise] = {
    1: _("This is a 1: bad. Press 1 to go on."),
    5: _("This is a 5: excellent. Press 5 to go on."),
}


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
    dataset, _created = Dataset.objects.get_or_create(
        name=DATASET, defaults={"title": "Calibration"}
    )
    for path in paths:
        for method, content, (height, width) in _versions(path):
            sha256 = hashlib.sha256(content).hexdigest()
            if sha256 in shown:
                raise ValueError(f"{path} is rated in {study.slug}; calibrate on other images")
            stimulus = _stimulus(dataset, path.stem, method, sha256, width, height)
            if not stimulus.path.exists():
                write_whole(stimulus.path, content)
            Anchor.objects.get_or_create(study=study, stimulus=stimulus, score=SCORES[method])


def _versions(path: Path) -> list[tuple[str, bytes, tuple[int, int]]]:
    """(method, PNG, (height, width)) of the image and of its worst version."""
    # Imported here: serving pages needs neither SciPy nor the degradation.
    from benchmarks.resize import crop_to_multiple, degrade
    from sr_models.interpolation import nearest

    original = crop_to_multiple(read_image(path))
    worst = nearest(degrade(original))
    return [
        (method, encode_png(image), (image.shape[0], image.shape[1]))
        for method, image in (("nearest", worst), ("hr", original))
    ]


def _stimulus(
    dataset: Dataset, name: str, method_name: str, sha256: str, width: int, height: int
) -> Stimulus:
    source, _created = SourceImage.objects.get_or_create(dataset=dataset, name=name)
    method, _created = Method.objects.get_or_create(
        name=method_name,
        defaults={
            "title": METHODS[method_name].title,
            "place": list(METHODS).index(method_name),
        },
    )
    stimulus, _created = Stimulus.objects.get_or_create(
        source=source, method=method, sha256=sha256, defaults={"width": width, "height": height}
    )
    return stimulus


def write(rater: Rater, *, attempt: int, seed: int) -> Session:
    """The trials of one calibration, from the rater's position on: examples, then the check.

    Every example is shown as a 1 and as a 5 in turn, in pairs, so that they can be compared; each
    image of the check is asked in one version, half of them the worst, and was no example before.
    """
    study, rng = rater.study, random.Random(seed)
    pairs = _pairs(study.anchors.select_related("stimulus").order_by("stimulus__source", "score"))
    seen = set(
        Trial.objects.filter(rater=rater, anchor__isnull=False).values_list(
            "stimulus__source", flat=True
        )
    )
    # Images that this rater has not met come first: a second attempt is on other ones if it can be.
    order = sorted(pairs, key=lambda source: (source in seen, rng.random()))
    checks = study.calibration_checks
    asked, shown = order[:checks], order[checks : checks + study.calibration_examples]
    scores = [1 if place % 2 else 5 for place in range(checks)]
    rng.shuffle(scores)
    trials = [(pairs[source][score], Trial.Kind.EXAMPLE) for source in shown for score in (1, 5)]
    trials += [
        (pairs[source][score], Trial.Kind.CHECK)
        for source, score in zip(asked, scores, strict=True)
    ]
    session = Session.objects.create(
        rater=rater, calibration=True, number=attempt, seed=seed, gap=0
    )
    Trial.objects.bulk_create(
        Trial(
            rater=rater,
            session=session,
            position=rater.position + place,
            stimulus=anchor.stimulus,
            kind=kind,
            anchor=anchor.score,
        )
        for place, (anchor, kind) in enumerate(trials)
    )
    return session


def _pairs(anchors: Iterable[Anchor]) -> dict[int, dict[int, Anchor]]:
    pairs: dict[int, dict[int, Anchor]] = {}
    for anchor in anchors:
        pairs.setdefault(anchor.stimulus.source_id, {})[anchor.score] = anchor
    return pairs


def judge(session: Session) -> bool:
    """Whether the check of this calibration is passed; the result is stored on the session."""
    answers = Rating.objects.filter(trial__session=session, trial__kind=Trial.Kind.CHECK)
    told = answers.values_list("score", "trial__anchor")
    session.mistakes = sum(abs(score - (anchor or 0)) > TOLERANCE for score, anchor in told)
    session.passed = session.mistakes <= session.rater.study.calibration_errors
    session.save(update_fields=["mistakes", "passed"])
    return session.passed
