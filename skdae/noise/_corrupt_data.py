"""Apply a formula on float tensors to arrays, lists and tensors of any dtype."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from skdae._random import RandomState, draw_seeds, make_generator
from skdae.data import Rows, as_fraction, restore_dtype, rows_to_tensor

__all__ = ["corrupt_rows", "corrupt_tensor"]

Formula = Callable[[Tensor, torch.Generator], Tensor]


def corrupt_rows(formula: Formula, clean: Rows, random_state: RandomState) -> Rows:
    """Return a corrupted copy of an array or of a list of arrays, in their dtypes."""
    (seed,) = draw_seeds(random_state, 1)
    generator = make_generator(seed)
    if isinstance(clean, list):
        return [_corrupt_array(formula, sample[np.newaxis], generator)[0] for sample in clean]
    return _corrupt_array(formula, clean, generator)


def corrupt_tensor(formula: Formula, clean: Tensor, random_state: RandomState) -> Tensor:
    """Return a corrupted copy of a tensor, in its dtype and on its device."""
    (seed,) = draw_seeds(random_state, 1)
    return _corrupt_tensor(formula, clean, make_generator(seed, clean.device))


def _corrupt_array(formula: Formula, clean: np.ndarray, generator: torch.Generator) -> np.ndarray:
    # A formula may write to its input. In C order, a seed draws the same noise for any layout.
    own = rows_to_tensor(np.require(clean, requirements=["C", "W"]))
    return _corrupt_tensor(formula, own, generator).numpy()


def _corrupt_tensor(formula: Formula, clean: Tensor, generator: torch.Generator) -> Tensor:
    """Corrupt as float32, or as float64, and return the dtype of the input."""
    noisy = formula(clean if clean.dtype == torch.float64 else as_fraction(clean), generator)
    if clean.is_floating_point():
        return noisy.to(clean.dtype)
    return restore_dtype(noisy, clean.dtype)
