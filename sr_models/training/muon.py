"""Muon: momentum whose every matrix is made orthogonal before it is applied (Jordan et al. 2024).

An update then moves all directions of a convolution alike, not only the few that dominate its
gradient. For the convolutions between the first and the last; other parameters have Adam.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

ITERATIONS = 5
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Of the quintic a + b x² + c x⁴ that drives singular values towards 1, by the authors of Muon."""


def orthogonal(matrices: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """The nearest (half-)orthogonal matrices of a stack (k, rows, columns), roughly.

    Five Newton-Schulz iterations: singular values come out between about 0.7 and 1.2. No iterate
    grows beyond that, so that ``dtype`` may be bfloat16.

    >>> values = torch.linalg.svdvals(orthogonal(torch.diag(torch.tensor([1.0, 0.2]))[None]))
    >>> bool(((values > 0.6) & (values < 1.3)).all())
    True
    """
    a, b, c = COEFFICIENTS
    wide = matrices.shape[1] <= matrices.shape[2]
    x = (matrices if wide else matrices.mT).to(dtype)
    x = x / (torch.linalg.matrix_norm(x.float(), keepdim=True).to(dtype) + 1e-7)
    for _ in range(ITERATIONS):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    x = x.to(matrices.dtype)
    return x if wide else x.mT


class Muon(torch.optim.Optimizer):
    """Muon with Nesterov momentum for convolutions (out, in, h, w), taken as (out, in h w).

    ``dtype`` is what the matrices are made orthogonal in.
    """

    def __init__(
        self, params: Iterable[Tensor], *, lr: float, momentum: float = 0.95, decay: float = 0.0,
        dtype: torch.dtype = torch.float32,
    ) -> None:  # fmt: skip
        self.dtype = dtype
        super().__init__(params, {"lr": lr, "momentum": momentum, "decay": decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """One update from the gradients; parameters of one shape are treated in one batch."""
        for group in self.param_groups:
            shapes: dict[torch.Size, list[Tensor]] = defaultdict(list)
            for parameter in group["params"]:
                if parameter.grad is not None:
                    shapes[parameter.shape].append(parameter)
            for parameters in shapes.values():
                torch._foreach_mul_(parameters, 1 - group["lr"] * group["decay"])
                self._move(parameters, group["lr"], group["momentum"])

    def _move(self, parameters: list[Tensor], rate: float | Tensor, momentum: float) -> None:
        gradients: list[Any] = [parameter.grad for parameter in parameters]
        for parameter in parameters:
            if not self.state[parameter]:
                self.state[parameter]["momentum"] = torch.zeros_like(parameter)
        buffers = [self.state[parameter]["momentum"] for parameter in parameters]
        torch._foreach_lerp_(buffers, gradients, 1 - momentum)
        ahead = torch._foreach_lerp(gradients, buffers, momentum)
        stack = torch.stack([update.flatten(1) for update in ahead])
        _, rows, columns = stack.shape
        # A matrix with more rows than columns has longer rows when it is orthogonal.
        moves = orthogonal(stack, self.dtype) * (-rate * max(1.0, rows / columns) ** 0.5)
        torch._foreach_add_(
            parameters, [m.reshape(p.shape) for m, p in zip(moves, parameters, strict=True)]
        )
