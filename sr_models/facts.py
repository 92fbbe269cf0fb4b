"""What is known of a model file that somebody brought, once it was tried."""

from __future__ import annotations

from dataclasses import dataclass

SCALES = (2, 3, 4, 8)
"""Factors of enlargement that are taken."""
PRECISIONS = ("float32", "float16", "bfloat16")


@dataclass(frozen=True)
class Facts:
    """A network as it was measured; every value is plain JSON. Lengths are in LR pixels."""

    architecture: str
    """For people: SRResNet, ESRGAN, ONNX."""
    kind: str
    """``ours``, ``spandrel`` or ``onnx``."""
    scale: int
    """Measured, not believed."""
    channels: int
    """3: RGB. 1: luma, with the chroma by bicubic."""
    align: int
    """Tiles begin at multiples of it: the grid of windows or of what is halved inside."""
    least: int
    """What the network needs a side; smaller images are continued by reflection and cut again."""
    reach: int | None
    """The margin with which a tile's inside is that of the whole; ``None``: whole images only."""
    tile: int
    """The side of a tile without its margins; with ``reach`` ``None`` that of a whole image."""
    bytes_per_pixel: int
    """Measured: what each pixel takes while the network runs."""
    parameters: int
    precision: str
    """``float32``, ``float16`` or ``bfloat16``."""
