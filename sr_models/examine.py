"""Taking a model file that somebody brought: converted once and tried, in a process of its own.

What was made by others is read, built and run where it can take no more memory and time than it
was given, and knows nothing of this process but the file.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sr_models.facts import PRECISIONS, SCALES, Facts

LARGEST = 4 << 30
"""Bytes of a model file; the largest networks for super-resolution have a tenth of it."""
INHERITED = (
    "PATH", "HOME", "LANG", "LANGUAGE", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH", "PYTHONPATH", "OMP_NUM_THREADS", "MKL_NUM_THREADS",
)  # fmt: skip
"""What the process is told of its environment, beside LC_ and CUDA_: no keys, no addresses."""


def take(
    source: Path, destination: Path, *, scale: int | None = None, precision: str = "float32",
    device: str = "auto", memory: int = 4 << 30, patience: float = 600,
) -> tuple[Path, Facts]:  # fmt: skip
    """Convert the model file ``source`` into ``destination`` with ``.safetensors`` or ``.onnx``.

    The file is written whole or not at all; the same source gives the same bytes. ``scale`` is what
    was declared, and refused if another one is measured. The trial may take ``memory`` bytes and
    ``patience`` seconds. Returns the path that was written and what was measured. Raises
    ``ValueError``, one sentence, for whatever cannot be taken.
    """
    _arguments(source, scale, precision)
    before = _stamp(source)
    destination.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=destination.parent, prefix=f".{destination.name}-")
    os.close(handle)
    part = Path(name)
    try:
        answer = _in_a_process(
            source.resolve(), part, scale=scale, precision=precision, device=device, memory=memory,
            patience=patience,
        )  # fmt: skip
        if _stamp(source) != before:
            raise ValueError(f"{source.name} changed while it was read; take it again")
        facts = Facts(**answer)
        suffix = ".onnx" if facts.kind == "onnx" else ".safetensors"
        final = destination.with_name(destination.name + suffix)
        part.chmod(0o644)
        part.replace(final)
    finally:
        part.unlink(missing_ok=True)
    return final, facts


def _arguments(source: Path, scale: int | None, precision: str) -> None:
    if not source.is_file():
        raise ValueError(f"there is no model file {source}")
    if source.stat().st_size > LARGEST:
        raise ValueError(f"{source.name} is larger than {LARGEST >> 30} GiB; bring weights alone")
    if scale is not None and scale not in SCALES:
        raise ValueError(f"scale {scale} is unknown; use 2, 3, 4 or 8")
    if precision not in PRECISIONS:
        raise ValueError(f"precision {precision!r} is unknown; use {', '.join(PRECISIONS)}")


def _stamp(path: Path) -> tuple[int, ...]:
    try:
        found = path.stat()
    except FileNotFoundError:
        return ()
    return found.st_size, found.st_mtime_ns, found.st_ino


def environment(device: str) -> dict[str, str]:
    """What the process is told of this one's environment."""
    told = {
        key: value for key, value in os.environ.items()
        if key in INHERITED or key.startswith(("LC_", "CUDA_"))
    }  # fmt: skip
    if device == "cpu":
        told["CUDA_VISIBLE_DEVICES"] = ""
    root = str(Path(__file__).parent.parent)
    told["PYTHONPATH"] = os.pathsep.join([root, *filter(None, [told.get("PYTHONPATH")])])
    return told


def _in_a_process(
    source: Path, part: Path, *, memory: int, patience: float, **options: Any
) -> dict[str, Any]:
    """What the process at the end of this module answers. Raises ``ValueError`` for a refusal."""
    task = {"source": str(source), "part": str(part.resolve()), "memory": memory, **options}
    task["patience"] = patience
    with tempfile.TemporaryDirectory() as empty:
        try:
            ended = subprocess.run(
                [sys.executable, "-m", "sr_models.examine", json.dumps(task)], cwd=empty,
                env=environment(options["device"]), stdin=subprocess.DEVNULL,
                capture_output=True, timeout=patience, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise ValueError(_late(source, patience)) from None
    try:
        answer = json.loads(ended.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        raise ValueError(_fallen(source, ended, memory, patience)) from None
    if "refused" in answer:
        raise ValueError(answer["refused"])
    facts: dict[str, Any] = answer["facts"]
    return facts


def _late(source: Path, patience: float) -> str:
    return (
        f"{source.name} took longer than {patience:.0f} s to be tried; allow it more, or run it "
        "yourself and bring its outputs"
    )


def _greedy(name: str, memory: int) -> str:
    return (
        f"{name} needs more memory than the {memory / (1 << 30):.1f} GiB that it may take; run it "
        "yourself and bring its outputs"
    )


def _fallen(
    source: Path, ended: subprocess.CompletedProcess[bytes], memory: int, patience: float
) -> str:
    said = ended.stderr.decode(errors="replace").strip().splitlines()
    if ended.returncode == -getattr(signal, "SIGXCPU", 0):
        return _late(source, patience)
    if any("MemoryError" in line or "bad_alloc" in line for line in said):
        return _greedy(source.name, memory)
    if ended.returncode < 0:
        return (
            f"{source.name}: its trial was ended by the system (signal {-ended.returncode}), most "
            "likely for want of memory"
        )
    return f"{source.name}: its trial broke off ({said[-1][:200] if said else 'it said nothing'})"


def _limit(memory: int, patience: float) -> None:
    """From here on this process may take so much memory and time, where the system counts it."""
    if sys.platform != "linux":
        return
    import resource

    lines = Path("/proc/self/status").read_text().splitlines()
    held = next(int(line.split()[1]) for line in lines if line.startswith("VmData:"))
    resource.setrlimit(resource.RLIMIT_DATA, (memory + 1024 * held,) * 2)
    seconds = int(patience * (os.cpu_count() or 1)) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))


def _work(task: dict[str, Any]) -> dict[str, Any]:
    """What the process does: limits first, then the file."""
    from sr_models import convert, upscale  # with them torch, whose own memory does not count

    device = upscale.pick_device(task["device"])
    name = Path(task["source"]).name
    if device.type == "cpu":
        # CUDA reserves addresses by the hundred gigabytes, which would count as memory.
        convert.start_threads()
        _limit(task["memory"], task["patience"])
    try:
        facts = convert.convert(
            Path(task["source"]), Path(task["part"]), scale=task["scale"],
            precision=task["precision"], device=task["device"], memory=task["memory"],
        )  # fmt: skip
    except ValueError as error:
        return {"refused": str(error)}
    except (MemoryError, RuntimeError, OSError, ImportError) as error:
        if isinstance(error, MemoryError) or convert.wants_memory(error):
            return {"refused": _greedy(name, task["memory"])}
        line = (str(error).splitlines() or [""])[0][:200]
        return {"refused": f"{name} cannot be run here ({line})"}
    return {"facts": asdict(facts)}


def main() -> None:
    """Examine the file that the first argument tells of; one line of JSON is the answer."""
    # What libraries print is no answer.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    try:
        answer = _work(json.loads(sys.argv[1]))
    except ValueError as error:
        answer = {"refused": str(error)}
    answers.write(json.dumps(answer) + "\n")
    answers.flush()


if __name__ == "__main__":
    main()
