"""What the networks of a family share while a device is theirs: time, photographs, files."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from sr_models.features import ContentLoss
from sr_models.training import (
    checkpoint,
    compiling,
    equipment,
    patches,
    photographs,
)
from sr_models.training.budget import Ledger
from sr_models.training.heldout import HeldOut

ENDING = 2.0
"""Seconds before the end when the last network has been written: the process has to end too."""
READ_SHARE = 0.2
"""Share of the whole time after which photographs that have not been read are done without."""


@dataclass
class Run:
    """What the networks of a family share: time, photographs, files."""

    options: argparse.Namespace
    device: torch.device
    seconds: float
    """Of the whole budget."""
    now: Callable[[], float]
    """Seconds since the budget began."""
    rate: float
    """Operations a second of the device's matrix products."""
    reading: photographs.Reading
    watched: Sequence[Path]
    """The photographs that are held out."""
    starts: Mapping[str, Path]
    """Weights to start from, by network."""
    contents: Mapping[str, ContentLoss | None]
    """Losses on feature maps, by network."""
    backend: compiling.Backend = "inductor"
    compiles: bool = True
    """Until a compiler failed."""
    too_slow: float = 0.0
    """The longest in seconds that a compiler was waited for in vain."""
    report: dict[str, Any] = field(default_factory=dict)
    photos: patches.Photos | None = None
    held_out: HeldOut | None = None
    read: int = 0
    """How many photographs are trained on."""

    def __post_init__(self) -> None:
        self.out = Path(self.options.out)
        self.ledger = Ledger(self.now, began=0.0)

    @property
    def left(self) -> float:
        """Seconds until the last network must have been written."""
        return self.seconds - ENDING - self.now()

    def mode(self, allowed: float) -> compiling.Mode:
        """How a network is compiled whose compiler may take ``allowed`` seconds.

        What was not done in time for another one is tried again where there is twice the time.
        """
        asked: compiling.Mode = self.options.compile
        if self.options.compile == "auto":
            asked = "regional" if self.device.type == "cuda" else "off"
        return asked if self.compiles and allowed >= 2 * self.too_slow else "off"

    def say(self, text: str) -> None:
        """One line on standard error, at once, with the second it is said in."""
        print(f"[{self.now():5.1f} s of {self.seconds:.0f}] {text}", file=sys.stderr, flush=True)

    def log(self, line: Mapping[str, object]) -> None:
        """Add one line to the log."""
        with (self.out / "log.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")

    def write_report(self) -> None:
        """Write what is known so far, whole."""
        text = json.dumps({**self.report, "seconds": round(self.now(), 1)}, indent=1) + "\n"
        checkpoint.replace(self.out / "report.json", lambda beside: beside.write_text(text))

    def material(self, scales: Sequence[float]) -> tuple[patches.Photos, HeldOut]:
        """The photographs on the device and the held-out ones, as many as have been read by now.

        The first to ask waits for them, but not for ever. Raises ``ValueError`` if that is none.
        """
        patience = 0.0 if self.photos else max(0.0, READ_SHARE * self.seconds - self.now())
        found = self.reading.wait(patience)
        watched = [found.pop(path) for path in self.watched if path in found]
        if not (watched and found):
            raise ValueError(
                f"after {self.now():.0f} of {self.seconds:.0f} s {len(watched)} held-out and "
                f"{len(found)} other photographs had been read; it takes some of both"
            )
        # A few that came late are not worth the time it takes to bring all of them again.
        if self.photos is None or len(found) > 1.1 * self.read:
            self.photos = None
            self.photos = patches.Photos.gather(
                list(found.values()),
                smallest=self.reading.smallest,
                scales=scales,
                device=self.device,
            )
            self.read = len(found)
            missing = len(self.reading.paths) - len(watched) - len(found)
            late = f"; {missing} not read by now, or of no use" if missing else ""
            self.say(f"{self.read} photographs to train on, {len(watched)} held out{late}")
        if self.held_out is None or len(watched) > self.held_out.photographs:
            self.held_out = equipment.watch(watched, self.options.features, self.device)
        return self.photos, self.held_out
