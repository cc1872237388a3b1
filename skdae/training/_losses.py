"""What is known of each loss: a new one is an entry of ``LOSSES``."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from skdae.training._standardization import Standardization

__all__ = ["LOSSES", "Criterion", "Loss", "as_loss", "check_one_number"]

Criterion = Callable[[Tensor, Tensor], Tensor]

# A float32 this far below 1 still has a finite logit.
_EDGE = 1e-7


@dataclass(frozen=True, eq=False)
class Loss:
    """A loss, and what training, scores and plots must know of it.

    Parameters
    ----------
    function : callable (output, target) -> Tensor
        The loss of a reconstruction.
    on_logits : callable (logits, target) -> Tensor or None, default=None
        The same loss of logits, which stays exact where the sigmoid saturates. Outputs are
        probabilities then: modules of skdae return logits, and nothing is standardized.
    target_range : tuple of two floats or None, default=None
        The lowest and the highest target that the loss takes. None takes all.
    learns_the_mean : bool, default=False
        Whether the output that minimises it is the mean of noisy targets.
    unit_power : int or None, default=None
        The power of the unit of the data that the loss is in. It is then computed on standardized
        values, so that its gradients do not depend on the unit. None computes it in the units of
        the data.
    label : str, default="loss"
        The label of its axis in plots.
    """

    function: Criterion
    on_logits: Criterion | None = None
    target_range: tuple[float, float] | None = None
    learns_the_mean: bool = False
    unit_power: int | None = None
    label: str = "loss"

    @property
    def compares_probabilities(self) -> bool:
        """Whether outputs are probabilities, which cannot be standardized."""
        return self.on_logits is not None

    def criterion(
        self, *, logits: bool, standardization: Standardization | None = None
    ) -> Criterion:
        """Return the function of (output, target) that training minimises.

        Parameters
        ----------
        logits : bool
            Whether the module returns logits.
        standardization : Standardization or None, default=None
            From the units of the data, in which targets come, to those of the output. None where
            both are the same.
        """
        function = self.function
        if standardization is not None:
            if self.unit_power is None:
                return lambda output, target: function(standardization.restored(output), target)
            return lambda output, target: function(output, standardization.of_targets(target))
        if not logits:
            return function
        return self.on_logits or (lambda output, target: function(torch.sigmoid(output), target))

    def of_each(self) -> Loss:
        """Return the loss that gives one number for each sample of a batch, (n,).

        A loss of the user is computed sample by sample.
        """

        def each(function: Any) -> Criterion:
            if self in LOSSES.values():
                values = partial(function, reduction="none")
                return lambda output, target: values(output, target).flatten(1).mean(dim=1)
            return lambda output, target: torch.stack(
                [function(*pair) for pair in zip(output.split(1), target.split(1), strict=True)]
            )

        on_logits = None if self.on_logits is None else each(self.on_logits)
        return replace(self, function=each(self.function), on_logits=on_logits)

    def unit(self, scale: float) -> float:
        """Return one unit of the loss on values divided by ``scale``, in units of the data."""
        return 1.0 if self.unit_power is None else scale**self.unit_power


def binary_cross_entropy(output: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    """Return the cross-entropy, NaN if an output is no probability.

    torch's kernel for GPUs aborts there, and the process cannot use the GPU any more.
    """
    valid = (output >= 0) & (output <= 1)
    loss = F.binary_cross_entropy(output.where(valid, 0.5), target, reduction=reduction)
    return loss.where(valid.all(), math.nan)


LOSSES: dict[str, Loss] = {
    "bce": Loss(
        binary_cross_entropy,
        on_logits=F.binary_cross_entropy_with_logits,
        target_range=(0.0, 1.0),
        learns_the_mean=True,
        unit_power=0,
        label="binary cross-entropy",
    ),
    "huber": Loss(F.huber_loss, unit_power=2, label="Huber loss"),
    "l1": Loss(F.l1_loss, unit_power=1, label="mean absolute error"),
    "mse": Loss(F.mse_loss, learns_the_mean=True, unit_power=2, label="mean squared error"),
}


def as_loss(loss: str | Criterion) -> Loss:
    """Return what is known of the loss that a ``loss`` parameter stands for.

    Parameters
    ----------
    loss : str or callable (output, target) -> Tensor
        A key of ``LOSSES``, or a loss of the user. Attributes of it with the names of the
        parameters of :class:`Loss` are read; ``on_logits=True`` says that it takes logits itself.
    """
    if isinstance(loss, str):
        return LOSSES[loss]
    # skorch would register a module as a part of the net.
    function = partial(loss) if isinstance(loss, nn.Module) else loss
    on_logits = getattr(loss, "on_logits", None) or None
    of_outputs = function
    if on_logits is True:
        on_logits = function
        of_outputs = partial(_of_probabilities, function)
    name = getattr(loss, "__name__", type(loss).__name__)
    return Loss(
        of_outputs,
        on_logits=on_logits,
        target_range=getattr(loss, "target_range", (0.0, 1.0) if on_logits else None),
        learns_the_mean=getattr(loss, "learns_the_mean", False),
        unit_power=getattr(loss, "unit_power", None),
        label=getattr(
            loss, "label", LOSSES[name].label if name in LOSSES else name.replace("_", " ")
        ),
    )


def _of_probabilities(on_logits: Criterion, output: Tensor, target: Tensor) -> Tensor:
    return on_logits(torch.logit(output, _EDGE), target)


def check_one_number(value: object, criterion: Criterion, owner: str) -> None:
    """Check what a loss of the user returns.

    Raises
    ------
    TypeError
        If it is not one number that depends on the output.
    """
    got = f"a {type(value).__name__}"
    if isinstance(value, Tensor):
        if value.ndim == 0 and value.requires_grad:
            return
        got = f"a tensor of shape {tuple(value.shape)}" + (
            "" if value.requires_grad else " that does not depend on the output"
        )
    raise TypeError(
        f"The 'loss' parameter of {owner} must be a name, or a callable (output, target) "
        f"that returns one number: a tensor of shape (), computed by torch from the output. "
        f"Got {criterion!r}, which returns {got}."
    )
