"""How the errors of usual rows spread: the measure of those of odd rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["ErrorSpread"]

# Of wider tables, the errors are measured in the directions in which those of so many rows vary.
_MOST_DIRECTIONS = 1024
# What is added to the mean square of every value and direction, as a part of the mean of all: those
# without errors in usual rows shall not decide alone. Pixels have one scale, as columns have not.
_RIDGE, _RIDGE_OF_PIXELS = 0.01, 1.0
_SMALLEST = 1e-30
_VALUES_AT_ONCE = 2**18


@dataclass(frozen=True)
class ErrorSpread:
    """The second moments of errors, by their principal directions.

    Attributes
    ----------
    directions : ndarray of shape (n_values, n_directions), float64
        Orthonormal columns.
    variances : ndarray of shape (n_directions,), float64
        The mean square of the errors along each.
    rest : float
        The mean square along all other directions.
    usual : ndarray of shape (n_values,), float64
        The usual error of each value, a root mean square.
    """

    directions: np.ndarray
    variances: np.ndarray
    rest: float
    usual: np.ndarray

    @classmethod
    def of(cls, errors: np.ndarray, *, by_direction: bool) -> ErrorSpread:
        """Measure errors.

        Parameters
        ----------
        errors : ndarray of shape (n_rows, n_values)
            Those of usual rows.
        by_direction : bool
            Whether each direction has a spread of its own, as for tables; otherwise all have one.
            The errors of neighbouring pixels go together: their rarest directions are no signs of
            odd images.
        """
        squares = np.mean(np.square(errors, dtype=np.float64), axis=0)
        mean = max(float(squares.mean()), _SMALLEST)
        ridge = mean * (_RIDGE if by_direction else _RIDGE_OF_PIXELS)
        usual = np.sqrt(squares + ridge)
        if not by_direction:
            usual /= np.sqrt(1 + _RIDGE_OF_PIXELS)
            return cls(np.empty((len(squares), 0)), np.empty(0), mean, usual)
        directions, variances = _principal(errors)
        others = len(squares) - len(variances)
        rest = max(float(squares.sum() - variances.sum()), 0.0) / others if others else 0.0
        return cls(directions, variances + ridge, rest + ridge, usual)

    def squared_sizes(self, errors: np.ndarray) -> np.ndarray:
        """Return the mean square of each row's errors, in what is usual along each direction.

        It is the squared Mahalanobis distance over the number of values: near 1 for usual rows.
        """
        size = max(1, _VALUES_AT_ONCE // errors.shape[1])
        starts = range(0, len(errors), size)
        return np.concatenate([self._sizes(errors[i : i + size], size) for i in starts])

    def _sizes(self, errors: np.ndarray, size: int) -> np.ndarray:
        """Compute with as many rows each time, so that no row is rounded like its neighbours."""
        wide = np.zeros((size, errors.shape[1]))
        wide[: len(errors)] = errors
        along = np.square(wide @ self.directions)
        across = np.square(wide).sum(axis=1) - along.sum(axis=1)
        squares = (along / self.variances).sum(axis=1) + across.clip(0) / self.rest
        return squares[: len(errors)] / wide.shape[1]


def _principal(errors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the directions of the second moments, as columns, and the mean square along each."""
    if errors.shape[1] <= _MOST_DIRECTIONS:
        wide = errors.astype(np.float64)
        variances, directions = np.linalg.eigh(wide.T @ wide / len(wide))
        return directions, variances.clip(0)
    wide = errors[:_MOST_DIRECTIONS].astype(np.float64)
    _, lengths, rows = np.linalg.svd(wide, full_matrices=False)
    return rows.T, np.square(lengths) / len(wide)
