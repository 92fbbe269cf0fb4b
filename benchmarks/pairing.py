"""Which file is the output of which image: by their names alone, and never by their order.

A program writes its outputs with one prefix and one suffix around the images' names. That pair is
searched for; it counts if it gives every image one file and every file one image. Otherwise it is
told what is missing, left over or ambiguous, and nothing is paired. Upper and lower case are one.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import NamedTuple

from benchmarks.advice import advice
from benchmarks.files import IMAGE_SUFFIXES
from benchmarks.material import readable

HOLE = "{}"
"""Where the image's name stands in a pattern."""
MOST_NAMED = 10
SAMPLE = 32
"""Images whose names are looked for in every file's; the rest only by patterns found so."""
TRIED = 20
"""Patterns that are counted over all images where none fits every one of the sample."""

Images = Mapping[str, Sequence[str]]
"""The names of images by set."""
Files = Mapping[str, "_Index"]
_Index = Mapping[str, list[PurePosixPath]]
"""Files by the stem of their name, folded."""


class Pattern(NamedTuple):
    """What stands before and behind an image's name.

    Where it matters, also a file's ``ending`` and the ``folders`` right above it, outermost first.
    """

    prefix: str
    suffix: str
    ending: str = ""
    folders: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "/".join((*self.folders, f"{self.prefix}{HOLE}{self.suffix}{self.ending}"))

    def stem(self, image: str) -> str:
        """The stem, folded, of the file that is an image's."""
        return folded(self.prefix + image + self.suffix)

    def fits(self, place: PurePosixPath) -> bool:
        """Whether a file is some image's."""
        stem, prefix, suffix = map(folded, (place.stem, self.prefix, self.suffix))
        above, asked = ([*map(folded, each)] for each in (place.parts[:-1], self.folders))
        return (
            len(stem) > len(prefix) + len(suffix)
            and stem.startswith(prefix)
            and stem.endswith(suffix)
            and self.ending.lower() in ("", place.suffix.lower())
            and above[len(above) - len(asked) :] == asked
        )


def parsed(text: str) -> Pattern:
    """A pattern as people write it. Raises ``ValueError`` if it is none.

    >>> parsed("{}x4_Mine").suffix, parsed("{}_out.PNG").ending, parsed("X4/{}").folders
    ('x4_Mine', '.PNG', ('X4',))
    """
    *folders, name = text.split("/")
    if name.count(HOLE) != 1 or text.count(HOLE) != 1:
        raise ValueError(
            f"'{text}' is no pattern: a file's name is needed in which {HOLE} stands once, for the "
            f"image's name, such as '{HOLE}x4_NAME'"
        )
    ending = PurePosixPath(name).suffix
    ending = ending if ending.lower() in IMAGE_SUFFIXES else ""
    prefix, suffix = name.removesuffix(ending).split(HOLE)
    return Pattern(prefix, suffix, ending, tuple(folders))


def folded(name: str) -> str:
    """A name without the differences that two systems may make of it: case, composed accents."""
    return unicodedata.normalize("NFC", name).casefold()


class Candidate(NamedTuple):
    """A pattern that fits all images of ``sets``, with the file that it gives to the first."""

    pattern: Pattern
    sets: tuple[str, ...]
    first: PurePosixPath


class Called(NamedTuple):
    """What the files are, and which of `advice.COMMANDS` says how they are named."""

    what: str
    by: str


OUTPUTS = Called("output", "pattern")


