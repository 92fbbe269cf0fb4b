"""Other people's networks: our way, tiles and all, against spandrel's own call."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

MEMORY = 1 << 30
"""A quarter of what is the rule, so that a middling image has to be cut."""


def models(medians: Callable[..., list[float]]) -> None:
    """An image of 128x128 whole, and one that is cut into tiles, by four kinds of networks."""
    import numpy as np
    import torch
    from spandrel import MAIN_REGISTRY
    from spandrel.architectures.Compact import Compact
    from spandrel.architectures.ESRGAN import ESRGAN
    from spandrel.architectures.SPAN import SPAN
    from spandrel.architectures.SwinIR import SwinIR

    from sr_models import convert, foreign

    # ESRGAN has 23 blocks, which take eight times as long in both.
    made: dict[str, tuple[Callable[[], Any], int]] = {
        "ESRGAN, 3 of 23 blocks": (lambda: ESRGAN(num_blocks=3), 288),
        "Compact": (lambda: Compact(num_conv=32), 900),
        "SPAN": (lambda: SPAN(num_in_ch=3, num_out_ch=3), 448),
        "SwinIR, light": (
            lambda: SwinIR(
                embed_dim=60, depths=[6] * 4, num_heads=[6] * 4, window_size=8, mlp_ratio=2,
                upscale=4, upsampler="pixelshuffledirect",
            ), 352),
    }  # fmt: skip
    for title, (make, large) in made.items():
        torch.manual_seed(0)
        with tempfile.TemporaryDirectory() as folder:
            source, kept = Path(folder, "w.pth"), Path(folder, "w.safetensors")
            torch.save(make().state_dict(), source)
            facts = convert.convert(
                source, kept, scale=4, precision="float32", device="cpu", memory=MEMORY
            )
            ours = foreign.upscaler(kept, facts, device="cpu")
            theirs: Any = MAIN_REGISTRY.load(torch.load(source, weights_only=True)).eval()
        for side in (128, large):
            lr = np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)

            def own_call(lr: Any = lr, theirs: Any = theirs) -> Any:
                x = torch.from_numpy(lr).permute(2, 0, 1)[None].float() / 255
                y = theirs(x)[0]
                return (y * 255 + 0.5).floor().byte().permute(1, 2, 0).numpy()

            slow, fast = medians(own_call, lambda lr=lr, ours=ours: ours(lr))
            how = "in tiles" if side > facts.tile + 2 * (facts.reach or 0) else "whole"
            print(f"{title}, {side}x{side} {how}: {fast:.2f} s, spandrel's own call {slow:.2f} s, "
                  f"{slow / fast:.2f} times as fast")  # fmt: skip
