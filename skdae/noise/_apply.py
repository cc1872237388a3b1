"""Apply a formula on float tensors to arrays, lists and tensors of any dtype."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from skdae._random import draw_seeds, make_generator
from skdae.data import as_fraction, restore_dtype, rows_to_tensor

__all__ = ["corrupt_data"]

Formula = Callable[[Tensor, torch.Generator], Tensor]


def corrupt_data(formula: Formula, clean: Any, random_state: Any) -> Any:
    """Return a corrupted copy of an array, a list of arrays or a tensor, in its dtype."""
    (seed,) = draw_seeds(random_state, 1)
    if isinstance(clean, Tensor):
        return _corrupt_tensor(formula, clean, make_generator(seed, clean.device))
    generator = make_generator(seed)
    if not isinstance(clean, list):
        return _corrupt_array(formula, clean, generator)
    return [_corrupt_array(formula, sample[np.newaxis], generator)[0] for sample in clean]


def _corrupt_array(formula: Formula, clean: np.ndarray, generator: torch.Generator) -> np.ndarray:
    # A formula may write to its input, and draws its noise in C order.
    own = rows_to_tensor(np.require(clean, requirements=["C", "W"]))
    return _corrupt_tensor(formula, own, generator).numpy()


def _corrupt_tensor(formula: Formula, clean: Tensor, generator: torch.Generator) -> Tensor:
    """Corrupt as float32, or as float64, and return the dtype of the input."""
    noisy = formula(clean if clean.dtype == torch.float64 else as_fraction(clean), generator)
    if clean.is_floating_point():
        return noisy.to(clean.dtype)
    return restore_dtype(noisy, clean.dtype)
