"""What fine-tuning an encoder takes beside the net: its losses and its optimizer."""

from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["fine_tuning_adamw", "weighted_cross_entropy", "weighted_squares"]

_WEIGHT_DECAY = 1e-2


def weighted_cross_entropy(output: Tensor, target: Tensor) -> Tensor:
    """Return -sum(target * log_softmax(output)), as the mean over the rows.

    The target of a row is the probabilities of the classes, times the weight of the row.
    """
    return -(target * F.log_softmax(output, dim=1)).sum() / len(target)


def weighted_squares(output: Tensor, target: Tensor) -> Tensor:
    """Return sum(weight * (output - value)²), as the mean over the rows.

    The target of a row is all its values, and then the weight of each.
    """
    value, weight = target.chunk(2, dim=1)
    # The check for a loss that explodes compares with outputs of the target's shape.
    error = output[:, : value.shape[1]] - value
    return (weight * error.square()).sum() / len(target)


def fine_tuning_adamw(params: Iterable, lr: float) -> torch.optim.Optimizer:
    """Adam with a decoupled weight decay of 1e-2, one fused kernel a step."""
    return torch.optim.AdamW(params, lr=lr, weight_decay=_WEIGHT_DECAY, fused=True)
