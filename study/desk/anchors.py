"""Anchors of a study: images as a 1 and as a 5, for the calibration of its raters.

They are of a folder or of a set, or where a study has no originals the images that its methods
enlarge; without those that somebody looked at and left out.

The worst version (nearest neighbour) stands for a 1, the original for a 5, as in the SRGAN paper.
Images are read, made worse and encoded first, which takes seconds; then their rows are stored,
which takes the database's one lock for a moment.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import zip_longest
from pathlib import Path

import numpy as np
from django.conf import settings
from django.db import transaction
from numpy.typing import NDArray

from benchmarks.advice import advice
from benchmarks.datasets import ImageEntry, Manifest, base_of, image_path, manifest
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


def _found(folder: Path | None) -> list[Path]:
    # os.path: of a name that no disk can have, Path would raise.
    if folder is None or not os.path.isdir(folder):  # noqa: PTH112
        return []
    return list(images_below(folder, most=MOST_LOOKED_AT, label=told(folder)))


def told(path: Path) -> str:
    """A folder or a file of calibration images as people may read of it."""
    if settings.CALIBRATION_DIR and path == Path(settings.CALIBRATION_DIR).resolve():
        return advice("calibration folder")
    return roots.told(path, roots.of_calibration())


def sets_of(study: Study) -> dict[str, bool]:
    """The sets that ``study`` shows, or as a draft is to show: whether each has originals."""
    if study.wanted is None or study.frozen:
        shown = Dataset.objects.filter(sources__stimuli__studystimulus__study=study).distinct()
        return dict(shown.values_list("name", "references"))
    found = {}
    for name in study.wanted:
        with suppress(ValueError):  # a set that is gone is told of where sets are chosen
            found[name] = manifest(name, settings.BENCHMARKS_DIR).references
    return found


def own_sets(sets: Mapping[str, bool]) -> tuple[str, ...]:
    """Of the sets that a study shows those on whose images it calibrates unless told otherwise.

    All, if none has originals, else none: such images are what is enlarged, and not what is rated.
    """
    return () if any(sets.values()) else tuple(sets)


def at_hand(study: Study, sets: Mapping[str, bool]) -> int:
    """How many images there are to calibrate on, copies in sets counted once.

    Raises ``ValueError`` as `chosen`.
    """
    return _different(chosen(study, sets).shown)


def _different(images: Sequence[Image]) -> int:
    return len({image.sha256 or image.name for image in images})


@dataclass(frozen=True)
class Image:
    """An image to make a 1 and a 5 of."""

    name: str
    """As the database has it."""
    told: str
    """As people may read of it."""
    pixels: Callable[[], NDArray[np.uint8]]
    path: Path
    scale: int = SCALE
    sha256: str = ""
    """Of its pixels, where that is known without reading them."""


@dataclass(frozen=True)
class Chosen:
    """What a study calibrates on: all images of the place that it names, those left out too."""

    where: str
    """The place and its verb: ``CALIBRATION_DIR holds``; empty if there is none."""
    images: list[Image]
    of_sets: bool
    """Whether nobody chose these images one by one."""
    left_out: frozenset[str] = frozenset()
    """The names of images that no rater is to see."""

    @property
    def shown(self) -> list[Image]:
        """Those that raters may see, of which the first are used."""
        return [image for image in self.images if image.name not in self.left_out]


def chosen(study: Study, sets: Mapping[str, bool]) -> Chosen:
    """The images that ``study``, which shows these ``sets``, calibrates on.

    They are those of the folder or of the set that it names; else those of its own sets, if none
    of them has originals (`own_sets`); else those of ``CALIBRATION_DIR``. No image is read.
    Raises ``ValueError`` if the folder is none that a study may name or holds too much to look
    through, if the set is not known or is one whose images are rated, and if an image that is left
    out is not there: what stands for it now would be shown.
    """
    left_out = frozenset(study.calibration_left_out)
    own = own_sets(sets)
    if study.calibration_set:
        _refuse_rated(study, sets)
        own = (study.calibration_set,)
    elif study.calibration_folder:
        own = ()
    if own:
        where = f"{' and '.join(own)} {'have' if len(own) > 1 else 'has'}"
        found = Chosen(where, _of_sets(own), of_sets=True, left_out=left_out)
    else:
        folder = folder_of(study)
        where = f"{told(folder)} holds" if folder else ""
        found = Chosen(where, _of_folder(folder), of_sets=False, left_out=left_out)
    gone = sorted(left_out - {image.name for image in found.images})
    if gone:
        raise ValueError(
            f"{gone[0]}, which no rater of {study.slug} is to see, is not among its calibration "
            "images under that name; look at them again and say which are left out"
        )
    return found


def _refuse_rated(study: Study, sets: Mapping[str, bool]) -> None:
    """Raise ``ValueError`` if the calibration set of ``study`` is not known, or among its own."""
    name, folder = study.calibration_set, settings.BENCHMARKS_DIR
    try:
        manifest(name, folder)
    except ValueError as error:
        raise ValueError(f"calibration_set of {study.slug}: {error}") from None
    same = {each for each in sets if base_of(each, folder) == base_of(name, folder)}
    if same - set(own_sets(sets)):
        raise ValueError(
            f"calibration_set of {study.slug}: images of {name} are rated in the study; calibrate "
            "on a set that it does not show"
        )


def short(study: Study, sets: Mapping[str, bool]) -> str:
    """Why ``study`` cannot be opened with its calibration images, as far as can be told without
    reading them; empty if nothing is wrong.
    """
    try:
        of = chosen(study, sets)
        _refuse_fewer(study, of, _different(of.shown), "images")
    except ValueError as error:
        return str(error)
    lost = [image.told for image in of.shown if not image.path.is_file()]
    return f"{lost[0]} is not here, as {len(lost)} of {len(of.shown)} images" if lost else ""


def prepare(
    study: Study,
    shown: Collection[str] | None = None,
    sets: Mapping[str, bool] | None = None,
    *,
    most: int = MOST_IMAGES,
) -> list[tuple[Placed, int]]:
    """Make the anchors of ``study`` from images: each file put in place, and its score.

    The images are those of `chosen` that are not left out. An image of a folder is made worse by
    four, one of a set by the scale of its set. ``shown``: checksums of the files that the study
    shows; those of its stimuli, if not given. ``sets``: those that it shows; `sets_of` it, if not
    given. ``most``: images to make anchors of, where more are there; never fewer than one rater
    needs.
    Takes seconds and no lock of the database. Raises ``ValueError`` as `chosen`, if there are too
    few different images, or naming the file that is no image, looks the same as a 1 and as a 5, or
    is rated in the study. In sets images that look the same as both are passed over: nobody chose
    them for this.
    """
    if shown is None:
        shown = set(study.stimuli.values_list("sha256", flat=True))
    of = chosen(study, sets_of(study) if sets is None else sets)
    _refuse_fewer(study, of, len(of.shown), "images")
    pairs: dict[str, list[tuple[Placed, int]]] = {}
    for image in of.shown:
        if len(pairs) == max(most, needed(study)):
            break
        made = [(*version, encode_png(version[1])) for version in versions(image)]
        worst, original = (hashlib.sha256(content).hexdigest() for *_, content in made)
        if worst == original and of.of_sets:
            continue
        if worst == original:
            raise ValueError(
                f"{image.told} looks the same as a 1 and as a 5; calibrate on images with detail"
            )
        if worst in shown or original in shown:
            raise ValueError(f"{image.told} is rated in {study.slug}; calibrate on other images")
        if original not in pairs:  # a check on a copy would not be on an unseen image
            pairs[original] = [_put(image.name, *version) for version in made]
    what = "different images with detail" if of.of_sets else "different images"
    _refuse_fewer(study, of, len(pairs), what)
    return [made for pair in pairs.values() for made in pair]


def needed(study: Study) -> int:
    """How many images a rater of ``study`` sees in a calibration."""
    return study.calibration_examples + study.calibration_checks


def most_used(study: Study) -> int:
    """How many images anchors are made of at most: the first ones that are not left out."""
    return max(MOST_IMAGES, needed(study))


def _of_folder(folder: Path | None) -> list[Image]:
    paths = _found(folder)
    names = _names(folder, paths) if folder else {}
    return [Image(names[path], told(path), partial(_read, path), path) for path in paths]


def _of_sets(sets: Sequence[str]) -> list[Image]:
    """The originals, or what is enlarged, of each set in turn, so that all are among the first."""
    return [
        Image(
            _short(f"{of.name}/{entry.name}"),
            f"{of.name} {entry.name}",
            partial(_looked_at, of, entry),
            image_path(settings.BENCHMARKS_DIR, of.name, entry),
            of.scale,
            entry.sha256,
        )
        for of, entry in _entries(sets)
    ]


def _looked_at(of: Manifest, entry: ImageEntry) -> NDArray[np.uint8]:
    from benchmarks.cases import case  # as in versions

    made = case(settings.BENCHMARKS_DIR, of, entry)
    return made.lr if made.hr is None else made.hr


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


def _refuse_fewer(study: Study, of: Chosen, found: int, what: str) -> None:
    if found < needed(study):
        there = (
            f"{of.where} {found} {what}"
            if of.where
            else f"{advice('calibration folder')} is not set"
        )
        if of.left_out:
            there += " that are not left out"
        raise ValueError(
            f"{study.slug} calibrates its raters on {needed(study)} images and {there}; name a "
            "folder that holds enough, or switch calibration off"
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
    label = told(path)
    if not roots.leads_into(path, roots.of_calibration()):
        raise ValueError(f"{label} is a link that leads out of {roots.CALIBRATION}")
    return read_image(path, label=label)


def versions(image: Image) -> list[tuple[str, NDArray[np.uint8]]]:
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
