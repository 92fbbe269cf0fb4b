"""Run methods over image sets into ``outputs_dir/SET/METHOD/IMAGE.png`` and measure the results.

Beside each PNG lies a record, ``IMAGE.json``, written after it: what the image was made from and
by, the checksum of the file and its measures. A PNG counts once its record agrees with it, with
the manifest and with the method as it is now. So a kill at any point loses at most the image in
hand, a rerun makes only what is missing, and new weights make a method's outputs anew.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks import datasets
from benchmarks.advice import advice
from benchmarks.cases import Case, case, output_size
from benchmarks.datasets import ImageEntry, Manifest, manifest
from benchmarks.files import encode_png, read_image, sweep, write_whole
from benchmarks.measures import COMPUTED, Function, Value
from benchmarks.methods import Image, Maker, Method, chosen
from benchmarks.perceptual import Network
from benchmarks.progress import Progress, counted
from benchmarks.records import (
    FILE,
    Lack,
    Record,
    checksum,
    lack_of,
    output_path,
    read_record,
    unmeasured,
    values,
)
from sr_models import SCALE

DEVICES = ("auto", "cpu", "cuda")


@dataclass(frozen=True)
class Output:
    """A whole, checked output. ``sha256`` is that of the PNG file's bytes.

    ``measures`` has no entry for what was not measured.
    """

    set: str
    image: str
    method: str
    path: Path
    sha256: str
    width: int
    height: int
    measures: Mapping[str, Value]


@dataclass(frozen=True)
class Report:
    """What ``generate`` did: outputs made or measured, outputs left as they were, a line for each
    image that could not be used, and what else there is to say.
    """

    done: int
    skipped: int
    failed: list[str]
    remarks: list[str] = field(default_factory=list)

    @property
    def sentence(self) -> str:
        """What was done, for people."""
        return f"{self.done} outputs made, {self.skipped} were there already"


@dataclass(frozen=True)
class _Job:
    """One image of a set, what its outputs lack, by method, and the measures that it has.

    ``todo``: those of them that any of the outputs lacks.
    """

    of: Manifest
    entry: ImageEntry
    lacks: dict[str, Lack]
    measured: Sequence[str]
    todo: set[str]

    @property
    def pixels(self) -> int:
        """Of an output."""
        return math.prod(output_size(self.of, self.entry))


def generate(
    *,
    benchmarks_dir: Path,
    outputs_dir: Path,
    sets: Sequence[str],
    methods: Sequence[str] | None,
    methods_dir: Path | None = None,
    device: str = "auto",
    perceptual_dir: Path | None = None,
    bring_weights: Callable[[Network], object] | None = None,
    progress: Progress = True,
) -> Report:
    """Make and measure what is missing of ``methods`` over ``sets``; without ``methods`` of all.

    ``device`` (auto, cpu or cuda) is where networks run. What needs feature networks is measured if
    ``perceptual_dir``, their folder, is given, also for outputs that were made without it.
    ``progress`` hears how many outputs are done, of those that lacked anything at the start.
    ``bring_weights`` is called once for each network that there is anything to measure by: where it
    does not come (``ValueError``), or cannot be used, the measure that needs it is left out, which
    becomes a line in ``Report.remarks``. An image that is missing, unreadable or has wrong pixels
    becomes a line in ``Report.failed`` and the rest goes on. Raises ``ValueError`` before anything
    is made for an unknown set, method or device, a device that is not there, a method that has no
    outputs of a set, and missing weights that nobody was to bring.
    """
    if device not in DEVICES:
        raise ValueError(f"there is no device {device!r}; there are {', '.join(DEVICES)}")
    sets = [manifest(name, benchmarks_dir).name for name in dict.fromkeys(sets)]
    wanted = pairs(sets, methods, benchmarks_dir=benchmarks_dir, methods_dir=methods_dir)
    sweep(outputs_dir)
    measured = [name for name, each in COMPUTED.items() if perceptual_dir or not each.network]
    jobs = list(_jobs(benchmarks_dir, outputs_dir, wanted, measured))
    makers = _makers(jobs, wanted, device)
    functions, left_out = _functions(jobs, perceptual_dir, bring_weights)
    if left_out:
        measured = [name for name in measured if name not in left_out]
        jobs = list(_jobs(benchmarks_dir, outputs_dir, wanted, measured))
    known = {method.name: method for some in wanted.values() for method in some}

    every = sum(
        len(some) * len(manifest(name, benchmarks_dir).images) for name, some in wanted.items()
    )
    lacking = sum(len(job.lacks) for job in jobs)
    weight = sum(len(job.lacks) * job.pixels for job in jobs)
    done, failed = 0, []
    with counted(lacking, progress, weight=weight) as count:
        for job in jobs:
            count.at(f"{job.of.name} {job.entry.name}")
            try:
                asked = case(benchmarks_dir, job.of, job.entry)
            except ValueError as error:
                failed.append(str(error))
                count.step(len(job.lacks), weight=len(job.lacks) * job.pixels)
                continue
            for name, lack in job.lacks.items():
                path = output_path(outputs_dir, job.of.name, name, job.entry)
                try:
                    if lack == "pixels":
                        image = _checked(makers[name](asked), asked, name)
                        record = _write(path, image, asked, known[name])
                        record["device"] = known[name].runs_on(device)
                    else:
                        image, record = read_image(path), read_record(path)
                except ValueError as error:
                    failed.append(str(error))
                    count.step(weight=job.pixels)
                    continue
                own = unmeasured(record, job.measured)
                record["measures"] |= _measures({n: functions[n] for n in own}, asked, image)
                write_whole(path.with_suffix(".json"), json.dumps(record, indent=1).encode())
                done += 1
                count.step(weight=job.pixels)
    remarks = list(left_out.values())
    return Report(done=done, skipped=every - lacking, failed=failed, remarks=remarks)


def pairs(
    sets: Iterable[str],
    methods: Iterable[str] | None,
    *,
    benchmarks_dir: Path | None = None,
    methods_dir: Path | None = None,
) -> dict[str, list[Method]]:
    """By set, the methods to work on: all that can have outputs of it, if none are named.

    One that is named works on those of the sets that it is for. Raises ``ValueError`` for a method
    that is not known, that is for none of the sets, and that has no outputs of one that it is for.
    """
    wanted, found = chosen(methods, methods_dir), {}
    every = [manifest(name, benchmarks_dir) for name in sets]
    for of in every:
        for each in wanted if methods is not None else ():
            if each.cannot(of) and (each.is_for(of) or not any(map(each.is_for, every))):
                raise ValueError(each.cannot(of))
        found[of.name] = [each for each in wanted if not each.cannot(of)]
    return found


def _jobs(
    benchmarks_dir: Path,
    outputs_dir: Path,
    wanted: Mapping[str, Sequence[Method]],
    measured: Iterable[str],
) -> Iterator[_Job]:
    """The images of which any output lacks anything."""
    names = list(measured)
    for set_name, methods in wanted.items():
        of = manifest(set_name, benchmarks_dir)
        known = [name for name in names if of.references or not COMPUTED[name].needs_reference]
        for entry in of.images:
            side = min(output_size(of, entry))
            own = [name for name in known if side >= COMPUTED[name].least]
            lacks: dict[str, Lack] = {}
            todo: set[str] = set()
            for method in methods:
                path = output_path(outputs_dir, set_name, method.name, entry)
                if found := lack_of(path, entry, fingerprint(method, of, entry), own):
                    lacks[method.name] = found
                    todo.update(own if found == "pixels" else unmeasured(read_record(path), own))
            if lacks:
                yield _Job(of, entry, lacks, own, todo)


def fingerprint(method: Method, of: Manifest, entry: ImageEntry) -> str:
    """A text that changes whenever the method's output for an image of the set ``of`` could.

    Outputs are known by the names of sets, and a set of a name may be at another scale today.
    """
    text = method.fingerprint(of.name, entry)
    text += f" x{of.scale}" * (of.scale != SCALE)
    return text + " without original" * (not of.references)


def _makers(
    jobs: Iterable[_Job], wanted: Mapping[str, Sequence[Method]], device: str
) -> dict[str, Maker]:
    """The methods that have images to make, each loaded once."""
    needed = {name for job in jobs for name, lack in job.lacks.items() if lack == "pixels"}
    known = {each.name: each for some in wanted.values() for each in some}
    return {name: each.maker(device) for name, each in known.items() if name in needed}


def _functions(
    jobs: Sequence[_Job],
    perceptual_dir: Path | None,
    bring_weights: Callable[[Network], object] | None,
) -> tuple[dict[str, Function], dict[str, str]]:
    """The measures that there is anything to do for, each loaded once; of others why not."""
    functions, left_out = {}, {}
    todo = {name for job in jobs for name in job.todo}
    for name, each in COMPUTED.items():
        if name not in todo or each.load is None:
            continue
        try:
            if each.network and bring_weights:
                bring_weights(each.network)
            functions[name] = each.load(perceptual_dir)
        except ValueError as error:
            if bring_weights is None:
                raise
            left_out[name] = f"{each.title} was not measured: {error}"
    return functions, left_out


def _checked(image: Image, asked: Case, method: str) -> Image:
    """An output, if it has the size and the colours of its case: raters would know it by others."""
    if image.dtype != np.uint8 or image.shape != asked.shape:
        raise ValueError(
            f"{method} made {image.dtype} {image.shape} of {asked.entry.name} in {asked.set}, "
            f"not uint8 {asked.shape}"
        )
    return image


def _write(path: Path, image: Image, asked: Case, method: Method) -> Record:
    """Write the PNG; what its record says of it before it is measured."""
    content = encode_png(image)
    write_whole(path, content)
    return {
        "source": asked.entry.made_from,
        "fingerprint": fingerprint(method, asked.of, asked.entry),
        "sha256": hashlib.sha256(content).hexdigest(),
        "width": image.shape[1],
        "height": image.shape[0],
        "measures": {},
    }


def _measures(functions: Mapping[str, Function], asked: Case, image: Image) -> Record:
    """Each measure's version and value, as JSON can say it: infinity is a text."""
    found = {}
    for name, function in functions.items():
        value = function(asked.hr, image, asked.scale)
        said = value if math.isfinite(value) else str(value)
        found[name] = {"version": COMPUTED[name].version, "value": said}
    return found


