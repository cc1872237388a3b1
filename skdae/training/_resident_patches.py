"""Patches that are cut on the GPU, where their samples lie."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from skdae.data import row_dtype, rows_to_tensor
from skdae.training._device import place
from skdae.training._patches import Patches

__all__ = ["ResidentPatches", "as_values"]


class ResidentPatches(Patches):
    """The patches of :class:`Patches`, cut on the device of the training.

    All patches of a batch are gathered at once from the values of all samples, which are there
    from the beginning: no copy from the host, and the same operations for every batch, so that a
    recording of them may stand for it. The patches are those that ``Patches`` cuts, bit by bit.

    Parameters
    ----------
    samples : sequence of ndarray of shape (..., channels)
        Inputs before the noise, in memory.
    target : sequence of ndarray or None
        What the output should be; None is the samples themselves.
    values : list of Tensor of shape (n_places, channels)
        What :func:`as_values` made of the samples, and of the target if there is one.
    **kwargs
        Other parameters of :class:`Patches`.
    """

    places_on_device: Tensor

    def __init__(
        self,
        samples: Sequence[np.ndarray],
        target: Sequence[np.ndarray] | None,
        *,
        values: list[Tensor],
        repeatable: bool = False,
        **kwargs: Any,
    ):
        super().__init__(samples, target, **kwargs)
        self.repeatable = repeatable and self.weights is None
        self.rows, *targets = values
        self.target = targets[0] if targets else None
        self.indices = self.indices.to(self.device)
        self.weights = None if self.weights is None else self.weights.to(self.device)
        ends = np.cumsum([math.prod(sample.shape[:-1]) for sample in samples])
        # Where the sample of each patch begins among the values, and how long its sides are.
        begins = np.concatenate([[0], ends[:-1]])[self.origins]
        self.samples_of_patches = self._on_device(
            np.column_stack([begins, self.sizes[self.origins]])
        )

    def _draw_places(self, seed: int) -> np.ndarray:
        """Return the corner and the turn of every patch, and copy them to the device."""
        places = super()._draw_places(seed)
        if hasattr(self, "places_on_device"):
            # A recorded step reads them from where they were.
            self.places_on_device.copy_(torch.from_numpy(places))
        else:
            self.places_on_device = self._on_device(places)
        return places

    def _on_device(self, numbers: np.ndarray) -> Tensor:
        return torch.from_numpy(numbers.astype(np.int64)).to(self.device)

    def _fetch(self, rows: Tensor, chosen: Tensor) -> Tensor:
        values = rows.index_select(0, self._where(chosen).flatten())
        return self._to_device(values.view(len(chosen), -1))

    def _where(self, chosen: Tensor) -> Tensor:
        """Return which values make the patches, in their order: (n, sides...)."""
        sides = self.sample_shape[:-1]
        n_axes = len(sides)
        first, *lengths = self._columns(self.samples_of_patches, chosen)
        *corner, turn = self._columns(self.places_on_device, chosen)
        steps = [
            torch.arange(side, device=self.device).view(side, *[1] * (n_axes - 1 - axis))
            for axis, side in enumerate(sides)
        ]
        if n_axes == 2 and sides[0] == sides[1]:
            is_swapped = (turn & 4).bool()
            steps = [steps[1].where(is_swapped, steps[0]), steps[0].where(is_swapped, steps[1])]
        where = first
        for axis, (step, length) in enumerate(zip(steps, lengths, strict=True)):
            is_flipped = (turn & (1 << axis)).bool()
            step = corner[axis] + (sides[axis] - 1 - step).where(is_flipped, step)
            # Where the sample ends before the patch does, it goes on as its mirror image.
            step = step % (2 * length)
            step = step.minimum(2 * length - 1 - step)
            stride = math.prod(lengths[axis + 1 :], start=torch.ones_like(length))
            where = where + step * stride
        return where

    def _columns(self, numbers: Tensor, chosen: Tensor) -> list[Tensor]:
        """Return the numbers of each patch, each of shape (n, 1, ...)."""
        chosen_numbers = numbers.index_select(0, chosen)
        shape = (-1, *[1] * (len(self.sample_shape) - 1))
        return [column.view(shape) for column in chosen_numbers.unbind(1)]


def as_values(parts: list[Sequence[np.ndarray]], device: torch.device) -> list[Tensor] | None:
    """Return the values of samples, and of targets, on a GPU: (n_places, channels) each.

    None where the training runs on a CPU, if samples stay in a file, or if they would take more
    than half the free memory: patches are then cut on the host.
    """
    if device.type != "cuda" or not all(
        isinstance(sample, np.ndarray) for part in parts for sample in part
    ):
        return None
    flat = [
        np.concatenate([sample.reshape(-1, sample.shape[-1]) for sample in part]) for part in parts
    ]
    rows = [rows_to_tensor(part.astype(row_dtype(part.dtype), copy=False)) for part in flat]
    placed = place(rows, device)
    return placed if placed[0].device.type == "cuda" else None
