"""Methods of somebody's own, brought in as folders of the images that they made.

What is brought is paired with the images of sets by name, checked beside the originals, and written
again by our own writer into ``METHODS_DIR/NAME/SET/IMAGE.png``. It is taken as a whole or not at
all: made in a hidden folder beside, and ``method.json`` never names what is not there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from benchmarks import datasets, material, methods, pairing
from benchmarks.advice import advice
from benchmarks.cases import case, output_size
from benchmarks.datasets import Manifest
from benchmarks.files import (
    encode_png,
    folder_aside,
    image_size,
    pixel_hash,
    read_image,
    remove_folder,
    write_whole,
)
from benchmarks.likeness import Compared, beside, fitted, suspicions
from benchmarks.material import readable
from benchmarks.methods import Outputs, OwnMethod
from benchmarks.own_names import alone, described, following, lines
from benchmarks.pairing import Pairing, Pattern, limited, listed
from benchmarks.progress import Count, Progress, counted

FOLDERS = {"B100": "BSD100", "BSDS100": "BSD100"}
"""What folders of results call a set that has another name here."""


@dataclass(frozen=True)
class Added:
    """What ``add`` did: outputs by set, of which ``mended`` were there already; and how many were
    cut to a multiple of their scale, and turned from nearly grey colours to grey."""

    name: str
    outputs: Mapping[str, int]
    mended: tuple[str, ...] = ()
    cropped: int = 0
    converted: int = 0

    @property
    def sentence(self) -> str:
        """What was done and what comes next, for people."""
        equal = " (equal to those that were there)"
        done = " and ".join(
            f"{count} outputs of {name}{equal * (name in self.mended)}"
            for name, count in self.outputs.items()
        )
        cut = f"; {self.cropped} were cut to a multiple of their scale" * (self.cropped > 0)
        grey = f"; {self.converted} with hardly any colour became grey" * (self.converted > 0)
        next_ = following(self.name, " ".join(self.outputs))
        return f"{self.name}: took {done}{cut}{grey}. {next_}"


@dataclass
class _Taken:
    """The outputs of one set as they were read: what is kept of them, and what is wrong."""

    outputs: Outputs = field(default_factory=lambda: Outputs({}, {}))
    compared: list[Compared] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    cropped: int = 0
    converted: int = 0


def add(
    name: str,
    *,
    outputs: Path,
    folder: Path,
    benchmarks_dir: Path,
    sets: Sequence[str] | None = None,
    pattern: str | None = None,
    title: str | None = None,
    license: str | None = None,
    source: str | None = None,
    as_they_are: bool = False,
    progress: Progress = True,
) -> Added:
    """Take what a method made, in the folder or archive ``outputs``, into ``folder``.

    Without ``sets`` its files tell what they are of; ``pattern`` says how they are named, such as
    ``{}x4_Mine``. A method that is there gets further sets. ``as_they_are`` takes also what looks
    like a mistake. Raises ``ValueError`` that names every problem; then nothing was taken.
    """
    told = lines(title, license, source)
    given = pairing.parsed(pattern) if pattern is not None else None
    known = {each: datasets.manifest(each, benchmarks_dir) for each in _names(benchmarks_dir, sets)}
    with alone(folder):
        method = described(name, folder, told, "outputs")
        lost: list[str] = []
        with (
            material.opened(outputs, room=folder, problems=lost, others=given is None) as found,
            folder_aside(folder / name) as part,
        ):
            files = {each.place: each.path for each in found}
            paired = _paired(files, known, benchmarks_dir, sets, given)
            with counted(sum(map(len, paired.files.values())), progress) as count:
                taken = {
                    each: _take(known[each], some, files, part / each, benchmarks_dir, count)
                    for each, some in paired.files.items()
                }
            material.refuse(
                str(outputs),
                [
                    *limited(lost),
                    *_problems(paired, files, known),
                    *_wrong(taken, method, as_they_are),
                ],
            )
            mended = tuple(each for each in taken if each in method.outputs)
            _keep(method, taken, folder, part)
    return Added(
        name,
        {each: len(some.outputs.images) for each, some in taken.items()},
        mended,
        sum(each.cropped for each in taken.values()),
        sum(each.converted for each in taken.values()),
    )


def remove(name: str, *, folder: Path, outputs_dir: Path) -> int:
    """Remove a method of somebody's own and what was generated of it; how many outputs that was.

    Raises ``ValueError`` for one that is built in, and for one that is not there.
    """
    if name in methods.methods():
        raise ValueError(f"{name} is built in; only methods of your own can be removed")
    known = [each.name for each in methods.own_methods(folder)]
    if name not in known:
        raise ValueError(
            f"there is no method of your own called {name!r}; there "
            + (f"are {', '.join(known)}" if known else "are none")
        )
    with alone(folder):
        remove_folder(folder / name)
        made = [path for path in outputs_dir.glob(f"[!.]*/{name}") if path.is_dir()]
        count = sum(len(list(path.glob("[!.]*.png"))) for path in made)
        for path in made:
            remove_folder(path)
    return count


def forget(set_name: str, *, folder: Path) -> list[str]:
    """Remove what methods of somebody's own brought of a set; their names."""
    without = []
    for method in methods.own_methods(folder):
        if set_name not in method.outputs:
            continue
        with alone(folder):
            outputs = {name: some for name, some in method.outputs.items() if name != set_name}
            content = methods.as_json(replace(method, outputs=outputs)).encode()
            write_whole(folder / method.name / methods.OWN, content)
            if (folder / method.name / set_name).exists():
                remove_folder(folder / method.name / set_name)
        without.append(method.name)
    return without


