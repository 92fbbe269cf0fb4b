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
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from PIL import Image, ImageDraw, ImageFont

Kind = Literal["everyone", "protan", "deutan"]
SIZE = 280
"""Pixels of a plate's side."""
DRAWN = 2
"""Drawn so many times as large and then reduced, for smooth dots."""

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

Colour = tuple[float, float, float]


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
    figure, ground = colours(plate.kind)
    mask = _mask(plate.number)
    image = Image.new("RGBA", (SIZE * DRAWN, SIZE * DRAWN), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    for x, y, radius in _dots(rng):
        colour = figure if mask.getpixel((round(x), round(y))) else ground
        lightness = 1 + rng.uniform(-SCATTER, SCATTER)
        box = tuple(DRAWN * edge for edge in (x - radius, y - radius, x + radius, y + radius))
        draw.ellipse(box, fill=encoded(colour, lightness))
    out = io.BytesIO()
    image.resize((SIZE, SIZE), Image.Resampling.BOX).save(out, "PNG")
    return out.getvalue()


def _mask(number: int) -> Image.Image:
    mask = Image.new("1", (SIZE, SIZE))
    font = ImageFont.load_default(size=SIZE * 0.8)
    place = (SIZE / 2, SIZE / 2)
    ImageDraw.Draw(mask).text(
        place, str(number), fill=1, font=font, anchor="mm", stroke_width=STROKE
    )
    return mask


def _dots(rng: random.Random) -> list[tuple[float, float, float]]:
    """(x, y, radius) of dots that fill a disc without touching, large ones first."""
    cell = 16
    near: dict[tuple[int, int], list[tuple[float, float, float]]] = {}
    dots = []
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
