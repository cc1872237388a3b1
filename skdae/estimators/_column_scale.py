"""Columns of a table on one scale, so that their units do not matter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["ColumnScale"]

# Farther out, all values are equally odd: one cell shall not decide alone.
_FARTHEST = 10.0
# Passes after which the cut moves no more.
_PASSES = 200
# How much wider than its middle half a column may be.
_TIMES_WIDER = 50.0
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
        The means, of values within 10 units.
    scale : ndarray of shape (n_features,), float64
        One unit of each column.
    """

    centre: np.ndarray
    scale: np.ndarray

    @classmethod
    def of(cls, rows: np.ndarray) -> ColumnScale:
        """Measure columns.

        The unit is the standard deviation, measured again and again without what lies beyond 10 of
        it, and at most 50 times what the middle half of a normal distribution would make it. That
        of a constant column is its rounding, so that any other value is as odd as can be.
        """
        values = rows.astype(np.float64)
        first, third = np.percentile(values, [25, 75], axis=0)
        middle = (third - first) / _MIDDLE_HALF
        centre, scale = values.mean(axis=0), values.std(axis=0)
        for _ in range(_PASSES):
            inner = values.clip(centre - _FARTHEST * scale, centre + _FARTHEST * scale)
            before, scale = scale, inner.std(axis=0)
            centre = inner.mean(axis=0)
            if np.array_equal(before, scale):
                break
        scale = np.where(middle > 0, np.minimum(scale, _TIMES_WIDER * middle), scale)
        smallest = np.maximum(_ROUNDING * np.abs(centre), _SMALLEST)
        return cls(centre, np.maximum(scale, smallest))

    def apply(self, rows: np.ndarray) -> np.ndarray:
        """Return rows in these units, cut off at 10, float32."""
        scaled = (rows - self.centre) / self.scale
        return scaled.clip(-_FARTHEST, _FARTHEST).astype(np.float32)
