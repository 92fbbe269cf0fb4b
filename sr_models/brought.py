"""Reading a model file that somebody brought, without running anything that is in it.

What a file is, its content says and not its name. Weights are read by ``safetensors`` or by
``torch.load(weights_only=True)``, which makes tensors and nothing else. The layers that training
programs wrap round them are taken off; what is no tensor (optimizer, epoch) is left.
"""

from __future__ import annotations

import pickle
import re
import struct
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

LARGEST = 4 << 30
"""Bytes of a model file; the largest networks for super-resolution have a tenth of it."""
OUTPUTS = "run it yourself and bring its outputs"
WEIGHTS = "bring its weights alone, as torch.save(model.state_dict(), 'weights.pth') writes them"

# Where training programs keep the weights, the best first (BasicSR, KAIR, Lightning, GANs).
WRAPPERS = (
    "params_ema", "params-ema", "params", "state_dict", "model_state_dict", "model", "generator",
    "net_g", "netG", "net",
)  # fmt: skip
PREFIXES = ("module.", "_orig_mod.", "net_g.", "netG.", "generator.", "model.", "network.")
GENERATORS = {"net_g.", "netG.", "generator."}
"""Prefixes that tell a generator from what was trained beside it."""
FOREIGN = {
    ".h5": "Keras", ".hdf5": "Keras", ".keras": "Keras", ".pb": "TensorFlow",
    ".tflite": "TensorFlow Lite", ".param": "ncnn", ".mlmodel": "Core ML", ".mlpackage": "Core ML",
    ".engine": "TensorRT", ".plan": "TensorRT", ".trt": "TensorRT", ".xml": "OpenVINO",
    ".mnn": "MNN", ".pt2": "torch.export", ".msgpack": "Flax", ".npz": "NumPy", ".gguf": "GGUF",
}  # fmt: skip
MAGIC = {b"\x89HDF": "Keras", b"7767517\n": "ncnn", b"GGUF": "GGUF", b"\x93NUMPY": "NumPy"}
LEGACY = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19"
"""How ``torch.save`` began a file before it wrote ZIP archives."""


def format_of(path: Path) -> str:
    """``safetensors``, ``torch`` or ``onnx``, by the content.

    Raises ``ValueError`` for what is none of them, with how to bring it.
    """
    with path.open("rb") as file:
        head = file.read(16)
    name, suffix = path.name, path.suffix.lower()
    if not head:
        raise ValueError(f"{name} is empty")
    if head.startswith(b"PK"):
        return _archive(path)
    for magic, program in MAGIC.items():
        if head.startswith(magic):
            raise ValueError(f"{name} is a file of {program}, which is not read here; {OUTPUTS}")
    if head[4:8] == b"TFL3":
        raise ValueError(f"{name} is a file of TensorFlow Lite, which is not read here; {OUTPUTS}")
    if head.startswith(LEGACY):
        return "torch"
    if head[0] == 0x80 and head[1] in range(2, 6):
        raise ValueError(
            f"{name} is a pickle, which could run code when it is read, and torch.save did not "
            f"write it; {WEIGHTS}"
        )
    if suffix == ".safetensors" or head[8:9] == b"{":
        return "safetensors"
    if suffix == ".onnx" or (head[0] == 0x08 and head[1] < 32 and suffix not in FOREIGN):
        return "onnx"
    if suffix in FOREIGN:
        raise ValueError(
            f"{name} is a file of {FOREIGN[suffix]}, which is not read here; {OUTPUTS}"
        )
    raise ValueError(
        f"{name} is no model file that is read here (.safetensors, .pth, .pt, .ckpt, .bin, .onnx); "
        f"{OUTPUTS}"
    )


