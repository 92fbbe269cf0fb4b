"""LPIPS, the one measure that needs a network, and how that network's weights are brought."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.download import download
from benchmarks.files import write_whole

Measure = Callable[[NDArray[np.uint8], NDArray[np.uint8]], float]

ADDRESS = "https://download.pytorch.org/models/alexnet-owt-7be5be79.pth"
"""AlexNet as torchvision trained it; the name ends in the first digits of the file's SHA-256."""
ALEXNET = "alexnet_features_fp16.safetensors"
"""What LPIPS needs of it, in half precision: 5 MB of 244, and the same bytes at every site."""
FETCHED = ".downloads"
"""The folder in which a download lies until it has become ``ALEXNET``."""
PATIENCE = 10.0
"""Seconds for a server that does not answer: whoever has no network waits for the rest to begin."""


def lpips(folder: Path) -> Measure:
    """LPIPS 0.1 on AlexNet (Zhang et al., CVPR 2018) with the weights in ``folder``.

    The measure takes a reference and an image, uint8 (h, w) or (h, w, 3), and gives 0 for
    identical images, more for less alike ones, rarely above 1. Unlike the measures of luma it
    sees RGB, three times the same for a grey image, and the whole image: the 4 px at the border
    are *not* cut, because only so does bicubic on Set5 read 0.3397 as in the literature (0.3434
    with the cut). Raises ``ValueError`` if the weights are not in ``folder``; the measure, for
    images below 32 px a side.
    """
    # Torch takes seconds to import and is needed only here.
    import torch

    from sr_models.features import LPIPS

    try:
        network = LPIPS(folder, "alex")
    except (KeyError, RuntimeError):
        raise ValueError(f"{folder / ALEXNET} does not hold AlexNet; remove it") from None

    def tensor(image: NDArray[np.uint8]) -> torch.Tensor:
        colour = image if image.ndim == 3 else image[..., None].repeat(3, axis=2)
        return torch.tensor(colour).permute(2, 0, 1)[None] / 127.5 - 1

    def measure(reference: NDArray[np.uint8], image: NDArray[np.uint8]) -> float:
        with torch.inference_mode():
            return float(network(tensor(reference), tensor(image)))

    return measure


def bring(
    folder: Path,
    *,
    fetch: bool,
    say: Callable[[str], object] = print,
    progress: bool = True,
) -> None:
    """See to it that ``ALEXNET`` lies in ``folder``, from which `lpips` reads it.

    Where it does not, it is made from torchvision's file: from one that somebody put into
    ``folder``, from torchvision's own cache, or with ``fetch`` from ``ADDRESS``, of which ``say``
    hears before. Raises ``ValueError`` with what is wrong and what to do if there is none, it does
    not come, its checksum is not the one in its name, or ``folder`` cannot be written to. A
    download that broke off is gone on with the next time; one with another checksum is not kept.
    """
    made, name = folder / ALEXNET, ADDRESS.rpartition("/")[2]
    if made.is_file():
        return
    try:
        found = next((each / name for each in (folder, cache()) if (each / name).is_file()), None)
        if found:
            write_whole(made, _packed(found, str(found)))
        elif fetch:
            _fetch(folder / FETCHED / name, made, say, progress=progress)
        else:
            raise ValueError(f"AlexNet is not in {folder}, and FETCH_WEIGHTS is off")
    except (ValueError, OSError) as error:
        if made.is_file():  # another run has brought it meanwhile
            return
        why = str(error)
        if isinstance(error, OSError):
            why = f"{error.filename or folder} cannot be used: {(error.strerror or why).lower()}"
        raise ValueError(
            f"{why}; bring {ADDRESS} into {folder} (PERCEPTUAL_WEIGHTS_DIR names it), and python "
            "manage.py generate adds LPIPS"
        ) from None


def _fetch(fetched: Path, made: Path, say: Callable[[str], object], *, progress: bool) -> None:
    """Bring torchvision's file to ``fetched`` and leave what LPIPS needs of it in ``made``."""
    if not fetched.is_file():  # else a run was killed just before it was done
        say(f"Fetching AlexNet for LPIPS, once, 244 MB: {ADDRESS}")
        download(ADDRESS, fetched, progress=progress, patience=PATIENCE)
    try:
        content = _packed(fetched, ADDRESS)
    except ValueError:
        fetched.unlink(missing_ok=True)
        raise
    write_whole(made, content)
    fetched.unlink(missing_ok=True)


def cache() -> Path:
    """Where torchvision keeps what it has fetched; to ask it would take seconds.

    >>> cache().parts[-2:]
    ('hub', 'checkpoints')
    """
    above = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    home = os.environ.get("TORCH_HOME", f"{above}/torch")
    return Path(os.path.expanduser(home), "hub", "checkpoints")  # noqa: PTH111 - it never raises


def _packed(path: Path, label: str) -> bytes:
    """`ALEXNET` of torchvision's file in ``path``, whose name says how its checksum begins."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if not path.stem.endswith(f"-{digest[:8]}"):
        raise ValueError(f"{label} is not what its name says: its SHA-256 begins with {digest[:8]}")
    from sr_models.features import packed_alexnet

    return packed_alexnet(path)
