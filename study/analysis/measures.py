"""Measures as tables know them: what each is called, with how many decimals, which way is better.

Ours come first and always; what else a table holds is told by whoever hands the figures in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from study.analysis import cells


@dataclass(frozen=True)
class Measure:
    """What a column of figures is headed, and how to read it."""

    title: str
    higher_is_better: bool = True
    decimals: int = 4
    needs_reference: bool = False
    """Whether it holds an image against its original, so that an image without has no figure."""


Measures = Mapping[str, Measure]
"""By the names of columns, in the order of tables."""
OfSets = Mapping[str, Mapping[tuple[str, str], float]]
"""Figures of whole sets, such as FID: by measure, then by (set, method)."""

OURS: Measures = {
    "psnr": Measure("PSNR", decimals=2, needs_reference=True),
    "ssim": Measure("SSIM (Wang)", needs_reference=True),
    "ssim_daala": Measure("SSIM (daala)", needs_reference=True),
    "lpips": Measure("LPIPS", higher_is_better=False, needs_reference=True),
}
"""Those that every table has a column for."""


def read_of_sets(path: Path) -> dict[str, dict[tuple[str, str], float]]:
    """Figures of whole sets in a file with the columns set, method, measure and value.

    Raises ``ValueError`` or ``OSError`` with a sentence.
    """
    found: dict[str, dict[tuple[str, str], float]] = {}
    for row in cells.read(path, ("set", "method", "measure", "value")):
        value = row.number("value")
        if value is None:
            raise ValueError(
                f"{path}, line {row.line}: '{row['value']}' is no finite number; a value is one"
            )
        of_measure, cell = found.setdefault(row["measure"], {}), (row["set"], row["method"])
        if cell in of_measure:
            raise ValueError(
                f"{path}, line {row.line}: {row['measure']} of {'/'.join(cell)} is given twice"
            )
        of_measure[cell] = value
    return found
