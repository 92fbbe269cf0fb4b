"""Networks in ONNX, run by onnxruntime, which is asked for where such a file is run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sr_models import upscale
from sr_models.brought import OUTPUTS
from sr_models.padding import Loaded, Sizes

TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16}


def load(path: Path, *, device: str, name: str | None = None) -> Loaded:
    """The network in an ``.onnx`` file: one image in, one out, (n, 1 or 3, h, w) in [0, 1].

    Raises ``ValueError``, one sentence, for what onnxruntime cannot run by itself, for other inputs
    and outputs, and where it is not installed.
    """
    name = name or path.name
    try:
        import onnxruntime
    except ImportError:
        raise ValueError(
            ".onnx files need onnxruntime: pip install -r requirements-onnx.txt"
        ) from None
    where = upscale.pick_device(device)
    options = onnxruntime.SessionOptions()
    options.use_deterministic_compute = True
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 4
    wanted = ["CUDAExecutionProvider"] if where.type == "cuda" else []
    providers = [each for each in wanted if each in onnxruntime.get_available_providers()]
    try:
        # From bytes: a file that names others (external data) finds none.
        session: Any = onnxruntime.InferenceSession(
            path.read_bytes(), options, providers=[*providers, "CPUExecutionProvider"]
        )
    except MemoryError:
        raise
    except Exception as error:  # onnxruntime's own classes, which it does not export
        raise ValueError(f"{name}: {_why(error)}") from None
    return _loaded(session, name)


def _why(error: Exception) -> str:
    text = " ".join(str(error).split())
    if "external" in text.lower() or "model_path" in text:
        return "its weights are in another file (external data); save the model in one .onnx file"
    if "is not a registered function/op" in text or "custom" in text.lower():
        return f"it uses operators that are not ONNX's own, which are not run here; {OUTPUTS}"
    if "rotobuf" in text or "INVALID_PROTOBUF" in text:
        return "it is no ONNX model, or is damaged; fetch it again"
    return f"onnxruntime cannot run it ({text[:200]}); {OUTPUTS}"


def _loaded(session: Any, name: str) -> Loaded:
    inputs, outputs = session.get_inputs(), session.get_outputs()
    if len(inputs) != 1 or len(outputs) != 1:
        raise ValueError(
            f"{name}: it takes {len(inputs)} inputs and gives {len(outputs)} outputs; one image in "
            f"and one out is taken; {OUTPUTS}"
        )
    shape, kind = inputs[0].shape, TYPES.get(inputs[0].type)
    if kind is None or len(shape) != 4 or outputs[0].type not in TYPES:
        raise ValueError(
            f"{name}: it takes {inputs[0].type} {shape} and gives {outputs[0].type}; float "
            f"(n, 1 or 3, h, w) in [0, 1] is taken; {OUTPUTS}"
        )
    batch, channels, *sides = (size if isinstance(size, int) else None for size in shape)
    channels = channels or 3
    if channels not in (1, 3) or batch not in (None, 1):
        raise ValueError(f"{name}: it takes {shape}; (1, 1 or 3, h, w) is taken; {OUTPUTS}")
    if sides[0] != sides[1]:
        raise ValueError(
            f"{name}: it takes images of {shape[3]}x{shape[2]} alone; export it with dynamic "
            "height and width, or of a square"
        )

    def network(x: Tensor) -> Tensor:
        array = np.ascontiguousarray(x.cpu().numpy(), dtype=kind)
        try:
            (answer,) = session.run(None, {inputs[0].name: array})
        except Exception as error:  # onnxruntime's own classes, which it does not export
            raise RuntimeError(" ".join(str(error).split())[:200]) from None
        return torch.from_numpy(np.asarray(answer, np.float32)).to(x.device)

    # Nobody knows its windows; most have sides of 8 or 16.
    return Loaded(
        architecture="ONNX", kind="onnx", network=network, channels=channels, align=16,
        sizes=Sizes(fixed=sides[0]), parameters=0,
    )  # fmt: skip
