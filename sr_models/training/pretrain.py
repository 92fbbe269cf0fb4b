"""SRResNet: the generator trained on pixels alone (Ledig et al. 2017, section 3.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from sr_models.srresnet import Generator
from sr_models.training.loop import Average, learning_rate
from sr_models.training.recipes import Recipe


def luma_psnr(sr: Tensor, hr: Tensor) -> float:
    """PSNR of the Y channel (BT.601, 16..235) in dB, 4 px cut; (3, h, w) in [0, 1] each."""
    y = torch.tensor([65.481, 128.553, 24.966], device=sr.device)
    difference = torch.einsum("c,chw->hw", y, (sr - hr))[4:-4, 4:-4]
    return float(10 * torch.log10(255**2 / (difference**2).mean()))


class HeldOut:
    """Photographs kept out of the training, as (LR, HR) pairs (1, 3, h, w) in [0, 1]."""

    def __init__(self, pairs: Sequence[tuple[Tensor, Tensor]]) -> None:
        self.pairs = pairs

    @torch.inference_mode()
    def figures(self, network: torch.nn.Module) -> dict[str, float]:
        """Mean PSNR of ``network`` over the held-out photographs, in dB, outputs rounded to 8 bits."""
        if not self.pairs:
            return {}
        network.eval()
        values = []
        for lr, hr in self.pairs:
            sr = (network(lr).clamp(0, 1) * 255).round() / 255
            values.append(luma_psnr(sr[0], hr[0]))
        network.train()
        return {"heldout_psnr": round(sum(values) / len(values), 3)}


class Pretraining:
    """One generator, L1 on the pixels and MSE for the last ``mse_share`` of the time."""

    def __init__(
        self, network: Generator, recipe: Recipe, device: torch.device, held_out: HeldOut
    ) -> None:
        self.recipe, self.device, self.held_out = recipe, device, held_out
        self.network = network.to(device).to(memory_format=torch.channels_last).train()
        self.optimiser = torch.optim.Adam(network.parameters(), betas=(0.9, 0.99), fused=True)
        self.average = Average(network, recipe.ema)

    def step(self, lr: Tensor, hr: Tensor, *, update: int, progress: float) -> dict[str, Tensor]:
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            sr = self.network(lr)
        squared = progress >= 1 - self.recipe.mse_share
        loss = F.mse_loss(sr, hr) if squared else F.l1_loss(sr, hr)
        self.optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.recipe.clip)
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(self.recipe, update, progress)
        self.optimiser.step()
        self.average.update(self.network, update)
        return {"mse" if squared else "l1": loss.detach()}

    def validate(self) -> dict[str, float]:
        own = {k: v.clone() for k, v in self.network.state_dict().items()}
        self.network.load_state_dict(self.average.values)
        figures = self.held_out.figures(self.network)
        self.network.load_state_dict(own)
        return figures

    def weights(self) -> dict[str, Tensor]:
        return self.average.values

    def state_dict(self) -> dict[str, Any]:
        return {
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "average": self.average.values,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        for key, value in state["average"].items():
            self.average.values[key].copy_(value)
