"""Everything that can be rated and measured, at one look, as plain data.

Sets, methods, how far the outputs of each method over each set are, and measures: what
``manage.py catalogue`` prints and what a page can show.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import datasets, methods, outputs, records
from benchmarks.measures import COMPUTED

Catalogue = dict[str, list[dict[str, Any]]]


def catalogue(
    *,
    benchmarks_dir: Path,
    methods_dir: Path | None,
    outputs_dir: Path,
    look: bool = True,
    checksum: Callable[[Path], str] = records.checksum,
) -> Catalogue:
    """``sets``, ``methods``, ``outputs`` and ``measures``: lists of rows, as JSON can hold them.

    A row of ``outputs`` is a method over a set of which every image is there, also at another scale
    of which there are outputs: how many images, outputs made, missing, and measured by each measure
    that the set has; they are read and checked by their ``checksum`` unless ``look`` is false.
    Raises ``ValueError`` naming a manifest or a method's file that cannot be read.
    """
    manifests = [datasets.manifest(name, benchmarks_dir) for name in datasets.names(benchmarks_dir)]
    known = methods.methods(methods_dir)
    there = [found for found in manifests if datasets.is_there(benchmarks_dir, found.name)]
    return {
        "sets": [_set(found, benchmarks_dir) for found in manifests],
        "methods": [_method(each) for each in known.values()],
        "outputs": [
            _made(outputs_dir, found, each, checksum)
            for found in (at_all_scales(there, benchmarks_dir, outputs_dir, known) if look else ())
            for each in known.values()
            if not each.cannot(found) and not _lacks(each)
        ],
        "measures": [
            {
                "name": each.name,
                "title": each.title,
                "better": "higher" if each.higher_is_better else "lower",
                "needs_reference": each.needs_reference,
                "version": each.version,
            }
            for each in COMPUTED.values()
        ],
    }


def means(
    outputs_dir: Path,
    found: datasets.Manifest,
    method: methods.Method,
    *,
    checksum: Callable[[Path], str] = records.checksum,
) -> dict[str, float]:
    """The mean of each measure over the outputs of a set by a method, once it has all of them.

    A mean over some of the images could be compared with nothing. Raises ``ValueError`` for missing
    weights.
    """
    known: dict[str, list[float]] = {}
    count = 0
    for entry in found.images:
        path = records.output_path(outputs_dir, found.name, method.name, entry)
        own = outputs.fingerprint(method, found, entry)
        if records.lack_of(path, entry, own, (), checksum=checksum):
            return {}
        count += 1
        for name, told in records.values(records.read_record(path)).items():
            if name in COMPUTED and told.version == COMPUTED[name].version:
                known.setdefault(name, []).append(told.value)
    return {name: sum(some) / count for name, some in known.items() if len(some) == count}


def at_all_scales(
    sets: Sequence[datasets.Manifest],
    benchmarks_dir: Path,
    outputs_dir: Path,
    known: Mapping[str, methods.Method],
) -> Iterator[datasets.Manifest]:
    """Sets, each followed by itself at other scales if anything was made or brought of it there."""
    brought = {name for each in known.values() for name in each.sets or ()}
    for found in sets:
        yield found
        for name in datasets.at_other_scales(found.name, benchmarks_dir):
            if name in brought or any(outputs_dir.glob(f"{name}/*/*.png")):
                try:
                    yield datasets.manifest(name, benchmarks_dir)
                except ValueError:  # left of another set that had the name
                    continue


def _set(found: datasets.Manifest, folder: Path) -> dict[str, Any]:
    paths = [datasets.image_path(folder, found.name, each) for each in found.images]
    return {
        "name": found.name,
        "title": found.title,
        "images": len(found.images),
        "there": sum(path.is_file() for path in paths),
        "scale": found.scale,
        "references": found.references,
        "lr": "given" if found.brings_lr or not found.references else "made",
        "license": found.license,
        "sources": [each.address for each in found.sources],
    }


def _method(each: methods.Method) -> dict[str, Any]:
    lacks = _lacks(each) or each.lacks()
    file, sha256 = each.weights() if each.weights and not lacks else ("", "")
    return {
        "name": each.name,
        "title": each.title,
        "kind": each.kind,
        "about": each.about,
        "scale": each.scale,
        "sets": sorted(each.sets) if each.sets is not None else None,
        "license": each.license,
        "source": each.source,
        "weights": file,
        "sha256": sha256,
        "card": each.card,
        "lacks": lacks,
    }


def _lacks(method: methods.Method) -> str:
    """Why a method can make nothing at all, such as a weight file that is not there."""
    if method.sets is not None:
        return ""
    try:
        method.fingerprint("", _ANY)
    except ValueError as error:
        return str(error)
    return ""


_ANY = datasets.ImageEntry("", 0, 0, 1, "")


def _made(
    folder: Path,
    found: datasets.Manifest,
    method: methods.Method,
    checksum: Callable[[Path], str],
) -> dict[str, Any]:
    try:
        told = outputs.made(folder, found, method, checksum=checksum)
    except ValueError as error:  # of another version of the set, or damaged
        return {"set": found.name, "method": method.name, "lacks": str(error)}
    return {
        "set": found.name,
        "method": method.name,
        "images": told.images,
        "made": told.made,
        "missing": told.missing,
        "outdated": told.outdated,
        "measured": dict(told.measured),
        "lacks": "",
    }
