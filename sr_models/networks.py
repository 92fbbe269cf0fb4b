"""From weights to the network that they belong to: a weight file is its own configuration.

Every network is a module with ``channels`` (3: RGB, 1: luma), ``tile`` and ``reach`` (LR pixels:
the side of a tile that fits into memory, and how far an output pixel sees); called with a batch
(n, channels, h, w) in [0, 1] it gives (n, channels, 4h, 4w) as float32.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from sr_models import bicubic, drcn, espcn, srcnn, srresnet
from sr_models.drcn import DRCN
from sr_models.espcn import ESPCN
from sr_models.srcnn import SRCNN
from sr_models.srresnet import Generator

Network = Generator | SRCNN | ESPCN | DRCN

# A tensor that only this network has, how to read its shape, the class, its name.
KNOWN: tuple[tuple[str, Callable[[Mapping[str, Tensor]], dict[str, Any]], Any, str], ...] = (
    ("head.weight", srresnet.shape, Generator, "SRResNet"),
    ("extract.weight", srcnn.shape, SRCNN, "SRCNN"),
    ("conv1.weight", espcn.shape, ESPCN, "ESPCN"),
    ("recur.weight", drcn.shape, DRCN, "DRCN"),
)


def build(state: Mapping[str, Tensor]) -> Network:
    """The network whose weights ``state`` holds, its kind and shape deduced from keys and sizes.

    Raises ``ValueError`` where ``state`` is no such network's.
    """
    known = [row for row in KNOWN if row[0] in state and state[row[0]].ndim == 4]
    if not known:
        names = ", ".join(name for *_, name in KNOWN)
        raise ValueError(f"these weights belong to none of the networks {names}")
    _, shape, kind, name = known[0]
    if "skip" in state:
        # The filters are known; a file may hold them rounded.
        state = {**state, "skip": bicubic.phases()}
    try:
        network: Network = kind(**shape(state))
    except (KeyError, RuntimeError, IndexError) as error:
        raise ValueError(f"these are not the weights of {name}: {error} is missing") from None
    found = {key: value.shape for key, value in state.items()}
    wanted = {key: value.shape for key, value in network.state_dict().items()}
    if wrong := sorted(dict(found.items() ^ wanted.items())):
        raise ValueError(
            f"these are not the weights of {name}: {wrong[0]} is missing, unexpected or of "
            "another shape" + f", one of {len(wrong)} such tensors" * (len(wrong) > 1)
        )
    network.load_state_dict(dict(state))
    return network


def name_of(network: Network) -> str:
    """What people call it.

    >>> name_of(ESPCN())
    'ESPCN'
    """
    return next(name for *_, kind, name in KNOWN if isinstance(network, kind))
