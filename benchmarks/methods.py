"""The methods as data: what our networks and interpolations make, and what others' programs made.

Every method is asked in the same way, for the image that it makes of one source; nobody has to know
whether it is computed now or was brought along. Methods of somebody's own lie in
``METHODS_DIR/NAME/``: ``method.json`` and what it names, their outputs, ``SET/IMAGE.png``, or a
network; ``own_methods``, ``own_models`` and ``own_programs`` bring them there.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import models, programs
from benchmarks.advice import advice
from benchmarks.cases import Case
from benchmarks.datasets import ImageEntry, Manifest
from benchmarks.files import pixel_hash, read_image
from benchmarks.models import Model
from benchmarks.programs import Program
from sr_models import SCALE
from sr_models import methods as built_in
from sr_models.facts import Facts

Image = NDArray[np.uint8]

OWN = "method.json"
"""What a method of somebody's own is known by, in its folder."""
OUTPUTS = "outputs"
"""The kind of method whose images were brought along."""
FIRST_OWN_PLACE = 1_000
LAST_PLACE = 32_000
"""Where the original stands in tables: behind every method."""


CARD = "weights"
"""What the site's documents call the model card of the networks that come along."""

Maker = Callable[[Case], Image]


@dataclass(frozen=True)
class Method:
    """A version of images that a study can show.

    ``fingerprint(set, image)`` changes whenever the output could; ``maker(device)`` gives the
    function from a `Case` to the output, (h, w) or (h, w, 3) uint8 of the case's shape, and
    ``runs_on(device)`` says where that runs. All three raise ``ValueError`` for what is not there.
    ``sets``: those that it has outputs of; ``None``: it makes them of any. ``scale`` is the factor
    by which it enlarges; ``None``: by any.
    """

    name: str
    title: str
    place: int
    """Its order in tables, lowest first."""
    fingerprint: Callable[[str, ImageEntry], str]
    maker: Callable[[str], Maker]
    runs_on: Callable[[str], str]
    sets: frozenset[str] | None = None
    scale: int | None = SCALE
    is_original: bool = False
    license: str = ""
    source: str = ""
    """Where it comes from: a paper, a repository."""
    about: str = ""
    """What it is, in a line."""
    weights: Callable[[], tuple[str, str]] | None = None
    """Of a network, the name of its file and the SHA-256 that this is known by."""
    card: str = ""
    """The document that tells how its weights came about."""
    kind: str = "built in"
    lacks: Callable[[], str] = lambda: ""
    """What of a method of somebody's own is no longer there, as a sentence; empty if nothing is."""

    def covers(self, set_name: str) -> bool:
        """Whether it can have outputs of a set."""
        return self.sets is None or set_name in self.sets

    def is_for(self, of: Manifest) -> bool:
        """Whether a set is one that it could have outputs of, by its scale and its originals."""
        return (of.references or not self.is_original) and self.scale in (None, of.scale)

    def cannot(self, of: Manifest) -> str:
        """Why there can be no outputs of a set by it, as a sentence; empty if there can be."""
        if not self.covers(of.name):
            return (
                f"{self.name} has no outputs of {of.name}; "
                f"{advice('bring outputs', name=self.name, set=of.name)} brings them"
            )
        if self.is_original and not of.references:
            return f"{self.name} is the original, and the images of {of.name} have none"
        if self.scale not in (None, of.scale):
            return (
                f"{self.name} enlarges by {self.scale}, and the images of {of.name} are to be "
                f"enlarged by {of.scale}"
            )
        return ""


@dataclass(frozen=True)
class Outputs:
    """Of one set, what a method of somebody's own made: hashes of pixels by image.

    ``sources`` are those of the originals that they were taken in beside.
    """

    images: Mapping[str, str]
    sources: Mapping[str, str]


@dataclass(frozen=True)
class OwnMethod:
    """``method.json``: a method is made by what its ``kind`` names, and has nothing of the others.

    ``outputs``: the images that were brought, by set; ``model``: a network, run here; ``command``:
    a program, run here.

    ``scale`` is that of a model or a program; outputs were made elsewhere, by whatever model at
    each scale, and have one only in files of before.
    """

    name: str
    title: str
    place: int
    license: str = ""
    source: str = ""
    scale: int | None = None
    kind: str = OUTPUTS
    outputs: Mapping[str, Outputs] = field(default_factory=dict)
    model: Model | None = None
    command: Program | None = None


def as_json(method: OwnMethod) -> str:
    """A method of somebody's own as ``method.json`` keeps it."""
    told = asdict(method)
    for other in KINDS - {method.kind}:
        del told[other]
    if method.kind == OUTPUTS:  # as it was written when there was nothing else
        del told["kind"]
    return json.dumps(told, indent=1, ensure_ascii=False) + "\n"