def read_outputs(
    outputs_dir: Path,
    *,
    sets: Sequence[str],
    methods: Sequence[str] | None,
    images: Collection[str] | None = None,
    benchmarks_dir: Path | None = None,
    methods_dir: Path | None = None,
) -> list[Output]:
    """The outputs of ``methods`` over ``sets``, each file checked, by set, method and image.

    ``images``: of these alone, by name, if given.

    Raises ``ValueError`` if a set or method is unknown, or if any output is missing, damaged or
    made by other weights, naming the command that makes it.
    """
    outputs, lacking = [], []
    names = dict.fromkeys(sets)
    for set_name, some in pairs(
        names, methods, benchmarks_dir=benchmarks_dir, methods_dir=methods_dir
    ).items():
        of = manifest(set_name, benchmarks_dir)
        for method in some:
            for entry in of.images:
                if images is not None and entry.name not in images:
                    continue
                path = output_path(outputs_dir, set_name, method.name, entry)
                if lack_of(path, entry, fingerprint(method, of, entry), ()):
                    lacking.append((set_name, method.name, entry.name))
                    continue
                record = read_record(path)
                file = {key: record[key] for key in FILE}
                known = values(record)
                outputs.append(
                    Output(set_name, entry.name, method.name, path, measures=known, **file)
                )
    if lacking:
        set_name, name, image = lacking[0]
        raise ValueError(
            f"{len(lacking)} of {len(lacking) + len(outputs)} outputs are missing or out of date "
            f"({name} of {image} in {set_name} first): "
            + advice(
                "make these",
                sets=" ".join(dict.fromkeys(each[0] for each in lacking)),
                methods=" ".join(dict.fromkeys(each[1] for each in lacking)),
            )
            + " makes them"
        )
    return outputs


