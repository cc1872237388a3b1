"""The Muon optimizer."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

__all__ = ["Muon"]

_ITERATIONS = 5
# Of the quintic iteration: its slope at 0 is steep, its values for 0.01 to 1 stay near 1.
_A, _B, _C = 3.4445, -4.7750, 2.0315
_VECTORS = 0.2


class Muon(torch.optim.Optimizer):
    """Orthogonalised momentum.

    The momentum of a weight, seen as a matrix of output by input values, is replaced by the
    nearest matrix whose singular values are all 1. Directions in which the gradient is small
    but steady are learnt as fast as the others.

    Parameters
    ----------
    params : iterable of Tensor
        What to train. Tensors of one axis (biases, scales) take their momentum divided by
        its root mean square, at a fifth of the rate.
    lr : float, default=0.02
        Size of a step: the spectral norm of the change of a square weight.
    momentum : float, default=0.9
        Part of the running mean of gradients that stays at every step.

    Notes
    -----
    With the gradient G and the running mean M of a weight,

        M <- momentum·M + (1 - momentum)·G
        U = orthogonal(momentum·M + (1 - momentum)·G)
        W <- W - lr·sqrt(max(1, rows / columns))·U

    where five Newton-Schulz iterations bring the singular values of X, from a hundredth of
    the largest on, to between 0.68 and 1.13; smaller ones stay lower.

    References
    ----------
    K. Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024.
    """

    def __init__(self, params: Iterable[Tensor], lr: float = 0.02, momentum: float = 0.9):
        super().__init__(params, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take one step; weights of one shape are orthogonalised together."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            alike = defaultdict(list)
            for parameter in group["params"]:
                if parameter.grad is not None:
                    alike[parameter.shape].append(parameter)
            for parameters in alike.values():
                self._step_alike(parameters, group["lr"], group["momentum"])
        return loss

    def _step_alike(self, parameters: list[Tensor], lr: float | Tensor, momentum: float) -> None:
        gradients = [p.grad for p in parameters if p.grad is not None]
        for parameter in parameters:
            if not self.state[parameter]:
                self.state[parameter]["mean"] = torch.zeros_like(parameter)
        means = [self.state[parameter]["mean"] for parameter in parameters]
        torch._foreach_lerp_(means, gradients, 1 - momentum)
        ahead = torch.stack(torch._foreach_lerp(gradients, means, momentum))
        if ahead.ndim <= 2:
            values = ahead.view(len(ahead), -1)
            size = values.square().mean(dim=1, keepdim=True).sqrt_().clamp_(min=1e-12)
            update = values.div_(size).mul_(lr * _VECTORS).view_as(ahead)
        else:
            matrices = ahead.flatten(2)
            scale = math.sqrt(max(1.0, matrices.shape[1] / matrices.shape[2]))
            update = orthogonal(matrices).mul_(lr * scale).reshape_as(ahead)
        torch._foreach_sub_(parameters, list(update.unbind()))


def orthogonal(matrices: Tensor) -> Tensor:
    """Bring the singular values of a stack of matrices near 1, by Newton-Schulz iterations."""
    tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.mT if tall else matrices
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp(min=1e-12)
    for _ in range(_ITERATIONS):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=_B, alpha=_C), x, beta=_A)
    return x.mT if tall else x
