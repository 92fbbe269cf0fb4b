"""Colour plates: a digit in coloured dots that eyes without red-green discrimination cannot read.

Figure and ground differ only along a line on which a protanope (no L cones) or a deuteranope (no M
cones) sees one colour; the lightness of every dot is scattered, so that it gives nothing away. The
first plate differs in lightness too and is read by everyone: who misreads it did not read at all.
A check for a web study, no diagnosis: screens are not calibrated.
"""

from __future__ import annotations

import io
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from PIL import Image, ImageDraw, ImageFont

Kind = Literal["everyone", "protan", "deutan"]
SIZE = 280
"""Pixels of a plate's side."""
DRAWN = 4
"""The rims of the dots are drawn so many times as large and then reduced, to be smooth."""
LAYOUTS = 6
"""Ways in which the dots can lie. Making one takes ten times as long as colouring it."""

LMS_FROM_RGB = (
    (0.31399022, 0.63951294, 0.04649755),
    (0.15537241, 0.75789446, 0.08670142),
    (0.01775239, 0.10944209, 0.87256922),
)
"""Linear sRGB to cone responses (Hunt-Pointer-Estevez, D65)."""
BASE = (0.30, 0.28, 0.16)
"""Linear sRGB of the middle between figure and ground."""
STRENGTH = {"protan": 0.028, "deutan": -0.028}
"""Half the difference between figure and ground in the response of the missing cone."""
DIGITS = (2, 3, 4, 5, 7)
"""Those that are told apart in dots."""
STROKE = 4
"""Pixels by which the font's strokes are widened on each side, to three dots or four."""
SCATTER = 0.25
"""The lightness of a dot lies within this fraction around that of its colour."""

STEPS = 64
"""Lightnesses that a dot can have, evenly over the scatter."""

Colour = tuple[float, float, float]
Box = tuple[float, float, float, float]
Dot = tuple[float, float, float]
"""x, y and radius, pixels."""


@dataclass(frozen=True)
class Plate:
    """One plate: what is hidden in it, from whom, and the seed of its dots."""

    number: int
    kind: Kind
    seed: int


def plates_for(seed: str, count: int) -> list[Plate]:
    """``count`` plates, the first one for everyone, then protan and deutan ones in turn.

    >>> [plate.kind for plate in plates_for("a", 4)]
    ['everyone', 'protan', 'deutan', 'protan']
    """
    rng = random.Random(seed)
    kinds: list[Kind] = ["everyone", *("protan" if i % 2 == 0 else "deutan" for i in range(count))]
    numbers: list[int] = []
    while len(numbers) < count:
        rng.shuffle(digits := list(DIGITS))
        numbers += digits
    return [
        Plate(number, kind, rng.getrandbits(32))
        for number, kind in zip(numbers[:count], kinds[:count], strict=True)
    ]


def colours(kind: Kind) -> tuple[Colour, Colour]:
    """Figure and ground of a plate, linear sRGB in [0, 1]."""
    if kind == "everyone":
        return (0.52, 0.20, 0.03), (0.10, 0.16, 0.26)
    cone = (1.0, 0.0, 0.0) if kind == "protan" else (0.0, 1.0, 0.0)
    step = [STRENGTH[kind] * x for x in _solved(cone)]
    figure, ground = (
        tuple(base + sign * part for base, part in zip(BASE, step, strict=True)) for sign in (1, -1)
    )
    return figure, ground  # type: ignore[return-value]


def _solved(cones: Colour) -> Colour:
    """The linear sRGB colour (not necessarily a visible one) that gives these cone responses."""
    m = LMS_FROM_RGB

    def determinant(rows: list[list[float]]) -> float:
        (a, b, c), (d, e, f), (g, h, i) = rows
        return a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)

    whole = determinant([list(row) for row in m])
    solved = []
    for column in range(3):
        rows = [list(row) for row in m]
        for row, cone in zip(rows, cones, strict=True):
            row[column] = cone
        solved.append(determinant(rows) / whole)
    return solved[0], solved[1], solved[2]


def encoded(colour: Colour, lightness: float = 1.0) -> tuple[int, int, int]:
    """Linear sRGB as eight bits a channel.

    >>> encoded((0.0, 1.0, 0.2158605))
    (0, 255, 128)
    """

    def channel(value: float) -> int:
        value = min(1.0, max(0.0, value * lightness))
        curve = 12.92 * value if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055
        return round(255 * curve)

    return channel(colour[0]), channel(colour[1]), channel(colour[2])


