"""Large samples in overlapping tiles."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import torch

from skdae.data import as_fraction, rows_to_tensor
from skdae.inference._chunks import run_everywhere
from skdae.inference._computation import Computation

__all__ = ["in_tiles"]


def in_tiles(
    computation: Computation,
    image: np.ndarray,
    device: torch.device,
    *,
    stride: int,
    reach: int,
    most_places: int,
    check: Callable[[np.ndarray], None] | None = None,
) -> np.ndarray:
    """Denoise a large sample in overlapping tiles.

    A tile is wider than the part of the result that is taken from it, by ``reach`` on each side
    where the sample goes on: the result is that of the whole sample at once.

    Parameters
    ----------
    computation : Computation
        That of a convolutional module.
    image : ndarray of shape (..., channels)
        The sample.
    device : torch.device
        Where to apply it.
    stride : int
        Tiles begin at multiples of it.
    reach : int
        How far from a value of the result the sample may lie that it depends on.
    most_places : int
        Values of a channel in a tile, about.
    check : callable (tile) -> None, default=None
        Raises if values are missing.

    Returns
    -------
    result : ndarray of the shape of ``image``, float32
        The denoised sample.
    """
    size = image.shape[:-1]
    halo = -(-reach // stride) * stride
    longest = max(most_places ** (1 / len(size)) - 2 * halo, halo, stride)
    steps = []
    for side in size:
        n_tiles = math.ceil(side / longest)
        steps.append(math.ceil(side / n_tiles / stride) * stride)
    result = np.empty(image.shape, dtype=np.float32)

    def run(computation: Computation, corner: tuple[int, ...]) -> None:
        kept, seen, inner = [], [], []
        for start, step, side in zip(corner, steps, size, strict=True):
            first, stop = max(0, start - halo), min(side, start + step)
            kept.append(slice(start, stop))
            seen.append(slice(first, min(side, start + step + halo)))
            inner.append(slice(start - first, stop - first))
        tile = np.ascontiguousarray(image[tuple(seen)])
        if check is not None:
            check(tile)
        rows = as_fraction(rows_to_tensor(tile.reshape(1, -1)).to(device))
        denoised = computation.denoise(rows, tile.shape).view(tile.shape)
        result[tuple(kept)] = denoised[tuple(inner)].cpu().numpy()

    starts = [range(0, side, step) for side, step in zip(size, steps, strict=True)]
    corners = list(itertools.product(*starts))
    run_everywhere(run, computation, corners, device, most_places)
    return result
