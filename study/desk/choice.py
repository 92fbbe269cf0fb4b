"""Which methods a study shows of which set, and what is said of those that are left out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.conf import settings

from benchmarks import datasets, methods
from benchmarks.advice import advice


@dataclass(frozen=True)
class Choice:
    """What a study is to show: ``methods`` by set, and a line about each thing left out."""

    methods: dict[str, tuple[str, ...]]
    remarks: list[str]
    without_references: tuple[str, ...] = ()
    """The sets whose images have no originals."""
    brought_lr: tuple[str, ...] = ()
    """The sets that LR images came with, so that they were made by nobody here."""


def choose(
    wanted: Mapping[str, Sequence[str]], *, named: bool, mixed_scales: bool = False
) -> Choice:
    """Which methods a study shows of which set, of those ``wanted`` of each.

    A method is shown of the sets that are at its scale, the original of those that have originals.
    One that whoever asks has ``named`` is refused if that is none of the sets, or if it has no
    outputs of one that it is for; one of a preset is left out then. Raises ``ValueError`` with a
    sentence for these, for sets of several scales unless ``mixed_scales``, for a set or method
    that is not known, and where fewer than two methods are left of a set.
    """
    folder = settings.BENCHMARKS_DIR
    sets = {name: datasets.manifest(name, folder) for name in wanted}
    if (several := scales(sets.values())) and not mixed_scales:
        raise ValueError(
            f"a study shows images of one scale, and there would be {several}; leave sets out, or "
            + advice("mixed scales")
        )
    chosen, remarks = {}, _shared(sets.values())
    for name, of in sets.items():
        known = methods.chosen(wanted[name], settings.METHODS_DIR)
        left = [each for each in known if each.cannot(of)]
        for each in left:
            elsewhere = not each.is_for(of) and any(map(each.is_for, sets.values()))
            if named and not elsewhere:
                raise ValueError(each.cannot(of))
        chosen[name] = tuple(each.name for each in known if each not in left)
        if left and len(chosen[name]) < 2:
            raise ValueError(
                f"fewer than two methods are left to compare on {name}: {left[0].cannot(of)}; "
                + advice("other methods")
            )
        remarks += _left_out(of, left)
    return Choice(
        chosen,
        remarks,
        tuple(name for name, of in sets.items() if not of.references),
        tuple(name for name, of in sets.items() if of.brings_lr),
    )


def scales(sets: Iterable[datasets.Manifest]) -> str:
    """The sets with their scales, as text, if they are of several; else nothing."""
    found = {of.name: of.scale for of in sets}
    several = len(set(found.values())) > 1
    return ", ".join(f"{name} at x{scale}" for name, scale in found.items()) if several else ""


def _left_out(of: datasets.Manifest, left: Sequence[methods.Method]) -> list[str]:
    """What is said of methods that cannot be shown of a set, those alike in one line."""
    found: dict[str, list[str]] = {}
    for each in left:
        if each.is_original:
            why = "its images have no originals"
        elif each.is_for(of):
            why = "there are no outputs of it"
        else:
            why = f"it is at x{of.scale}, and they are made for x{each.scale}"
        found.setdefault(why, []).append(each.name)
    return [
        f"{of.name} is shown without {' and '.join(some)}: {why}" for why, some in found.items()
    ]


def _shared(sets: Iterable[datasets.Manifest]) -> list[str]:
    """What is said of sets that are the same images at several scales."""
    found: dict[str, list[str]] = {}
    for of in sets:
        found.setdefault(of.base or of.name, []).append(of.name)
    return [
        f"{' and '.join(some)} are the same images: raters see each scene in every one of them, "
        "and other images are kept between two of a scene within a set only"
        for some in found.values()
        if len(some) > 1
    ]
