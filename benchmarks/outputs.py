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
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks import perceptual, quality
from benchmarks.datasets import NAMES, ImageEntry, load_verified, manifest
from benchmarks.files import encode_png, read_image, sweep, write_whole
from benchmarks.resize import crop_to_multiple, degrade
from sr_models.methods import METHODS, fingerprint, upscaler

BAR = "{desc} {percentage:3.0f}% |{bar}| {n_fmt}/{total_fmt}, {rate_noinv_fmt}, {remaining} left"

DEVICES = ("auto", "cpu", "cuda")
FIGURES = ("sha256", "width", "height", "psnr", "ssim", "ssim_daala", "lpips")
KEYS = {"source", "fingerprint", "device", "measured_by", *FIGURES}
"""What a record says: the hash of the original's pixels, the method's fingerprint, where it ran,
the version of the measures, and what is read back."""

Image = NDArray[np.uint8]
Record = dict[str, Any]
Lack = Literal["pixels", "measures"]


@dataclass(frozen=True)
class Output:
    """A whole, checked output. ``sha256`` is that of the PNG file's bytes.

    ``psnr`` is in dB and None where it is infinite; ``lpips`` is None where it was not measured.
    """

    set: str
    image: str
    method: str
    path: Path
    sha256: str
    width: int
    height: int
    psnr: float | None
    ssim: float
    ssim_daala: float
    lpips: float | None


@dataclass(frozen=True)
class Report:
    """What ``generate`` did: outputs made or measured, outputs left as they were, and a line for
    each image that could not be used.
    """

    done: int
    skipped: int
    failed: list[str]

    @property
    def sentence(self) -> str:
        """What was done, for people."""
        return f"{self.done} outputs made, {self.skipped} were there already"


@dataclass(frozen=True)
class _Job:
    """One image of a set and what its outputs lack, by method."""

    set_name: str
    entry: ImageEntry
    lacks: dict[str, Lack]


def chosen_methods(names: Iterable[str] | None) -> list[str]:
    """The methods to work on: ``names`` if given, otherwise all.

    Raises ``ValueError`` for a method that is not known.
    """
    wanted = list(dict.fromkeys(names or METHODS))
    for name in wanted:
        if name not in METHODS:
            raise ValueError(f"there is no method {name!r}; there are {', '.join(METHODS)}")
    return wanted


def generate(
    *,
    benchmarks_dir: Path,
    outputs_dir: Path,
    sets: Sequence[str],
    methods: Sequence[str],
    device: str = "auto",
    perceptual_dir: Path | None = None,
    progress: bool = True,
) -> Report:
    """Make and measure what is missing of ``methods`` over ``sets``.

    ``device`` (auto, cpu or cuda) is where networks run. LPIPS is measured if ``perceptual_dir``
    is given, also for outputs that were made without it. An image that is missing, unreadable or
    has wrong pixels becomes a line in ``Report.failed`` and the rest goes on. Raises
    ``ValueError`` before anything is made for an unknown set, method or device, a device that is
    not there, and missing weights.
    """
    if device not in DEVICES:
        raise ValueError(f"there is no device {device!r}; there are {', '.join(DEVICES)}")
    sets = [manifest(name).name for name in dict.fromkeys(sets)]
    prints = {method: fingerprint(method) for method in chosen_methods(methods)}
    sweep(outputs_dir)
    jobs = list(_jobs(outputs_dir, sets, prints, with_lpips=perceptual_dir is not None))
    makers = _makers(jobs, device)
    lpips = perceptual.lpips(perceptual_dir) if perceptual_dir and jobs else None

    every = len(prints) * sum(len(manifest(name).images) for name in sets)
    lacking = sum(len(job.lacks) for job in jobs)
    done, failed = 0, []
    with tqdm(
        total=lacking, unit=" images", bar_format=BAR, disable=not (progress and lacking)
    ) as bar:
        for job in jobs:
            bar.set_description_str(f"{job.set_name} {job.entry.name}")
            try:
                hr = crop_to_multiple(load_verified(benchmarks_dir, job.set_name, job.entry))
            except ValueError as error:
                failed.append(str(error))
                bar.update(len(job.lacks))
                continue
            lr = degrade(hr)
            for method, lack in job.lacks.items():
                path = _path(outputs_dir, job.set_name, method, job.entry)
                if lack == "pixels":
                    image = hr if METHODS[method].is_original else makers[method](lr)
                    record = _write(path, image, job.entry, prints[method])
                    record["device"] = _device(method, device)
                else:
                    image, record = read_image(path), _record(path)
                record |= _measures(hr, image, lpips)
                write_whole(path.with_suffix(".json"), json.dumps(record, indent=1).encode())
                done += 1
                bar.update()
    return Report(done=done, skipped=every - lacking, failed=failed)


def _jobs(
    outputs_dir: Path, sets: Iterable[str], prints: Mapping[str, str], *, with_lpips: bool
) -> Iterator[_Job]:
    """The images of ``sets`` of which any output lacks anything; ``prints`` by method."""
    for set_name in sets:
        for entry in manifest(set_name).images:
            lacks = {}
            for method, method_print in prints.items():
                path = _path(outputs_dir, set_name, method, entry)
                if lack := _lack(path, entry, method_print, with_lpips=with_lpips):
                    lacks[method] = lack
            if lacks:
                yield _Job(set_name, entry, lacks)