def told(outputs_dir: Path, of: Manifest, entry: ImageEntry, method: Method) -> str:
    """The checksum of an output, as its record tells if that is up to date, else nothing.

    No image is read: one that was damaged since is found by whoever uses it.
    """
    path = output_path(outputs_dir, of.name, method.name, entry)
    record = read_record(path)
    if not record or record["source"] != entry.made_from or not path.is_file():
        return ""
    try:
        current = record["fingerprint"] == fingerprint(method, of, entry)
    except ValueError:  # of another version of the set, or its weights are gone
        return ""
    return str(record["sha256"]) if current else ""


def generated(
    outputs_dir: Path,
    *,
    sets: Iterable[str] | None,
    methods: Iterable[str] | None,
    benchmarks_dir: Path | None = None,
    methods_dir: Path | None = None,
) -> dict[str, list[str]]:
    """What to read, methods by set: those that are named, otherwise what there is anything of.

    Raises ``ValueError`` for an unknown set or method, or if there is nothing to read.
    """
    there = {(path.parent.name, path.name) for path in outputs_dir.glob("*/*") if path.is_dir()}
    wanted = [manifest(name, benchmarks_dir).name for name in dict.fromkeys(sets or ())]
    names = wanted or _known(there, benchmarks_dir)
    known = [each.name for each in chosen(methods, methods_dir)]
    found = {
        name: [each for each in known if methods or (name, each) in there]
        for name in names
        if wanted or any(name == folder for folder, _ in there)
    }
    found = {name: some for name, some in found.items() if some}
    if not found:
        raise ValueError(
            f"nothing {'of ' + ' '.join(wanted) + ' ' if wanted else ''}has been "
            f"generated in {outputs_dir} yet: {advice('make')} does it"
        )
    return found


