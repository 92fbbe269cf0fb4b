"""A study's images side by side: one source by all methods, and what is not there.

For researchers alone: here the methods are named. The files themselves are fetched by their
checksums, at addresses that tell nothing; the preview of raters' pages has the same ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from django.conf import settings
from django.core import signing
from django.urls import reverse

from benchmarks import methods
from study.desk import shown
from study.models import Method, Stimulus, StimulusMeasure, Study
from study.rating import showing

NAMED = 3
"""Images that are named where some are missing; of more the number is told."""


@dataclass(frozen=True)
class Source:
    """A scene that a study shows."""

    pk: int
    dataset: str
    image: str
    thumbnail: str
    """The address of one of its versions, small."""
    versions: int

    @property
    def name(self) -> str:
        """As in addresses."""
        return f"{self.dataset}/{self.image}"


@dataclass(frozen=True)
class Pane:
    """One method's version of a source; ``fault`` says why there is no image."""

    title: str
    fault: str = ""
    address: str = ""
    width: int = 0
    height: int = 0
    figures: Sequence[tuple[str, str]] = ()
    method: str = ""


class Missing(NamedTuple):
    """Images of a set that a study is to show by a method, and does not have."""

    dataset: str
    method: str
    title: str
    """The method's."""
    images: tuple[str, ...]
    of: int
    """Images of that set in the study."""

    @property
    def told(self) -> str:
        """In words, for a list."""
        if len(self.images) == self.of:
            return f"{self.title} of {self.dataset}, all {self.of} images"
        if len(self.images) <= NAMED:
            return f"{self.title} of {self.dataset}: {', '.join(self.images)}"
        return f"{self.title} of {self.dataset}, {len(self.images)} of {self.of} images"


def sources(study: Study) -> list[Source]:
    """The scenes of ``study``, in the order of tables."""
    rows = study.stimuli.order_by("source__dataset", "source__name", "source", "-method__place")
    found: dict[int, Source] = {}
    for pk, dataset, image, sha256 in rows.values_list(
        "source", "source__dataset__name", "source__name", "sha256"
    ):
        there = found.get(pk)
        picture = there.thumbnail if there else reverse("study_small", args=[study.slug, sha256])
        found[pk] = Source(pk, dataset, image, picture, there.versions + 1 if there else 1)
    return list(found.values())


def panes(study: Study, source: Source) -> list[Pane]:
    """What every method that ``study`` shows of that set made of this source.

    Files are read: one that is missing or was altered is said to be.
    """
    versions = study.stimuli.filter(source=source.pk).select_related("method")
    there: dict[str, list[Stimulus]] = {}
    for stimulus in versions.order_by("method__place", "pk"):
        there.setdefault(stimulus.method.name, []).append(stimulus)
    figures = _figures(stimulus for some in there.values() for stimulus in some)
    titles = _methods(study, source.dataset)
    found = []
    for name, title in titles.items():
        if name not in there:
            found.append(Pane(title, "There is no output of this image.", method=name))
        found += [_pane(study, each, figures.get(each.pk, [])) for each in there.get(name, [])]
    return found


def _pane(study: Study, stimulus: Stimulus, figures: Sequence[tuple[str, str]]) -> Pane:
    fault = ""
    try:
        showing.content_of(stimulus)
    except showing.Faulty as problem:
        fault = str(problem)
    return Pane(
        stimulus.method.title,
        fault,
        address(study, stimulus),
        stimulus.width,
        stimulus.height,
        figures,
        stimulus.method.name,
    )


def _figures(versions: Iterable[Stimulus]) -> dict[int, list[tuple[str, str]]]:
    """What measures say, by the key of the stimulus, in the order of tables."""
    rows = StimulusMeasure.objects.filter(stimulus__in=[each.pk for each in versions])
    found: dict[int, list[tuple[str, str]]] = {}
    for row in rows.select_related("measure").order_by("measure__place", "measure__name"):
        said = "∞" if row.value == float("inf") else f"{row.value:.{row.measure.decimals}f}"
        found.setdefault(row.stimulus_id, []).append((row.measure.title, said.replace("-", "−")))
    return found


def _methods(study: Study, dataset: str) -> dict[str, str]:
    """Titles of the methods of which a study shows, or is to show, outputs of a set, by name."""
    rows = Method.objects.filter(
        stimuli__studystimulus__study=study, stimuli__source__dataset__name=dataset
    )
    found = dict(rows.distinct().order_by("place").values_list("name", "title"))
    wished = _wish(study).get(dataset, {}).get("methods", [])
    return found | {name: _title(name) for name in wished if name not in found}


def _title(name: str) -> str:
    known = methods.methods(settings.METHODS_DIR).get(name)
    return known.title if known else name


def _wish(study: Study) -> shown.Wish:
    """What a draft is to show; nothing where that is what it shows already."""
    return {} if study.frozen else study.wanted or {}


def missing(study: Study) -> list[Missing]:
    """What ``study`` is to show and does not have, by set and method.

    Of a draft with a wish that is what it wishes for; of every study a version of a source that
    its methods made of the others of the set.
    """
    there: dict[str, dict[str, set[str]]] = {}
    for dataset, method, image in shown.rows(study):
        there.setdefault(dataset, {}).setdefault(method, set()).add(image)
    expected: dict[str, dict[str, dict[str, None]]] = {}
    for dataset, made in there.items():
        images = dict.fromkeys(sorted({image for some in made.values() for image in some}))
        expected[dataset] = dict.fromkeys(made, images)
    wish = _wish(study)
    expected |= {dataset: {} for dataset in wish}
    for case in shown.cases(wish):
        dataset, method, image = case.key
        expected[dataset].setdefault(method, {})[image] = None
    found = []
    for dataset, of_methods in expected.items():
        titles = _methods(study, dataset)
        for method, images in of_methods.items():
            lacking = [
                each for each in images if each not in there.get(dataset, {}).get(method, ())
            ]
            if lacking:
                told = (titles.get(method, method), tuple(lacking), len(images))
                found.append(Missing(dataset, method, *told))
    return found


# ---- Files ----


def address(study: Study, stimulus: Stimulus) -> str:
    """Where the researchers of ``study`` get an image, by its checksum.

    That of an image which no row names is signed: only a page of this study can have handed it out.
    """
    name = stimulus.sha256 if stimulus.pk else _signer(study).sign(stimulus.sha256)
    return reverse("study_image", args=[study.slug, name])


def found(study: Study, name: str) -> Stimulus | None:
    """The image that an address names, if it is one of ``study``."""
    if ":" in name:
        try:
            return Stimulus(sha256=_signer(study).unsign(name))
        except signing.BadSignature:
            return None
    row = study.stimuli.filter(sha256=name).first()
    anchor = study.anchors.filter(stimulus__sha256=name).select_related("stimulus").first()
    return row or (anchor.stimulus if anchor else None)


def _signer(study: Study) -> signing.Signer:
    return signing.Signer(salt=f"calibration images of study {study.pk}")
