"""SRGAN: the generator trained to please VGG and to deceive a discriminator.

Ledig et al. 2017, section 2.2: content loss plus a small share of -log D(G(LR)), one update of
each network in turn, from the weights of SRResNet.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sr_models.discriminator import Discriminator
from sr_models.features import ContentLoss
from sr_models.srresnet import Generator
from sr_models.training.heldout import HeldOut
from sr_models.training.loop import Average, learning_rate
from sr_models.training.recipes import Recipe


class Adversarial:
    """A generator and a discriminator, one update of each for every batch."""

    def __init__(
        self,
        network: Generator,
        content: ContentLoss,
        recipe: Recipe,
        device: torch.device,
        held_out: HeldOut,
    ) -> None:
        def prepared(module: nn.Module) -> nn.Module:
            return module.to(device).to(memory_format=torch.channels_last)

        self.recipe, self.device, self.held_out = recipe, device, held_out
        self.network = prepared(network).train()
        self.discriminator = prepared(Discriminator(recipe.patch)).train()
        self.content = prepared(content)
        self.optimiser = torch.optim.Adam(self.network.parameters(), betas=(0.9, 0.99), fused=True)
        self.rival = torch.optim.Adam(
            self.discriminator.parameters(), betas=(0.9, 0.99), fused=True
        )
        self.average = Average(self.network, recipe.ema)

    def step(self, lr: Tensor, hr: Tensor, *, update: int, progress: float) -> dict[str, Tensor]:
        rate = learning_rate(self.recipe, update, progress)
        for group in (*self.optimiser.param_groups, *self.rival.param_groups):
            group["lr"] = rate
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            sr = self.network(lr)
            judged = self._teach_discriminator(sr.detach(), hr)
            terms = self._teach_generator(sr, hr)
        self.average.update(self.network, update)
        return terms | judged

    def _teach_discriminator(self, sr: Tensor, hr: Tensor) -> dict[str, Tensor]:
        self.discriminator.requires_grad_(True)
        real, fake = self.discriminator(hr).float(), self.discriminator(sr).float()
        # softplus(-x) is -log(sigmoid(x)), and softplus(x) is -log(1 - sigmoid(x)).
        loss = F.softplus(-real).mean() + F.softplus(fake).mean()
        self.rival.zero_grad()
        loss.backward()
        self.rival.step()
        return {"d_real": real.detach().sigmoid().mean(), "d_fake": fake.detach().sigmoid().mean()}

    def _teach_generator(self, sr: Tensor, hr: Tensor) -> dict[str, Tensor]:
        self.discriminator.requires_grad_(False)
        content = self.content(sr, hr)
        adversarial = F.softplus(-self.discriminator(sr).float()).mean()
        pixel = F.l1_loss(sr, hr)
        loss = (
            self.recipe.content_weight * content
            + self.recipe.adversarial_weight * adversarial
            + self.recipe.pixel_weight * pixel
        )
        self.optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), self.recipe.clip)
        self.optimiser.step()
        return {
            "content": content.detach(),
            "adversarial": adversarial.detach(),
            "l1": pixel.detach(),
        }

    def validate(self) -> dict[str, float]:
        return self.held_out.figures(self.average.network)

    def weights(self) -> dict[str, Tensor]:
        return self.average.values

    def state_dict(self) -> dict[str, Any]:
        return {
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "discriminator": self.discriminator.state_dict(),
            "rival": self.rival.state_dict(),
            "average": self.average.values,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.discriminator.load_state_dict(state["discriminator"])
        self.rival.load_state_dict(state["rival"])
        self.average.network.load_state_dict(state["average"])
