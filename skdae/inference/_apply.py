"""Apply a trained net to batches: chunks and tiles of all of them, side by side."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import numpy as np
import torch
from torch import Tensor

from skdae.data import Batch
from skdae.inference._chunks import chunk_size, in_chunks
from skdae.inference._computation import Computation, Job
from skdae.inference._tiles import in_tiles
from skdae.nn import AnySize, promises_any_size
from skdae.training import DenoisingNet, kept_memory, on_pool

__all__ = ["apply"]

# Bytes that a tile may take, and how many layers of the widest kind live at once. Larger tiles
# overlap less, and leave cores without work: an image of 512 x 512 has four of 2**26.
_TILE_BYTES = {"cpu": 2**26, "cuda": 2**31}
_LIVE_LAYERS = 5


def apply(
    net: DenoisingNet,
    method: str,
    batches: Iterable[Batch],
    *,
    n_outputs: int | None = None,
    size: int | None = None,
    check: Callable[[np.ndarray], None] | None = None,
) -> list[Tensor]:
    """Encode, decode or denoise batches, respond to them, or return what hidden layers hold.

    Parameters
    ----------
    net : DenoisingNet
        The trained net.
    method : {"encode", "hidden", "decode", "denoise", "respond"}
        What to do: a method of :class:`Computation`.
    batches : iterable of Batch
        Samples, or codes to decode.
    n_outputs : int or None, default=None
        Values that a row becomes; None is as many as it has.
    size : int or None, default=None
        Rows that go through the net at once, whatever else there is. None is one for a sample that
        came alone, and else what suits the module and the size of a sample.
    check : callable (part of the rows) -> None, default=None
        Raises if values are missing.

    Returns
    -------
    results : list of Tensor of shape (n, n_outputs), float32
        For each batch, on the CPU.
    """
    module, device = net.module_, torch.device(net.device)
    in_parts = method == "denoise" and promises_any_size(module)
    results: list[Tensor] = []
    jobs: list[Job] = []
    largest = 0
    for batch in batches:
        shape = batch.sample_shape
        result = torch.empty((len(batch.rows), n_outputs or math.prod(shape)))
        results.append(result)
        most_places = _places_at_once(module, shape[-1], device) if in_parts else 0
        if in_parts and 1 < len(shape) and most_places < math.prod(shape[:-1]):
            largest = most_places
            for row, place in zip(batch.rows, result, strict=True):
                tiled = (row.reshape(shape), place.view(shape), module, device)
                jobs += in_tiles(*tiled, most_places=most_places, check=check)
            continue
        n_rows = size or (1 if batch.alone else chunk_size(module, shape, device))
        # What dense layers need is small, and kept anyway.
        largest = max(largest, n_rows * math.prod(shape) if len(shape) > 1 else 0)
        jobs += in_chunks(method, batch, result, module, device, size=n_rows, check=check)
    _run(jobs, Computation.of(net), device, largest if len(jobs) > 1 else 0)
    return results


def _places_at_once(module: AnySize, n_channels: int, device: torch.device) -> int:
    """Return how many places may go through a module at once for the memory that it takes."""
    n_bytes = _TILE_BYTES["cuda" if device.type == "cuda" else "cpu"]
    return int(n_bytes / (4 * max(module.width, n_channels) * _LIVE_LAYERS))


def _run(jobs: list[Job], computation: Computation, device: torch.device, n_values: int) -> None:
    """Run jobs: on single threads side by side, where there are cores."""

    def worker(computation: Computation) -> Callable[[Job], None]:
        def run(job: Job) -> None:
            with torch.inference_mode():
                job(computation)

        return run

    if device.type != "cpu":
        for job in jobs:
            worker(computation)(job)
        return
    computations = computation.for_threads(len(jobs))
    with kept_memory(device, n_values):
        on_pool([worker(each) for each in computations], jobs)
