"""Many samples in chunks of a fixed size, so that no result depends on the samples beside it."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from skdae.data import Batch, as_fraction, rows_to_tensor
from skdae.inference._computation import Computation, Job
from skdae.training import has_only_known_layers, on_pool

__all__ = ["chunk_size", "in_chunks"]

_FEWEST_ROWS, _MOST_ROWS = {"cpu": 64, "cuda": 1024}, {"cpu": 2048, "cuda": 2**16}
_MOST_PRODUCTS = {"cpu": 2**26, "cuda": 2**32}
_MOST_VALUES = {"cpu": 2**19, "cuda": 2**26}
_MOST_PIXELS = {"cpu": 2**16, "cuda": 2**22}
# Many rows of dense nets come in chunks so many times larger, if there are so many of these.
_TIMES_LARGER, _MANY_LARGE = 8, 2


def chunk_size(module: nn.Module, sample_shape: tuple[int, ...], device: torch.device) -> int:
    """Return the rows a chunk: few enough for one sample, and enough for many to keep cores busy.

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
    method: str,
    batch: Batch,
    result: Tensor,
    module: nn.Module,
    device: torch.device,
    *,
    size: int,
    check: Callable[[np.ndarray], None] | None = None,
) -> list[Job]:
    """Return the jobs that apply a method to chunks of one size, the last filled up with zeros.

    The kernels of linear algebra choose their order of summation by the number of rows and of
    threads: with one number of either, the output of a row does not depend on the rows around it,
    nor on the machine's cores.

    Parameters
    ----------
    method : {"encode", "hidden", "decode", "denoise", "respond"}
        A method of :class:`Computation`.
    batch : Batch
        Its inputs: samples, or codes.
    result : Tensor of shape (n, n_outputs), float32, on the CPU
        Where the jobs write.
    module : Module
        What is applied.
    device : torch.device
        Where to apply it.
    size : int
        Rows a chunk.
    check : callable (part of the rows) -> None, default=None
        Raises if values are missing: a chunk is looked at when it is in a cache anyway.
    """
    # Rows of a table need no other order of their values: their chunks are written in place.
    is_table = method == "denoise" and device.type == "cpu" and len(batch.sample_shape) == 1

    def run(computation: Computation, rows: range) -> None:
        values = batch.values(slice(rows.start, rows.stop))
        if check is not None:
            check(values)
        chunk = rows_to_tensor(values).to(device)
        n_filled, n_missing = len(chunk), len(rows) - len(chunk)
        if n_missing:
            chunk = torch.cat([chunk, chunk.new_zeros(n_missing, chunk.shape[1])])
        place = result[rows.start : rows.stop]
        if is_table and not n_missing and computation.standardization is not None:
            computation.denoise(as_fraction(chunk), batch.sample_shape, out=place)
            return
        rows_out = getattr(computation, method)(as_fraction(chunk), batch.sample_shape)
        place.copy_(rows_out[:n_filled])

    return [partial(run, rows=rows) for rows in _chunks(len(batch.rows), size, module, device)]


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
        layer = partial(F.linear, weight=weight.contiguous(), bias=bias.flatten())
        alike.append(
            torch.equal(layer(rows), torch.cat([layer(part) for part in rows.split(size)]))
        )

    on_pool([run], [0])
    return alike == [True]
