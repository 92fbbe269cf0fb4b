"""What a draft is to show: its wish, which may ask for outputs that are not made, and its rows.

A wish is ``{SET: {"methods": [names], "without": [names of images]}}``. Rows are laid of it as far
as outputs are there; a study whose wish is ``None`` has rows alone, as commands and the admin make
it, and they stay as they are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from django.conf import settings
from django.db import transaction

from benchmarks import datasets, methods
from benchmarks.advice import advice
from benchmarks.datasets import ImageEntry, Manifest
from benchmarks.methods import Method
from benchmarks.outputs import told
from study.desk import choice, jobs, stimuli
from study.models import Deed, Job, Stimulus, Study, StudyStimulus
from study.models.deeds import By, by_command, note

Wish = dict[str, dict[str, list[str]]]
Cell = tuple[str, str]
"""A set and a method."""
Key = tuple[str, str, str]
"""A set, a method, and the name of an image."""

LR_CAME_WITH = "lr_images_came_with"
"""What the log says of sets whose LR images were not made here, where it says what is shown."""


class Case(NamedTuple):
    """One stimulus that is wished for."""

    of: Manifest
    method: Method
    entry: ImageEntry

    @property
    def key(self) -> Key:
        """Its names."""
        return self.of.name, self.method.name, self.entry.name


def wish(wanted: Mapping[str, Sequence[str]]) -> Wish:
    """A wish for all images of sets, by their methods."""
    return tidy({name: {"methods": [*some], "without": []} for name, some in wanted.items()})


def wish_of(study: Study) -> Wish:
    """What ``study`` is to show; where nobody has wished for anything, what its rows come to."""
    if study.wanted is not None:
        found: Wish = study.wanted
        return found
    images: dict[str, set[str]] = defaultdict(set)
    some: dict[str, dict[str, None]] = defaultdict(dict)
    for set_name, method, image in rows(study):
        images[set_name].add(image)
        some[set_name][method] = None
    manifests = known_sets(images)
    return tidy(
        {
            name: {
                "methods": [*some[name]],
                "without": [
                    each.name
                    for each in (manifests[name].images if name in manifests else ())
                    if each.name not in images[name]
                ],
            }
            for name in images
        }
    )


def tidy(wanted: Mapping[str, Mapping[str, Sequence[str]]]) -> Wish:
    """A wish in the order of the catalogue, without sets of which nothing is wished for."""
    of_sets = {name: place for place, name in enumerate(datasets.names(settings.BENCHMARKS_DIR))}
    of_methods = {name: at for at, name in enumerate(methods.methods(settings.METHODS_DIR))}
    last = len(of_sets), len(of_methods)
    base = datasets.base_of
    found: Wish = {}
    for name in sorted(
        wanted, key=lambda each: (of_sets.get(base(each, settings.BENCHMARKS_DIR), last[0]), each)
    ):
        told_of = wanted[name]
        some = dict.fromkeys(told_of["methods"])
        if some:
            ordered = sorted(some, key=lambda each: (of_methods.get(each, last[1]), each))
            found[name] = {"methods": ordered, "without": sorted(set(told_of["without"]))}
    return found


def known_sets(names: Mapping[str, Any] | set[str]) -> dict[str, Manifest]:
    """The manifests of those of the sets that are in the catalogue."""
    found = {}
    for name in names:
        try:
            found[name] = datasets.manifest(name, settings.BENCHMARKS_DIR)
        except ValueError:
            continue
    return found


def problem(wanted: Wish, *, mixed_scales: bool) -> str:
    """Why a study cannot show what is wished for, as a sentence; empty if it can, or shows nothing.

    Whether the outputs are there is another question, see `lacking`.
    """
    sets, known = known_sets(wanted), methods.methods(settings.METHODS_DIR)
    for name, told_of in wanted.items():
        gone = [each for each in told_of["methods"] if each not in known]
        if name not in sets:
            return f"the set {name} is no longer in the catalogue; take it out"
        if gone:
            return f"{' and '.join(gone)} of {name}: no longer in the catalogue; take it out"
        for each in told_of["methods"]:
            if said := known[each].cannot(sets[name]):
                return said
        if len(told_of["methods"]) < 2:
            return (
                f"{name} would be shown by {told_of['methods'][0]} alone, with nothing to compare "
                "it with; choose another method, or leave the set out"
            )
        if len(told_of["without"]) >= len(sets[name].images):
            return f"no image of {name} is left; choose some, or leave the set out"
    if (scales := choice.scales(sets.values())) and not mixed_scales:
        return (
            f"a study shows images of one scale, and there would be {scales}; leave sets out, or "
            "mix scales on purpose"
        )
    return ""


def remarks(wanted: Wish) -> list[str]:
    """What there is to know of a wish that can be shown, see `choice.choose`."""
    some = {name: told_of["methods"] for name, told_of in wanted.items()}
    return choice.choose(some, named=True, mixed_scales=True).remarks if some else []


def cases(wanted: Wish) -> Iterator[Case]:
    """The stimuli of a wish; what is gone from the catalogue has none."""
    known = methods.methods(settings.METHODS_DIR)
    for name, of in known_sets(wanted).items():
        without = set(wanted[name]["without"])
        for method in wanted[name]["methods"]:
            for entry in of.images if method in known else ():
                if entry.name not in without:
                    yield Case(of, known[method], entry)


def count(study: Study) -> int:
    """How many images ``study`` shows once all that is wished for is there."""
    if study.wanted is None:
        return study.stimuli.count()
    return sum(1 for _ in cases(study.wanted))


def keys(study: Study) -> list[Key]:
    """The names of all that ``study`` shows once what is wished for is there."""
    if study.wanted is None:
        return [*rows(study)]
    return [case.key for case in cases(study.wanted)]


def lacking(study: Study, wanted: Wish | None = None, *, laid: bool = True) -> dict[Cell, int]:
    """How many images of each cell are not there, of ``wanted`` or what ``study`` wishes for.

    There is what has a row; and, unless only what is ``laid`` counts, what has an output.
    """
    if wanted is None:
        wanted = study.wanted or {}
    there, found = set(rows(study)), dict[Cell, int]()
    for case in cases(wanted):
        if case.key in there or (not laid and checksum(case)):
            continue
        cell = case.key[:2]
        found[cell] = found.get(cell, 0) + 1
    for name, told_of in wanted.items():  # what is gone has no images to count
        for method in told_of["methods"]:
            if name not in known_sets({name}) or method not in methods.methods(
                settings.METHODS_DIR
            ):
                found[name, method] = 1
    return found


def said(cells: Mapping[Cell, int]) -> str:
    """Which outputs are missing: "24 by srgan on BSD100, 5 by drcn on Set5"."""
    return ", ".join(f"{number} by {method} on {of}" for (of, method), number in cells.items())


def checksum(case: Case) -> str:
    """That of the output of a case, as its record tells; empty if there is none that is current."""
    return told(settings.OUTPUTS_DIR, case.of, case.entry, case.method)


def lay(study: Study, *, by: By | None = None) -> list[str]:
    """Make the rows of a draft what it wishes for, as far as outputs are there; what was wrong.

    Idempotent. A cell is laid once all its outputs are there; until then rows that it has stay.
    Files are put in place first, then rows are stored, then named in one short transaction, unless
    the wish was changed meanwhile: whoever changed it lays it. Written into the log if it changed
    any row, ``by`` whom; whoever runs the command, if not given.
    """
    study.refresh_from_db()
    wanted: Wish | None = study.wanted
    if wanted is None or study.frozen:
        return []
    current = _current(study)
    of_cell: dict[Cell, list[Case]] = defaultdict(list)
    for case in cases(wanted):
        of_cell[case.key[:2]].append(case)
    keep, placed, wrong = set[int](), list[stimuli.Placed](), list[str]()
    for some in of_cell.values():
        made = {case.key: checksum(case) for case in some}
        old = {key: current[key] for key in made if key in current}
        fresh = (
            [key for key in made if made[key] not in old.get(key, {})] if all(made.values()) else []
        )
        try:
            placed += _prepare(fresh)
        except ValueError as error:
            wrong.append(str(error))
            fresh = []
        stays = [key for key in old if key not in fresh]
        keep |= {old[key].get(made[key], next(iter(old[key].values()))) for key in stays}
    keep |= {stimulus.pk for stimulus in stimuli.store(placed)}
    _name(study, wanted, keep, by or by_command())
    return wrong


def _prepare(fresh: Sequence[Key]) -> list[stimuli.Placed]:
    """The files of images of one cell, put in place."""
    if not fresh:
        return []
    (set_name, method, _), images = fresh[0], {image for *_, image in fresh}
    return stimuli.prepare((set_name,), (method,), images=images)


def _name(study: Study, wanted: Wish, keep: set[int], by: By) -> None:
    """Let the rows of a draft be those of the stimuli to ``keep``."""
    with transaction.atomic():
        study.refresh_from_db()
        if study.frozen or study.wanted != wanted:
            return
        showing = StudyStimulus.objects.filter(study=study)
        there = set(showing.values_list("stimulus", flat=True))
        if there == keep:
            return
        showing.filter(stimulus__in=there - keep).delete()
        StudyStimulus.objects.bulk_create(
            (StudyStimulus(study=study, stimulus_id=pk) for pk in sorted(keep - there)),
            batch_size=stimuli.ROWS_AT_A_TIME,
        )
        came = [name for name, of in known_sets(wanted).items() if of.brings_lr]
        number = [len(there), len(keep)]
        note(Deed.Kind.CHANGED, by=by, study=study, stimuli=number, **{LR_CAME_WITH: came})


def lay_all(*, by: By | None = None) -> None:
    """Lay all drafts that wait for outputs: some may have been made."""
    for study in Study.objects.filter(state=Study.State.DRAFT, wanted__isnull=False):
        if lacking(study):
            lay(study, by=by)


def have_made(study: Study, *, by: By) -> list[Job]:
    """Ask for the outputs that a draft waits for, those and no others; the jobs."""
    of_set: dict[str, list[str]] = defaultdict(list)
    for of, method in lacking(study):
        of_set[of].append(method)
    alike: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for of, some in of_set.items():
        alike[tuple(some)].append(of)
    return [
        jobs.ask(Job.Kind.GENERATE, by=by, study=study, sets=sets, methods=[*some])
        for some, sets in alike.items()
    ]


def refuse_incomplete(study: Study, *, by: By | None = None) -> None:
    """Lay a draft; raise ``ValueError`` naming what is wished for and not there."""
    if study.wanted is None or study.frozen:
        return
    wrong = lay(study, by=by)
    if cells := lacking(study):
        sets, some = dict.fromkeys(of for of, _ in cells), dict.fromkeys(name for _, name in cells)
        raise ValueError(
            f"{study.slug} is to show {sum(cells.values())} images that are not there yet "
            f"({said(cells)}): have them made, or "
            f"{advice('make these', sets=' '.join(sets), methods=' '.join(some))} makes them"
            f"{'; '.join(['', *wrong])}"
        )


def lr_came_with(study: Study) -> list[str]:
    """The sets of ``study`` whose LR images came with them, as the log tells."""
    for details in study.deeds.order_by("-pk").values_list("details", flat=True):
        if LR_CAME_WITH in details:
            return [str(name) for name in details[LR_CAME_WITH]]
    return []


def rows(study: Study) -> Iterator[Key]:
    """What ``study`` shows by its rows, in the order of tables."""
    found = study.stimuli.order_by("source__dataset", "method__place", "source__name")
    yield from found.values_list("source__dataset__name", "method__name", "source__name")


def _current(study: Study) -> dict[Key, dict[str, int]]:
    """Keys of the stimuli of ``study``, by what they show and by checksum."""
    found: dict[Key, dict[str, int]] = defaultdict(dict)
    showing = Stimulus.objects.filter(studystimulus__study=study).order_by("pk")
    for pk, sha256, *key in showing.values_list(
        "pk", "sha256", "source__dataset__name", "method__name", "source__name"
    ):
        found[key[0], key[1], key[2]][sha256] = pk
    return found
