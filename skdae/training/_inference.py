"""Inference in chunks of a fixed size (rule 9 of the design)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["chunk_size", "in_chunks"]

_MOST_ROWS = 64
_MOST_VALUES = 2**22


def chunk_size(n_features: int) -> int:
    """Return the rows a chunk: 64, or fewer where rows are large."""
    return max(1, min(_MOST_ROWS, _MOST_VALUES // n_features))


def in_chunks(function: Callable[[Tensor], Tensor], rows: Tensor, device: torch.device) -> Tensor:
    """Apply a function of rows to chunks of one size, the last one filled up with zeros.

    The kernels of linear algebra choose their order of summation by the number of rows:
    with one number, the output of a row does not depend on the rows around it.
    """
    size = chunk_size(rows.shape[1])
    results = []
    with torch.inference_mode():
        for start in range(0, len(rows), size):
            chunk = rows[start : start + size].to(device)
            n_filled = len(chunk)
            if n_filled < size:
                filling = chunk.new_zeros((size - n_filled, rows.shape[1]))
                chunk = torch.cat([chunk, filling])
            results.append(function(chunk)[:n_filled].cpu())
        return torch.cat(results)
