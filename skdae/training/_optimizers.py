"""Optimizers by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch

from skdae.training._muon import Muon

__all__ = ["OPTIMIZERS", "OptimizerFactory", "adam", "adamw", "muon", "sgd"]

OptimizerFactory = Callable[..., torch.optim.Optimizer]


def adamw(params: Iterable, lr: float) -> torch.optim.Optimizer:
    """Adam with a decoupled weight decay of 1e-4, one fused kernel a step."""
    return torch.optim.AdamW(params, lr=lr, weight_decay=1e-4, fused=True)


def adam(params: Iterable, lr: float) -> torch.optim.Optimizer:
    """Adam without weight decay, one fused kernel a step."""
    return torch.optim.Adam(params, lr=lr, fused=True)


def muon(params: Iterable, lr: float) -> torch.optim.Optimizer:
    """Orthogonalised momentum of 0.9."""
    return Muon(params, lr=lr)


def sgd(params: Iterable, lr: float) -> torch.optim.Optimizer:
    """Gradient descent with Nesterov momentum 0.9, one fused kernel a step."""
    return torch.optim.SGD(params, lr=lr, momentum=0.9, nesterov=True, fused=True)


OPTIMIZERS: dict[str, OptimizerFactory] = {
    "adam": adam,
    "adamw": adamw,
    "muon": muon,
    "sgd": sgd,
}
