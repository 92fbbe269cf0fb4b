"""From output files to stimuli in the database: what `generate` made becomes what raters see.

Files are read, checked and copied first, which takes seconds; then their rows are stored, which
takes the database's one lock for a moment.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import groupby
from pathlib import Path

from django.conf import settings
from django.db import transaction

from benchmarks import datasets, perceptual
from benchmarks import methods as methods_
from benchmarks.datasets import Manifest
from benchmarks.files import write_whole
from benchmarks.measures import COMPUTED, Value
from benchmarks.outputs import Output, Report, generate, read_outputs
from benchmarks.progress import Progress, along
from benchmarks.records import read_record, values
from sr_models import SCALE
from study.models import (
    Dataset,
    Deed,
    Measure,
    Method,
    SourceImage,
    Stimulus,
    StimulusMeasure,
    Study,
    StudyStimulus,
)
from study.models.deeds import By, by_command, note

FILE = ("sha256", "length", "width", "height")
"""Fields of a stimulus that say what its file is."""

FILES_AT_A_TIME = 8
"""Written at once: a disk takes several as soon as one."""
ROWS_AT_A_TIME = 200
"""In one transaction: the lock that votes need is held for hundredths of a second."""


def make_outputs(
    sets: Sequence[str],
    methods: Sequence[str] | None,
    *,
    device: str = "auto",
    progress: Progress = True,
    unasked: bool = False,
    say: Callable[[str], object] = print,
) -> Report:
    """Make and measure what is missing of ``methods`` over ``sets`` in ``OUTPUTS_DIR``.

    Without ``methods``: of all that there are. Weights that measures need are brought before, none
    that take long where nobody has asked for them (``unasked``); ``say`` hears of a download.
    ``remarks`` of the report tell what could not be measured.
    """
    weights = settings.PERCEPTUAL_WEIGHTS_DIR
    bring = partial(
        perceptual.bring, folder=weights, fetch=settings.FETCH_WEIGHTS, unasked=unasked, say=say,
        progress=progress is True,
    )  # fmt: skip
    return generate(
        benchmarks_dir=settings.BENCHMARKS_DIR,
        methods_dir=settings.METHODS_DIR,
        outputs_dir=settings.OUTPUTS_DIR,
        sets=sets,
        methods=methods,
        device=device,
        perceptual_dir=weights,
        bring_weights=bring,
        progress=progress,
    )


def measure(study: Study, *, by: By | None = None, progress: Progress = False) -> int:
    """Give the stimuli of ``study`` what is known of their very files by now; how many figures.

    What was known stays. Written into the log of every study that shows any of them, ``by`` whom;
    whoever runs the command, if not given.
    """
    there = StimulusMeasure.objects.filter(stimulus__studystimulus__study=study)
    known = set(there.values_list("stimulus", "measure__name"))
    found = []
    shown_ones = list(study.stimuli.select_related("source__dataset", "method"))
    for stimulus in along(shown_ones, progress, named=lambda each: each.source.name):
        record = read_record(output_of(stimulus))
        if record.get("sha256") == stimulus.sha256:
            fresh = {
                name: value
                for name, value in values(record).items()
                if (stimulus.pk, name) not in known
            }
            found += [(stimulus, fresh)] if fresh else []
    if not found:
        return 0
    fresh_of = {stimulus.pk: fresh for stimulus, fresh in found}
    with transaction.atomic():
        _measure(found)
        shown = StudyStimulus.objects.filter(stimulus__in=fresh_of).order_by("study", "pk")
        for each, rows in groupby(shown.select_related("study"), key=lambda row: row.study):
            mine = [fresh_of[row.stimulus_id] for row in rows]
            names = ", ".join(dict.fromkeys(name for some in mine for name in some))
            note(
                Deed.Kind.MEASURED, by=by or by_command(), study=each, measures=names,
                figures=sum(map(len, mine)),
            )  # fmt: skip
    return sum(map(len, fresh_of.values()))


def output_of(stimulus: Stimulus) -> Path:
    """Where the output lies that a stimulus is a copy of, if it has not been made anew since."""
    source = stimulus.source
    folder = Path(settings.OUTPUTS_DIR, source.dataset.name, stimulus.method.name)
    return folder / f"{source.name}.png"


@dataclass(frozen=True)
class Placed:
    """A file that lies in ``STIMULI_DIR``, and what the database is to say of it."""

    dataset: str
    title: str
    """Of the image set, should it be new; so are ``scale`` and ``references``."""
    image: str
    method: str
    sha256: str
    length: int
    """Bytes of the file."""
    width: int
    height: int
    measures: Mapping[str, Value] = field(default_factory=dict)
    """Replace what was known of the same file; what is not named stays."""
    scale: int = SCALE
    references: bool = True


def prepare(
    sets: Sequence[str], methods: Sequence[str], *, images: Collection[str] | None = None
) -> list[Placed]:
    """Put the outputs of ``methods`` over ``sets`` in place, to be stored as stimuli.

    ``images``: of these alone, by name, if given.
    Takes seconds and no lock of the database. Raises ``ValueError`` naming what has not been
    generated.
    """
    outputs = read_outputs(
        settings.OUTPUTS_DIR,
        sets=sets,
        methods=methods,
        images=images,
        benchmarks_dir=settings.BENCHMARKS_DIR,
        methods_dir=settings.METHODS_DIR,
    )
    # Read here: what refuses a set advises in the words of this thread alone.
    of = {
        name: datasets.manifest(name, settings.BENCHMARKS_DIR)
        for name in {each.set for each in outputs}
    }
    with ThreadPoolExecutor(FILES_AT_A_TIME) as writers:
        return list(writers.map(lambda output: _put(output, of[output.set]), outputs))


def _put(output: Output, of: Manifest) -> Placed:
    content = output.path.read_bytes()
    if hashlib.sha256(content).hexdigest() != output.sha256:
        raise ValueError(f"{output.path} changed while it was read; do it once more")
    placed = put(
        content,
        dataset=output.set,
        title=of.title,
        image=output.image,
        method=output.method,
        size=(output.width, output.height),
        measures=output.measures,
    )
    return replace(placed, scale=of.scale, references=of.references)


def put(
    content: bytes,
    *,
    dataset: str,
    title: str,
    image: str,
    method: str,
    size: tuple[int, int],
    measures: Mapping[str, Value] | None = None,
) -> Placed:
    """Write ``content``, a PNG of ``size`` (width, height), to where nothing overwrites it.

    ``method`` made it from ``image``. The file lies under its checksum, whole or not at all: one
    that no row comes to name does no harm.
    """
    sha256 = hashlib.sha256(content).hexdigest()
    path = Stimulus(sha256=sha256).path
    if not path.is_file() or path.read_bytes() != content:
        write_whole(path, content)
    return Placed(dataset, title, image, method, sha256, len(content), *size, measures or {})


def store(placed: Sequence[Placed]) -> list[Stimulus]:
    """The stimuli whose files are ``placed``, in that order: rows alone, no file is touched.

    In pieces, between which others can write. Rows that no study comes to name do no harm.
    """
    with transaction.atomic():
        sources, methods = _sources(placed), _methods(placed)
    keys = [
        (sources[each.dataset, each.image], methods[each.method], each.sha256) for each in placed
    ]
    rows = [
        Stimulus(
            source_id=source,
            method_id=method,
            **{name: getattr(each, name) for name in FILE},
        )
        for each, (source, method, _) in zip(placed, keys, strict=True)
    ]
    for start in range(0, len(rows), ROWS_AT_A_TIME):
        Stimulus.objects.bulk_create(
            rows[start : start + ROWS_AT_A_TIME],
            update_conflicts=True,
            unique_fields=["source", "method", "sha256"],
            update_fields=FILE[1:],
        )
    there = Stimulus.objects.filter(source__in=set(sources.values()))
    known = {
        (row.source_id, row.method_id, row.sha256): row
        for row in there.select_related("source__dataset", "method")
    }
    stored = [known[key] for key in keys]
    _measure([(row, each.measures) for row, each in zip(stored, placed, strict=True)])
    return stored


def _measure(found: Sequence[tuple[Stimulus, Mapping[str, Value]]]) -> None:
    """Write down what measures say of stimuli, in pieces as their rows."""
    names = {name for _, known in found for name in known}
    if not names:
        return
    Measure.objects.bulk_create(
        (
            Measure(
                name=name, title=each.title, higher_is_better=each.higher_is_better,
                decimals=each.decimals, place=place,
            )
            for place, (name, each) in enumerate(COMPUTED.items())
            if name in names
        ),
        update_conflicts=True,
        unique_fields=["name"],
        update_fields=["title", "higher_is_better", "decimals", "place"],
    )  # fmt: skip
    measures = dict(Measure.objects.filter(name__in=names).values_list("name", "pk"))
    rows = {
        (stimulus.pk, name): StimulusMeasure(
            stimulus=stimulus,
            measure_id=measures[name],
            version=str(value.version),
            value=value.value,
        )
        for stimulus, known in found
        for name, value in known.items()
    }
    every = list(rows.values())
    for start in range(0, len(every), ROWS_AT_A_TIME):
        StimulusMeasure.objects.bulk_create(
            every[start : start + ROWS_AT_A_TIME],
            update_conflicts=True,
            unique_fields=["stimulus", "measure"],
            update_fields=["version", "value"],
        )


def _sources(placed: Sequence[Placed]) -> dict[tuple[str, str], int]:
    """Keys of the source images by set and name, made where they are new.

    Raises ``ValueError`` for a set that a study shows as one at another scale, or with originals
    where it has none now.
    """
    named = {each.dataset: each for each in placed}
    for row in Dataset.objects.filter(name__in=named):
        _follow(row, named[row.name])
    Dataset.objects.bulk_create(
        (
            Dataset(name=name, title=each.title, scale=each.scale, references=each.references)
            for name, each in named.items()
        ),
        ignore_conflicts=True,
    )
    keys = dict(Dataset.objects.filter(name__in=named).values_list("name", "pk"))
    SourceImage.objects.bulk_create(
        (
            SourceImage(dataset_id=keys[name], name=image)
            for name, image in dict.fromkeys((each.dataset, each.image) for each in placed)
        ),
        ignore_conflicts=True,
    )
    rows = SourceImage.objects.filter(dataset__in=keys.values())
    return {
        (name, image): pk for name, image, pk in rows.values_list("dataset__name", "name", "pk")
    }


def _follow(row: Dataset, now: Placed) -> None:
    """Let the row of a set say what the set is now: another of its name may have been here."""
    if (row.scale, row.references) == (now.scale, now.references):
        return
    if StudyStimulus.objects.filter(stimulus__source__dataset=row).exists():
        originals = "with" if row.references else "without"
        raise ValueError(
            f"a study shows {row.name} as a set at x{row.scale} {originals} originals, which it is "
            "no more; add these images under another name"
        )
    row.scale, row.references = now.scale, now.references
    row.save(update_fields=["scale", "references"])


def _methods(placed: Sequence[Placed]) -> dict[str, int]:
    """Keys of the methods by name, each with the title and place that it has now."""
    names = {each.method for each in placed}
    known = methods_.methods(settings.METHODS_DIR)
    Method.objects.bulk_create(
        (
            Method(name=name, title=method.title, place=method.place)
            for name, method in known.items()
            if name in names
        ),
        update_conflicts=True,
        unique_fields=["name"],
        update_fields=["title", "place"],
    )
    return dict(Method.objects.filter(name__in=names).values_list("name", "pk"))
