"""Means of several predictions: over turns of an image, and over hidden values."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
from scipy.ndimage import correlate1d

__all__ = ["over_spots", "over_turns"]

Denoise = Callable[[np.ndarray], np.ndarray]

_GRID = 4


def over_turns(denoise: Denoise, images: np.ndarray, *, quarters: bool) -> np.ndarray:
    """Return the mean over flipped and turned images, turned back.

    Parameters
    ----------
    denoise : callable (images) -> images
        What is averaged.
    images : ndarray of shape (n, height, width, channels)
        Noisy images.
    quarters : bool
        Whether to turn by quarters as well, which swaps height and width.
    """
    total = np.zeros_like(images)
    turns = list(itertools.product((False, True), range(0, 4, 1 if quarters else 2)))
    for flip, turn in turns:
        turned = np.rot90(images[:, ::-1] if flip else images, turn, axes=(1, 2))
        back = np.rot90(denoise(np.ascontiguousarray(turned)), -turn, axes=(1, 2))
        total += back[:, ::-1] if flip else back
    return total / np.float32(len(turns))


def over_spots(denoise: Denoise, samples: np.ndarray) -> np.ndarray:
    """Denoise every value from its surroundings alone.

    Every fourth value along each axis is replaced by the mean of its nearest neighbours, and the
    result is taken there; then the next ones. No value of the result depends on the noise of the
    value that it stands for.

    Parameters
    ----------
    denoise : callable (samples) -> samples
        What is asked for each set of values.
    samples : ndarray of shape (n, ..., channels)
        Noisy samples.
    """
    neighbours = _mean_of_neighbours(samples)
    result = np.empty_like(samples)
    n_axes = samples.ndim - 2
    for start in itertools.product(range(_GRID), repeat=n_axes):
        spots = (slice(None), *(slice(first, None, _GRID) for first in start))
        hidden = samples.copy()
        hidden[spots] = neighbours[spots]
        result[spots] = denoise(hidden)[spots]
    return result


def _mean_of_neighbours(samples: np.ndarray) -> np.ndarray:
    """Return the mean of the values one step away along an axis; borders mirror."""
    axes = range(1, samples.ndim - 1)
    means = (correlate1d(samples, [0.5, 0, 0.5], axis=axis, mode="mirror") for axis in axes)
    return sum(means, np.zeros_like(samples)) / np.float32(len(axes))
