"""What a part of the data says of all: their range and their spread."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from skdae.layout import full_range

__all__ = ["Seen", "look_at"]

_LOOKED_AT = 2**16
_FEWEST_VALUES, _FEWEST_ROWS, _MOST_PARTS = 300, 16, 64
# The middle half of a uniform law is so many deviations wide, that of a normal one less.
_MIDDLE_HALF, _FAR = 3**0.5, 10


@dataclass(frozen=True)
class Seen:
    """Some values of the data that noise is for.

    Attributes
    ----------
    values : ndarray of shape (n_values,)
        They, in float64; those of images of integers as fractions of their full range.
    spread : float
        Their standard deviation without the outermost hundredths; in a table, that of a usual
        column. 0 if there are too few values to tell, or all are one.
    white : float or None
        What images of integers call 1.
    """

    values: np.ndarray
    spread: float
    white: float | None

    @property
    def low(self) -> float:
        """The lowest of the values."""
        return float(self.values.min())

    @property
    def high(self) -> float:
        """The highest of the values."""
        return float(self.values.max())

    @property
    def bulk(self) -> tuple[float, float]:
        """The range of the values without the outermost hundredths, unless that is one value."""
        low, high = np.percentile(self.values, [1, 99]).tolist()
        return (low, high) if low < high else (self.low, self.high)

    @property
    def can_tell(self) -> bool:
        """Whether the values say what scale they have; a 0 and a 1 of integers do not."""
        return self.spread > 0 and not (self.white and self.high * self.white <= 1)

    def is_far_from(self, value: float) -> bool:
        """Whether a value is many times the range of the data away from them."""
        low, high = self.bulk
        return self.can_tell and max(low - value, value - high) > _FAR * (high - low)

    @property
    def are_counts(self) -> bool:
        """Whether the values are whole numbers, and more than 0 and 1."""
        return self.white is None and self.high >= 2 and bool((self.values % 1 == 0).all())


def look_at(data: Any) -> Seen:
    """Look at some of the values of an array, a tensor, or a list of arrays.

    Not many, evenly from all samples: the data may lie on a disk.
    """
    parts = data[:: math.ceil(len(data) / _MOST_PARTS)] if isinstance(data, list) else [data]
    looked_at = [_some(part, _LOOKED_AT // len(parts)) for part in parts]
    white = full_range(parts[0].dtype)
    values = np.concatenate([part.ravel() for part in looked_at])
    is_table = not isinstance(data, list) and data.ndim == 2
    spread = _spread_of_columns(looked_at[0]) if is_table else 0.0
    spread = spread or _spread(values)
    if white:
        values, spread = values / white, spread / white
    return Seen(values, spread, white)


def _some(part: Any, most: int) -> np.ndarray:
    """Take evenly spaced rows, and evenly spaced values of them where a row is too long."""
    for axis, side in enumerate(part.shape):
        n_values = math.prod(part.shape[axis + 1 :])
        step = math.ceil(side / max(1, most // n_values))
        part = part[(*[slice(None)] * axis, slice(None, None, step))]
        most //= part.shape[axis]
    if isinstance(part, Tensor):
        part = part.detach().cpu().double().numpy()
    return part.astype(np.float64)


def _spread_of_columns(table: np.ndarray) -> float:
    """Return the spread of a usual column, in which a few outliers do not count."""
    if table.size < _FEWEST_VALUES or len(table) < _FEWEST_ROWS:
        return 0.0
    low, high = np.percentile(table, [25, 75], axis=0)
    middles = (high - low)[high > low]
    return float(np.median(middles)) / _MIDDLE_HALF if len(middles) else 0.0


def _spread(values: np.ndarray) -> float:
    if values.size < _FEWEST_VALUES or values.min() == values.max():
        return 0.0
    inner = values.clip(*np.percentile(values, [1, 99]))
    return float(inner.std() or values.std())
