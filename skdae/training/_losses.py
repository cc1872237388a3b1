"""Loss functions by name."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["LOSSES", "Loss", "make_criterion"]

Loss = Callable[[Tensor, Tensor], Tensor]


def binary_cross_entropy(output: Tensor, target: Tensor) -> Tensor:
    """Return the mean cross-entropy, NaN if an output is no probability.

    torch's kernel for GPUs aborts there, and the process cannot use the GPU any more.
    """
    valid = (output >= 0) & (output <= 1)
    loss = F.binary_cross_entropy(output.where(valid, 0.5), target)
    return loss.where(valid.all(), math.nan)


LOSSES: dict[str, Loss] = {
    "bce": binary_cross_entropy,
    "huber": F.huber_loss,
    "l1": F.l1_loss,
    "mse": F.mse_loss,
}


def make_criterion(loss: str | Loss, *, logits: bool) -> Loss:
    """Return the function of (output, target) that training minimises.

    Parameters
    ----------
    loss : str or callable
        A key of ``LOSSES``, or a function of (reconstruction, target).
    logits : bool
        Whether the module's output stands before its sigmoid. Cross-entropy is then
        computed on the logits, which stays exact where the sigmoid saturates.
    """
    function = LOSSES[loss] if isinstance(loss, str) else loss
    if not logits:
        return function
    if loss == "bce":
        return F.binary_cross_entropy_with_logits
    return lambda output, target: function(torch.sigmoid(output), target)
