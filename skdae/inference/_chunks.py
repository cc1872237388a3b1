"""Many samples in chunks of a fixed size, so that no result depends on the samples beside it."""

from __future__ import annotations

import functools
import math
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from skdae.data import as_fraction, rows_to_tensor
from skdae.inference._computation import Computation
from skdae.training import has_only_known_layers, kept_memory, n_threads_here, on_pool

__all__ = ["chunk_size", "in_chunks", "run_everywhere"]

_FEWEST_ROWS, _MOST_ROWS = {"cpu": 64, "cuda": 1024}, {"cpu": 2048, "cuda": 2**16}
_MOST_PRODUCTS = {"cpu": 2**26, "cuda": 2**32}
_MOST_VALUES = {"cpu": 2**19, "cuda": 2**26}
_MOST_PIXELS = {"cpu": 2**16, "cuda": 2**22}
# Many rows of dense nets come in chunks so many times larger, if there are so many of these.
_TIMES_LARGER, _MANY_LARGE = 8, 2


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
    check: Callable[[np.ndarray], None] | None = None,
) -> Tensor:
    """Apply a computation to chunks of one size, the last one filled up with zeros.

    The kernels of linear algebra choose their order of summation by the number of rows and of
    threads: with one number of either, the output of a row does not depend on the rows around it,
    nor on the machine's cores.

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
    check : callable (part of the rows) -> None, default=None
        Raises if values are missing: a chunk is looked at when it is in a cache anyway.

    Returns
    -------
    results : Tensor of shape (n, ...)
        On the CPU.
    """
    # Rows of a table need no other order of their values.
    writes_in_place = (
        method == "denoise"
        and device.type == "cpu"
        and len(shape) == 1
        and computation.standardization is not None
    )
    results = [torch.empty(rows.shape)] if writes_in_place else []
    lock = threading.Lock()

    def run(computation: Computation, rows_of_chunk: range) -> None:
        start, n_rows = rows_of_chunk.start, len(rows_of_chunk)
        values = rows[start : start + n_rows]
        if check is not None:
            check(values)
        part = rows_to_tensor(values)
        chunk = part.to(device).contiguous()
        if len(part) < n_rows:
            chunk = torch.zeros((n_rows, part.shape[1]), dtype=part.dtype, device=device)
            chunk[: len(part)] = part
        if writes_in_place and len(part) == n_rows:
            computation.denoise(as_fraction(chunk), shape, out=results[0][start : start + n_rows])
            return
        result = getattr(computation, method)(as_fraction(chunk), shape)
        with lock:
            if not results:
                results.append(torch.empty((len(rows), *result.shape[1:]), dtype=result.dtype))
        results[0][start : start + len(part)] = result[: len(part)]

    chunks = _chunks(len(rows), size, computation.module, device)
    # What dense layers need is small, and kept anyway.
    n_values = size * rows.shape[1] if len(shape) > 1 and len(chunks) > 1 else 0
    run_everywhere(run, computation, chunks, device, n_values)
    return results[0]


def _chunks(n_rows: int, size: int, module: nn.Module, device: torch.device) -> list[range]:
    """Return the rows of each chunk: many of a dense net in larger ones, if that changes no bit."""
    large = 0
    if device.type == "cpu" and n_rows >= _MANY_LARGE * _TIMES_LARGER * size:
        sides = _sides_of_products(module)
        if sides and all(_rows_are_alike(*side, size) for side in sides):
            large = n_rows // (_TIMES_LARGER * size) * _TIMES_LARGER * size
    return [
        *(range(i, i + _TIMES_LARGER * size) for i in range(0, large, _TIMES_LARGER * size)),
        *(range(i, i + size) for i in range(large, n_rows, size)),
    ]


def _sides_of_products(module: nn.Module) -> list[tuple[int, int]]:
    """Return inputs and outputs of all layers with weights, if these are dense and ours."""
    layers = [part for part in module.modules() if next(part.parameters(False), None) is not None]
    dense = [(part.in_features, part.out_features) for part in layers if type(part) is nn.Linear]
    return dense if len(dense) == len(layers) and has_only_known_layers(module) else []


@functools.cache
def _rows_are_alike(n_in: int, n_out: int, size: int) -> bool:
    """Try whether a product of matrices has the same bits in every row of a larger chunk.

    On one thread, libraries add up along the columns, whatever the number of rows; few of them
    promise it.
    """
    alike = []

    def run(seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        rows = torch.randn((_TIMES_LARGER * size, n_in), generator=generator)
        weight, bias = torch.randn((n_out, n_in + 1), generator=generator).split([n_in, 1], 1)
        layer = functools.partial(F.linear, weight=weight.contiguous(), bias=bias.flatten())
        alike.append(
            torch.equal(layer(rows), torch.cat([layer(part) for part in rows.split(size)]))
        )

    on_pool([run], [0])
    return alike == [True]


def run_everywhere(
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
