"""Inference in chunks of a fixed size (rule 9 of the design), and in tiles."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Hashable

import numpy as np
import torch
from torch import Tensor, nn

from skdae.layout import rows_to_tensor
from skdae.training._memory import kept_memory
from skdae.training._threads import shared_threads

__all__ = ["chunk_size", "in_chunks", "in_tiles"]

_FEWEST_ROWS, _MOST_ROWS = {"cpu": 64, "cuda": 1024}, {"cpu": 2048, "cuda": 2**16}
_MOST_PRODUCTS = {"cpu": 2**26, "cuda": 2**32}
_MOST_VALUES = {"cpu": 2**19, "cuda": 2**26}
_MOST_PIXELS = {"cpu": 2**16, "cuda": 2**22}
# Larger chunks that there must be before they are worth a trial.
_WORTH_A_TRIAL = 16


def chunk_size(module: nn.Module, sample_shape: tuple[int, ...], device: torch.device) -> int:
    """Return the rows a chunk: what one sample alone must not wait for, and many keep busy.

    It depends on nothing but the module and what a row is. A dense net takes one product a
    weight and row; convolutions keep a processor busy with few large images. It is a power of
    two, as the number of threads mostly is: each of them gets as many rows.
    """
    kind = device.type if device.type == "cuda" else "cpu"
    n_values = math.prod(sample_shape)
    if len(sample_shape) > 1:
        rows = min(_FEWEST_ROWS[kind], _MOST_PIXELS[kind] // n_values)
    else:
        n_weights = sum(parameter.numel() for parameter in module.parameters())
        rows = max(_FEWEST_ROWS[kind], _MOST_PRODUCTS[kind] // max(1, n_weights))
        rows = min(rows, _MOST_ROWS[kind], _MOST_VALUES[kind] // n_values)
    return 2 ** int(math.log2(max(1, rows)))


def in_chunks(
    function: Callable[[Tensor], Tensor],
    rows: np.ndarray,
    device: torch.device,
    *,
    size: int,
    larger: int | None = None,
    agreed: dict[Hashable, bool] | None = None,
    key: Hashable = None,
) -> Tensor:
    """Apply a function of rows to chunks of one size, the last one filled up with zeros.

    The kernels of linear algebra choose their order of summation by the number of rows:
    with one number, the output of a row does not depend on the rows around it. Each chunk is
    a copy, which the function may change.

    Many rows come in larger chunks, which waste less, if a trial on random rows shows that these
    change no bit of any row.

    Parameters
    ----------
    function : callable (rows) -> Tensor
        What to apply.
    rows : ndarray of shape (n, features)
        Its inputs.
    device : torch.device
        Where to apply it.
    size : int
        Rows a chunk.
    larger : int or None, default=None
        Rows of a larger chunk, a multiple of ``size``. None tries none.
    agreed : dict or None, default=None
        What the trials showed that were made before; a new one is added to it.
    key : hashable, default=None
        What tells this function from others in ``agreed``.

    Returns
    -------
    results : Tensor of shape (n, ...)
        On the CPU.
    """
    with torch.inference_mode(), shared_threads():
        step = size
        if larger and agreed is not None and len(rows) >= _WORTH_A_TRIAL * larger:
            key = (key, torch.get_num_threads())
            if key not in agreed:
                agreed[key] = _agree(function, rows.shape[1], device, size, larger)
            step = larger if agreed[key] else size
        start = 0
        while start < len(rows):
            if len(rows) - start < step:
                step = size
            part = rows_to_tensor(rows[start : start + step])
            if len(part) == step and device.type == "cpu":
                chunk = part.clone(memory_format=torch.contiguous_format)
            else:
                chunk = torch.zeros((step, part.shape[1]), dtype=part.dtype, device=device)
                chunk[: len(part)] = part
            result = function(chunk)
            if start == 0:
                results = torch.empty((len(rows), *result.shape[1:]), dtype=result.dtype)
            results[start : start + len(part)] = result[: len(part)]
            start += len(part)
    return results


def _agree(
    function: Callable[[Tensor], Tensor],
    n_features: int,
    device: torch.device,
    size: int,
    larger: int,
) -> bool:
    """Try whether every row of a larger chunk has the same bits in one of ``size``."""
    rows = torch.randn((larger, n_features), generator=torch.Generator().manual_seed(0)).to(device)
    parts = [function(part.clone()) for part in rows.split(size)]
    return torch.equal(function(rows), torch.cat(parts))


def in_tiles(
    function: Callable[[Tensor], Tensor],
    image: np.ndarray,
    device: torch.device,
    *,
    stride: int,
    reach: int,
    most_places: int,
) -> np.ndarray:
    """Apply a convolutional function to a large sample in overlapping tiles.

    A tile is wider than the part of the result that is taken from it, by ``reach`` on each side
    where the sample goes on: the result is that of the whole sample at once.

    Parameters
    ----------
    function : callable (x) -> Tensor
        Takes and gives (1, ..., channels), of any size.
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

    Returns
    -------
    result : ndarray of the shape of ``image``, float32
        What the function makes of the sample.
    """
    size = image.shape[:-1]
    halo = -(-reach // stride) * stride
    longest = max(most_places ** (1 / len(size)) - 2 * halo, halo, stride)
    steps = []
    for side in size:
        n_tiles = math.ceil(side / longest)
        steps.append(math.ceil(side / n_tiles / stride) * stride)
    result = np.empty(image.shape, dtype=np.float32)
    starts = [range(0, side, step) for side, step in zip(size, steps, strict=True)]
    with torch.inference_mode(), shared_threads(), kept_memory(device, most_places):
        for corner in itertools.product(*starts):
            kept, seen, inner = [], [], []
            for start, step, side in zip(corner, steps, size, strict=True):
                first, stop = max(0, start - halo), min(side, start + step)
                kept.append(slice(start, stop))
                seen.append(slice(first, min(side, start + step + halo)))
                inner.append(slice(start - first, stop - first))
            tile = rows_to_tensor(image[tuple(seen)][np.newaxis])
            result[tuple(kept)] = function(tile.to(device))[0][tuple(inner)].cpu().numpy()
    return result
