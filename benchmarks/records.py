"""Outputs as files: where they lie, and the record beside each, by which it is known to be whole.

A record, ``IMAGE.json``, is written after its PNG: what the image was made from and by, the
checksum of the file, and what each measure says of it.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Literal

from benchmarks.datasets import ImageEntry
from benchmarks.measures import COMPUTED, Value

FILE = ("sha256", "width", "height")
KEYS = {"source", "fingerprint", "device", "measures", *FILE}
"""What a record says: the hash of the original's pixels, the method's fingerprint, where it ran,
the file, and each measure's version and value."""
FLAT = ("psnr", "ssim", "ssim_daala", "lpips")
"""The measures as records named them when they had one version, ``measured_by``, together."""

Record = dict[str, Any]
Lack = Literal["pixels", "measures"]


def output_path(outputs_dir: Path, set_name: str, method: str, entry: ImageEntry) -> Path:
    """Where the output of a method lies below ``outputs_dir``."""
    return outputs_dir / set_name / method / f"{entry.name}.png"


def read_record(path: Path) -> Record:
    """The record of the PNG at ``path``; empty if there is none or it is not one of ours."""
    try:
        record = json.loads(path.with_suffix(".json").read_text())
    except (FileNotFoundError, ValueError):
        return {}
    if not isinstance(record, dict):
        return {}
    if record.keys() == (KEYS - {"measures"}) | {"measured_by", *FLAT}:
        record = _by_measure(record)
    whole = record.keys() == KEYS and isinstance(record["measures"], dict)
    return record if whole and all(map(_is_value, record["measures"].values())) else {}


def values(record: Record) -> dict[str, Value]:
    """What each measure says in a record; infinity is written there as a text.

    Not a number, as NIQE finds a flat image, is nothing that it says.
    """
    found = {
        name: Value(told["version"], float(told["value"]))
        for name, told in record["measures"].items()
    }
    return {name: each for name, each in found.items() if not math.isnan(each.value)}


def unmeasured(record: Record, measured: Iterable[str]) -> list[str]:
    """Which of the measures a record does not have as they are computed now."""
    there = record["measures"]
    return [
        name for name in measured if there.get(name, {}).get("version") != COMPUTED[name].version
    ]


def _is_value(told: object) -> bool:
    return isinstance(told, dict) and told.keys() == {"version", "value"}


def _by_measure(record: Record) -> Record:
    """A record of the form before measures had a version each: they were of one version."""
    version = record.pop("measured_by")
    values = {name: record.pop(name) for name in FLAT}
    if values["psnr"] is None:
        values["psnr"] = "inf"
    told = {
        name: {"version": version, "value": value}
        for name, value in values.items()
        if value is not None
    }
    return record | {"measures": told}


def checksum(path: Path) -> str:
    """SHA-256 of a file, read anew."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def lack_of(
    path: Path,
    entry: ImageEntry,
    method_print: str,
    measured: Iterable[str],
    *,
    checksum: Callable[[Path], str] = checksum,
) -> Lack | None:
    """What the output at ``path`` lacks of being whole, up to date and measured.

    ``checksum`` says what a file holds: `files.file_hash` will do for a page that only tells.
    """
    record = read_record(path)
    if (
        not record
        or record["source"] != entry.made_from
        or record["fingerprint"] != method_print
        or not path.is_file()
        or checksum(path) != record["sha256"]
    ):
        return "pixels"
    return "measures" if unmeasured(record, measured) else None


def written(outputs_dir: Path) -> list[Path]:
    """Every output below ``outputs_dir``, whole or not, in the order of their paths."""
    return sorted(outputs_dir.glob("*/*/[!.]*.png"))


def differs(path: Path) -> str:
    """In what the output at ``path`` differs from its record, in a few words; empty if in nothing.

    Whether it is up to date is another question, which ``generate`` asks.
    """
    record = read_record(path)
    if not record:
        return "it has no record, or one of another version"
    if checksum(path) != record["sha256"]:
        return "its bytes are not those that its record tells of"
    return ""
