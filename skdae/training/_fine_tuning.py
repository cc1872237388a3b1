"""What fine-tuning an encoder takes beside the net: its losses, its optimizer, its hook."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
import torch.nn.functional as F
from skorch import NeuralNet
from skorch.callbacks import Callback
from torch import Tensor

__all__ = ["BeforeEpochs", "fine_tuning_adamw", "weighted_cross_entropy", "weighted_squares"]

_WEIGHT_DECAY = 1e-2


def weighted_cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """Return -sum(target * log_softmax(logits)), as the mean over the rows.

    The target of a row is the probabilities of the classes, times the weight of the row.
    """
    return -(target * F.log_softmax(logits, dim=1)).sum() / len(target)


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


class BeforeEpochs(Callback):
    """Call a function before every epoch but the first.

    Parameters
    ----------
    function : callable () -> None
        What to call.
    """

    def __init__(self, function: Callable[[], None]):
        self.function = function

    def on_epoch_begin(self, net: NeuralNet, **kwargs: object) -> None:
        """Call the function, if an epoch of this training is over."""
        if len(net.history) > 1:
            self.function()
