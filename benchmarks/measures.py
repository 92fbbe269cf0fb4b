"""The one table of measures: what is computed of an output, and what others' programs compute.

A measure is a pure function of an image and, where it ``needs_reference``, of its original. Those
of `COMPUTED` are run by `benchmarks.outputs` beside making the outputs; figures of any other come
in as a table, and of those in `FOREIGN` it is known which way is better.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks import niqe, perceptual, quality

Image = NDArray[np.uint8]
Function = Callable[[Image | None, Image, int], float]
"""From the original, if there is one, and an image, uint8 (h, w) or (h, w, 3) of one size, and the
factor by which it was enlarged, to a figure."""


@dataclass(frozen=True)
class Measure:
    """What a figure says: its name in files, its title in tables, and which way is better.

    ``load(weights)`` gives the function, where it is computed here; ``weights`` is the folder of
    feature networks, of which it reads ``network``. ``version`` rises when the same image would get
    another figure. An image below ``least`` px a side has none, nor has one without an original, if
    it ``needs_reference``.
    """

    name: str
    title: str
    higher_is_better: bool
    needs_reference: bool = True
    decimals: int = 4
    meaning: str = ""
    version: int = 1
    network: perceptual.Network | None = None
    least: int = 0
    load: Callable[[Path | None], Function] | None = None


class Value(NamedTuple):
    """A figure and the version of the measure that gave it."""

    version: int
    value: float


def _shaved(measure: Callable[[Image, Image, int], float]) -> Callable[[Path | None], Function]:
    """A measure of luma that leaves out as many px at the border as the image was enlarged by."""

    def of(reference: Image | None, image: Image, scale: int) -> float:
        return measure(_needed(reference), image, scale)

    return lambda _: of


def _perceptual(
    measure: Callable[[Path], perceptual.Measure], network: perceptual.Network
) -> Callable[[Path | None], Function]:
    """A measure of whole images that reads the weights of a network."""

    def load(weights: Path | None) -> Function:
        if weights is None:
            raise ValueError(f"{network.measure} needs the weights of {network.title}")
        loaded = measure(weights)
        return lambda reference, image, scale: loaded(_needed(reference), image)

    return load


def _needed(reference: Image | None) -> Image:
    if reference is None:
        raise ValueError("there is no original to hold the image against")
    return reference


COMPUTED = {
    each.name: each
    for each in (
        Measure(
            "psnr", "PSNR", higher_is_better=True, decimals=2, load=_shaved(quality.psnr),
            meaning="PSNR of Y, dB, 4 px cut; empty where infinite",
        ),
        Measure(
            "ssim", "SSIM (Wang)", higher_is_better=True, load=_shaved(quality.ssim),
            meaning="SSIM (Wang)",
        ),
        Measure(
            "ssim_daala", "SSIM (daala)", higher_is_better=True,
            load=_shaved(quality.ssim_daala), meaning="SSIM (daala, as in Ledig et al.)",
        ),
        Measure(
            "lpips", "LPIPS", higher_is_better=False, network=perceptual.ALEXNET, least=32,
            load=_perceptual(perceptual.lpips, perceptual.ALEXNET), meaning="LPIPS 0.1, AlexNet",
        ),
        Measure(
            "dists", "DISTS", higher_is_better=False, network=perceptual.VGG16, least=32,
            load=_perceptual(perceptual.dists, perceptual.VGG16),
            meaning="DISTS (Ding et al. 2022), of the whole image at its size",
        ),
        Measure(
            "niqe", "NIQE", higher_is_better=False, needs_reference=False, least=niqe.LEAST,
            load=lambda _: lambda reference, image, scale: niqe.niqe(image),
            meaning="NIQE (Mittal et al. 2013), of Y of the whole image, the authors' model; "
            "empty where the image is flat",
        ),
    )
}  # fmt: skip
"""In the order of tables."""

FOREIGN = {
    each.name: each
    for each in (
        Measure("ms_ssim", "MS-SSIM", higher_is_better=True),
        Measure("fsim", "FSIM", higher_is_better=True),
        Measure("vif", "VIF", higher_is_better=True),
        Measure("vmaf", "VMAF", higher_is_better=True, decimals=2),
        Measure("pieapp", "PieAPP", higher_is_better=False),
        Measure("psnr_hvs", "PSNR-HVS", higher_is_better=True, decimals=2),
        Measure("psnr_rgb", "PSNR (RGB)", higher_is_better=True, decimals=2),
        Measure("brisque", "BRISQUE", higher_is_better=False, needs_reference=False, decimals=2),
        Measure("ilniqe", "IL-NIQE", higher_is_better=False, needs_reference=False),
        Measure("pi", "PI", higher_is_better=False, needs_reference=False),
        Measure("nrqm", "NRQM", higher_is_better=True, needs_reference=False),
        Measure("musiq", "MUSIQ", higher_is_better=True, needs_reference=False, decimals=2),
        Measure("maniqa", "MANIQA", higher_is_better=True, needs_reference=False),
        Measure("clipiqa", "CLIP-IQA", higher_is_better=True, needs_reference=False),
        Measure("topiq", "TOPIQ", higher_is_better=True, needs_reference=False),
        Measure("hyperiqa", "HyperIQA", higher_is_better=True, needs_reference=False),
        Measure("nima", "NIMA", higher_is_better=True, needs_reference=False),
        Measure("qalign", "Q-Align", higher_is_better=True, needs_reference=False),
        Measure("fid", "FID", higher_is_better=False, decimals=2),
        Measure("kid", "KID", higher_is_better=False),
        Measure("gmsd", "GMSD", higher_is_better=False),
        Measure("vsi", "VSI", higher_is_better=True),
        Measure("piqe", "PIQE", higher_is_better=False, needs_reference=False, decimals=2),
        Measure("liqe", "LIQE", higher_is_better=True, needs_reference=False),
        Measure("paq2piq", "PaQ-2-PiQ", higher_is_better=True, needs_reference=False, decimals=2),
    )
}
"""Those that the field reports beside ours, by the names that their programs write."""
