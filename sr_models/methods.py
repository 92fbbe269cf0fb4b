"""The one table of methods: every version of an image that a study can show, in the paper's order.

A method is a function from an LR image (h, w) or (h, w, 3), uint8, to an HR image ``scale`` times
as high and wide: networks by four, interpolation by any factor. The original is in the table too,
as the hidden reference, and has no such function.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sr_models import SCALE, interpolation

Image = NDArray[np.uint8]
WEIGHTS_DIR = Path(__file__).parent / "weights"
ORIGINAL = "hr"
"""The name of the original, the hidden reference of a study."""
TERMS = "for research"
"""Of the weights that come along: they were trained on photographs under research, non-commercial
or permissive terms (sr_models/weights/README.md)."""
INFERENCE = 2
"""Raised when the same weights would give another image, so that outputs are made again."""


@dataclass(frozen=True)
class Method:
    """One version: its name in commands and tables, its title, and its weight file if any."""

    name: str
    title: str
    weights: str | None = None
    about: str = ""
    """What it is, as sr_models/weights/README.md tells of a network."""
    paper: str = ""
    """Where it was published."""

    @property
    def license(self) -> str:
        """Under which its outputs may be passed on, as far as that is its own."""
        return TERMS if self.weights else "that of the images"

    @property
    def source(self) -> str:
        """Whose it is."""
        if self.is_original:
            return "the image set"
        here = "weights trained for" if self.weights else "computed by"
        return "; ".join(filter(None, (self.paper, f"{here} this program")))

    @property
    def is_original(self) -> bool:
        """Whether this is the image itself and no method at all."""
        return self.name == ORIGINAL


_SRGAN = "Ledig et al., CVPR 2017"
METHODS = {
    method.name: method
    for method in (
        Method("nearest", "Nearest neighbour", about="each pixel repeated"),
        Method(
            "bicubic", "Bicubic", about="MATLAB's imresize: Keys' kernel, a = -0.5",
            paper="Keys 1981",
        ),
        Method(
            "srcnn", "SRCNN", "srcnn.safetensors", about="SRCNN 9-5-5 on luma",
            paper="Dong et al., TPAMI 2016",
        ),
        Method(
            "drcn", "DRCN", "drcn.safetensors", about="DRCN on luma: 256 maps, 16 recursions",
            paper="Kim et al., CVPR 2016",
        ),
        Method(
            "espcn", "ESPCN", "espcn.safetensors", about="ESPCN on luma",
            paper="Shi et al., CVPR 2016",
        ),
        Method(
            "srresnet", "SRResNet", "srresnet.safetensors",
            about="SRResNet without batch normalisation", paper=_SRGAN,
        ),
        Method(
            "srresnet-vgg22", "SRResNet-VGG22", "srresnet-vgg22.safetensors",
            about="the generator of SRResNet, trained on features of VGG19 conv2_2", paper=_SRGAN,
        ),
        Method(
            "srgan-mse", "SRGAN-MSE", "srgan-mse.safetensors",
            about="the generator of SRResNet, trained against a discriminator and on pixels",
            paper=_SRGAN,
        ),
        Method(
            "srgan-vgg22", "SRGAN-VGG22", "srgan-vgg22.safetensors",
            about="the generator of SRResNet, trained against a discriminator and on features of "
            "VGG19 conv2_2",
            paper=_SRGAN,
        ),
        Method(
            "srgan", "SRGAN", "srgan.safetensors",
            about="the generator of SRResNet, trained against a discriminator and on features of "
            "VGG16 conv5_3, which stand in for VGG19 conv5_4",
            paper=_SRGAN,
        ),
        Method(ORIGINAL, "Original (HR)", about="the images of the set as they are"),
    )
}  # fmt: skip
INTERPOLATIONS: dict[str, Callable[[Image, int], Image]] = {
    "nearest": interpolation.nearest,
    "bicubic": interpolation.bicubic,
}


def _method(name: str) -> Method:
    if name not in METHODS:
        raise ValueError(f"there is no method {name!r}; there are {', '.join(METHODS)}")
    return METHODS[name]


def weight_file(method: Method) -> Path:
    """The weight file of a network. Raises ``ValueError`` if it is not there."""
    path = WEIGHTS_DIR / (method.weights or "")
    if not path.is_file():
        raise ValueError(f"{method.name} needs the weight file {path}, which is missing")
    return path


def upscaler(name: str, *, device: str = "auto", scale: int = SCALE) -> Callable[[Image], Image]:
    """The function from LR to HR of a method; networks run on ``device``: auto, cpu or cuda.

    Raises ``ValueError`` for an unknown name, for the original, for missing or wrong weights, for
    ``cuda`` where there is none, and for a network at another ``scale`` than four.

    >>> upscaler("nearest")(np.zeros((2, 3), np.uint8)).shape
    (8, 12)
    >>> upscaler("nearest", scale=3)(np.zeros((2, 3), np.uint8)).shape
    (6, 9)
    """
    method = _method(name)
    if method.is_original:
        raise ValueError("the original is not made from an LR image; there is nothing to run")
    if method.weights is None:
        enlarge = INTERPOLATIONS[name]
        return lambda lr: enlarge(lr, scale)
    if scale != SCALE:
        raise ValueError(f"{name} enlarges by {SCALE}, not by {scale}")
    from sr_models import upscale  # torch is loaded for networks alone

    return upscale.upscaler(weight_file(method), device=device)


def fingerprint(name: str) -> str:
    """A text that changes whenever the method's output could: its name, version and weights.

    Raises ``ValueError`` for an unknown name and for missing weights.

    >>> fingerprint("bicubic")
    'bicubic 2'
    """
    method = _method(name)
    if method.weights is None:
        return f"{name} {INFERENCE}"
    return f"{name} {INFERENCE} {checksum(name)}"


def checksum(name: str) -> str:
    """The SHA-256 of the weight file of a network. Raises ``ValueError`` if it is not there."""
    path = weight_file(_method(name))
    return _sha256(path, path.stat().st_mtime_ns)


@functools.lru_cache(maxsize=32)
def _sha256(path: Path, changed: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
