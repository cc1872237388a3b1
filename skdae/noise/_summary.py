"""Range and spread of the data, estimated from a part of them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from skdae.data import Rows, full_range

__all__ = ["DataSummary", "summarize"]

_MOST_VALUES = 2**16
_FEWEST_VALUES, _FEWEST_ROWS, _MOST_PARTS = 300, 16, 64
# The interquartile range of a uniform distribution in standard deviations; a normal has 1.35.
_MIDDLE_HALF, _FAR = 3**0.5, 10


@dataclass(frozen=True)
class DataSummary:
    """Range and spread of the data that are to be corrupted.

    Attributes
    ----------
    values : ndarray of shape (n_values,)
        Some of the values, in float64; of integer images, as fractions of the full range.
    spread : float
        Standard deviation without the lowest and the highest 1 %; in a table, that of a typical
        column. 0 if the values are too few or all equal.
    white : float or None
        The largest value of the dtype of integer images; None for other data.
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
        """The 1st and 99th percentile of the values, or their range if these are equal."""
        low, high = np.percentile(self.values, [1, 99]).tolist()
        return (low, high) if low < high else (self.low, self.high)

    @property
    def has_scale(self) -> bool:
        """Whether the values show their scale: not if constant, too few, or integers 0 and 1."""
        return self.spread > 0 and not (self.white and self.high * self.white <= 1)

    def is_far_from(self, value: float) -> bool:
        """Whether a value is more than ten ranges of the data away from them."""
        low, high = self.bulk
        return self.has_scale and max(low - value, value - high) > _FAR * (high - low)

    @property
    def are_counts(self) -> bool:
        """Whether the values are whole numbers that reach 2 or more."""
        return self.white is None and self.high >= 2 and bool((self.values % 1 == 0).all())


def summarize(data: Rows | Tensor) -> DataSummary:
    """Summarize an array, a tensor, or a list of arrays.

    At most 65,536 values, evenly spaced, are read: the data may be a memory map.
    """
    parts = data[:: math.ceil(len(data) / _MOST_PARTS)] if isinstance(data, list) else [data]
    read = [_some(part, _MOST_VALUES // len(parts)) for part in parts]
    white = full_range(parts[0].dtype)
    values = np.concatenate([part.ravel() for part in read])
    is_table = not isinstance(data, list) and data.ndim == 2
    spread = _spread_of_columns(read[0]) if is_table else 0.0
    spread = spread or _spread(values)
    if white:
        values, spread = values / white, spread / white
    return DataSummary(values, spread, white)


def _some(part: np.ndarray | Tensor, most: int) -> np.ndarray:
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
    """Return the median spread of the columns, from quartiles, which ignore outliers."""
    if table.size < _FEWEST_VALUES or len(table) < _FEWEST_ROWS:
        return 0.0
    low, high = np.percentile(table, [25, 75], axis=0)
    middles = (high - low)[high > low]
    return float(np.median(middles)) / _MIDDLE_HALF if len(middles) else 0.0


def _spread(values: np.ndarray) -> float:
    """Return the standard deviation without the lowest and the highest 1 %."""
    if values.size < _FEWEST_VALUES or values.min() == values.max():
        return 0.0
    inner = values.clip(*np.percentile(values, [1, 99]))
    return float(inner.std() or values.std())
