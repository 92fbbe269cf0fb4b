"""The table of methods, and what a caller may rely on without knowing networks."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from sr_models import methods
from sr_models.methods import METHODS, fingerprint, upscaler
from sr_models.training import checkpoint


def test_the_table_runs_from_the_simplest_to_the_original():
    assert list(METHODS) == [
        "nearest", "bicubic", "srcnn", "drcn", "espcn", "srresnet", "srresnet-vgg22",
        "srgan-mse", "srgan-vgg22", "srgan", "hr",
    ]  # fmt: skip
    assert [name for name, method in METHODS.items() if method.is_original] == ["hr"]


@pytest.mark.parametrize("name", [name for name in METHODS if name != "hr"])
@pytest.mark.parametrize("shape", [(17, 23, 3), (16, 12)])
def test_every_method_enlarges_colour_and_grey_by_four(name, shape, photo):
    lr = photo[: shape[0], : shape[1]] if len(shape) == 3 else photo[: shape[0], : shape[1], 0]
    sr = upscaler(name, device="cpu")(lr)
    assert sr.dtype == np.uint8
    assert sr.shape == (4 * shape[0], 4 * shape[1], *shape[2:])
    # It is an enlargement of this image, not of another: its 4x4 means are close to the LR.
    blocks = sr.reshape(shape[0], 4, shape[1], 4, -1).mean(axis=(1, 3)).reshape(shape)
    assert np.abs(blocks - lr).mean() < 8


def test_names_that_cannot_run_are_refused():
    with pytest.raises(ValueError, match="there is no method 'sr'; there are nearest, bicubic"):
        upscaler("sr")
    with pytest.raises(ValueError, match="the original"):
        upscaler("hr")
    with pytest.raises(ValueError, match="there is no method 'sr'"):
        fingerprint("sr")


def test_missing_and_foreign_weights_are_named(monkeypatch, tmp_path):
    monkeypatch.setattr(methods, "WEIGHTS_DIR", tmp_path)
    for ask in (upscaler, fingerprint):
        with pytest.raises(ValueError, match=r"srgan needs the weight file .*srgan\.safetensors"):
            ask("srgan")
    (tmp_path / "srgan.safetensors").write_bytes(b"no tensors")
    with pytest.raises(ValueError, match=r"srgan\.safetensors is not a safetensors file"):
        upscaler("srgan")


def test_a_fingerprint_follows_the_weights(monkeypatch, tmp_path, small_network):
    monkeypatch.setattr(methods, "WEIGHTS_DIR", tmp_path)
    path = tmp_path / "srgan.safetensors"
    checkpoint.save_weights(path, small_network.state_dict(), {})
    before = fingerprint("srgan")
    assert fingerprint("srgan") == before
    small_network.tail.bias.data += 1
    checkpoint.save_weights(path, small_network.state_dict(), {})
    assert fingerprint("srgan") != before
    assert len({fingerprint("nearest"), fingerprint("bicubic"), fingerprint("hr")}) == 3


def test_the_table_costs_no_torch():
    """The web server imports it in every worker."""
    program = (
        "import sys, numpy as np, sr_models.methods as m; "
        "m.upscaler('bicubic')(np.zeros((4, 4), np.uint8)); m.fingerprint('srgan'); "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