@dataclass(frozen=True)
class Pairing:
    """Files by set and image, and what is wrong with them, a sentence each.

    If there are ``candidates``, several patterns fit, and there are no files.
    """

    files: dict[str, dict[str, PurePosixPath]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    candidates: list[Candidate] = field(default_factory=list)


def pair(
    places: Sequence[PurePosixPath],
    sets: Images,
    *,
    wanted: Collection[str] = (),
    absent: Mapping[str, str] | None = None,
    folders: Mapping[str, str] | None = None,
    pattern: Pattern | None = None,
    called: Called = OUTPUTS,
) -> Pairing:
    """Pair files with the images of ``sets``, of which those are meant that are ``wanted``.

    If none are wanted: those in whose folders files lie, otherwise the one whose names fit.
    ``absent`` are sets whose images are not there, with the command that brings them;
    ``folders`` are further names of folders by what set they are of. With a ``pattern`` files that
    do not fit it are passed over.
    """
    absent = absent or {}
    homes = {folded(name): name for name in sets}
    homes = {folded(name): each for name, each in (folders or {}).items()} | homes
    files = [place for place in places if pattern is None or pattern.fits(place)]
    if pattern and not files:
        return Pairing(problems=[f"no file fits the pattern '{pattern}': there {_are(places)}"])
    below: dict[str | None, list[PurePosixPath]] = {}
    for place in files:
        above = [homes[part] for part in map(folded, reversed(place.parts[:-1])) if part in homes]
        below.setdefault(above[0] if above else None, []).append(place)
    if wanted:
        meant = {name: below.get(name) or below.get(None) or files for name in wanted}
        files = list(dict.fromkeys(place for some in meant.values() for place in some))
    elif below.keys() - {None}:
        meant = {name: below[name] for name in sets if name in below}
    else:
        return _guessed(files, sets, absent, pattern)
    problems = [_lacking(name, absent[name]) for name in meant if name in absent]
    return _of_sets(files, meant, sets, pattern, problems, choose=not wanted, called=called)


def _guessed(
    files: Sequence[PurePosixPath],
    sets: Images,
    absent: Mapping[str, str],
    pattern: Pattern | None,
) -> Pairing:
    """Pair files that nothing but their names tells the sets of."""
    index = _index(files)
    there = [name for name in sets if name not in absent]
    fitting: dict[Pattern, list[str]] = {}
    for name in there:
        for each in _complete({name: sets[name]}, {name: index}, pattern):
            fitting.setdefault(each, []).append(name)
    if not fitting:
        return _nobodys(files, index, sets, there, absent, pattern)
    stems = {
        each: {each.stem(image) for name in names for image in sets[name]}
        for each, names in fitting.items()
    }
    # A small set's names may stand in those of a larger one by chance.
    ordered = [
        each
        for each in sorted(fitting, key=lambda each: (-len(stems[each]), each))
        if not any(stems[each] < stems[other] for other in fitting)
    ]
    if len(ordered) > 1:
        return Pairing(candidates=[_candidate(p, fitting[p], sets, index) for p in ordered])
    found, names = ordered[0], fitting[ordered[0]]
    if sum(len(sets[name]) for name in names) > len(stems[found]):
        said = " and of ".join(names)
        return Pairing(
            problems=[f"its names are those of {said}: say by {advice('set')} whose they are"]
        )
    return _of_sets(files, dict.fromkeys(names, files), sets, pattern, [], choose=True)


def _nobodys(
    files: Sequence[PurePosixPath],
    index: _Index,
    sets: Images,
    there: Sequence[str],
    absent: Mapping[str, str],
    pattern: Pattern | None,
) -> Pairing:
    """What is wrong where no set's names fit: told of the set that comes closest."""
    for name in absent:
        if _complete({name: sets[name]}, {name: index}, pattern):
            return Pairing(
                problems=[f"its names are those of {name}", _lacking(name, absent[name])]
            )
    closest, most = None, 0.0
    for name in there:
        count = _best({name: sets[name]}, {name: index}, pattern)[1]
        if count / len(sets[name]) > most:
            closest, most = name, count / len(sets[name])
    if closest is None:
        return Pairing(
            problems=[f"its names are those of no set of {', '.join(there)}: there {_are(files)}"]
        )
    name = closest
    hint = f"its names fit no set; {name} comes closest, and {advice('set')} says which is meant"
    return _of_sets(files, {name: list(files)}, sets, pattern, [hint], choose=False)


def _of_sets(
    files: Sequence[PurePosixPath],
    meant: Mapping[str, Sequence[PurePosixPath]],
    sets: Images,
    pattern: Pattern | None,
    problems: Sequence[str],
    *,
    choose: bool,
    called: Called = OUTPUTS,
) -> Pairing:
    """Pair ``files`` with all images of the sets that they are ``meant`` for."""
    indexes = {name: _index(some) for name, some in meant.items()}
    images = {name: sets[name] for name in meant}
    complete = _complete(images, indexes, pattern)
    if len(complete) > 1:
        first = next(iter(meant))
        return Pairing(
            problems=list(problems),
            candidates=[_candidate(p, list(meant), sets, indexes[first]) for p in complete],
        )
    found = complete[0] if complete else _best(images, indexes, pattern)[0]
    if found is None:
        told = _whose(images, indexes, sets, pattern)
        return Pairing(
            problems=[
                *problems,
                *(told or [f"no name fits an image of {', '.join(meant)}: there {_are(files)}"]),
            ]
        )
    lacks, taken, paired = [], set(), {}
    for name, some in images.items():
        by_image = {image: indexes[name].get(found.stem(image), []) for image in some}
        if len({folded(image) for image in some}) < len(some):
            lacks.append(f"{name} has images whose names differ in case only")
        taken |= {place for places in by_image.values() for place in places}
        paired[name] = {image: places[0] for image, places in by_image.items() if places}
        missing = [image for image, places in by_image.items() if not places]
        if 2 * len(missing) > len(some):
            lacks += _whose([name], indexes, sets, pattern)
        if missing:
            lacks.append(
                f"{name}: by the pattern '{_shown(found, paired[name])}' {len(missing)} of "
                f"{len(some)} images have no {called.what}: {listed(missing)}"
            )
        lacks += limited(
            [
                f"{name}: several files are the {called.what} of {image}: "
                f"{listed(map(readable, places))}"
                for image, places in by_image.items()
                if len(places) > 1
            ]
        )
    left = [readable(place) for place in files if place not in taken]
    if left:
        one = "1 file is" if len(left) == 1 else f"{len(left)} files are"
        lacks.append(
            f"{one} left over, of no image of {', '.join(meant)}: {listed(left)}"
            + ("" if pattern else f"; {advice(called.by)} passes over what does not fit it")
            + (f"; {advice('set')} names the sets that are meant" if choose and not pattern else "")
        )
    matched = sum(map(len, paired.values()))
    hopeless = 2 * matched < sum(map(len, images.values()))
    return Pairing({} if hopeless else paired, [*problems, *lacks])


def _whose(
    names: Iterable[str], indexes: Files, sets: Images, pattern: Pattern | None
) -> list[str]:
    """Of sets whose names do not fit, those other sets whose names do."""
    told = []
    for name in names:
        for other in sets:
            index = {other: indexes[name]}
            most_of_it = 2 * len(sets[other]) > len(indexes[name])  # and not a few by chance
            if other != name and most_of_it and _complete({other: sets[other]}, index, pattern):
                told.append(f"the names are those of {other}, not of {name}")
    return told


def _complete(images: Images, indexes: Files, given: Pattern | None) -> list[Pattern]:
    """The patterns that find every image: those of different files, each once, in their order."""
    every = [(name, image) for name, some in images.items() for image in some]
    if any(len(some) > len(indexes[name]) for name, some in images.items()):
        return []
    if given:
        found = [given]
    else:
        sample = _sample(every)
        tally = _tally(sample, indexes)
        found = sorted(each for each, count in tally.items() if count == len(sample))
    different: dict[tuple[str, ...], Pattern] = {}
    for each in found:
        if all(each.stem(image) in indexes[name] for name, image in every):
            stems = tuple(each.stem(image) for _, image in every)
            different.setdefault(stems, each)
    return list(different.values())


def _best(images: Images, indexes: Files, given: Pattern | None) -> tuple[Pattern | None, int]:
    """The pattern that finds most images, and how many."""
    every = [(name, image) for name, some in images.items() for image in some]
    tally = _tally(_sample(every) if given is None else (), indexes)
    tried = [given] if given else sorted(tally, key=lambda each: (-tally[each], each))[:TRIED]
    best, most = None, 0
    for each in tried:
        count = sum(each.stem(image) in indexes[name] for name, image in every)
        if count > most:
            best, most = each, count
    return best, most


def _sample(every: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Some images, from that with the longest name, which fewest files have by chance."""
    ordered = sorted(every, key=lambda each: -len(each[1]))
    return ordered[:: max(1, -(-len(ordered) // SAMPLE))]


def _tally(sample: Iterable[tuple[str, str]], indexes: Files) -> Counter[Pattern]:
    """How many images of a sample each pattern finds."""
    tally: Counter[Pattern] = Counter()
    for name, image in sample:
        within, found = folded(image), set()
        for stem in indexes[name]:
            at = stem.find(within)
            while at >= 0:
                found.add(Pattern(stem[:at], stem[at + len(within) :]))
                at = stem.find(within, at + 1)
        tally.update(found)
    return tally


def _index(places: Iterable[PurePosixPath]) -> dict[str, list[PurePosixPath]]:
    found: dict[str, list[PurePosixPath]] = {}
    for place in places:
        found.setdefault(folded(place.stem), []).append(place)
    return found


def _candidate(pattern: Pattern, names: Sequence[str], sets: Images, index: _Index) -> Candidate:
    image = sets[names[0]][0]
    place = index[pattern.stem(image)][0]
    return Candidate(_shown(pattern, {image: place}), tuple(names), place)


def _shown(pattern: Pattern, paired: Mapping[str, PurePosixPath]) -> Pattern:
    """A pattern in the case in which files have it."""
    for image, place in paired.items():
        before = place.stem[: len(pattern.prefix)]
        behind = place.stem[len(place.stem) - len(pattern.suffix) :]
        if Pattern(before, behind).stem(image) == pattern.stem(image):
            return pattern._replace(prefix=before, suffix=behind)
    return pattern


def _lacking(name: str, command: str) -> str:
    other = f"{advice('set')} names other sets"
    return f"the images of {name} are not there: {command} brings them; {other}"


def _are(places: Sequence[PurePosixPath]) -> str:
    return ("is " if len(places) == 1 else "are ") + listed(map(readable, places))


def listed(names: Iterable[str], most: int = MOST_NAMED) -> str:
    """Names with commas between, and how many more there are.

    >>> listed("abcd", most=2)
    'a, b and 2 more'
    """
    names = list(names)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def limited(sentences: Sequence[str]) -> list[str]:
    """Sentences of one kind, the first of them where there are many, and how many more."""
    more = len(sentences) - MOST_NAMED
    return [*sentences[:MOST_NAMED], *([f"and {more} more of this kind"] if more > 0 else [])]
