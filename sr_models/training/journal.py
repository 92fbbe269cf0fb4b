"""What a run leaves for its reader: one JSON object a line, and TensorBoard's files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sr_models.training import checkpoint


class Journal:
    """The log of a run in a folder, cut back to the update from which it goes on."""

    def __init__(self, folder: Path, update: int) -> None:
        path = folder / "log.jsonl"
        text = "".join(json.dumps(line) + "\n" for line in read(path) if line["update"] <= update)
        checkpoint.replace(path, lambda beside: beside.write_text(text))
        self.file = path.open("a")
        self.board: Any = None
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:  # the package tensorboard is a comfort, not a need
            return
        self.board = SummaryWriter(str(folder / "tensorboard"), purge_step=update + 1)

    def write(self, update: int, figures: Mapping[str, float]) -> None:
        """Add one line."""
        self.file.write(json.dumps({"update": update, **figures}) + "\n")
        self.file.flush()
        if self.board:
            for name, value in figures.items():
                self.board.add_scalar(name, value, update)

    def close(self) -> None:
        """Nothing more will be written."""
        self.file.close()
        if self.board:
            self.board.close()


def read(path: Path) -> list[dict[str, float]]:
    """The lines of a log, without one that a kill has cut short; empty if there is no log."""
    lines: list[dict[str, float]] = []
    if path.exists():
        for text in path.read_text().splitlines():
            try:
                line = json.loads(text)
                lines.append({"update": int(line["update"]), **line})
            except (ValueError, KeyError, TypeError):
                continue
    return lines
