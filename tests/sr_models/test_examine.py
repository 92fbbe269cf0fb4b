"""What somebody brings is read without running it, tried in another process, or refused clearly."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from onnx import TensorProto, helper, load_model, save_model
from safetensors.torch import save_file
from torch import nn

from sr_models import brought, examine, methods, trial
from sr_models.convert import convert
from sr_models.examine import take
from sr_models.padding import Loaded, Sizes
from tests.sr_models.others import exported, keep, network


def refused(path: Path, *, scale: int | None = None) -> str:
    """The one sentence with which a file is refused."""
    kept = path.with_name("kept")
    with pytest.raises(ValueError, match=r".") as refusal:
        convert(path, kept, scale=scale, precision="float32", device="cpu", memory=4 << 30)
    text = str(refusal.value)
    assert "\n" not in text
    assert text.startswith(path.name)
    return text


class Trap:
    """A pickle that would make a file if anything in it ran."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_a_file_is_taken_through_a_process_of_its_own(tmp_path):
    made = network("Compact")
    source = keep(tmp_path / "w.pth", {"params": made.state_dict()})
    path, facts = take(source, tmp_path / "own" / "m", scale=8, device="cpu")
    assert path == tmp_path / "own" / "m.safetensors"
    assert [each.name for each in path.parent.iterdir()] == ["m.safetensors"]
    kept = tmp_path / "again.safetensors"
    same = convert(source, kept, scale=8, precision="float32", device="cpu", memory=4 << 30)
    assert kept.read_bytes() == path.read_bytes()
    assert same == facts
    assert examine.Facts(**json.loads(json.dumps(facts.__dict__))) == facts


def test_what_takes_too_much_leaves_nothing_and_says_so(tmp_path):
    source = keep(tmp_path / "w.pth", network("Compact").state_dict())
    for limits, said in (
        ({"memory": 1 << 20}, "w.pth needs more memory than the 0.0 GiB that it may take"),
        ({"patience": 0.3}, "w.pth took longer than 0 s to be tried"),
    ):
        with pytest.raises(ValueError, match=said) as refusal:
            take(source, tmp_path / "own" / "m", device="cpu", **limits)
        assert "\n" not in str(refusal.value)
        assert not list((tmp_path / "own").iterdir())


def test_a_source_that_changes_meanwhile_is_not_taken(tmp_path):
    """It is written to all the time, as by a download that has not ended."""
    source = tmp_path / "w.safetensors"
    shutil.copy(methods.WEIGHTS_DIR / "espcn.safetensors", source)
    done = threading.Event()

    def touch() -> None:
        while not done.wait(0.05):
            os.utime(source)

    writer = threading.Thread(target=touch)
    writer.start()
    try:
        with pytest.raises(ValueError, match=r"w\.safetensors changed while it was read"):
            take(source, tmp_path / "own" / "m", device="cpu")
    finally:
        done.set()
        writer.join()
    assert not list((tmp_path / "own").iterdir())


def test_the_process_knows_no_secrets(tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "not for others")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    told = examine.environment("cpu")
    assert "SECRET_KEY" not in told
    assert {"PATH", "LC_ALL", "PYTHONPATH"} <= set(told)
    assert told["CUDA_VISIBLE_DEVICES"] == ""


def test_arguments_that_cannot_be_are_refused_at_once(tmp_path):
    with pytest.raises(ValueError, match="there is no model file"):
        take(tmp_path / "none.pth", tmp_path / "m")
    source = keep(tmp_path / "w.pth", {})
    with pytest.raises(ValueError, match="scale 5 is unknown; use 2, 3, 4 or 8"):
        take(source, tmp_path / "m", scale=5)
    with pytest.raises(ValueError, match="precision 'int8' is unknown"):
        take(source, tmp_path / "m", precision="int8")
    large = tmp_path / "large.pth"
    with large.open("wb") as file:
        file.truncate((4 << 30) + 1)
    with pytest.raises(ValueError, match=r"large.pth is larger than 4 GiB"):
        take(large, tmp_path / "m")


