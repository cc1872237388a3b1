"""Loss functions by name."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from skdae.training._standardization import Standardization

__all__ = ["LOSSES", "Loss", "make_criterion", "unit_of_loss"]

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

# The power of the unit of the data that a loss is in.
_POWERS = {"bce": 0, "huber": 2, "l1": 1, "mse": 2}


def make_criterion(
    loss: str | Loss, *, logits: bool, standardization: Standardization | None = None
) -> Loss:
    """Return the function of (output, target) that training minimises.

    Parameters
    ----------
    loss : str or callable
        A key of ``LOSSES``, or a function of (reconstruction, target).
    logits : bool
        Whether the module's output stands before its sigmoid. Cross-entropy is then
        computed on the logits, which stays exact where the sigmoid saturates.
    standardization : Standardization or None, default=None
        What the output lacks to be in the units of the data, in which targets come. The losses
        of this package are computed in standardized units, so that their gradients do not depend
        on those of the data; a callable gets both in the units of the data.
    """
    function = LOSSES[loss] if isinstance(loss, str) else loss
    if standardization is not None:
        if isinstance(loss, str):
            return lambda output, target: function(output, standardization.of_targets(target))
        return lambda output, target: function(standardization.restored(output), target)
    if not logits:
        return function
    if loss == "bce":
        return F.binary_cross_entropy_with_logits
    return lambda output, target: function(torch.sigmoid(output), target)


def unit_of_loss(loss: str | Loss, scale: float) -> float:
    """Return how many units of the data one unit of the standardized loss is."""
    return scale ** _POWERS[loss] if isinstance(loss, str) else 1.0
