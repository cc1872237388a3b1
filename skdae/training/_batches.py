"""Whole batches, drawn where the training runs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from skdae._random import make_generator
from skdae.data import as_fraction, to_channels_first

__all__ = ["Batches", "MakeBatch", "Parts"]

Parts = tuple[Any, ...]
"""What a step gets: input and target; the places that are compared, or None; weights of the rows.

The last two are left out where there are none.
"""

MakeBatch = Callable[[Tensor, Tensor, tuple[int, ...], torch.Generator], tuple[Tensor, ...]]
"""(rows, target, sample_shape, generator) -> what a step gets: (input, target, ...)."""


class Batches(Dataset):
    """The rows of one part of the data, as batches of (input, target).

    Rows stay as they are (uint8 too) until their batch; a batch is one slice, converted,
    corrupted and given its channel axis at once. Rows that are not on the device of the
    training travel there batch by batch.

    Parameters
    ----------
    rows : Tensor of shape (n, features)
        Inputs before the noise.
    target : Tensor of shape (n, features) or None
        What the output should be; None is the rows themselves.
    indices : Tensor of int64
        Which rows belong to this part.
    sample_shape : tuple of int
        What a row is, channels last.
    batch_size : int
        Rows a batch.
    make_batch : MakeBatch or None, default=None
        Makes input and target of the rows of a batch; None leaves these as they are.
    device : torch.device or None, default=None
        Where the training runs. None is where the rows are.
    weights : Tensor of shape (n,) or None, default=None
        How much each row counts. None counts all the same.
    repeatable : bool, default=False
        Whether a batch takes the same operations on the device every time, so that a recording
        of them may stand for it.
    generator : torch.Generator or None
        Source of order and noise, for training. None for validation.
    seed : int, default=0
        Without a generator, rows come in their order and with the noise of this seed,
        the same at every pass.
    """

    def __init__(
        self,
        rows: Any,
        target: Any,
        *,
        indices: Tensor,
        sample_shape: tuple[int, ...],
        batch_size: int,
        make_batch: MakeBatch | None = None,
        device: torch.device | None = None,
        weights: Tensor | None = None,
        repeatable: bool = False,
        generator: torch.Generator | None = None,
        seed: int = 0,
    ):
        self.rows = rows
        self.target = target
        self.indices = indices
        self.sample_shape = sample_shape
        self.batch_size = batch_size
        self.device = rows.device if device is None else device
        self.make_batch = make_batch
        # Their mean is 1, so that the rate of learning does not depend on their unit.
        self.weights = None if weights is None else weights / weights[indices].mean()
        self.repeatable = repeatable and weights is None and rows.device == self.device
        self.generator = generator
        self.seed = seed
        self.starts = _starts(len(indices), batch_size)
        # Of the inputs of a batch.
        self.n_values = batch_size * math.prod(sample_shape)

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.indices)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """Return one input as it is, and its target: what skorch's own callbacks read."""
        x, target, *_ = self.batch(self.indices[index].view(1), None)
        return x[0], target[0]

    def __iter__(self) -> Iterator[Parts]:
        """Pass over the rows once."""
        generator = self.generator or make_generator(self.seed, self.device)
        for chosen in self.choices():
            yield self.batch(chosen, generator)

    def choices(self) -> Iterator[Tensor]:
        """Yield which rows make each batch, at random where there is a generator."""
        order = self.indices
        if self.generator is not None:
            permutation = torch.randperm(
                len(self), generator=self.generator, device=self.generator.device
            )
            order = order[permutation.to(order.device)]
        stops = [*self.starts[1:], len(self)]
        for start, stop in zip(self.starts, stops, strict=True):
            yield order[start:stop]

    def batch(self, chosen: Tensor, generator: torch.Generator | None) -> Parts:
        """Return inputs and targets of these rows; without a generator as they are.

        Where only some places are compared, these come third; weights come fourth.
        """
        rows = self._fetch(self.rows, chosen)
        target = rows if self.target is None else self._fetch(self.target, chosen)
        if self.make_batch is not None and generator is not None:
            made: Parts = self.make_batch(rows, target, self.sample_shape, generator)
        else:
            if target is rows:
                rows = rows.clone()  # a module may work in place
            made = tuple(to_channels_first(part, self.sample_shape) for part in (rows, target))
        if self.weights is None:
            return made
        x, target, spots = (*made, None)[:3]
        return x, target, spots, self.weights[chosen].to(self.device)

    def _fetch(self, rows: Any, chosen: Tensor) -> Tensor:
        return self._to_device(rows.index_select(0, chosen))

    def _to_device(self, part: Tensor) -> Tensor:
        if part.device != self.device:
            part = part.pin_memory() if self.device.type == "cuda" else part
            part = part.to(self.device, non_blocking=True)
        return as_fraction(part)


def _starts(n_rows: int, batch_size: int) -> list[int]:
    """Return where the batches start; a last batch of one row joins the one before it.

    Batch normalisation has no statistics of a single row.
    """
    starts = list(range(0, n_rows, batch_size))
    if batch_size > 1 and n_rows > 1 and n_rows - starts[-1] == 1:
        starts.pop()
    return starts
