"""Dtypes: which ones are kept, and integers of images as fractions of their range."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

__all__ = [
    "ROW_DTYPES",
    "as_fraction",
    "check_ranges",
    "full_range",
    "restore_dtype",
    "row_dtype",
]

_FULL_RANGE: dict[torch.dtype | np.dtype, float] = {
    torch.uint8: 255.0,
    torch.uint16: 65535.0,
    np.dtype(np.uint8): 255.0,
    np.dtype(np.uint16): 65535.0,
}
ROW_DTYPES = [np.float32, np.uint8, np.uint16]
"""Rows are kept in these; all else becomes the first."""

# No noise that is worth removing lifts a fraction above this.
_MOST_OF_A_FRACTION = 16
_BLOCK = 2**18


def as_fraction(x: Tensor) -> Tensor:
    """Read uint8 and uint16 as fractions of their range, the rest as float32."""
    full = full_range(x.dtype)
    x = x.to(torch.float32)
    return x if full is None else x.div_(full)


def full_range(dtype: torch.dtype | np.dtype) -> float | None:
    """Return what uint8 and uint16 images call white; other dtypes are no images."""
    return _FULL_RANGE.get(dtype)


def row_dtype(dtype: np.dtype) -> np.dtype:
    """Return the dtype in which values are kept."""
    return dtype if dtype in ROW_DTYPES else np.dtype(np.float32)


def check_ranges(
    name: str, dtype: np.dtype, highest: float, other: str, other_dtype: np.dtype
) -> None:
    """Refuse values far outside of [0, 1] where their counterpart is read as fractions.

    Raises
    ------
    ValueError
        If only the counterpart is an image of integers, and the values are not on its scale.
    """
    white = full_range(other_dtype)
    if white and not full_range(dtype) and highest > _MOST_OF_A_FRACTION:
        raise ValueError(
            f"{other} {other_dtype}, read as fractions of {white:.0f}, and {name} is {dtype} with "
            f"values up to {highest:g}, read as they are. Give both the same dtype, or divide "
            f"{name} by {white:.0f}."
        )


def restore_dtype(x: Tensor, dtype: torch.dtype) -> Tensor:
    """Give fractions back as the image type they came from, rounded and clipped."""
    full = full_range(dtype)
    if full is None:
        return x
    restored = torch.empty(x.shape, dtype=dtype, device=x.device)
    # In blocks that fit into a cache, since all values at once are as large again.
    n_rows = max(1, _BLOCK // max(1, math.prod(x.shape[1:])))
    for part, place in zip(x.split(n_rows), restored.split(n_rows), strict=True):
        place.copy_(part.mul(full).round_().clamp_(0, full))
    return restored