def methods(folder: Path | None = None) -> dict[str, Method]:
    """Every method by name, in the order of tables: those built in, one's own, the original.

    ``folder`` is ``METHODS_DIR``. Raises ``ValueError`` naming a file there that tells of none.

    >>> [*methods()][:2], [*methods()][-1]
    (['nearest', 'bicubic'], 'hr')
    """
    own = [_own(Path(folder), each) for each in own_methods(folder)] if folder else []
    found = [*_built_in(), *own]
    return {each.name: each for each in sorted(found, key=lambda each: each.place)}


def own_methods(folder: Path | None) -> list[OwnMethod]:
    """The methods of somebody's own in ``folder``, in the order in which they were added."""
    paths = sorted(folder.glob(f"[!.]*/{OWN}")) if folder else []
    found = [_read(path, (told := path.stat()).st_mtime_ns, told.st_size) for path in paths]
    return sorted(found, key=lambda each: each.place)


def chosen(wanted: Iterable[str] | None, folder: Path | None = None) -> list[Method]:
    """The methods to work on: ``wanted`` if given, otherwise all.

    Raises ``ValueError`` for a method that is not known.
    """
    known = methods(folder)
    names = list(dict.fromkeys(wanted or known))
    for name in names:
        if name not in known:
            raise ValueError(
                f"there is no method {name!r}; there are {', '.join(known)}; "
                f"{advice('bring method')} brings in your own"
            )
    return [known[name] for name in names]


def output_path(folder: Path, method: str, set_name: str, image: str) -> Path:
    """Where an output of somebody's own method lies in ``METHODS_DIR``."""
    return folder / method / set_name / f"{image}.png"


def model_path(folder: Path, method: str, model: Model) -> Path:
    """Where the file of somebody's own network lies in ``METHODS_DIR``."""
    return folder / method / model.file


def taken(folder: Path | None) -> Iterator[Callable[[], str]]:
    """For each thing that one's own methods are made of, what says what is wrong with it.

    That is an output, a model or a program; each is looked at when it is called, and says a
    sentence, empty if nothing is wrong.
    """
    for method in own_methods(folder):
        home = Path(folder or "")
        for set_name, outputs in method.outputs.items():
            for image, wanted in outputs.images.items():
                path = output_path(home, method.name, set_name, image)
                yield functools.partial(differs, path, wanted)
        if method.model is not None:
            path = model_path(home, method.name, method.model)
            yield functools.partial(models.differs, path, method.model)
        if method.command is not None:
            yield functools.partial(programs.differs, method.command)


def differs(path: Path, wanted: str) -> str:
    """What is wrong with an output that was brought, as a sentence; empty if nothing is."""
    try:
        _right(path, wanted)
    except ValueError as error:
        return str(error)
    return ""


def _right(path: Path, wanted: str) -> Image:
    image = read_image(path)
    if pixel_hash(image) != wanted:
        raise ValueError(f"the pixels of {path} are not those that were taken in")
    return image


@functools.cache
def _built_in() -> list[Method]:
    return [
        Method(
            name=each.name,
            title=each.title,
            place=LAST_PLACE if each.is_original else place,
            fingerprint=functools.partial(_built_in_fingerprint, each.name),
            maker=_hand_out_original if each.is_original else functools.partial(_run, each.name),
            runs_on=_network_device if each.weights else lambda _: "cpu",
            scale=SCALE if each.weights else None,
            is_original=each.is_original,
            license=each.license,
            source=each.source,
            about=each.about,
            weights=functools.partial(_weights, each) if each.weights else None,
            card=CARD if each.weights else "",
        )
        for place, each in enumerate(built_in.METHODS.values())
    ]


def _weights(method: built_in.Method) -> tuple[str, str]:
    return method.weights or "", built_in.checksum(method.name)


def _built_in_fingerprint(name: str, set_name: str, entry: ImageEntry) -> str:
    return built_in.fingerprint(name)


def _hand_out_original(device: str) -> Maker:
    def hand_out(case: Case) -> Image:
        if case.hr is None:
            raise ValueError(f"{case.set} {case.entry.name} has no original")
        return case.hr

    return hand_out


def _run(name: str, device: str) -> Maker:
    if enlarge := built_in.INTERPOLATIONS.get(name):
        return lambda case: enlarge(case.lr, case.scale)
    upscale = built_in.upscaler(name, device=device)
    return lambda case: upscale(case.lr)


def _network_device(device: str) -> str:
    from sr_models.upscale import pick_device  # imports torch, as its network did

    return pick_device(device).type


