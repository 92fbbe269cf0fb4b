"""One update of a network by a recipe; of a generator and a discriminator in turn for SRGAN.

Ledig et al. 2017, section 2.2: the generator's loss is a content loss (pixels, or feature maps of
VGG) plus a small share of -log D(G(LR)). The two networks are updated one to one, the
discriminator first, on the same generated pictures.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sr_models import SCALE, colour
from sr_models.discriminator import Discriminator
from sr_models.features import ContentLoss
from sr_models.networks import Network
from sr_models.training import compiling
from sr_models.training.muon import Muon
from sr_models.training.parallel import ALONE, World
from sr_models.training.recipes import Recipe
from sr_models.training.schedule import (
    Stage,
    average_share,
    learning_share,
    loss_weights,
    stage_of,
)  # fmt: skip

Terms = dict[str, Tensor]
"""Losses and other figures of an update by name, scalars on the device."""
Losses = dict[str, tuple[float | Tensor, Tensor]]
"""Losses by name, each with its weight."""


def bf16_pays(device: torch.device) -> bool:
    """Whether this device computes in bfloat16 faster than in float32.

    Every GPU from Ampere on does, and CPUs with AVX-512 BF16 or AMX; others emulate it, ten times
    slower.
    """
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    flags = ("avx512_bf16", "amx_bf16", " bf16")
    try:
        with Path("/proc/cpuinfo").open() as file:
            return any(flag in line for line in file for flag in flags)
    except OSError:
        return False


def phase_loss(sr: Tensor, hr: Tensor) -> Tensor:
    """Squared error of the means of every fourth pixel over 16 x 16 px, (n, c, h, w) each.

    A network that upsamples by four makes its sixteen phases with sixteen filters, and where a
    loss asks for texture that cannot be known they answer with a grid: the same offset in every
    cell. Texture of photographs averages out over four cells each way, so this loss holds what is
    known and leaves detail free.

    >>> flat = torch.zeros(1, 1, 32, 32)
    >>> grid = flat.clone()
    >>> grid[..., ::4, ::4] = 1
    >>> phase_loss(grid, flat).item() == (grid - flat).square().mean().item()
    True
    """
    return F.avg_pool2d(F.pixel_unshuffle(sr - hr, SCALE), 4).square().mean()


class Average:
    """Exponential moving average of a network's weights.

    ``network`` is a copy with these weights, ready to run; ``values`` are the weights themselves.
    """

    def __init__(self, network: Network) -> None:
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self.values = self.network.state_dict()

    @torch.no_grad()
    def update(self, network: Network, share: float | Tensor) -> None:
        """Move by ``share`` of the way towards ``network``; 1 follows it exactly."""
        pairs = [(self.values[key], value) for key, value in network.state_dict().items()]
        moving = [(old, new) for old, new in pairs if old.is_floating_point()]
        averages = [old for old, _ in moving]
        ways = torch._foreach_sub([new for _, new in moving], averages)
        torch._foreach_mul_(ways, share)
        torch._foreach_add_(averages, ways)
        for old, new in pairs:
            if not old.is_floating_point():
                old.copy_(new)


class Trainer:
    """A network in training by a recipe: :meth:`step` is one update.

    ``content`` is the loss on feature maps that the recipe names, or ``None``. With ``bf16`` the
    networks compute in bfloat16 (weights, losses and sums never do), by default where it pays.
    ``compile`` says whether kernels are made of the networks as a whole, of the generator's regions
    or not at all, by default of regions on a GPU and not on a CPU, which gains nothing from it;
    ``compiler`` is the backend of ``torch.compile`` that makes them.

    With ``recordable``, by default on a GPU, what changes from update to update (rates, weights of
    losses) lies on the device, so that an update is the same work each time and can be recorded
    once and replayed.
    """

    def __init__(
        self,
        network: Network,
        recipe: Recipe,
        device: torch.device,
        *,
        content: ContentLoss | None = None,
        world: World = ALONE,
        bf16: bool | None = None,
        compile: compiling.Mode | None = None,
        compiler: compiling.Backend = "inductor",
        recordable: bool | None = None,
    ) -> None:
        def placed(module: nn.Module) -> nn.Module:
            return module.to(device).to(memory_format=torch.channels_last)

        self.recipe, self.device, self.world = recipe, device, world
        self.bf16 = bf16_pays(device) if bf16 is None else bf16
        self.mode = compile or ("regional" if device.type == "cuda" else "off")
        self.compiler = compiler
        self.recordable = device.type == "cuda" if recordable is None else recordable
        placed(network).train()
        self.network = network
        self.average = Average(network)
        self.scalars: dict[str, float | Tensor] = {}
        self.content = None if content is None else self._whole(placed(content))
        self.optimisers = _optimisers(recipe, network, device, bf16=self.bf16)
        self.discriminator: Discriminator | None = None
        self.generate = compiling.prepare(world.wrap(network, device), self.mode, compiler)
        if recipe.adversarial_weight:
            self.discriminator = Discriminator(recipe.patch)
            placed(self.discriminator).train()
            self.optimisers["discriminator"] = _adam(
                [{"params": [*self.discriminator.parameters()], "lr": recipe.learning_rate}],
                recipe, device,
            )  # fmt: skip
            contest = _Contest(self.discriminator)
            self.tell_apart = self._whole(self.world.wrap(contest, self.device))
            self.judge = self._whole(self.discriminator)
        for optimiser in self.optimisers.values():
            for group in optimiser.param_groups:
                group["full_lr"] = group["lr"]
        self.remembered: dict[str, Any] = {}
        """All of the moment that :meth:`go_back` goes back to."""
        self.done = 0.0
        """The share of all training that the network has behind it: its rates begin there."""
        self.run: Callable[[Tensor, Tensor, Stage], Terms] = self.update
        """What :meth:`step` calls: :meth:`update`, or a recording of it."""

    def _whole(self, module: nn.Module) -> nn.Module:
        """``module`` compiled as a whole, if networks are; none of its parts are worth it."""
        return (
            compiling.prepare(module, self.mode, self.compiler) if self.mode == "whole" else module
        )

    def step(self, lr: Tensor, hr: Tensor, *, update: int, progress: float) -> Terms:
        """One update by a batch of crops, LR (n, 3, h, w) and HR (n, 3, 4h, 4w) in [0, 1].

        Returns the terms of the losses as scalars on the device; nothing here waits for it.
        """
        self.turn(update, progress)
        return self.run(lr, hr, stage_of(self.recipe, progress))

    def warm_up(self, lr: Tensor, hr: Tensor, progress: float = 0.0) -> None:
        """All of an update but its moves: what is compiled is compiled, and nothing is learned.

        The update is one ``progress`` (0..1) into a run.
        """
        buffers = [(buffer, buffer.clone()) for buffer in self.network.buffers()]
        self.turn(0, progress)
        self._gradients(lr, hr, stage_of(self.recipe, progress), move=lambda _: None)
        for buffer, before in buffers:
            buffer.copy_(before)

    def turn(self, update: int, progress: float) -> None:
        """Set what changes from update to update, without waiting for the device."""
        whole = self.done + (1 - self.done) * progress
        for name, optimiser in self.optimisers.items():
            # A discriminator is always new.
            far = progress if name == "discriminator" else whole
            rate = learning_share(self.recipe, update, far)
            for group in optimiser.param_groups:
                group["lr"] = self._set(group["lr"], group["full_lr"] * rate)
        wanted = {
            **loss_weights(self.recipe, progress),
            "average": average_share(self.recipe, update, progress),
        }
        for name, value in wanted.items():
            self.scalars[name] = self._set(self.scalars.get(name), value)

    def _set(self, scalar: float | Tensor | None, value: float) -> float | Tensor:
        """``value``, on the device in the place of ``scalar`` where that is one already."""
        if not self.recordable:
            return value
        if isinstance(scalar, Tensor):
            return scalar.fill_(value)
        return torch.full((), value, device=self.device)

    def update(self, lr: Tensor, hr: Tensor, stage: Stage) -> Terms:
        """The work of an update once :meth:`turn` has set it up: the device's alone."""

        def move(names: Collection[str]) -> None:
            for name in names:
                self.optimisers[name].step()

        terms = self._gradients(lr, hr, stage, move)
        self.average.update(self.network, self.scalars["average"])
        return terms

    def _gradients(
        self, lr: Tensor, hr: Tensor, stage: Stage, move: Callable[[Collection[str]], None]
    ) -> Terms:
        """Gradients of both players, each followed by the ``move`` of its optimisers."""
        if self.network.channels == 1:
            lr, hr = colour.luma(lr), colour.luma(hr)
        terms: Terms = {}
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            if self.recipe.every_recursion:
                sr, *early = self.generate(lr, every=True, share=stage.recursions)
            else:
                sr, early = self.generate(lr), []
            if self.discriminator:
                terms |= self._teach_discriminator(sr.detach(), hr)
                move({"discriminator"})
            losses = self._losses(sr, early, hr, stage)
        self._teach_generator(losses)
        move(self.optimisers.keys() - {"discriminator"})
        return terms | {name: loss.detach() for name, (_, loss) in losses.items()}

    def _losses(self, sr: Tensor, early: list[Tensor], hr: Tensor, stage: Stage) -> Losses:
        """The generator's losses by name, each with its weight."""
        recipe, scalars, losses = self.recipe, self.scalars, Losses()
        if recipe.pixel_weight:
            pixel = {"l1": F.l1_loss, "mse": F.mse_loss}[stage.pixel]
            losses[stage.pixel] = (scalars["pixel"], pixel(sr, hr))
            if early:
                each = torch.stack([pixel(picture, hr) for picture in early]).mean()
                losses[f"{stage.pixel}_of_each"] = (scalars["each"], each)
        if self.content is not None:
            losses["content"] = (recipe.content_weight, self.content(sr, hr))
        if recipe.phase_weight:
            losses["phase"] = (recipe.phase_weight, phase_loss(sr, hr))
        if recipe.total_variation:
            down, right = sr.diff(dim=2), sr.diff(dim=3)
            # The paper's is a sum over the pixels of one picture, for pictures in [-1, 1].
            variation = 2 * (down.abs().sum() + right.abs().sum()) / len(sr)
            losses["variation"] = (recipe.total_variation, variation)
        if self.discriminator:
            # Compiled as a whole its backward pass is one piece, with all gradients. Otherwise
            # the backward pass is told whose are wanted, and no region is compiled twice.
            self.discriminator.requires_grad_(self.mode != "whole")
            deceived = F.softplus(-self.judge(sr).float()).mean()
            losses["adversarial"] = (scalars["adversarial"], deceived)
        return losses

    def _teach_generator(self, losses: Losses) -> None:
        total = sum(weight * loss for weight, loss in losses.values())
        assert isinstance(total, Tensor)
        self.network.zero_grad()
        total.backward(inputs=[p for p in self.network.parameters() if p.requires_grad])
        if self.recipe.clip:
            # Muon does not look at a gradient's length.
            groups = self.optimisers["generator"].param_groups
            moved = [parameter for group in groups for parameter in group["params"]]
            nn.utils.clip_grad_norm_(moved, self.recipe.clip)

    def _teach_discriminator(self, sr: Tensor, hr: Tensor) -> Terms:
        assert self.discriminator
        self.discriminator.requires_grad_(True)
        loss, terms = self.tell_apart(sr, hr)
        self.discriminator.zero_grad()
        loss.backward()
        return terms

    def state_dict(self) -> dict[str, Any]:
        """Everything that :meth:`load_state_dict` needs to go on."""
        state: dict[str, Any] = {
            "network": self.network.state_dict(),
            "average": self.average.values,
            "optimisers": {name: opt.state_dict() for name, opt in self.optimisers.items()},
        }
        if self.discriminator:
            state["discriminator"] = self.discriminator.state_dict()
        return state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a checkpoint."""
        self.network.load_state_dict(state["network"])
        self.average.network.load_state_dict(state["average"])
        for name, optimiser in self.optimisers.items():
            optimiser.load_state_dict(state["optimisers"][name])
            for group in optimiser.param_groups:
                group["lr"] = self._set(None, float(group["lr"]))
        if self.discriminator:
            self.discriminator.load_state_dict(state["discriminator"])

    def remember(self) -> None:
        """Keep all of this moment for :meth:`go_back`."""
        self.remembered = copy.deepcopy(self.state_dict())

    def go_back(self) -> None:
        """Go on from the moment that was remembered last, at half the rates of that moment."""
        # What is kept may be needed again, with these rates.
        for state in self.remembered["optimisers"].values():
            for group in state["param_groups"]:
                group["full_lr"] = 0.5 * group["full_lr"]
        self.load_state_dict(copy.deepcopy(self.remembered))


class _Contest(nn.Module):
    """The discriminator's loss on generated and real crops, and how sure it is of each."""

    def __init__(self, discriminator: Discriminator) -> None:
        super().__init__()
        self.discriminator = discriminator

    def forward(self, sr: Tensor, hr: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        real, fake = self.discriminator(hr).float(), self.discriminator(sr).float()
        # softplus(-x) is -log(sigmoid(x)), and softplus(x) is -log(1 - sigmoid(x)).
        loss = F.softplus(-real).mean() + F.softplus(fake).mean()
        d_real, d_fake = (logits.detach().sigmoid().mean() for logits in (real, fake))
        return loss, {"d_real": d_real, "d_fake": d_fake}


def _optimisers(
    recipe: Recipe, network: Network, device: torch.device, *, bf16: bool
) -> dict[str, torch.optim.Optimizer]:
    """What moves the network: ``generator`` always, ``hidden`` for Muon's share of it."""
    convolutions = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
    last = {id(p) for p in convolutions[-1].parameters()}
    hidden = [conv.weight for conv in convolutions[1:-1]] if recipe.optimiser == "muon" else []
    taken = {id(p) for p in hidden}
    rest = [p for p in network.parameters() if id(p) not in taken]
    groups = [
        {"params": [p for p in rest if id(p) not in last], "lr": recipe.learning_rate},
        {
            "params": [p for p in rest if id(p) in last],
            "lr": recipe.learning_rate * recipe.last_layer_share,
        },
    ]
    generator: torch.optim.Optimizer
    if recipe.optimiser == "sgd":
        generator = torch.optim.SGD(groups, momentum=0.9, weight_decay=recipe.weight_decay)
    else:
        generator = _adam(groups, recipe, device)
    found: dict[str, torch.optim.Optimizer] = {"generator": generator}
    if hidden:
        found["hidden"] = Muon(
            hidden, lr=recipe.hidden_learning_rate, decay=recipe.hidden_decay,
            dtype=torch.bfloat16 if bf16 else torch.float32,
        )  # fmt: skip
    return found


def _adam(
    groups: list[dict[str, Any]], recipe: Recipe, device: torch.device
) -> torch.optim.Optimizer:
    """Adam with its whole step in one kernel, which on a GPU may be recorded."""
    return torch.optim.Adam(
        groups, betas=(0.9, recipe.beta2), weight_decay=recipe.weight_decay,
        fused=device.type in {"cpu", "cuda"}, capturable=device.type == "cuda",
    )  # fmt: skip
