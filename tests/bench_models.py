"""Other people's networks: our way, tiles and all, against spandrel's own call."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.benchmarks.memory import grown

TWO_MEGAPIXELS = """
from pathlib import Path
import numpy as np
import torch
from spandrel.architectures.ESRGAN import ESRGAN
from sr_models import convert, foreign

source, kept = Path(argument, "w.pth"), Path(argument, "w.safetensors")
torch.save(ESRGAN(num_blocks=1).state_dict(), source)
facts = convert.convert(
    source, kept, scale=4, precision="float32", device="cpu", memory=4 << 30
)
lr = np.random.default_rng(0).integers(0, 256, (1456, 1440, 3), np.uint8)
foreign.upscaler(kept, facts, device="cpu")(lr)
"""


def models(medians: Callable[..., list[float]]) -> None:
    """An image of 128x128 whole, and a large one, by four kinds of networks; then memory."""
    import numpy as np
    import torch
    from spandrel import MAIN_REGISTRY
    from spandrel.architectures.Compact import Compact
    from spandrel.architectures.ESRGAN import ESRGAN
    from spandrel.architectures.SPAN import SPAN
    from spandrel.architectures.SwinIR import SwinIR

    from sr_models import convert, foreign

    # All 23 blocks of ESRGAN take eight times as long, in both.
    made: dict[str, tuple[Callable[[], Any], tuple[int, ...]]] = {
        "ESRGAN, 1 of 23 blocks": (lambda: ESRGAN(num_blocks=1), (128, 520)),
        "Compact": (lambda: Compact(num_conv=32), (128, 256)),
        "SPAN": (lambda: SPAN(num_in_ch=3, num_out_ch=3), (128, 720)),
        "SwinIR, light": (
            lambda: SwinIR(
                embed_dim=60, depths=[6] * 4, num_heads=[6] * 4, window_size=8, mlp_ratio=2,
                upscale=4, upsampler="pixelshuffledirect",
            ), (128,)),
    }  # fmt: skip
    for title, (make, sides) in made.items():
        torch.manual_seed(0)
        with tempfile.TemporaryDirectory() as folder:
            source, kept = Path(folder, "w.pth"), Path(folder, "w.safetensors")
            torch.save(make().state_dict(), source)
            facts = convert.convert(
                source, kept, scale=4, precision="float32", device="cpu", memory=4 << 30
            )
            ours = foreign.upscaler(kept, facts, device="cpu")
            theirs: Any = MAIN_REGISTRY.load(torch.load(source, weights_only=True)).eval()
        for side in sides:
            lr = np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)

            def own_call(lr: Any = lr, theirs: Any = theirs) -> Any:
                x = torch.from_numpy(lr).permute(2, 0, 1)[None].float() / 255
                y = theirs(x)[0]
                return (y * 255 + 0.5).floor().byte().permute(1, 2, 0).numpy()

            slow, fast = medians(own_call, lambda lr=lr, ours=ours: ours(lr))
            how = "in tiles" if side > facts.tile + 2 * (facts.reach or 0) else "whole"
            print(f"{title}, {side}x{side} {how}: {fast:.2f} s, spandrel's own call {slow:.2f} s, "
                  f"{slow / fast:.2f} times as fast")  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        _, mebibytes = grown(TWO_MEGAPIXELS, folder)
    print(f"ESRGAN, 1456x1440 (2.1 Mpixel) to 5824x5760: a process grew by {mebibytes} MiB at most")
