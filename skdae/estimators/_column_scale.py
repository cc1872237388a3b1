"""Columns of a table on one scale, so that their units do not matter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["ColumnScale"]

# Farther out, all values are equally odd: one cell shall not decide alone.
_FARTHEST = 10.0
# The hundredth of the values at either end counts as if it lay where the others end.
_TAIL = 1.0
# How much wider than its middle half a column may be.
_TIMES_WIDER = 5.0
_MIDDLE_HALF = 1.349  # of a normal distribution, in standard deviations
# Of the size of a column: less is rounding.
_ROUNDING = 8 * float(np.finfo(np.float32).eps)
_SMALLEST = 1e-300


@dataclass(frozen=True)
class ColumnScale:
    """Centre and scale of each column, in which a few outliers count little.

    Attributes
    ----------
    centre : ndarray of shape (n_features,), float64
        The means, without the ends of the columns.
    scale : ndarray of shape (n_features,), float64
        One unit of each column.
    """

    centre: np.ndarray
    scale: np.ndarray

    @classmethod
    def of(cls, rows: np.ndarray) -> ColumnScale:
        """Measure columns.

        The unit is the standard deviation of the values between the first and the last
        percentile, or of all where these are one; and no more than 5 times what the middle half
        of a normal distribution would make it. That of a constant column is its rounding, so that
        any other value is as odd as can be.
        """
        values = rows.astype(np.float64)
        low, first, third, high = np.percentile(values, [_TAIL, 25, 75, 100 - _TAIL], axis=0)
        inner = values.clip(low, high)
        spread, middle = inner.std(axis=0), (third - first) / _MIDDLE_HALF
        spread = np.where(spread > 0, spread, values.std(axis=0))
        spread = np.where(middle > 0, np.minimum(spread, _TIMES_WIDER * middle), spread)
        smallest = np.maximum(_ROUNDING * np.abs(values).max(axis=0), _SMALLEST)
        return cls(inner.mean(axis=0), np.maximum(spread, smallest))

    def apply(self, rows: np.ndarray) -> np.ndarray:
        """Return rows in these units, cut off at 10, float32."""
        scaled = (rows - self.centre) / self.scale
        return scaled.clip(-_FARTHEST, _FARTHEST).astype(np.float32)
