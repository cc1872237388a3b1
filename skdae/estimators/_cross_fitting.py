"""Nets that judge rows which they were not trained on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.base import clone

from skdae.estimators._base import BaseDenoisingAutoencoder
from skdae.estimators._error_spread import ErrorSpread
from skdae.estimators._folds import Folds

__all__ = ["Judges", "fit_judges"]

# Values and rows that are judged at once.
_MOST_VALUES, _MOST_ROWS = 2**20, 1024
# The part of the rows, the oddest ones, that the next round does not train on.
_DROPPED = 0.4


@dataclass(frozen=True)
class Judges:
    """One net a fold, trained without it, and how the errors of usual rows spread.

    Attributes
    ----------
    nets : list of BaseDenoisingAutoencoder
        The fitted nets.
    spreads : list of ErrorSpread
        For each net, the spread of the errors in the other folds, each that of its own net.
    folds : Folds
        The rows that nets were trained on.
    sample_shape : tuple of int
        What a row is, for the nets.
    """

    nets: Sequence[BaseDenoisingAutoencoder]
    spreads: Sequence[ErrorSpread]
    folds: Folds
    sample_shape: tuple[int, ...]

    def squared_sizes(self, rows: np.ndarray, marks: np.ndarray) -> np.ndarray:
        """Return the squared size of the errors of each row.

        Parameters
        ----------
        rows : ndarray of shape (n_rows, n_values)
            The rows, as the nets take them.
        marks : ndarray of shape (n_rows,), uint64
            Their digests. A row of the fit is judged by the net of its fold, any other by all,
            and the mean counts.
        """
        return self._mean(rows, marks, lambda spread, errors: spread.squared_sizes(errors), ())

    def feature_errors(self, rows: np.ndarray, marks: np.ndarray) -> np.ndarray:
        """Return the size of the error of each value, in usual ones; parameters as above."""

        def measure(spread: ErrorSpread, errors: np.ndarray) -> np.ndarray:
            return np.square(errors / spread.usual)

        return np.sqrt(self._mean(rows, marks, measure, rows.shape[1:]))

    def _mean(
        self,
        rows: np.ndarray,
        marks: np.ndarray,
        measure: Callable[[ErrorSpread, np.ndarray], np.ndarray],
        shape: tuple[int, ...],
    ) -> np.ndarray:
        weights = self.folds.weights(marks)
        total = np.zeros((len(rows), *shape))
        for net, spread, weight in zip(self.nets, self.spreads, weights.T, strict=True):
            judged = np.flatnonzero(weight)
            for part, errors in errors_of(net, rows, judged, self.sample_shape):
                size = weight[judged[part]].reshape(-1, *[1] * len(shape))
                total[judged[part]] += size * measure(spread, errors)
        return total


def errors_of(
    net: BaseDenoisingAutoencoder,
    rows: np.ndarray,
    chosen: np.ndarray,
    sample_shape: tuple[int, ...],
) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield parts of the chosen rows, and their errors of shape (n, n_values), float32.

    Images of integers are compared as fractions of their range.
    """
    size = max(1, min(_MOST_ROWS, _MOST_VALUES // rows.shape[1]))
    for start in range(0, len(chosen), size):
        part = slice(start, start + size)
        samples = net._read(rows[chosen[part]].reshape(-1, *sample_shape))
        (denoised,), (batch,) = net._denoise(samples), samples.batches()
        yield part, denoised.numpy() - batch.fractions()


def fit_judges(
    template: BaseDenoisingAutoencoder,
    rows: np.ndarray,
    folds: np.ndarray,
    *,
    sample_shape: tuple[int, ...],
    seeds: Sequence[Sequence[int]],
) -> tuple[list[BaseDenoisingAutoencoder], list[ErrorSpread]]:
    """Train one net a fold, on the rows of the other folds.

    Parameters
    ----------
    template : BaseDenoisingAutoencoder
        What is cloned.
    rows : ndarray of shape (n_rows, n_values)
        The rows, as the nets take them.
    folds : ndarray of shape (n_rows,)
        The fold of each.
    sample_shape : tuple of int
        What a row is, for the nets.
    seeds : sequence of sequences of int
        The seeds of the nets of each round. All but the last round only find the rows with the
        largest errors, or the farthest from the centre, which the next one does not train on: they
        may be outliers, and nets that have seen some outliers reproduce others like them.

    Returns
    -------
    nets : list of BaseDenoisingAutoencoder
        The net of each fold.
    spreads : list of ErrorSpread
        For each, the spread of the errors in the other folds, each that of its own net.
    """
    is_table = len(sample_shape) == 1
    kept = np.ones(len(rows), dtype=bool)
    for n_left, round_seeds in zip(reversed(range(len(seeds))), seeds, strict=True):
        nets, errors = [], np.empty(rows.shape, np.float32)
        for k, seed in enumerate(round_seeds):
            net = clone(template).set_params(random_state=seed)
            trained = rows[_trained(folds, kept, k)]
            nets.append(net.fit(trained.reshape(-1, *sample_shape)))
            own = np.flatnonzero(folds == k)
            for part, found in errors_of(net, rows, own, sample_shape):
                errors[own[part]] = found
        spreads = []
        for k in range(len(nets)):
            trained = _trained(folds, kept, k)
            spreads.append(ErrorSpread.of(errors[trained], by_direction=is_table))
        if n_left:
            sizes = np.empty(len(rows))
            for k, spread in enumerate(spreads):
                sizes[folds == k] = spread.squared_sizes(errors[folds == k])
            # Outliers that lie close together have small errors, but are far from the others.
            oddness = np.maximum(_ranks(sizes), _ranks(_from_the_centre(rows)))
            kept = oddness <= np.quantile(oddness, 1 - _DROPPED)
    return nets, spreads


def _trained(folds: np.ndarray, kept: np.ndarray, k: int) -> np.ndarray:
    """Say which rows the net of fold k is trained on: kept ones of other folds, or all of these."""
    others = folds != k
    return others & kept if np.any(others & kept) else others


def _from_the_centre(rows: np.ndarray) -> np.ndarray:
    """Return the mean square of what each row is off the median of all."""
    return np.square(rows - np.median(rows, axis=0)).mean(axis=1)


def _ranks(values: np.ndarray) -> np.ndarray:
    """Return how many values are not above each."""
    return np.searchsorted(np.sort(values), values, side="right")
