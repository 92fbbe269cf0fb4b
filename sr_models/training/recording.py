"""An update recorded once and replayed: a CUDA graph, where launches take longer than kernels.

At 128 patches a convolution between the residual blocks lasts about as long as its launch; a
replay launches all kernels of an update at once.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from sr_models.training.schedule import Stage
from sr_models.training.trainer import Terms, Trainer

WARM = 3
"""Updates before a recording: what is set up at a first call must not be recorded."""
TRIAL = 20
"""Updates each way before it is decided which is faster."""

Run = Callable[[Tensor, Tensor, Stage], Terms]


class Recording:
    """In place of ``trainer.update``: the same by a CUDA graph, recorded anew for each stage.

    All that an update reads lies where it lay when it was recorded: the batch is copied there,
    and the trainer's scalars are set there. The returned terms are overwritten by the next update.
    """

    def __init__(self, trainer: Trainer) -> None:
        self.trainer = trainer
        self.stage: Stage | None = None

    def __call__(self, lr: Tensor, hr: Tensor, stage: Stage) -> Terms:
        """One update, by a replay."""
        if stage != self.stage:
            self._record(lr, hr, stage)
        self.lr.copy_(lr, non_blocking=True)
        self.hr.copy_(hr, non_blocking=True)
        self.graph.replay()
        return self.terms

    def _record(self, lr: Tensor, hr: Tensor, stage: Stage) -> None:
        trainer = self.trainer
        self.lr, self.hr = lr.clone(), hr.clone()
        here, side = torch.cuda.current_stream(), torch.cuda.Stream()
        side.wait_stream(here)
        with torch.cuda.stream(side):
            for _ in range(WARM):
                trainer.update(self.lr, self.hr, stage)
        here.wait_stream(side)
        players = [trainer.network, *([trainer.discriminator] if trainer.discriminator else [])]
        for player in players:
            # What is there would be added to; what is made while recording is written anew.
            player.zero_grad(set_to_none=True)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.terms = trainer.update(self.lr, self.hr, stage)
        self.stage = stage


def trial(
    trainer: Trainer,
    step: Callable[[], object],
    *,
    elapsed: Callable[[], float],
    record: Callable[[Trainer], Run] = Recording,
) -> str:
    """Run ``step`` for some updates as they are, then recorded; go on by the faster way.

    ``step`` makes one update of ``trainer``; ``elapsed`` waits for the device and gives seconds.
    Returns what to say about it. Where recording fails, updates go on as they were.
    """

    def timed() -> float:
        begun = elapsed()
        for _ in range(TRIAL):
            step()
        return (elapsed() - begun) / TRIAL

    step()
    plain = timed()
    try:
        trainer.run = record(trainer)
        step()
        recorded = timed()
    except RuntimeError as error:
        trainer.run = trainer.update
        return f"updates could not be recorded ({str(error).splitlines()[0]})"
    said = f"{1000 * plain:.1f} ms an update, {1000 * recorded:.1f} recorded"
    if recorded < plain:
        return f"{said}: recorded"
    trainer.run = trainer.update
    return f"{said}: not recorded"
