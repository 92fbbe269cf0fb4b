"""LPIPS and DISTS, the measures that need a network, and how the weights of these are brought."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from benchmarks.advice import advice
from benchmarks.download import download
from benchmarks.files import write_whole

if TYPE_CHECKING:
    from torch import Tensor

Image = NDArray[np.uint8]
Measure = Callable[[Image, Image], float]


@dataclass(frozen=True)
class Network:
    """A feature network: which file a measure reads, and which of torchvision's that comes from."""

    key: Literal["alex", "vgg"]
    title: str
    measure: str
    """The title of the measure that needs it."""
    file: str
    """What the measure needs of it, in half precision, and the same bytes at every site."""
    address: str
    """As torchvision trained it; the name ends in the first digits of the file's SHA-256."""
    megabytes: int
    """Of the download."""


ALEXNET = Network(
    "alex", "AlexNet", "LPIPS", "alexnet_features_fp16.safetensors",
    "https://download.pytorch.org/models/alexnet-owt-7be5be79.pth", 244,
)  # fmt: skip
VGG16 = Network(
    "vgg", "VGG16", "DISTS", "vgg16_features_fp16.safetensors",
    "https://download.pytorch.org/models/vgg16-397923af.pth", 528,
)  # fmt: skip
FETCHED = ".downloads"
"""The folder in which a download lies until it has become what a measure reads."""
MOST_UNASKED = 300
"""Megabytes that somebody who asked for nothing, as in a first run, is let wait for."""
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
        raise ValueError(_no_network(folder, ALEXNET)) from None

    def measure(reference: Image, image: Image) -> float:
        with torch.inference_mode():
            return float(network(*(_tensor(each) / 127.5 - 1 for each in (reference, image))))

    return measure


def dists(folder: Path) -> Measure:
    """DISTS (Ding, Ma, Wang, Simoncelli, TPAMI 2022) with the VGG16 in ``folder``.

    The measure takes a reference and an image, uint8 (h, w) or (h, w, 3), and gives 0 for
    identical images, more for less alike ones, rarely above 0.6. It sees RGB, three times the same
    for a grey image, and the whole image as it is: the border is not cut and the image not made
    smaller (the authors' own script reduces photographs to 256 px first). So bicubic on Set5 reads
    0.212, with the border cut too. Raises ``ValueError`` if the weights are not in ``folder``; the
    measure, for images below 32 px a side.
    """
    import torch

    from sr_models.dists import DISTS

    try:
        network = DISTS(folder)
    except (KeyError, RuntimeError, IndexError):
        raise ValueError(_no_network(folder, VGG16)) from None

    latest: tuple[Image | None, Tensor] = None, torch.empty(0)

    def measure(reference: Image, image: Image) -> float:
        nonlocal latest
        with torch.inference_mode():
            if latest[0] is not reference:  # the same for one method after the other
                latest = reference, _tensor(reference) / 255
            return float(network(latest[1], _tensor(image) / 255))

    return measure


def _tensor(image: Image) -> Tensor:
    """RGB (1, 3, h, w), uint8, of an image, grey or not."""
    import torch

    colour = image if image.ndim == 3 else image[..., None].repeat(3, axis=2)
    return torch.tensor(colour).permute(2, 0, 1)[None]


def _no_network(folder: Path, network: Network) -> str:
    return f"{folder / network.file} does not hold {network.title}; remove it"


def bring(
    network: Network,
    folder: Path,
    *,
    fetch: bool,
    unasked: bool = False,
    say: Callable[[str], object] = print,
    progress: bool = True,
) -> None:
    """See to it that what a measure needs of ``network`` lies in ``folder``.

    Where it does not, it is made from torchvision's file: from one that somebody put into
    ``folder``, from torchvision's own cache, or with ``fetch`` from its address, of which ``say``
    hears before. Nothing large is fetched ``unasked``. Raises ``ValueError`` with what is wrong
    and what to do if there is none, it does not come, its checksum is not the one in its name, or
    ``folder`` cannot be written to. A download that broke off is gone on with the next time; one
    with another checksum is not kept.
    """
    made, name = folder / network.file, network.address.rpartition("/")[2]
    if made.is_file():
        return
    help_ = (
        f"bring {network.address} into {folder} (PERCEPTUAL_WEIGHTS_DIR names it), and "
        f"{advice('make')} adds {network.measure}"
    )
    try:
        found = next((each / name for each in (folder, cache()) if (each / name).is_file()), None)
        if found:
            write_whole(made, _packed(found, str(found), network))
        elif not fetch:
            raise ValueError(f"{network.title} is not in {folder}, and FETCH_WEIGHTS is off")
        elif unasked and network.megabytes > MOST_UNASKED:
            help_ = f"{advice('make')} fetches it and adds {network.measure}"
            raise ValueError(
                f"{network.title} is not in {folder}, and {network.megabytes} MB are not fetched "
                "unasked"
            )
        else:
            _fetch(folder / FETCHED / name, made, say, network, progress=progress)
    except (ValueError, OSError) as error:
        if made.is_file():  # another run has brought it meanwhile
            return
        why = str(error)
        if isinstance(error, OSError):
            why = f"{error.filename or folder} cannot be used: {(error.strerror or why).lower()}"
        raise ValueError(f"{why}; {help_}") from None


def _fetch(
    fetched: Path, made: Path, say: Callable[[str], object], network: Network, *, progress: bool
) -> None:
    """Bring torchvision's file to ``fetched`` and leave what a measure needs of it in ``made``."""
    if not fetched.is_file():  # else a run was killed just before it was done
        say(
            f"Fetching {network.title} for {network.measure}, once, {network.megabytes} MB: "
            f"{network.address}"
        )
        download(network.address, fetched, progress=progress, patience=PATIENCE)
    try:
        content = _packed(fetched, network.address, network)
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


def _packed(path: Path, label: str, network: Network) -> bytes:
    """What a measure needs of torchvision's file in ``path``, named after its own checksum."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if not path.stem.endswith(f"-{digest[:8]}"):
        raise ValueError(f"{label} is not what its name says: its SHA-256 begins with {digest[:8]}")
    from sr_models.features import packed

    return packed(path, network.key)