def _known(there: set[tuple[str, str]], benchmarks_dir: Path | None) -> list[str]:
    """The sets that outputs may be of, those at other scales behind the set that they are of."""
    found, folders = [], sorted({name for name, _ in there})
    for name in datasets.names(benchmarks_dir):
        others = datasets.at_other_scales(name, benchmarks_dir)
        found += [name, *(each for each in folders if each in others)]
    return found


@dataclass(frozen=True)
class Made:
    """How far the outputs of a method over a set are: images, outputs up to date, measured ones."""

    set: str
    method: str
    images: int
    made: int
    measured: Mapping[str, int]
    outdated: int = 0
    """Outputs that are there and do not count: method, set or file were changed since."""

    @property
    def missing(self) -> int:
        """Outputs that ``generate`` would make."""
        return self.images - self.made


def made(
    outputs_dir: Path,
    found: Manifest,
    method: Method,
    *,
    checksum: Callable[[Path], str] = checksum,
) -> Made:
    """What there is by ``method`` of the set ``found``, each file checked by its ``checksum``.

    Raises ``ValueError`` for missing weights.
    """
    known = [each for each in COMPUTED.values() if found.references or not each.needs_reference]
    whole, outdated, measured = 0, 0, {each.name: 0 for each in known}
    for entry in found.images:
        path = output_path(outputs_dir, found.name, method.name, entry)
        if lack_of(path, entry, fingerprint(method, found, entry), (), checksum=checksum):
            # One without a record was cut off while it was made, and never was whole.
            outdated += path.is_file() and path.with_suffix(".json").is_file()
            continue
        whole += 1
        for name, told in read_record(path)["measures"].items():
            if name in measured and told["version"] == COMPUTED[name].version:
                measured[name] += 1
    return Made(found.name, method.name, len(found.images), whole, measured, outdated)
