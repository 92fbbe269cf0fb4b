"""Programs of somebody's own that enlarge an image: a command, run for one image after another.

A program runs with all the rights of whoever runs this, as from a shell. So a command may come from
one place alone: the command line of somebody who has these rights anyway, by ``add_method``. No
page, no form and no file that is uploaded may ever make one; what lies in ``METHODS_DIR`` is
believed, as are the programs themselves.

It is given as little as it needs: an empty folder, an environment without our settings, no input,
a time limit. That keeps mistakes apart, and is no wall against a program that means harm.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import selectors
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.files import encode_png, file_hash, read_image
from benchmarks.likeness import coloured
from benchmarks.material import readable

Image = NDArray[np.uint8]

PLACES = ("{lr}", "{out}", "{scale}")
"""What is filled in: the LR image, a PNG file; the PNG file that is to be made; the factor."""
BRACES = re.compile(r"\{[^{}]*\}|[{}]")
LONGEST = 86_400.0
"""Seconds that may be allowed for an image: a day."""
HANDED_ON = re.compile(
    r"PATH|HOME|USER|LOGNAME|LANG|LC_\w+|TZ|TMPDIR|LD_LIBRARY_PATH|XDG_CACHE_HOME|OMP_NUM_THREADS"
    r"|CUDA_\w+|NVIDIA_\w+"
)
"""Of our environment, what a program is told. Our own settings, keys among them, are none of its
business; what else it needs is part of the command: ``env NAME=VALUE program {lr} {out}``."""
PNG = b"\x89PNG\r\n\x1a\n"
MOST_SAID = 8_192
"""Bytes of its errors that are kept, the last ones."""
MOST_TOLD = 300
"""Letters of them that are told."""
GLANCE = 0.1
"""Seconds after which a program is looked at that has ended and left its errors open to others."""


@dataclass(frozen=True)
class Program:
    """A command as it is run: never by a shell, in an empty folder, which `PLACES` are put into.

    ``files`` holds the SHA-256, by path, of the program itself and of the files among its
    arguments, which are absolute. ``time_limit``: seconds for one image.
    """

    arguments: tuple[str, ...]
    time_limit: float
    files: Mapping[str, str]

    @property
    def line(self) -> str:
        """The command as a shell takes it, for people."""
        return readable(shlex.join(self.arguments))

    @property
    def fingerprint(self) -> str:
        """Changes whenever its answers could, as far as its files tell."""
        told = json.dumps([self.arguments, dict(self.files)], ensure_ascii=False)
        return hashlib.sha256(told.encode()).hexdigest()


def parsed(command: str, *, time_limit: float) -> Program:
    """The program of a command as it is typed here and now; it is split as a shell does.

    The program and what names a file, also as ``--weights=FILE``, become absolute paths. Raises
    ``ValueError`` for what is no command, and for a program that is not there.
    """
    if not 0 < time_limit <= LONGEST:
        raise ValueError(
            f"the time limit is {time_limit:g} seconds an image; it is more than 0 and at most "
            f"{LONGEST:g}"
        )
    try:
        words = shlex.split(command)
        command.encode()
    except UnicodeEncodeError:
        raise ValueError(f"the command {readable(command)} is no text in UTF-8") from None
    except ValueError as error:
        reason = "a quotation mark is not closed" if "quotation" in str(error) else str(error)
        raise ValueError(f"the command {readable(command)} cannot be split: {reason}") from None
    _check_places(words)
    words = [_program(words[0]), *map(_absolute, words[1:])]
    found = {words[0]: words[0]} | {word: _file(word) for word in words[1:] if _file(word)}
    return Program(
        tuple(words), time_limit, {path: file_hash(Path(path)) for path in found.values()}
    )


def _check_places(words: list[str]) -> None:
    example = "as in 'upscale {lr} {out}'"
    if not words:
        raise ValueError(f"the command is empty; it names a program, {example}")
    for word in words:
        for brace in BRACES.findall(word):
            if brace not in PLACES:
                raise ValueError(
                    f"{readable(brace)} stands for nothing in a command; {', '.join(PLACES)} do"
                )
    if BRACES.search(words[0]):
        raise ValueError(f"the command begins with {words[0]}, which is no program; {example}")
    for place, what in (("{lr}", "the LR image"), ("{out}", "the image that it makes")):
        if not any(place in word for word in words):
            raise ValueError(f"the command does not say where {what} comes: {place}, {example}")


def _program(word: str) -> str:
    """Where a program lies. Raises ``ValueError`` if there is none, or none that can be run."""
    if "/" not in word:
        found = shutil.which(word)
        if found is None:
            raise ValueError(f"there is no program {readable(word)} on the PATH; name its file")
        return str(Path(found).absolute())
    path = Path(word).expanduser().absolute()
    if not path.is_file():
        raise ValueError(f"there is no program {readable(str(path))}")
    if not os.access(path, os.X_OK):
        raise ValueError(
            f"{readable(str(path))} may not be run: give it that right (chmod +x), or name the "
            "program that runs it first"
        )
    return str(path)


def _absolute(word: str) -> str:
    """An argument as it is understood in another folder: of a file here, or a folder with a slash.

    A word without a slash may be anything, and stays where it names a folder only by chance.
    """
    if BRACES.search(word):
        return word
    option, equals, value = word.rpartition("=")
    for before, name in (("", word), (option + equals, value)):
        path = Path(name).expanduser()
        if name and (path.is_file() or ("/" in name and path.is_dir())):
            return before + str(path.absolute())
    return word


def _file(word: str) -> str:
    """The file that an argument names, if it names one."""
    return next(
        (name for name in (word, word.rpartition("=")[2]) if name and Path(name).is_file()), ""
    )


def absent(program: Program) -> str:
    """What of it is no longer there, as a sentence; empty if all is."""
    for path in program.files:
        if not Path(path).is_file():
            return f"{readable(path)} is missing"
    return ""


def differs(program: Program) -> str:
    """What of it is no longer as it was taken in, as a sentence; empty if nothing is."""
    for path, wanted in program.files.items():
        try:
            if file_hash(Path(path)) != wanted:
                return f"{readable(path)} is another file than the one that was taken in"
        except FileNotFoundError:
            return f"{readable(path)} is missing"
        except OSError as error:
            return f"{readable(path)} cannot be read: {error.strerror}"
    return ""


def enlarged(program: Program, lr: Image, scale: int) -> Image:
    """What a program makes of an LR image (h, w[, 3]), uint8: ``scale`` times as large.

    Of a grey image it is grey, by the rule that outputs are taken by. Raises ``ValueError`` where
    the program fails, or makes anything else, and where it is another than was taken in.
    """
    if said := differs(program):
        raise ValueError(said)
    return fitted(made(program, lr, scale), lr, scale)


def made(program: Program, lr: Image, scale: int | None) -> Image:
    """What a program makes of an LR image, whatever its size and colours.

    Raises ``ValueError`` if it fails, takes too long, or makes no PNG image.
    """
    with tempfile.TemporaryDirectory(prefix="enlarge-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        paths = {"{lr}": f"{folder / 'lr.png'}", "{out}": f"{folder / 'out.png'}"}
        filled = paths | {"{scale}": str(scale)}
        Path(paths["{lr}"]).write_bytes(encode_png(lr))
        _run(
            [BRACES.sub(lambda found: filled[found[0]], word) for word in program.arguments],
            folder,
            program.time_limit,
        )
        return _read(folder / "out.png")


def _read(path: Path) -> Image:
    # A pipe or a device of that name would be waited for without end.
    if not path.is_file():
        raise ValueError("the program ended well and wrote no {out}, a PNG file")
    with path.open("rb") as file:
        start = file.read(len(PNG))
    image = read_image(path, label="what it wrote to {out}")
    if start != PNG:
        raise ValueError("what it wrote to {out} is no PNG file, which keeps every pixel as it was")
    return image


def _run(arguments: list[str], folder: Path, time_limit: float) -> None:
    """Run a program to its end. Raises ``ValueError`` if it fails or takes too long.

    When this is left, however that happens, nothing of the program's process group runs.
    """
    environment = {name: told for name, told in os.environ.items() if HANDED_ON.fullmatch(name)}
    try:
        process = subprocess.Popen(
            arguments,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        raise ValueError(
            f"{readable(arguments[0])} cannot be run: {(error.strerror or str(error)).lower()}"
        ) from None
    with _ending_in_order(), process:
        try:
            said = _followed(process, time_limit)
        finally:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
    if said is None:
        raise ValueError(
            f"the program took longer than the {time_limit:g} s that it has for an image, and was "
            "stopped; --time-limit allows more"
        )
    if process.returncode:
        raise ValueError(f"the program {_ended(process.returncode)}{_last(said)}")


@contextmanager
def _ending_in_order() -> Iterator[None]:
    """For the length of a block, what would end this process at once ends it as an exception does.

    A program has a session of its own, so that a terminal which is closed ends this process alone.
    """
    before = {}
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is signal.SIG_DFL:  # nohup, for one, ignores the second
                before[number] = signal.signal(number, lambda told, _: sys.exit(128 + told))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _followed(process: subprocess.Popen[bytes], time_limit: float) -> bytes | None:
    """The last of what a program says on its way to its end; ``None`` if the time is up before."""
    until, said = time.monotonic() + time_limit, b""
    assert process.stderr is not None
    errors = process.stderr.fileno()
    os.set_blocking(errors, False)
    with selectors.DefaultSelector() as ready:
        ready.register(errors, selectors.EVENT_READ)
        while (left := until - time.monotonic()) > 0:
            if not ready.get_map():
                with suppress(subprocess.TimeoutExpired):
                    process.wait(left)
            elif ready.select(min(left, GLANCE)):
                some = os.read(errors, 1 << 16)
                said = (said + some)[-MOST_SAID:]
                if not some:
                    ready.unregister(errors)
                continue
            # What it started may go on and hold its errors open.
            if process.poll() is not None:
                return said
    return None


def _ended(status: int) -> str:
    if status > 0:
        return f"ended with status {status}"
    with suppress(ValueError):
        return f"was ended by {signal.Signals(-status).name}"
    return f"was ended by signal {-status}"


def _last(said: bytes) -> str:
    """The last line of what a program said, in which most of them say what went wrong."""
    lines = [line.strip() for line in said.decode("utf-8", "backslashreplace").splitlines()]
    last = next((line for line in reversed(lines) if line), "")
    last = readable(last)
    return f": {last[:MOST_TOLD]}{'...' * (len(last) > MOST_TOLD)}" if last else ""


def fitted(image: Image, lr: Image, scale: int) -> Image:
    """An answer as it is kept. Raises ``ValueError`` for another size, or other colours."""
    height, width = lr.shape[:2]
    if image.shape[:2] != (scale * height, scale * width):
        raise ValueError(
            f"the program made {image.shape[1]}x{image.shape[0]} of {width}x{height}, not "
            f"{scale * width}x{scale * height} (x{scale}){_explained(image, lr)}"
        )
    return coloured(image, lr, "what it was made from")[0]


def scale_of(image: Image, lr: Image) -> int:
    """By how much an answer is larger. Raises ``ValueError`` if that is no whole number."""
    times, rest = divmod(image.shape[0], lr.shape[0])
    if rest or image.shape[1] != times * lr.shape[1]:
        raise ValueError(
            f"the program made {image.shape[1]}x{image.shape[0]} of {lr.shape[1]}x{lr.shape[0]}, "
            f"which is no whole number of times as large{_explained(image, lr)}"
        )
    return times


def _explained(image: Image, lr: Image) -> str:
    """What a wrong size looks like, if like anything."""
    (height, width), (lr_height, lr_width) = image.shape[:2], lr.shape[:2]
    if height * lr_height == width * lr_width and height != width:
        return ": it lies on its side"
    if width % lr_width or height % lr_height or width // lr_width != height // lr_height:
        return ""
    times = width // lr_width
    return f": that enlarges by {times}" if times > 1 else ": that does not enlarge"
