"""Methods of somebody's own, brought in as the file of a network that makes their images.

The file is converted once, tried in a process of its own by ``sr_models.examine``, and kept as
``METHODS_DIR/NAME/model.safetensors`` or ``model.onnx``; what was brought is not needed again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks import methods, models
from benchmarks.advice import advice
from benchmarks.files import file_hash, folder_aside, write_whole
from benchmarks.methods import OwnMethod
from benchmarks.models import Model
from benchmarks.own_names import alone, described, following, lines
from sr_models import examine
from sr_models.facts import Facts


@dataclass(frozen=True)
class Added:
    """What ``add`` did: the file that was taken, what was found out about it, and whether it was
    there already."""

    name: str
    file: str
    facts: Facts
    there: bool = False

    @property
    def sentence(self) -> str:
        """What was done and what comes next, for people."""
        return (
            f"{self.name}: "
            + ("there already is" if self.there else "took")
            + f" {self.file}, {self.facts.architecture}{self._size} in {self.facts.precision}; it "
            f"enlarges by {self.facts.scale}, {self._runs}. {following(self.name)}"
        )

    @property
    def _size(self) -> str:
        number = self.facts.parameters  # of an ONNX file nobody counts them
        return f" of {_counted(number)} parameters" if number else ""

    @property
    def _runs(self) -> str:
        side = self.facts.tile
        if self.facts.reach is None:
            return f"whole LR images only, of {side}x{side} px at the most where memory is short"
        return f"large LR images in tiles of about {side}x{side} px"


def _counted(number: int) -> str:
    """A large number for people.

    >>> _counted(16_697_987), _counted(20_099)
    ('16.7 million', '20 099')
    """
    if number >= 1_000_000:
        return f"{number / 1e6:.1f} million"
    return f"{number:,}".replace(",", " ")


def add(
    name: str,
    *,
    model: Path,
    folder: Path,
    scale: int | None = None,
    precision: str = "float32",
    device: str = "auto",
    title: str | None = None,
    license: str | None = None,
    source: str | None = None,
) -> Added:
    """Take the network in the file ``model`` as a method into ``folder``.

    ``scale`` is by how much it enlarges, if it is to be held to that; it is tried on ``device``
    and will be run in ``precision``. Raises ``ValueError`` with what is wrong with it; then nothing
    was taken.
    """
    told = lines(title, license, source)
    with alone(folder):
        method = described(name, folder, told, "model")
        with folder_aside(folder / name) as part:
            path, facts = examine.take(
                model, part / "model", scale=scale, precision=precision, device=device
            )
            found = Model(path.name, file_hash(path), facts)
            if method.model is None:
                method = replace(method, scale=facts.scale, model=found)
                write_whole(part / methods.OWN, methods.as_json(method).encode())
                part.rename(folder / name)
                return Added(name, model.name, facts)
            _put_back(method, method.model, found, path, folder)
            return Added(name, model.name, method.model.facts, there=True)


def _put_back(method: OwnMethod, there: Model, found: Model, path: Path, folder: Path) -> None:
    """Mend a method that is there by its file. Raises ``ValueError`` if this is of another one."""
    if there.fingerprint != found.fingerprint:
        as_run = f"that file at x{there.facts.scale} in {there.facts.precision}"
        other = "another model" if there.sha256 != found.sha256 else as_run
        raise ValueError(
            f"{method.name} is {other} already; {advice('remove method', name=method.name)}, and "
            "add it again, or give this another name"
        )
    kept = methods.model_path(folder, method.name, there)
    if models.differs(kept, there):
        path.replace(kept)
    write_whole(kept.with_name(methods.OWN), methods.as_json(method).encode())
