"""What a file says of who rated: every caption, sheet, heading, figure and row of it is read."""

from __future__ import annotations

import csv
import io
import json
import re
import zlib
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import Any
from xml.sax.saxutils import unescape

import pandas as pd
from PIL import Image

MARK = "SIMULATED"


def unmarked(name: str, content: bytes) -> list[str]:
    """Whatever of a file of simulated raters does not say so; a file of unknown kind is one."""
    path = PurePosixPath(name)
    found = [] if path.name.startswith(MARK) else [f"{name}: its name"]
    parts = PARTS.get(path.suffix or path.name.rsplit("-", 1)[-1])
    if parts is None:
        return [*found, f"{name}: nobody reads such files here"]
    read = list(parts(content))
    if not read:
        return [*found, f"{name}: it has no part that could say it"]
    return found + [f"{name}: {part[:80]}" for part in read if not _says(part)]


def mentions(name: str, content: bytes) -> list[str]:
    """Whatever of a file of people's ratings speaks of simulated raters."""
    parts = PARTS.get(PurePosixPath(name).suffix or name, _lines)
    return [f"{name}: {part[:80]}" for part in (name, *parts(content)) if _says(part)]


def _says(part: str) -> bool:
    return MARK in part or re.search(r"raters_kind\W+simulated\b", part) is not None


def _rows(content: bytes) -> Iterator[str]:
    for row in csv.DictReader(io.StringIO(content.decode())):
        yield str(row)


def _objects(content: bytes) -> Iterator[str]:
    def walk(value: Any, place: str) -> Iterator[str]:
        if isinstance(value, dict):
            yield f"{place}: raters_kind: {value.get('raters_kind')}"
            for key, item in value.items():
                yield from walk(item, f"{place}/{key}")
        if isinstance(value, list):
            for k, item in enumerate(value):
                yield from walk(item, f"{place}/{k}")

    yield from walk(json.loads(content), "")


def _headings(content: bytes) -> Iterator[str]:
    yield from re.findall(r"(?m)^#.*$", content.decode())


def _captions(content: bytes) -> Iterator[str]:
    yield from re.findall(r"(?m)^\\caption\{.*$", content.decode())


def _titles(content: bytes) -> Iterator[str]:
    """The first line, and the title above every table."""
    lines = content.decode().splitlines()
    yield lines[0]
    for k, line in enumerate(lines):
        if re.fullmatch(r"-+(  -+)+", line) and lines[k - 2]:
            yield lines[k - 2]


def _lines(content: bytes) -> Iterator[str]:
    yield from content.decode().splitlines()


def _sheets(content: bytes) -> Iterator[str]:
    for name, sheet in pd.read_excel(io.BytesIO(content), sheet_name=None).items():
        yield str(name)
        yield from (str(row) for row in sheet.to_dict("records"))


def _records(content: bytes) -> Iterator[str]:
    yield from (str(row) for row in pd.read_parquet(io.BytesIO(content)).to_dict("records"))


def _svg(content: bytes) -> Iterator[str]:
    """All its texts together, which matplotlib notes beside their outlines, for each panel."""
    texts = unescape("\n".join(re.findall("<!-- (.*?) -->", content.decode(), re.DOTALL)))
    yield from _panels(texts, content.decode().count('id="axes_'))


def _pdf(content: bytes) -> Iterator[str]:
    texts = ""
    for stream in re.findall(rb"stream\r?\n(.*?)endstream", content, re.DOTALL):
        try:
            drawn = zlib.decompress(stream).decode("latin-1")
        except zlib.error:
            continue
        for text in drawn.split("TJ")[:-1]:  # [ (S) -0.27 (e) 0.59 (t) ] TJ
            texts += "".join(re.findall(r"\(([^()])\)", text.rsplit("[", 1)[-1])) + "\n"
    yield from _panels(texts, 1)
    yield from (title.decode("latin-1") for title in re.findall(rb"/Title \((.*?)\)", content))


def _panels(texts: str, panels: int) -> Iterator[str]:
    """The headline of a figure, and the stamp of each of its panels."""
    stamps = re.findall(rf"(?m)^{MARK}$", texts)
    bars = texts.count("Share of ratings")  # a colour bar is no panel
    yield "\n".join(line for line in texts.splitlines() if " not people" in line) or "no headline"
    yield from stamps + ["a panel without a stamp"] * (panels - bars - len(stamps))


def _png(content: bytes) -> Iterator[str]:
    """Its title, and whether there is anything in the red of the headline at the top."""
    with Image.open(io.BytesIO(content)) as image:
        yield str(image.info.get("Title"))
        top = image.convert("RGB").crop((0, 0, image.width, 60))
        colours = {colour for _, colour in top.getcolors(top.width * top.height) or []}
        yield MARK if (212, 20, 28) in colours else "no red headline"


PARTS: dict[str, Callable[[bytes], Iterator[str]]] = {
    ".csv": _rows, ".json": _objects, ".md": _headings, ".tex": _captions, ".txt": _titles,
    ".xlsx": _sheets, ".parquet": _records, ".svg": _svg, ".pdf": _pdf, ".png": _png,
    "SHA256SUMS": _lines,
}  # fmt: skip
