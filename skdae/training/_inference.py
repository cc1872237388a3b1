"""Inference in chunks of a fixed size (rule 9 of the design), and in tiles."""

from __future__ import annotations

import itertools
import math
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from skdae.layout import as_fraction, rows_to_tensor
from skdae.training._computation import Computation
from skdae.training._memory import kept_memory
from skdae.training._threads import n_threads_here, on_pool

__all__ = ["chunk_size", "in_chunks", "in_tiles"]

_FEWEST_ROWS, _MOST_ROWS = {"cpu": 64, "cuda": 1024}, {"cpu": 2048, "cuda": 2**16}
_MOST_PRODUCTS = {"cpu": 2**26, "cuda": 2**32}
_MOST_VALUES = {"cpu": 2**19, "cuda": 2**26}
_MOST_PIXELS = {"cpu": 2**16, "cuda": 2**22}


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
    computation: Computation,
    method: str,
    rows: np.ndarray,
    shape: tuple[int, ...],
    device: torch.device,
    *,
    size: int,
) -> Tensor:
    """Apply a computation to chunks of one size, the last one filled up with zeros.

    The kernels of linear algebra choose their order of summation by the number of rows and of
    threads: with one number of either, the output of a row does not depend on the rows around it,
    nor on the machine's cores. Each chunk is a copy, which the module may change.

    Parameters
    ----------
    computation : Computation
        What to apply.
    method : {"encode", "decode", "denoise"}
        Which of its methods.
    rows : ndarray of shape (n, features)
        Its inputs.
    shape : tuple of int
        What a row is, or a code.
    device : torch.device
        Where to apply it.
    size : int
        Rows a chunk.

    Returns
    -------
    results : Tensor of shape (n, ...)
        On the CPU.
    """
    results: list[Tensor] = []
    lock = threading.Lock()

    def run(computation: Computation, start: int) -> None:
        part = rows_to_tensor(rows[start : start + size])
        if len(part) == size and device.type == "cpu":
            chunk = part.clone(memory_format=torch.contiguous_format)
        else:
            chunk = torch.zeros((size, part.shape[1]), dtype=part.dtype, device=device)
            chunk[: len(part)] = part
        result = getattr(computation, method)(as_fraction(chunk), shape)
        with lock:
            if not results:
                results.append(torch.empty((len(rows), *result.shape[1:]), dtype=result.dtype))
        results[0][start : start + len(part)] = result[: len(part)]

    starts = range(0, len(rows), size)
    # What dense layers need is small, and kept anyway.
    n_values = size * rows.shape[1] if len(shape) > 1 and len(starts) > 1 else 0
    _run_everywhere(run, computation, starts, device, n_values)
    return results[0]


def _run_everywhere(
    run: Callable[[Computation, Any], None],
    computation: Computation,
    places: Sequence[Any],
    device: torch.device,
    n_values: int,
) -> None:
    """Run a computation at each place: on single threads side by side, where there are cores."""

    def worker(computation: Computation) -> Callable[[Any], None]:
        def run_at(place: Any) -> None:
            with torch.inference_mode():
                run(computation, place)

        return run_at

    if device.type != "cpu":
        for place in places:
            worker(computation)(place)
        return
    computations = computation.for_threads(min(n_threads_here(), len(places)))
    with kept_memory(device, n_values):
        on_pool([worker(each) for each in computations], places)


def in_tiles(
    computation: Computation,
    image: np.ndarray,
    device: torch.device,
    *,
    stride: int,
    reach: int,
    most_places: int,
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
        rows = as_fraction(rows_to_tensor(tile.reshape(1, -1)).to(device))
        denoised = computation.denoise(rows, tile.shape).view(tile.shape)
        result[tuple(kept)] = denoised[tuple(inner)].cpu().numpy()

    starts = [range(0, side, step) for side, step in zip(size, steps, strict=True)]
    corners = list(itertools.product(*starts))
    _run_everywhere(run, computation, corners, device, most_places)
    return result