def _names(benchmarks_dir: Path, sets: Sequence[str] | None) -> list[str]:
    """The sets that outputs may be of; those at other scales only where they are wanted, and then
    in the place of those whose images they are, unless these are wanted too.
    """
    wanted = [datasets.manifest(each, benchmarks_dir) for each in sets or ()]
    known = [*datasets.names(benchmarks_dir), *(each.name for each in wanted if each.base)]
    less = {each.base for each in wanted} - {each.name for each in wanted}
    return [each for each in dict.fromkeys(known) if each not in less]


def _paired(
    files: Mapping[PurePosixPath, Path],
    known: Mapping[str, Manifest],
    benchmarks_dir: Path,
    sets: Sequence[str] | None,
    pattern: Pattern | None,
) -> Pairing:
    homes = {each.base: name for name, each in known.items() if each.base}
    absent = [name for name in known if not datasets.is_there(benchmarks_dir, name)]
    return pairing.pair(
        list(files),
        {name: [entry.name for entry in each.images] for name, each in known.items()},
        wanted=list(dict.fromkeys(sets or ())),
        absent={name: datasets.mends(name, benchmarks_dir) for name in absent},
        folders=homes | {other: homes.get(name, name) for other, name in FOLDERS.items()},
        pattern=pattern,
    )


def _problems(
    paired: Pairing,
    files: Mapping[PurePosixPath, Path],
    known: Mapping[str, Manifest],
) -> list[str]:
    """What is wrong with the names; patterns to choose from are told with sizes."""
    problems = list(paired.problems)
    if paired.candidates:
        told = []
        for each in paired.candidates:
            size = image_size(files[each.first])
            said = f"{size[0]}x{size[1]}" if size else "no image"
            where = readable(each.first)
            told.append(f"'{each.pattern}' ({' '.join(each.sets)}; {where} is {said})")
        of = known[paired.candidates[0].sets[0]]
        entry, size = of.images[0], output_size(of, of.images[0])
        needed = (
            f"the original {entry.name} is {entry.width}x{entry.height}"
            if of.references
            else f"of {entry.name} one of {size[0]}x{size[1]} is needed"
        )
        problems.append(
            f"several patterns fit its names, and {advice('pattern')} says which is meant: "
            f"{listed(told)}; {needed}"
        )
    return problems


def _take(
    manifest: Manifest,
    paired: Mapping[str, PurePosixPath],
    files: Mapping[PurePosixPath, Path],
    part: Path,
    benchmarks_dir: Path,
    count: Count,
) -> _Taken:
    """Read, check and write again the outputs of one set, into ``part``."""
    taken, images, sources = _Taken(), {}, {}
    what = "original" if manifest.references else "image"
    entries = [entry for entry in manifest.images if entry.name in paired]
    for entry in count.each(entries, lambda entry: f"{manifest.name} {entry.name}"):
        place = paired[entry.name]
        try:
            asked = case(benchmarks_dir, manifest, entry)
            if asked.hr is None:
                _ = asked.lr  # beside which the output is checked
        except ValueError as error:
            mends = datasets.mends(manifest.name, benchmarks_dir)
            told = "" if mends in str(error) else f": {mends} brings it"
            taken.problems.append(f"the {what} {error}{told}")
            continue
        try:
            image = read_image(files[place], label=readable(place))
            try:
                found = fitted(image, asked)
            except ValueError as error:
                raise ValueError(
                    f"{readable(place)}, for {entry.name} of {manifest.name}: {error}"
                ) from None
        except ValueError as error:
            taken.problems.append(str(error))
            continue
        write_whole(part / f"{entry.name}.png", encode_png(found.image))
        taken.compared.append(beside(asked, found.image))
        taken.cropped += found.cropped
        taken.converted += found.converted
        images[entry.name], sources[entry.name] = pixel_hash(found.image), entry.made_from
    taken.outputs = Outputs(images, sources)
    return taken


def _wrong(taken: Mapping[str, _Taken], method: OwnMethod, as_they_are: bool) -> list[str]:
    """What is wrong with outputs by what they show, and beside what there is of the method."""
    problems, suspected = [], []
    for name, each in taken.items():
        problems += limited(each.problems)
        suspected += suspicions(name, each.compared)
        before = method.outputs.get(name)
        if before is not None and before != each.outputs and not each.problems:
            other = [
                image
                for image, print_ in each.outputs.images.items()
                if before.images.get(image) != print_
            ]
            problems.append(
                f"{method.name} has other outputs of {name}"
                + (f" (of {listed(other)})" if other else ", made of other originals")
                + f"; {advice('remove method', name=method.name)}, and add it again, or give "
                "these another name"
            )
    if suspected and not as_they_are:
        problems += [
            *suspected[:-1],
            f"{suspected[-1]}; {advice('as they are')} takes what only looks wrong",
        ]
    return problems


def _keep(method: OwnMethod, taken: Mapping[str, _Taken], folder: Path, part: Path) -> None:
    """Put what was written into ``part`` where it belongs."""
    outputs = {**method.outputs, **{name: each.outputs for name, each in taken.items()}}
    content = methods.as_json(replace(method, outputs=outputs)).encode()
    home = folder / method.name
    if not method.outputs:
        write_whole(part / methods.OWN, content)
        part.rename(home)
        return
    for name in taken:
        if name not in method.outputs and (home / name).exists():
            remove_folder(home / name)  # of a run that was killed here
        if not (home / name).exists():
            (part / name).rename(home / name)
            continue
        for path in sorted((part / name).iterdir()):
            path.replace(home / name / path.name)
    write_whole(home / methods.OWN, content)
