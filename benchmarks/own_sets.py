"""Image sets of somebody's own: taken from what they have, whole or not at all, and removed."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from benchmarks import datasets, given_lr, scenes
from benchmarks.advice import advice
from benchmarks.datasets import (
    SCALES,
    SHIPPED,
    ImageEntry,
    Manifest,
    at_other_scales,
    image_path,
    load_lr,
    load_verified,
    lr_path,
    manifest,
    unfit,
)
from benchmarks.files import (
    encode_png,
    folder_aside,
    pixel_hash,
    read_image,
    remove_folder,
    sweep,
    write_whole,
)
from benchmarks.material import Found, is_legible, matcher, opened, readable, refuse, stem
from benchmarks.progress import Progress, along
from benchmarks.set_names import check_name, check_text
from sr_models import SCALE

MOST_IMAGES = 5_000
LONGEST_NAME, MOST_BYTES_OF_A_NAME = 100, 200
"""Of an image: characters that the database keeps, and bytes that fit beside a suffix on disk."""
MOST_TOLD = 20
"""Folders that are listed where one of them is to be chosen."""


@dataclass(frozen=True)
class _Taken:
    """What was read: the set, how many files the pattern passed over, and what its LR images are,
    if they came with it."""

    found: Manifest
    passed_over: int
    lr: str = ""


def add(
    name: str,
    source: Path,
    *,
    folder: Path,
    title: str = "",
    license: str = "",
    pattern: str = "",
    scale: int = SCALE,
    references: bool = True,
    lr: Path | None = None,
    lr_pattern: str = "",
    as_they_are: bool = False,
    progress: Progress = True,
    say: Callable[[str], None] = print,
) -> Manifest:
    """Make the images in ``source``, a folder or an archive, the set ``name`` in ``folder``.

    Images are called as their files, or by what stands for the ``{}`` of ``pattern`` (see
    `material.matcher`); what does not match it is passed over. They are originals, and outputs are
    made at ``scale``: from the LR images in ``lr``, a folder or an archive, of files named as
    ``lr_pattern`` says, or from what our own degradation makes. Without ``references`` they are
    what is enlarged themselves. ``as_they_are`` takes images that seem to show the same scene, and
    LR images that seem to be none. A set that is there already with the same images is mended.
    ``say`` hears in the end what was done. Raises ``ValueError`` with everything that is wrong, and
    then nothing was taken.
    """
    if scale not in SCALES:
        raise ValueError(f"there is no scale {scale}; there are {', '.join(map(str, SCALES))}")
    if lr and not references:
        raise ValueError(
            f"{advice('no originals')} says that the images are what is enlarged, and "
            f"{advice('LR')} brings other "
            "images to be enlarged; leave one of them out"
        )
    if lr_pattern and not lr:
        raise ValueError(
            f"{advice('LR pattern')} says which files of {advice('LR')} are meant; name them by "
            f"{advice('LR')}, too"
        )
    check_name(name, folder)
    check_text("title", title)
    check_text("license", license)
    sweep(folder)
    there = _there(name, folder)
    with folder_aside(folder / name) as part:
        asked = Manifest(name, title or name, (), (), license, scale, references)
        taken = _read(source, part, asked, pattern, as_they_are, progress)
        new = taken.found
        if there is not None:
            _check_images(new, there)
        if lr:
            given = given_lr.take(
                lr, new, part, pattern=lr_pattern, as_they_are=as_they_are, progress=progress
            )
            new = replace(new, images=given.images)
            taken = replace(taken, lr=given.sentence)
        if there is None:
            write_whole(part / datasets.OWN, datasets.as_json(new).encode())
            part.rename(folder / name)
            done = ""
        else:
            _check_lr(new, there)
            new = replace(there, title=title or there.title, license=license or there.license)
            mended = _mend(new, there, part, folder)
            done = f"was there already, {mended} of its files were put back; "
    say(f"{name}: {done}{_told(new, folder, taken)}")
    return new


def tell(name: str, folder: Path, *, title: str, license: str) -> Manifest:
    """Tell otherwise of a set of somebody's own; what it was told before, as it was.

    Raises ``ValueError`` for what is no line, and for a set that is shipped or not there.
    """
    check_text("title", title)
    check_text("license", license)
    before = manifest(name, folder)
    if name in SHIPPED or before.base:
        raise ValueError(f"{name} is no set of your own")
    now = replace(before, title=title or name, license=license)
    write_whole(folder / name / datasets.OWN, datasets.as_json(now).encode())
    return before


def remove(name: str, *, folder: Path, outputs_dir: Path) -> None:
    """Remove the set ``name`` of somebody's own, and what methods made of it, at any scale.

    Raises ``ValueError`` for a shipped set and one that is not there.
    """
    if name in SHIPPED:
        raise ValueError(f"{name} comes with this product and cannot be removed")
    if name not in datasets.names(folder):
        own = [each for each in datasets.names(folder) if each not in SHIPPED]
        raise ValueError(
            f"there is no set {name!r} of your own; there {'is ' if len(own) == 1 else 'are '}"
            f"{', '.join(own) or 'none'}"
        )
    others = at_other_scales(name, folder)
    remove_folder(folder / name)
    for each in (name, *others):
        if (outputs_dir / each).is_dir():
            remove_folder(outputs_dir / each)


def _there(name: str, folder: Path) -> Manifest | None:
    """The set that is to be mended, if there is one."""
    path = folder / name
    if (path / datasets.OWN).exists():
        try:
            return manifest(name, folder)
        except ValueError as error:
            raise ValueError(f"{error}; {advice('remove set', name=name)}, and add it") from None
    if path.is_dir() and not any(path.iterdir()):
        return None
    if os.path.lexists(path):
        raise ValueError(f"{path} is there and is no image set; choose another name, or move it")
    return None


def _check_images(new: Manifest, there: Manifest) -> None:
    """Whether what was read is the set that is there, but for LR images."""
    first = f"choose another name, or first {advice('remove set', name=new.name)}"
    if {(e.name, e.sha256) for e in there.images} != {(e.name, e.sha256) for e in new.images}:
        raise ValueError(f"there is a set {new.name} of other images; {first}")
    if there.references != new.references:
        mend = f"{'leave out' if there.references else 'say'} {advice('no originals')}"
        raise ValueError(
            f"there is a set {new.name} {'with' if there.references else 'without'} originals; to "
            f"mend it {mend}, otherwise {first}"
        )
    if there.scale != new.scale:
        also = "" if there.brings_lr else f" (at x{new.scale} it is {new.name}_x{new.scale})"
        raise ValueError(
            f"there is a set {new.name} at x{there.scale}, not x{new.scale}{also}; to mend it say "
            f"{advice('scale', scale=there.scale)}, otherwise {first}"
        )


def _check_lr(new: Manifest, there: Manifest) -> None:
    """Whether the LR images, or none, are those of the set that is there."""
    first = f"choose another name, or first {advice('remove set', name=new.name)}"
    if there.brings_lr and not new.brings_lr:
        raise ValueError(
            f"there is a set {new.name} with which LR images came; to mend it name them by "
            f"{advice('LR')}, otherwise {first}"
        )
    if {(e.name, e.lr_sha256) for e in new.images} != {(e.name, e.lr_sha256) for e in there.images}:
        has = "of other LR images" if there.brings_lr else "with which no LR images came"
        raise ValueError(f"there is a set {new.name} {has}; {first}")


def _mend(new: Manifest, there: Manifest, part: Path, folder: Path) -> int:
    """Put back what is missing or damaged of a set; how many files that were."""
    mended = 0
    for entry in new.images:
        try:
            load_verified(folder, new.name, entry)
        except ValueError:
            (part / f"{entry.name}.png").replace(image_path(folder, new.name, entry))
            mended += 1
        if not entry.lr_sha256:
            continue
        try:
            load_lr(folder, new.name, entry)
        except ValueError:
            target = lr_path(folder, new.name, entry)
            target.parent.mkdir(exist_ok=True)
            (part / datasets.LR / f"{entry.name}.png").replace(target)
            mended += 1
    if new != there:
        write_whole(folder / new.name / datasets.OWN, datasets.as_json(new).encode())
    return mended


def _read(
    source: Path, part: Path, asked: Manifest, pattern: str, as_they_are: bool, progress: Progress
) -> _Taken:
    """Write the images of ``source`` into ``part``; ``ValueError`` with all that is wrong."""
    problems: list[str] = []
    with opened(source, room=part, problems=problems, others=not pattern) as found:
        named = _named(source, found, pattern, problems)
        problems += _wrong_names(named)
        entries, kept, looks = [], [], []
        copies: dict[str, list[str]] = {}
        for name, file in along(named, progress, named=lambda pair: f"reading {pair[0]}"):
            label = readable(file.place)
            try:
                image = read_image(file.path, label=label)
            except ValueError as error:
                problems.append(str(error))
                continue
            height, width, *channels = image.shape
            if reason := unfit(width, height, asked.scale, references=asked.references):
                problems.append(f"{label} is {reason}")
                continue
            sha256 = pixel_hash(image)
            copies.setdefault(sha256, []).append(label)
            if len(copies[sha256]) == 1:
                kept.append(file.place)
                looks.append(scenes.look(image))
            entries.append(ImageEntry(name, width, height, (channels or [1])[0], sha256))
            if not problems:
                write_whole(part / f"{name}.png", encode_png(image))
        problems += [
            f"{_listed(labels)} have the same pixels; one of them is enough"
            for labels in copies.values()
            if len(labels) > 1
        ]
        if not as_they_are:
            problems += _versions(kept, looks, bool(pattern))
        refuse(str(source), problems)
    images = tuple(sorted(entries, key=lambda entry: entry.name))
    return _Taken(replace(asked, images=images), len(found) - len(named))


def _named(
    source: Path, found: Sequence[Found], pattern: str, problems: Sequence[str]
) -> list[tuple[str, Found]]:
    """The files that are meant, each with the name that its image gets."""
    if pattern:
        match = matcher(pattern)
        named = [(name, file) for file in found if (name := match(file.place)) is not None]
        if found and not named:
            raise ValueError(
                f"{source}: none of {len(found)} files is like the pattern {pattern!r}; the first "
                f"is {readable(found[0].place)}"
            )
    else:
        folders = Counter(file.place.parent for file in found)
        if len(folders) > 1:
            refuse(str(source), [*problems, _several(source, folders)])
        named = [(PurePosixPath(stem(file.place)).name, file) for file in found]
    if len(named) > MOST_IMAGES:
        raise ValueError(
            f"{source} holds {len(named)} images, and a set has at most {MOST_IMAGES}; choose some"
        )
    return named


def _several(source: Path, folders: Counter[PurePosixPath]) -> str:
    told = [f"{readable(place)} ({number})" for place, number in sorted(folders.items())]
    if len(told) > MOST_TOLD:
        told = [*told[:MOST_TOLD], f"{len(told) - MOST_TOLD} more"]
    below = [place for place in sorted(folders) if place.name]
    originals = [place for place in below if place.name.lower() in scenes.ORIGINALS]
    example = f"{advice('pattern')} '{readable((originals or below)[0])}/{{}}'"
    choose = f"name one of them, or give {example}" if source.is_dir() else f"choose, as {example}"
    return f"its images lie in {len(folders)} folders: {', '.join(told)}; {choose}"


def _wrong_names(named: Sequence[tuple[str, Found]]) -> list[str]:
    problems = []
    alike: dict[str, list[str]] = {}
    for name, file in named:
        label = readable(file.place)
        alike.setdefault(name.casefold(), []).append(label)
        if not is_legible(name) or name != name.strip() or name.startswith(".") or "\\" in name:
            problems.append(
                f"{label} gives no name for an image: it needs legible signs alone, no backslash, "
                "and no dot or space at its ends; rename it"
            )
        elif len(name) > LONGEST_NAME or len(name.encode()) > MOST_BYTES_OF_A_NAME:
            problems.append(
                f"{label} has too long a name: {LONGEST_NAME} characters at the most, "
                f"{MOST_BYTES_OF_A_NAME} bytes in UTF-8; rename it"
            )
    return problems + [
        f"{_listed(labels)} give the same name, upper and lower case being one; rename all but one"
        for labels in alike.values()
        if len(labels) > 1
    ]


def _versions(
    places: Sequence[PurePosixPath], looks: Sequence[scenes.Look], chosen: bool
) -> list[str]:
    """A sentence for each group of images that seem to be versions of one another."""
    groups = scenes.same_scene(looks)
    pattern = ""
    if groups and not chosen:
        pattern = scenes.pattern_of_originals([place.stem for place in places], groups)
    chosen_by, all_by = advice("pattern"), advice("as they are")
    told = f"keep the originals alone ({chosen_by} chooses them), or take all by {all_by}"
    if pattern:
        told = f"{chosen_by} '{readable(pattern)}' takes the originals alone, {all_by} all of them"
    return [
        f"{_listed([readable(places[each]) for each in group])} seem to show one scene; {told}"
        for group in groups
    ]


def _listed(labels: Sequence[str]) -> str:
    return f"{', '.join(labels[:-1])} and {labels[-1]}"


def _told(found: Manifest, folder: Path, taken: _Taken) -> str:
    """A set in a line: what it holds, where it lies, what comes next."""
    images, scale = found.images, found.scale
    colour = sum(entry.channels == 3 for entry in images)
    kinds = [f"{colour} in colour"] * (colour > 0)
    kinds += [f"{len(images) - colour} in grey"] * (colour < len(images))
    sizes = sorted({(e.width * e.height, e.width, e.height) for e in images})
    spans = [f"{width}x{height}" for _, width, height in dict.fromkeys((sizes[0], sizes[-1]))]
    said = (
        f"{len(images)} image{'s' * (len(images) > 1)} ({', '.join(kinds)}; "
        f"{' to '.join(spans)} px) in {folder / found.name}"
    )
    said += f", at x{scale}" * (scale != SCALE)
    cropped = sum(bool(e.width % scale or e.height % scale) for e in images)
    if cropped and found.references:
        most = f"1 to {scale - 1}" if scale > 2 else "1"
        said += f"; {cropped} will be cropped by {most} px to a multiple of {scale}"
    if taken.passed_over:
        said += f"; {taken.passed_over} other files are not like the pattern"
    if not found.references:
        said += (
            f"; they are what is enlarged by {scale}, and have no originals: there will be no "
            "PSNR, SSIM, LPIPS or DISTS, no hidden reference hr, and no DMOS"
        )
    said += f"; {taken.lr}" * bool(taken.lr)
    return (
        f"{said}. Next: python manage.py generate --sets {found.name}, or python manage.py "
        "add_method with outputs of your own"
    )
