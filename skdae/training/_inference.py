"""Inference in chunks of a fixed size (rule 9 of the design)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from skdae.layout import rows_to_tensor

__all__ = ["chunk_size", "in_chunks"]

_MOST_ROWS = 64
_MOST_VALUES = 2**22


def chunk_size(n_features: int) -> int:
    """Return the rows a chunk: 64, or fewer where rows are large."""
    return max(1, min(_MOST_ROWS, _MOST_VALUES // n_features))


def in_chunks(
    function: Callable[[Tensor], Tensor], rows: np.ndarray, device: torch.device, *, width: int
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

    Returns
    -------
    results : Tensor of shape (n, ...)
        On the CPU.
    """
    size = chunk_size(width)
    results = []
    with torch.inference_mode():
        for start in range(0, len(rows), size):
            part = rows_to_tensor(rows[start : start + size])
            chunk = torch.zeros((size, part.shape[1]), dtype=part.dtype, device=device)
            chunk[: len(part)] = part
            results.append(function(chunk)[: len(part)].cpu())
        return torch.cat(results)
