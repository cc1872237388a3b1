"""Inference in chunks of a fixed size (rule 9 of the design), and in tiles."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from skdae.layout import rows_to_tensor
from skdae.training._memory import kept_memory
from skdae.training._threads import shared_threads

__all__ = ["chunk_sizes", "in_chunks", "in_tiles"]

_FEWEST_ROWS, _MOST_ROWS = {"cpu": 64, "cuda": 1024}, {"cpu": 2048, "cuda": 2**16}
_MOST_PRODUCTS = {"cpu": 2**26, "cuda": 2**32}
_MOST_VALUES = {"cpu": 2**19, "cuda": 2**26}
_MOST_PIXELS = {"cpu": 2**16, "cuda": 2**22}
# How many times larger the chunks of many rows are. A GPU is busy with those of few.
_TIMES_LARGER = {"cpu": 4, "cuda": 1}
# Larger chunks that there must be before they are worth a trial.
_WORTH_A_TRIAL = 16


def chunk_sizes(
    module: nn.Module, sample_shape: tuple[int, ...], device: torch.device
) -> tuple[int, int]:
    """Return the rows a chunk: what one sample alone must not wait for, and what many are worth.

    They depend on nothing but the module and what a row is. A dense net takes one product a
    weight and row; convolutions keep a processor busy with few large images.
    """
    kind = device.type if device.type == "cuda" else "cpu"
    n_values, times = math.prod(sample_shape), _TIMES_LARGER[kind]
    if len(sample_shape) > 1:
        rows = min(_FEWEST_ROWS[kind], _MOST_PIXELS[kind] // n_values)
        more = min(_FEWEST_ROWS[kind] * times, _MOST_PIXELS[kind] * times // n_values)
        return max(1, rows), max(1, more)
    n_weights = sum(parameter.numel() for parameter in module.parameters())
    rows = max(_FEWEST_ROWS[kind], _MOST_PRODUCTS[kind] // max(1, n_weights))
    rows = max(1, min(rows, _MOST_ROWS[kind], _MOST_VALUES[kind] // n_values))
    rows = 2 ** int(math.log2(rows))
    more = min(rows * times, _MOST_ROWS[kind], _MOST_VALUES[kind] * times // n_values)
    return rows, max(rows, more)


def in_chunks(
    function: Callable[[Tensor], Tensor],
    rows: np.ndarray,
    device: torch.device,
    *,
    sizes: tuple[int, int],
    agreed: dict[int, bool],
) -> Tensor:
    """Apply a function of rows to chunks of one size, the last one filled up with zeros.

    The kernels of linear algebra choose their order of summation by the number of rows:
    with one number, the output of a row does not depend on the rows around it. Many rows come
    in larger chunks, which waste less, if a trial shows that these change no bit.

    Parameters
    ----------
    function : callable (rows) -> Tensor
        What to apply. It leaves its argument, a part of ``rows``, as it is.
    rows : ndarray of shape (n, features)
        Its inputs.
    device : torch.device
        Where to apply it.
    sizes : (int, int)
        Rows a chunk, and rows a larger one.
    agreed : dict of {int: bool}
        What trials of this function with these sizes showed, by the number of threads. A new
        trial adds to it.

    Returns
    -------
    results : Tensor of shape (n, ...)
        On the CPU.
    """
    size, larger = sizes
    with torch.inference_mode(), shared_threads():
        if larger > size and len(rows) >= _WORTH_A_TRIAL * larger:
            n_threads = torch.get_num_threads()
            if n_threads not in agreed:
                agreed[n_threads] = _agree(function, rows.shape[1], device, sizes)
            size = larger if agreed[n_threads] else size
        start = 0
        while start < len(rows):
            if len(rows) - start < size:
                size = sizes[0]
            chunk = part = rows_to_tensor(rows[start : start + size])
            if len(part) < size or device.type != "cpu":
                chunk = torch.zeros((size, part.shape[1]), dtype=part.dtype, device=device)
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
    sizes: tuple[int, int],
) -> bool:
    """Try whether a row has the same result, bit by bit, in chunks of both sizes."""
    size, larger = sizes
    generator = torch.Generator().manual_seed(0)
    rows = torch.rand((larger, n_features), generator=generator)
    ends = torch.arange(-(size // 2), size - size // 2)
    some = function(rows[ends].to(device))
    return torch.equal(function(rows.to(device))[ends], some)


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