def _path(outputs_dir: Path, set_name: str, method: str, entry: ImageEntry) -> Path:
    return outputs_dir / set_name / method / f"{entry.name}.png"


def _record(path: Path) -> Record:
    """The record of the PNG at ``path``; empty if there is none or it is not one of ours."""
    try:
        record = json.loads(path.with_suffix(".json").read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return record if isinstance(record, dict) and record.keys() == KEYS else {}


def _lack(path: Path, entry: ImageEntry, method_print: str, *, with_lpips: bool) -> Lack | None:
    """What the output at ``path`` lacks of being whole, up to date and measured."""
    record = _record(path)
    if (
        not record
        or record["source"] != entry.sha256
        or record["fingerprint"] != method_print
        or not path.is_file()
        or hashlib.sha256(path.read_bytes()).hexdigest() != record["sha256"]
    ):
        return "pixels"
    if record["measured_by"] != quality.VERSION or (with_lpips and record["lpips"] is None):
        return "measures"
    return None


def _makers(jobs: Iterable[_Job], device: str) -> dict[str, Callable[[Image], Image]]:
    """The methods that have images to make, each loaded once."""
    needed = {name for job in jobs for name, lack in job.lacks.items() if lack == "pixels"}
    return {
        name: upscaler(name, device=device)
        for name, method in METHODS.items()
        if name in needed and not method.is_original
    }


def _device(method: str, device: str) -> str:
    """Where the method runs: interpolation always on the CPU."""
    if METHODS[method].weights is None:
        return "cpu"
    from sr_models.upscale import pick_device  # imports torch, as its network did

    return pick_device(device).type


def _write(path: Path, image: Image, entry: ImageEntry, method_print: str) -> Record:
    """Write the PNG; what its record says of it before it is measured."""
    content = encode_png(image)
    write_whole(path, content)
    return {
        "source": entry.sha256,
        "fingerprint": method_print,
        "sha256": hashlib.sha256(content).hexdigest(),
        "width": image.shape[1],
        "height": image.shape[0],
    }


def _measures(hr: Image, image: Image, lpips: perceptual.Measure | None) -> Record:
    decibels = quality.psnr(hr, image)
    return {
        "measured_by": quality.VERSION,
        "psnr": decibels if math.isfinite(decibels) else None,
        "ssim": quality.ssim(hr, image),
        "ssim_daala": quality.ssim_daala(hr, image),
        "lpips": lpips(hr, image) if lpips else None,
    }


def read_outputs(outputs_dir: Path, *, sets: Sequence[str], methods: Sequence[str]) -> list[Output]:
    """The outputs of ``methods`` over ``sets``, each file checked, by set, method and image.

    Raises ``ValueError`` if a set or method is unknown, or if any output is missing, damaged or
    made by other weights, naming the command that makes it.
    """
    outputs, lacking = [], []
    for set_name in dict.fromkeys(sets):
        for method in chosen_methods(methods):
            method_print = fingerprint(method)
            for entry in manifest(set_name).images:
                path = _path(outputs_dir, set_name, method, entry)
                if _lack(path, entry, method_print, with_lpips=False):
                    lacking.append((set_name, method, entry.name))
                    continue
                record = _record(path)
                figures = {key: record[key] for key in FIGURES}
                outputs.append(Output(set_name, entry.name, method, path, **figures))
    if lacking:
        set_name, method, image = lacking[0]
        raise ValueError(
            f"{len(lacking)} of {len(lacking) + len(outputs)} outputs are missing or out of date "
            f"({method} of {image} in {set_name} first): python manage.py generate --sets "
            f"{' '.join(dict.fromkeys(each[0] for each in lacking))} --methods "
            f"{' '.join(dict.fromkeys(each[1] for each in lacking))} makes them"
        )
    return outputs


def generated(
    outputs_dir: Path, *, sets: Iterable[str] | None, methods: Iterable[str] | None
) -> tuple[list[str], list[str]]:
    """What to read: the sets and methods that are named, otherwise those that there is anything of.

    Raises ``ValueError`` for an unknown set or method, or if there is nothing to read.
    """
    folders = {(path.parent.name, path.name) for path in outputs_dir.glob("*/*") if path.is_dir()}
    wanted_sets = [manifest(name).name for name in dict.fromkeys(sets or ())]
    wanted_methods = chosen_methods(methods) if methods else []
    if not wanted_sets:
        wanted_sets = [name for name in NAMES if any(name == folder for folder, _ in folders)]
    if not wanted_methods:
        wanted_methods = [
            name for name in METHODS if any((each, name) in folders for each in wanted_sets)
        ]
    if not wanted_sets or not wanted_methods:
        raise ValueError(
            f"nothing {'of ' + ' '.join(wanted_sets) + ' ' if wanted_sets else ''}has been "
            f"generated in {outputs_dir} yet: python manage.py generate does it"
        )
    return wanted_sets, wanted_methods


def written(outputs_dir: Path) -> list[Path]:
    """Every output below ``outputs_dir``, whole or not, in the order of their paths."""
    return sorted(outputs_dir.glob("*/*/[!.]*.png"))


def differs(path: Path) -> str:
    """In what the output at ``path`` differs from its record, in a few words; empty if in nothing.

    Whether it is up to date is another question, which ``generate`` asks.
    """
    record = _record(path)
    if not record:
        return "it has no record, or one of another version"
    if hashlib.sha256(path.read_bytes()).hexdigest() != record["sha256"]:
        return "its bytes are not those that its record tells of"
    return ""
