"""Samples of one size, ready for a net, and the way back to what they were."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from skdae.data._arrays import ROW_DTYPES, restore_dtype

__all__ = ["Samples"]


class Samples(NamedTuple):
    """Samples of one size, checked.

    Attributes
    ----------
    rows : ndarray of shape (n, n_features)
        Their values.
    shape : tuple of int
        How they came, and how they go back.
    sample_shape : tuple of int
        What a row is.
    alone : bool
        Whether this is one sample that came alone, not one of an array.
    """

    rows: np.ndarray
    shape: tuple[int, ...]
    sample_shape: tuple[int, ...]
    alone: bool = False

    def restore(self, denoised: Tensor) -> np.ndarray:
        """Return denoised rows in the shape and the dtype of the input."""
        dtype = getattr(torch, self.rows.dtype.name)
        return restore_dtype(denoised, dtype).numpy().reshape(self.shape)

    @classmethod
    def of_one(cls, sample: np.ndarray, shape: tuple[int, ...] | None = None) -> Samples:
        """Return one sample (..., channels) that came alone, in a shape that may lack channels."""
        dtype = sample.dtype if sample.dtype in ROW_DTYPES else np.float32
        rows = np.ascontiguousarray(sample, dtype=dtype).reshape(1, -1)
        return cls(rows, sample.shape if shape is None else shape, sample.shape, alone=True)
