"""SRResNet: the generator trained on pixels alone (Ledig et al. 2017, section 3.2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from sr_models.srresnet import Generator
from sr_models.training.heldout import HeldOut
from sr_models.training.loop import Average, learning_rate
from sr_models.training.recipes import Recipe


class Pretraining:
    """One generator, L1 on the pixels and MSE for the last ``mse_share`` of the time."""

    def __init__(
        self, network: Generator, recipe: Recipe, device: torch.device, held_out: HeldOut
    ) -> None:
        self.recipe, self.device, self.held_out = recipe, device, held_out
        self.network = network.to(device).to(memory_format=torch.channels_last).train()
        self.optimiser = torch.optim.Adam(network.parameters(), betas=(0.9, 0.99), fused=True)
        self.average = Average(self.network, recipe.ema)

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
        return self.held_out.figures(self.average.network)

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
        self.average.network.load_state_dict(state["average"])
