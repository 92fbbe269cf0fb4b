"""The LR images of a set as files, for programs that are run elsewhere."""

from __future__ import annotations

from pathlib import Path

from tqdm import tqdm

from benchmarks.cases import case
from benchmarks.datasets import manifest
from benchmarks.files import encode_png, write_whole


def write_lr(benchmarks_dir: Path, set_name: str, folder: Path, *, progress: bool = True) -> int:
    """Write what the methods are given of a set to ``folder/IMAGE.png``; how many images those are.

    They are those that the built-in methods enlarge, to the bit. Raises ``ValueError`` for a set
    that is not known, an original that is missing or wrong, and a folder that holds other files.
    """
    found = manifest(set_name, benchmarks_dir)
    names = {f"{entry.name}.png" for entry in found.images}
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} is a file; name a folder")
    others = sorted({path.name for path in folder.iterdir()} - names) if folder.exists() else []
    if others:
        raise ValueError(f"{folder} holds other files, {others[0]} among them; name a new folder")
    for entry in tqdm(found.images, desc=set_name, unit=" images", disable=not progress):
        lr = case(benchmarks_dir, found, entry).lr
        write_whole(folder / f"{entry.name}.png", encode_png(lr))
    return len(found.images)