@functools.lru_cache(maxsize=256)
def _read(path: Path, changed: int, length: int) -> OwnMethod:
    try:
        stored = json.loads(path.read_text())
        kind = stored.get("kind", OUTPUTS)
        if others := (KINDS & stored.keys()) - {kind}:
            raise ValueError(f"it is of the kind {kind}, and has {', '.join(sorted(others))}")
        found = OwnMethod(**stored | {kind: READ[kind](stored[kind])})
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"{path} tells of no method: {error}") from None
    if found.name != path.parent.name:
        raise ValueError(f"{path} tells of {found.name!r}: a method lies in a folder of its name")
    return found


def _read_outputs(told: Any) -> dict[str, Outputs]:
    return {name: Outputs(**each) for name, each in told.items()}


def _read_model(told: Any) -> Model:
    return Model(PurePath(told["file"]).name, told["sha256"], Facts(**told["facts"]))


def _read_command(told: Any) -> Program:
    return Program(**{**told, "arguments": tuple(told["arguments"])})


READ: Mapping[str, Callable[[Any], Any]] = {
    OUTPUTS: _read_outputs,
    "model": _read_model,
    "command": _read_command,
}
KINDS = READ.keys()


def _own(folder: Path, found: OwnMethod) -> Method:
    """A method as it is asked, whatever makes its images: the only place that looks at the kind."""
    method = functools.partial(
        Method,
        name=found.name,
        title=found.title,
        place=found.place,
        scale=found.scale,
        license=found.license,
        source=found.source,
    )
    if found.model is not None:
        return _of_model(folder, found.name, found.model, method)
    if found.command is not None:
        return _of_command(found.name, found.command, method)
    return _of_outputs(folder, found, method)


def _of_outputs(folder: Path, found: OwnMethod, method: Callable[..., Method]) -> Method:
    def known(set_name: str, entry: ImageEntry) -> str:
        outputs = found.outputs.get(set_name)
        if outputs is None or entry.name not in outputs.images:
            raise ValueError(
                f"{found.name} has no output of {entry.name} in {set_name}; "
                f"{advice('bring outputs', name=found.name, set=set_name)} brings it"
            )
        if outputs.sources[entry.name] != entry.made_from:
            raise ValueError(
                f"{found.name} has outputs of another {set_name}, in which {entry.name} was "
                f"another image; {_anew(found.name)}"
            )
        return outputs.images[entry.name]

    def take(case: Case) -> Image:
        wanted = known(case.set, case.entry)
        path = output_path(folder, found.name, case.set, case.entry.name)
        try:
            return _right(path, wanted)
        except ValueError as error:
            raise ValueError(f"{error}; {_anew(found.name)}") from None

    return method(
        fingerprint=lambda set_name, entry: f"{found.name} output {known(set_name, entry)}",
        maker=lambda device: take,
        runs_on=lambda device: "elsewhere",
        sets=frozenset(found.outputs),
        kind=OUTPUTS,
        scale=None,
    )


def _of_model(folder: Path, name: str, model: Model, method: Callable[..., Method]) -> Method:
    path = model_path(folder, name, model)

    def load(device: str) -> Maker:
        if said := models.differs(path, model):
            raise ValueError(f"{name}: {said}; {_anew(name)}")
        upscale = models.upscaler(path, model, device=device)
        return _naming(name, lambda lr, scale: upscale(lr))

    return method(
        fingerprint=lambda set_name, entry: f"{name} model {model.fingerprint}",
        maker=load,
        runs_on=_network_device,
        kind=f"model ({model.facts.architecture})",
        weights=lambda: (model.file, model.sha256),
        lacks=lambda: "" if path.is_file() else f"{path} is missing",
    )


def _of_command(name: str, program: Program, method: Callable[..., Method]) -> Method:
    def load(device: str) -> Maker:
        if said := programs.differs(program):
            raise ValueError(f"{name}: {said}; {_anew(name)}")
        return _naming(name, functools.partial(programs.enlarged, program))

    return method(
        fingerprint=lambda set_name, entry: f"{name} command {program.fingerprint}",
        maker=load,
        runs_on=lambda device: "elsewhere",
        kind="command",
        lacks=functools.partial(programs.absent, program),
    )


def _naming(name: str, make: Callable[[Image, int], Image]) -> Maker:
    """What makes an image of a case; where that fails, it says of which."""

    def made(case: Case) -> Image:
        lr = case.lr
        try:
            return make(lr, case.scale)
        except ValueError as error:
            raise ValueError(
                f"{case.set} {case.entry.name}: {name} made nothing of it: {error}"
            ) from None

    return made


def _anew(name: str) -> str:
    return f"{advice('remove method', name=name)}, and add it again"
