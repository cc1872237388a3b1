"""The format of the data of a fit: what later data are compared with, and results come back in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from skdae.data._arrays import check_ranges, parts_of, restore_dtype
from skdae.data._lists import Rows
from skdae.data._shapes import squeezed

__all__ = ["DataFormat"]


@dataclass(frozen=True)
class DataFormat:
    """What the samples of a fit are.

    Attributes
    ----------
    shape : tuple of int or None
        Shape of a sample of X; None stands for each side of the samples of a list.
    sample_shape : tuple of int
        What a row is, channels last; for a list, what a patch is.
    dtype : str
        Name of the dtype of the rows.
    highest : float
        Highest value of X.
    """

    shape: tuple[int | None, ...]
    sample_shape: tuple[int, ...]
    dtype: str
    highest: float

    @property
    def is_list(self) -> bool:
        """Whether X is a list of samples."""
        return None in self.shape

    def check_shape(self, shape: tuple[int, ...], owner: str) -> None:
        """Check that samples have the axes of those of the fit, or are flat rows.

        Raises
        ------
        ValueError
            If they have others.
        """
        fitted = self.sample_shape
        if len(shape) > 1 and len(fitted) > 1 and squeezed(shape) != squeezed(fitted):
            raise ValueError(
                f"X has samples of shape {shape}, but {owner} was fitted on samples of shape "
                f"{fitted}. Flat rows are read as such samples too."
            )

    def check_range(self, rows: Rows, owner: str) -> None:
        """Check that samples have the range of those of the fit, as far as dtypes tell.

        Raises
        ------
        ValueError
            If one of the two are images of integers, and the other are values on another scale.
        """
        dtype, fitted_dtype = parts_of(rows)[0].dtype, np.dtype(self.dtype)
        check_ranges("X", dtype, rows, f"{owner} was fitted on", fitted_dtype)
        highest = np.array([self.highest], dtype=fitted_dtype)
        check_ranges("the X of its fit", fitted_dtype, highest, "X is", dtype)

    def restore(self, rows: Tensor) -> np.ndarray:
        """Return rows in the layout and the dtype of the data of the fit; of lists, in patches."""
        shape = self.sample_shape if self.is_list else self.shape
        return restore_dtype(rows, getattr(torch, self.dtype)).numpy().reshape(len(rows), *shape)
