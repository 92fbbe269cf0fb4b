"""Several processes that train one network, as ``torchrun`` starts them; usually there is one.

Each has its own device and its own part of a batch; gradients are averaged by
DistributedDataParallel, so that the result is that of one process with the whole batch.
Everything that must be equal everywhere (the clock, whether to stop) is what the first process
says.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

Module = TypeVar("Module", bound=nn.Module)


@dataclass(frozen=True)
class World:
    """This process among ``size``; the one with ``rank`` 0 writes files and shows progress."""

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process writes files and shows progress."""
        return self.rank == 0

    def agree(self, *numbers: float) -> list[float]:
        """The first process's ``numbers``, in every process."""
        if self.size == 1:
            return list(numbers)
        said = torch.tensor(numbers, dtype=torch.float64)
        dist.broadcast(said, src=0, group=_host_group())
        return said.tolist()

    def wrap(self, module: Module, device: torch.device) -> nn.Module:
        """``module`` with its gradients averaged over all processes."""
        if self.size == 1:
            return module
        where = [device.index] if device.type == "cuda" else None
        return DistributedDataParallel(module, device_ids=where, broadcast_buffers=False)


ALONE = World()
_groups: list[dist.ProcessGroup] = []


def _host_group() -> dist.ProcessGroup | None:
    """A group that exchanges numbers between processors without waiting for their GPUs."""
    if dist.get_backend() == "gloo":
        return None
    if not _groups:
        _groups.append(dist.new_group(backend="gloo"))  # type: ignore[arg-type]
    return _groups[0]


@contextmanager
def world(device: torch.device) -> Iterator[tuple[World, torch.device]]:
    """The processes that ``torchrun`` started, and this one's device; one process without it."""
    if "WORLD_SIZE" not in os.environ or int(os.environ["WORLD_SIZE"]) == 1:
        yield ALONE, device
        return
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield World(dist.get_rank(), dist.get_world_size()), device
        # All leave together: the first one may still be writing.
        dist.barrier()
    finally:
        # A group that something still holds is not gone when it is destroyed, and gloo's threads
        # then end with the interpreter, now and then by an abort.
        _groups.clear()
        gc.collect()
        dist.destroy_process_group()
