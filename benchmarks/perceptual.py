"""LPIPS, where its weights are at hand: the one measure that needs a network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Measure = Callable[[NDArray[np.uint8], NDArray[np.uint8]], float]


def lpips(folder: Path) -> Measure:
    """LPIPS 0.1 on AlexNet (Zhang et al., CVPR 2018) with the weights in ``folder``.

    The measure takes a reference and an image, uint8 (h, w) or (h, w, 3), and gives 0 for
    identical images, more for less alike ones, rarely above 1. Unlike the measures of luma it
    sees RGB, three times the same for a grey image, and the whole image: the 4 px at the border
    are *not* cut, because only so does bicubic on Set5 read 0.3397 as in the literature (0.3434
    with the cut). Raises ``ValueError`` if the weights are not in ``folder``.
    """
    # Torch takes seconds to import and is needed only here.
    import torch

    from sr_models.features import LPIPS

    network = LPIPS(folder, "alex")

    def tensor(image: NDArray[np.uint8]) -> torch.Tensor:
        colour = image if image.ndim == 3 else image[..., None].repeat(3, axis=2)
        return torch.tensor(colour).permute(2, 0, 1)[None] / 127.5 - 1

    def measure(reference: NDArray[np.uint8], image: NDArray[np.uint8]) -> float:
        with torch.inference_mode():
            return float(network(tensor(reference), tensor(image)))

    return measure