def test_nothing_in_a_file_is_run(tmp_path):
    """Pickles that run code, in all the ways in which they come."""
    made = tmp_path / "made"
    state = network("Compact").state_dict()
    (tmp_path / "bare.pth").write_bytes(pickle.dumps(Trap(made)))
    assert "a pickle, which could run code" in refused(tmp_path / "bare.pth")
    keep(tmp_path / "trap.pth", {"params": state, "more": Trap(made)})
    assert ".mkdir, and not weights alone" in refused(tmp_path / "trap.pth")
    torch.save(Trap(made), tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    assert "could run code" in refused(tmp_path / "old.pth")
    keep(tmp_path / "module.pth", network("Compact"))
    said = refused(tmp_path / "module.pth")
    assert "SRVGG" in said
    assert "torch.save(model.state_dict()" in said
    assert not made.exists()


def test_files_of_other_programs_are_called_by_their_names(tmp_path):
    scripted = torch.jit.trace(nn.Conv2d(3, 3, 1), torch.zeros(1, 3, 4, 4), check_trace=False)
    scripted.save(tmp_path / "script.pth")
    assert "is TorchScript, which is code" in refused(tmp_path / "script.pth")
    with zipfile.ZipFile(tmp_path / "other.pth", "w") as archive:
        archive.writestr("readme.txt", "hello")
    assert "a ZIP archive, but no model file" in refused(tmp_path / "other.pth")
    for name, content, said in (
        ("k.h5", b"\x89HDF\r\n\x1a\n", "a file of Keras"),
        ("n.bin", b"7767517\n1 2\n", "a file of ncnn"),
        ("t.pb", b"\x0a\x10hello", "a file of TensorFlow"),
        ("e.pth", b"", "is empty"),
        ("x.pth", b"<html><body>404</body>", "is no model file"),
    ):
        (tmp_path / name).write_bytes(content)
        assert said in refused(tmp_path / name)


def test_damaged_files_are_refused_whatever_the_damage(tmp_path):
    state = network("Compact").state_dict()
    for way in (True, False):
        torch.save(state, tmp_path / "w.pth", _use_new_zipfile_serialization=way)
        whole = (tmp_path / "w.pth").read_bytes()
        (tmp_path / "cut.pth").write_bytes(whole[: len(whole) // 2])
        assert "damaged or was broken off" in refused(tmp_path / "cut.pth")
    save_file(state, tmp_path / "w.safetensors")
    whole = (tmp_path / "w.safetensors").read_bytes()
    header = int.from_bytes(whole[:8], "little")
    lie = whole[8 : 8 + header].replace(b'"shape":[8]', b'"shape":[9]')
    for content in (whole[:-40], whole[:8] + lie + whole[8 + header :], b"\xff" * 8 + whole[8:]):
        (tmp_path / "lie.safetensors").write_bytes(content)
        assert "no whole safetensors file" in refused(tmp_path / "lie.safetensors")


def test_the_content_counts_and_not_the_suffix(tmp_path):
    state = network("Compact").state_dict()
    keep(tmp_path / "named.safetensors", state)
    save_file(state, tmp_path / "named.pth")
    for name in ("named.safetensors", "named.pth"):
        assert set(brought.weights(tmp_path / name)) == set(state)
    exported(network("Compact"), tmp_path / "model.bin")
    assert brought.format_of(tmp_path / "model.bin") == "onnx"


def test_values_that_no_network_can_use_are_refused(tmp_path):
    state = network("Compact").state_dict()
    for value, said in (
        (torch.full_like(state["body.0.weight"], torch.nan), "holds NaN or infinity"),
        (state["body.0.weight"].to_sparse(), "is sparse"),
        (state["body.0.weight"].to(torch.complex64), "is complex"),
        (torch.quantize_per_tensor(state["body.0.weight"], 0.1, 0, torch.qint8), "is quantised"),
    ):
        keep(tmp_path / "w.pth", {**state, "body.0.weight": value})
        said_of = refused(tmp_path / "w.pth")
        assert said in said_of
        assert "body.0.weight" in said_of
    for content, said in (({"epoch": 3}, "no tensors"), ([1], "holds a list")):
        keep(tmp_path / "w.pth", content)
        assert said in refused(tmp_path / "w.pth")


def test_weights_of_no_known_network_or_of_a_part_of_one_are_refused(tmp_path):
    keep(tmp_path / "w.pth", {"encoder.weight": torch.zeros(3)})
    assert "(encoder.weight, ...) belong to none" in refused(tmp_path / "w.pth")
    state = network("SPAN").state_dict()
    for key in [key for key in state if key.startswith("block_2.")][:3]:
        del state[key]
    keep(tmp_path / "w.pth", state)
    said = refused(tmp_path / "w.pth")
    assert "not the weights of SPAN: block_2." in said
    assert "is missing, one of 3 such tensors" in said
    esrgan = network("ESRGAN").state_dict()
    keep(tmp_path / "w.pth", {**esrgan, "model.1.sub.0.RDB1.conv9.0.bias": torch.zeros(1)})
    assert "not the weights of ESRGAN" in refused(tmp_path / "w.pth")


def test_only_super_resolution_of_the_declared_scale_is_taken(tmp_path):
    from spandrel.architectures.ESRGAN import ESRGAN

    one = ESRGAN(num_filters=8, num_blocks=1, scale=1).state_dict()
    assert "restores images and does not enlarge" in refused(keep(tmp_path / "w.pth", one))
    source = keep(tmp_path / "w.pth", network("ESRGAN").state_dict())
    assert "it enlarges by 4, and 2 was declared" in refused(source, scale=2)
    odd = ESRGAN(in_nc=3, out_nc=1, num_filters=8, num_blocks=1).state_dict()
    assert "takes 3 channels and gives 1" in refused(keep(tmp_path / "w.pth", odd))
    wide = ESRGAN(in_nc=4, out_nc=4, num_filters=8, num_blocks=1).state_dict()
    assert "takes 4 channels; 3 (RGB) or 1" in refused(keep(tmp_path / "w.pth", wide))
    three = keep(tmp_path / "w.pth", network("ESRGAN x3").state_dict())
    assert "fit an ESRGAN of scale 2 and one of scale 3" in refused(three)


def enlarged(x: torch.Tensor, factor: float = 2) -> torch.Tensor:
    return nn.functional.interpolate(x, scale_factor=factor, mode="bicubic")


ANSWERS = {
    "NaN": (lambda x: enlarged(x) / 0 * 0, "NaN or infinity"),
    "infinity": (lambda x: 1 / enlarged(x * 0), "NaN or infinity"),
    "constant": (lambda x: enlarged(x) * 0 + 0.3, "the same everywhere"),
    "noise": (lambda x: enlarged(x) + torch.rand(1), "twice with different images"),
    "8 bits": (lambda x: enlarged(x) * 255, "in the range 0 to 255"),
    "signed": (lambda x: enlarged(x) * 2 - 1, "in the range -1 to 1"),
    "half": (lambda x: enlarged(x, 2.5), "no whole factor"),
    "five": (lambda x: enlarged(x, 5), "enlarges by 5; 2, 3, 4 or 8 are taken"),
    "one": (lambda x: x + 0, "does not enlarge"),
    "channels": (lambda x: enlarged(x)[:, :1], "takes 3 channels and gives 1"),
    "nothing": (lambda x: x[:, :, :0], "runs on no image"),
}


@pytest.mark.parametrize("fault", ANSWERS)
def test_an_answer_that_is_no_enlarged_picture_is_refused(fault):
    network, said = ANSWERS[fault]
    loaded = Loaded("Other", "onnx", network, 3, 1, Sizes(), 0)
    with pytest.raises(ValueError, match=said):
        trial.measure(loaded, "w.onnx", scale=None, precision="float32", memory=4 << 30,
                      device=torch.device("cpu"))  # fmt: skip


def test_a_network_that_sums_over_the_whole_image_is_known_by_it():
    """Of two that differ in nothing else, and where operations are not seen, by what it feels."""

    def local(x: torch.Tensor) -> torch.Tensor:
        return enlarged(x) * (1 + 0.1 * nn.functional.avg_pool2d(enlarged(x), 3, 1, 1))

    def pooled(x: torch.Tensor) -> torch.Tensor:
        return enlarged(x) * (0.5 + x.mean(dim=(2, 3), keepdim=True))

    for kind in ("spandrel", "onnx"):
        for call, whole in ((local, False), (pooled, True)):
            loaded = Loaded("Other", kind, call, 3, 1, Sizes(), 0)
            facts = trial.measure(loaded, "w", scale=2, precision="float32", memory=4 << 30,
                                  device=torch.device("cpu"))  # fmt: skip
            assert (facts.reach is None) == whole


def test_the_probe_is_always_the_same_picture_with_the_spectrum_of_photographs():
    one, again = (trial.probe(128, 128, 3) for _ in range(2))
    assert torch.equal(one, again)
    assert 0 <= one.min() < one.max() <= 1
    power = np.abs(np.fft.rfft2(one[0, 1].numpy()))[:64].mean(0)
    slope = np.polyfit(np.log(np.arange(2, 60)), np.log(power[2:60]), 1)[0]
    assert -1.8 < slope < -0.6


def test_onnx_files_that_are_not_one_image_in_and_out_are_refused(tmp_path):
    plain = exported(network("Compact"), tmp_path / "plain.onnx")
    save_model(load_model(plain), tmp_path / "parts.onnx", save_as_external_data=True,
               location="parts.data", size_threshold=0)  # fmt: skip
    assert "in another file (external data)" in refused(tmp_path / "parts.onnx")
    (tmp_path / "junk.onnx").write_bytes(b"\x08\x07 hello")
    assert "is no ONNX model, or is damaged" in refused(tmp_path / "junk.onnx")

    def value(name: str, *shape: int | str):
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    for name, operator, domain, inputs, said in (
        ("own", "Mine", "my.ops", [value("a", 1, 3, "h", "w")], "not ONNX's own"),
        ("two", "Add", "", [value("a", 1, 3, "h", "w"), value("b", 1, 3, "h", "w")], "2 inputs"),
        ("flat", "Abs", "", [value("a", 3, 8)], r"float (n, 1 or 3, h, w) in [0, 1] is taken"),
        ("four", "Abs", "", [value("a", 1, 4, "h", "w")], "(1, 1 or 3, h, w) is taken"),
        ("long", "Abs", "", [value("a", 1, 3, 8, 16)], "images of 16x8 alone"),
    ):
        node = helper.make_node(operator, [each.name for each in inputs], ["y"], domain=domain)
        last = inputs[0].type.tensor_type.shape.dim
        output = value("y", *(each.dim_param or each.dim_value for each in last))
        graph = helper.make_graph([node], "g", inputs, [output])
        opsets = [helper.make_opsetid("", 17), helper.make_opsetid("my.ops", 1)]
        save_model(helper.make_model(graph, opset_imports=opsets, ir_version=8),
                   tmp_path / f"{name}.onnx")  # fmt: skip
        assert said in refused(tmp_path / f"{name}.onnx")
