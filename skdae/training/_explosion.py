"""When a training has diverged, and the error that says so."""

from __future__ import annotations

import math

import torch

from skdae.training._batches import Batches
from skdae.training._losses import Criterion

__all__ = ["LossExploded", "has_exploded"]

_TOO_HIGH = 1e3


def has_exploded(
    loss: float, first: float, batches: Batches, criterion: Criterion, *, unit: float
) -> bool:
    """Whether a loss is not finite, or far above that of the untrained net.

    A high loss is compared with that of zeros on all rows too, since the first batch may have
    held none of the outliers of the data.

    Parameters
    ----------
    loss, first : float
        The loss now, and that of the first batch before the first step.
    batches : Batches
        The training data.
    criterion : callable (output, target) -> Tensor
        What training minimises.
    unit : float
        One unit of the criterion, in that of the losses.
    """
    if not math.isfinite(loss):
        return True
    if first <= 0 or loss <= _TOO_HIGH * first:
        return False
    total = 0.0
    with torch.inference_mode():
        for _, target, *_ in batches:
            zeros = criterion(torch.zeros_like(target), target)
            total += zeros.item() * unit * len(target)
    return loss > _TOO_HIGH * total / len(batches) > 0


class LossExploded(Exception):
    """The loss of an epoch is not finite, or far above that of the untrained net.

    Attributes
    ----------
    epoch : int
        In which epoch.
    loss : float
        What the loss became.
    restored : bool
        Whether the net has the weights of the best epoch before.
    """

    def __init__(self, epoch: int, loss: float):
        super().__init__(epoch, loss)
        self.epoch = epoch
        self.loss = loss
        self.restored = False

    def advice(self, owner: str, lr: float, *, standardized: bool) -> str:
        """Say what happened, what is left, and what to try."""
        left = "The weights of the best epoch before are kept."
        if not self.restored:
            left = "No epoch before went well: the estimator is as it was before this fit."
        return (
            f"The training of {owner} diverged: in epoch {self.epoch}, with lr={lr:g}, the loss "
            f"became {self.loss:g}. Try a smaller lr, such as {min(lr / 10, 1e-3):g}"
            + (". " if standardized else ", or scale X to a range near 1. ")
            + left
        )