def _archive(path: Path) -> str:
    """``torch`` where a ZIP archive is one that ``torch.save`` wrote."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        raise ValueError(f"{path.name} is damaged or was broken off; fetch it again") from None
    names = [entry.filename for entry in entries]
    if any(name.endswith("/constants.pkl") or "/code/" in name for name in names):
        raise ValueError(
            f"{path.name} is TorchScript, which is code and is not run here; load it where it was "
            f"made and {WEIGHTS}, or {OUTPUTS}"
        )
    if not any(name.endswith("/data.pkl") or name == "data.pkl" for name in names):
        program = FOREIGN.get(path.suffix.lower())
        what = f"a file of {program}" if program else "a ZIP archive, but no model file"
        raise ValueError(f"{path.name} is {what}; bring weights alone (.pth, .safetensors)")
    if sum(entry.file_size for entry in entries) > LARGEST:
        raise ValueError(f"{path.name} would unpack to more than {LARGEST >> 30} GiB")
    return "torch"


def weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a file of weights, by name, unwrapped, as they are stored.

    Raises ``ValueError``, one sentence, for whatever is not such a file or holds values that no
    network can use.
    """
    if format_of(path) == "safetensors":
        try:
            content: Any = load_file(path)
        except (SafetensorError, OSError, ValueError, struct.error) as error:
            raise ValueError(
                f"{path.name} is no whole safetensors file ({_first_line(error)}); fetch it again"
            ) from None
    else:
        content = _load(path)
    state = unwrap(content, path.name)
    for key, tensor in state.items():
        check(key, tensor, path.name)
    return state


def _load(path: Path) -> Any:
    try:
        with warnings.catch_warnings(), path.open("rb") as file:
            warnings.simplefilter("ignore")
            # Not by its name, from which PyTorch would conclude what it is.
            return torch.load(file, map_location="cpu", weights_only=True)
    except MemoryError:
        raise
    except Exception as error:  # what a damaged file makes of an unpickler is any of a dozen
        if isinstance(error, RuntimeError) and "can't allocate memory" in str(error):
            raise
        named = re.search(r"GLOBAL ([\w.]+)|[Uu]nsupported (?:class|type) ([\w.]+)", str(error))
        if named or (isinstance(error, pickle.UnpicklingError) and "Unsupported" in str(error)):
            what = named[1] or named[2] if named else "something that is no tensor"
            raise ValueError(
                f"{path.name} holds {what}, and not weights alone: to read that could run code, so "
                f"it was not read; load it where it was made and {WEIGHTS}"
            ) from None
        raise ValueError(
            f"{path.name} is damaged or was broken off ({_first_line(error)}); fetch it again"
        ) from None


def unwrap(content: Any, name: str) -> dict[str, Tensor]:
    """The innermost tensors by name. Raises ``ValueError`` where there are none."""
    while isinstance(content, Mapping):
        inner = [content[key] for key in WRAPPERS if isinstance(content.get(key), Mapping)]
        if not inner and len(content) == 1:
            inner = [value for value in content.values() if isinstance(value, Mapping)]
        if not inner:
            break
        content = inner[0]
    if not isinstance(content, Mapping):
        kind = type(content).__name__
        raise ValueError(f"{name} holds a {kind}, not tensors by name; {WEIGHTS}")
    tensors = {str(key): value.detach() for key, value in content.items()
               if isinstance(value, Tensor)}  # fmt: skip
    if not tensors:
        raise ValueError(f"{name} holds no tensors; {WEIGHTS}")
    return tensors


def check(key: str, tensor: Tensor, name: str) -> None:
    """Raises ``ValueError`` unless the tensor holds plain finite numbers."""
    odd = (
        "sparse" if tensor.layout != torch.strided
        else "quantised" if tensor.is_quantized
        else "complex" if tensor.is_complex()
        else "without values" if tensor.is_meta
        else ""
    )  # fmt: skip
    if odd:
        raise ValueError(f"{name}: the tensor {key} is {odd}; {WEIGHTS}, as float32 or float16")
    if tensor.is_floating_point():
        wide = tensor if tensor.element_size() > 1 else tensor.float()
        if not torch.isfinite(wide).all():
            raise ValueError(
                f"{name}: the tensor {key} holds NaN or infinity; its training failed, or the file "
                "is damaged"
            )


def readings(state: dict[str, Tensor]) -> Iterator[dict[str, Tensor]]:
    """``state`` as it is, then without the prefixes that training programs put before names."""
    yield state
    for prefix in PREFIXES:
        part = {key.removeprefix(prefix): value for key, value in state.items()
                if key.startswith(prefix)}  # fmt: skip
        if part and (len(part) == len(state) or prefix in GENERATORS):
            yield from readings(part)


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].rstrip(".")[:160]
