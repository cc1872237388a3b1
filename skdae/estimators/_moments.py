"""Mean and covariance of rows some of whose values are unknown."""

from __future__ import annotations

import numpy as np
from sklearn.utils import gen_batches

__all__ = ["estimate_moments"]

_MOST_ROWS = 5000
_MOST_ITERATIONS = 25
_TOLERANCE = 1e-3
_AT_ONCE = 2**22
# Part of the variances that counts as noise of their own: columns that are exact sums of others
# would have no inverse, and columns that are so in a few rows alone need more.
_SMALLEST_SHRINKAGE, _SHRINKAGE_OF_A_VALUE = 1e-3, 0.1


def estimate_moments(rows: np.ndarray, rng: np.random.RandomState) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and covariance of the normal distribution that rows most probably come from.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_values)
        Rows, NaN where a value is unknown. Of many rows, some are drawn.
    rng : RandomState
        Draws these.

    Returns
    -------
    mean : ndarray of shape (n_values,), float64
        Means; 0 where no value is known.
    covariance : ndarray of shape (n_values, n_values), float64
        Covariances.

    Notes
    -----
    The EM algorithm [1]_: in turn, unknown values get the mean that they have given the known
    ones, and mean and covariance are those of the completed rows, plus the covariance that unknown
    values have around that mean. Off the diagonal, covariances are shrunk a little.

    References
    ----------
    .. [1] A. P. Dempster, N. M. Laird, D. B. Rubin, "Maximum likelihood from incomplete data via
       the EM algorithm", 1977.
    """
    if len(rows) > _MOST_ROWS:
        rows = rows[rng.choice(len(rows), _MOST_ROWS, replace=False)]
    rows = rows.astype(np.float64)
    n_rows, n_values = rows.shape
    known = ~np.isnan(rows)
    # Rows of which nothing is known say nothing.
    rows, known = rows[known.any(axis=1)], known[known.any(axis=1)]
    counts = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, rows, 0).sum(axis=0) / counts
    variance = np.where(known, np.square(rows - mean), 0).sum(axis=0) / counts
    covariance = np.diag(np.where(variance > 0, variance, 1))
    shrinkage = max(_SMALLEST_SHRINKAGE, _SHRINKAGE_OF_A_VALUE * n_values / max(1, n_rows))
    shrinkage = min(shrinkage, 0.5)
    floor = np.where(variance > 0, 0, 1)
    for _ in range(_MOST_ITERATIONS):
        before = covariance
        completed, spread = _completed(rows, known, mean, covariance)
        mean = completed.mean(axis=0)
        centred = completed - mean
        covariance = (centred.T @ centred + spread) / len(rows)
        own = np.diag(np.diag(covariance) + floor)
        covariance = (1 - shrinkage) * covariance + shrinkage * own + np.diag(1e-6 + 0 * floor)
        if np.abs(covariance - before).max() < _TOLERANCE:
            break
    return mean, covariance


def _completed(
    rows: np.ndarray, known: np.ndarray, mean: np.ndarray, covariance: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return rows with the means of unknown values, and the sum of their covariances.

    Of the inverse P of the covariance, the part of the unknown values u is the inverse of their
    covariance given the others k, and their mean is m[u] - P[u, u]⁻¹ P[u, k] (x[k] - m[k]).
    """
    n_values = len(mean)
    inverse = np.linalg.inv(covariance)
    completed, spread = np.empty_like(rows), np.zeros_like(covariance)
    for part in gen_batches(len(rows), max(1, _AT_ONCE // n_values**2)):
        unknown = ~known[part]
        both = unknown[:, :, None] & unknown[:, None, :]
        # The rest is the identity, which is its own inverse.
        covariances = np.linalg.inv(np.where(both, inverse, np.eye(n_values))) * both
        centred = np.where(unknown, 0, rows[part] - mean)
        means = -np.einsum("nij,nj->ni", covariances, centred @ inverse)
        completed[part] = mean + centred + means
        spread += covariances.sum(axis=0)
    return completed, spread
