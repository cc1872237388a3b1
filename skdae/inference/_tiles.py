"""Large samples in overlapping tiles."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import Tensor

from skdae.data import as_fraction, row_dtype, rows_to_tensor
from skdae.inference._computation import Computation, Job
from skdae.nn import AnySize

__all__ = ["in_tiles"]


def in_tiles(
    sample: np.ndarray,
    result: Tensor,
    module: AnySize,
    device: torch.device,
    *,
    most_places: int,
    check: Callable[[np.ndarray], None] | None = None,
) -> list[Job]:
    """Return the jobs that denoise a large sample in overlapping tiles.

    A tile is wider than the part of the result that is taken from it, by the module's ``reach`` on
    each side where the sample goes on: the result is that of the whole sample at once. Tiles begin
    at multiples of the module's ``stride``.

    Parameters
    ----------
    sample : ndarray of shape (..., channels)
        The sample.
    result : Tensor of the same shape, float32, on the CPU
        Where the jobs write.
    module : Module
        What is applied: convolutions.
    device : torch.device
        Where to apply it.
    most_places : int
        Values of a channel in a tile, about.
    check : callable (tile) -> None, default=None
        Raises if values are missing.
    """
    stride, size = module.stride, sample.shape[:-1]
    halo = -(-(module.reach or 0) // stride) * stride
    longest = max(most_places ** (1 / len(size)) - 2 * halo, halo, stride)
    steps = []
    for side in size:
        n_tiles = math.ceil(side / longest)
        steps.append(math.ceil(side / n_tiles / stride) * stride)

    def run(computation: Computation, corner: tuple[int, ...]) -> None:
        kept, seen, inner = [], [], []
        for start, step, side in zip(corner, steps, size, strict=True):
            first, stop = max(0, start - halo), min(side, start + step)
            kept.append(slice(start, stop))
            seen.append(slice(first, min(side, start + step + halo)))
            inner.append(slice(start - first, stop - first))
        tile = np.ascontiguousarray(sample[tuple(seen)], dtype=row_dtype(sample.dtype))
        if check is not None:
            check(tile)
        rows = as_fraction(rows_to_tensor(tile.reshape(1, -1)).to(device))
        denoised = computation.denoise(rows, tile.shape).view(tile.shape)
        result[tuple(kept)] = denoised[tuple(inner)].cpu()

    starts = [range(0, side, step) for side, step in zip(size, steps, strict=True)]
    return [partial(run, corner=corner) for corner in itertools.product(*starts)]