@lru_cache(maxsize=64)
def png(plate: Plate) -> bytes:
    """The plate as a PNG of ``SIZE`` pixels, its surround transparent."""
    rng = random.Random(plate.seed)
    layout = rng.randrange(LAYOUTS)
    palettes = [_palette(colour) for colour in colours(plate.kind)]
    image = Image.new("RGB", (SIZE, SIZE), palettes[1][0])
    draw = ImageDraw.Draw(image)
    # Over the rim of each dot, whose transparency is the same on every plate of the layout.
    for box, part in zip(_boxes(layout, 1, wider=1), _parts(layout, plate.number), strict=True):
        draw.ellipse(box, fill=palettes[part][int(rng.random() * STEPS)])
    image.putalpha(_rims(layout))
    out = io.BytesIO()
    image.save(out, "PNG", compress_level=1)
    return out.getvalue()


@lru_cache(maxsize=8)
def _palette(colour: Colour) -> Sequence[tuple[int, int, int]]:
    """``colour`` at every lightness that a dot can have."""
    scatter = (SCATTER * (2 * step / (STEPS - 1) - 1) for step in range(STEPS))
    return [encoded(colour, 1 + part) for part in scatter]


def _mask(number: int) -> Image.Image:
    mask = Image.new("1", (SIZE, SIZE))
    font = ImageFont.load_default(size=SIZE * 0.8)
    place = (SIZE / 2, SIZE / 2)
    ImageDraw.Draw(mask).text(
        place, str(number), fill=1, font=font, anchor="mm", stroke_width=STROKE
    )
    return mask


@lru_cache(maxsize=LAYOUTS)
def _rims(layout: int) -> Image.Image:
    """How opaque each pixel is: 255 within a dot, 0 between them, something else on its rim."""
    image = Image.new("L", (SIZE * DRAWN, SIZE * DRAWN))
    draw = ImageDraw.Draw(image)
    for box in _boxes(layout, DRAWN):
        draw.ellipse(box, fill=255)
    return image.resize((SIZE, SIZE), Image.Resampling.BOX)


@lru_cache(maxsize=2 * LAYOUTS)
def _boxes(layout: int, scale: int, wider: float = 0) -> list[Box]:
    """What the dots lie in, drawn ``scale`` times as large: left, top, right, bottom."""
    # A pixel that Pillow draws is its middle, half a pixel further on.
    half = 0.5
    boxes = []
    for x, y, radius in _dots(layout):
        left, top, right, bottom = x - radius, y - radius, x + radius, y + radius
        edges = (left - wider, top - wider, right + wider, bottom + wider)
        a, b, c, d = (scale * edge - half for edge in edges)
        boxes.append((a, b, c, d))
    return boxes


@lru_cache(maxsize=LAYOUTS * len(DIGITS))
def _parts(layout: int, number: int) -> list[int]:
    """For each dot whether it is part of the digit (0) or of the ground (1)."""
    mask = _mask(number)
    return [0 if mask.getpixel((round(x), round(y))) else 1 for x, y, _ in _dots(layout)]


@lru_cache(maxsize=LAYOUTS)
def _dots(layout: int) -> list[Dot]:
    """Dots that fill a disc without touching, large ones first."""
    rng = random.Random(layout)
    cell = 16
    near: dict[tuple[int, int], list[Dot]] = {}
    dots: list[Dot] = []
    for radius, tries in ((5.4, 1200), (4.2, 2500), (3.2, 4000), (2.3, 5000)):
        for _ in range(tries):
            angle, far = rng.uniform(0, 2 * math.pi), math.sqrt(rng.random()) * (SIZE / 2 - 8)
            x, y = SIZE / 2 + far * math.cos(angle), SIZE / 2 + far * math.sin(angle)
            column, row = int(x // cell), int(y // cell)
            around = (
                dot
                for i in (column - 1, column, column + 1)
                for j in (row - 1, row, row + 1)
                for dot in near.get((i, j), ())
            )
            if all((x - a) ** 2 + (y - b) ** 2 > (radius + r + 0.8) ** 2 for a, b, r in around):
                near.setdefault((column, row), []).append((x, y, radius))
                dots.append((x, y, radius))
    return dots
