"""Noise levels: one number, or a range from which every sample draws its own."""

from __future__ import annotations

from numbers import Real
from typing import Any

import torch
from torch import Tensor

from skdae._sklearn import Interval

__all__ = ["Level", "draw_level"]


class Level(Interval):
    """Constraint of a noise level: a number in the interval or a (low, high) pair."""

    def __init__(self, left: float, right: float | None, *, closed: str):
        super().__init__(Real, left, right, closed=closed)

    def is_satisfied_by(self, val: Any) -> bool:
        """Accept a number of the interval, or an ordered pair of such numbers."""
        if not isinstance(val, tuple):
            return super().is_satisfied_by(val)
        return (
            len(val) == 2
            and all(super(Level, self).is_satisfied_by(v) for v in val)
            and val[0] <= val[1]
        )

    def __str__(self) -> str:
        """Describe the rule for the error message."""
        if self.right is None:
            rule = f"{'>=' if self.closed == 'left' else '>'} {self.left}"
        else:
            rule = f"between {self.left} and {self.right}"
        return f"a number {rule} or a (low, high) pair of such numbers with low <= high"


def draw_level(level: Any, x: Tensor, generator: torch.Generator) -> float | Tensor:
    """Return the number, or one uniform draw of the range per sample.

    A draw has shape ``(n, 1, ...)``, so that it broadcasts over each sample; levels per
    column come back as a tensor of shape ``(features,)``.
    """
    if isinstance(level, tuple):
        low, high = level
        shape = (len(x),) + (1,) * (x.ndim - 1)
        draw = torch.rand(shape, generator=generator, device=x.device, dtype=x.dtype)
        return low + (high - low) * draw
    if isinstance(level, Real):
        return float(level)
    return torch.as_tensor(level, dtype=x.dtype, device=x.device)
