"""Inference in chunks of a fixed size (rule 9 of the design)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from skdae.layout import rows_to_tensor
from skdae.training._memory import kept_memory
from skdae.training._threads import shared_threads

__all__ = ["chunk_size", "in_chunks"]

_MOST_ROWS = {"cpu": 64, "cuda": 1024}
_MOST_VALUES = 2**22
_MOST_PIXELS = {"cpu": 2**16, "cuda": 2**22}


def chunk_size(width: int, device: torch.device, *, images: bool = False) -> int:
    """Return the rows a chunk: what one sample alone must not wait for, and many keep busy.

    Convolutions keep a processor busy with few large images.
    """
    kind = device.type if device.type == "cuda" else "cpu"
    most = _MOST_PIXELS[kind] if images else _MOST_VALUES
    return max(1, min(_MOST_ROWS[kind], most // width))


def in_chunks(
    function: Callable[[Tensor], Tensor],
    rows: np.ndarray,
    device: torch.device,
    *,
    width: int,
    images: bool = False,
) -> Tensor:
    """Apply a function of rows to chunks of one size, the last one filled up with zeros.

    The kernels of linear algebra choose their order of summation by the number of rows:
    with one number, the output of a row does not depend on the rows around it. Each chunk is
    a copy, which the function may change.

    Parameters
    ----------
    function : callable (rows) -> Tensor
        What to apply.
    rows : ndarray of shape (n, features)
        Its inputs.
    device : torch.device
        Where to apply it.
    width : int
        Values of an input or an output, whichever is larger.
    images : bool, default=False
        Whether rows are images or signals, and the function convolves them.

    Returns
    -------
    results : Tensor of shape (n, ...)
        On the CPU.
    """
    size = chunk_size(width, device, images=images)
    n_values = size * width if len(rows) > size else 0
    with torch.inference_mode(), shared_threads(), kept_memory(device, n_values):
        for start in range(0, len(rows), size):
            part = rows_to_tensor(rows[start : start + size])
            if len(part) == size and device.type == "cpu":
                chunk = part.clone()
            else:
                chunk = torch.zeros((size, part.shape[1]), dtype=part.dtype, device=device)
                chunk[: len(part)] = part
            result = function(chunk)
            if start == 0:
                results = torch.empty((len(rows), *result.shape[1:]), dtype=result.dtype)
            results[start : start + len(part)] = result[: len(part)]
    return results
