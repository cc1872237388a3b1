"""Centre and scale of the data."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from skdae.data._dtypes import full_range

__all__ = ["Units", "measure_units"]

_LOOKED_AT = 2**20
_RESOLUTION = float(np.finfo(np.float32).eps)

Units = tuple[tuple[float, ...], float]
"""The centre of each channel, and one scale for all: plain numbers, for the fitted state."""


def measure_units(parts: Sequence[np.ndarray], sample_shape: tuple[int, ...]) -> Units:
    """Return the mean of each channel, and the standard deviation within channels.

    Of large data, evenly spaced rows are looked at. Constant data get their own size as the scale.

    Parameters
    ----------
    parts : sequence of ndarray of shape (n_samples, n_features) or (..., channels)
        The data; ``uint8`` and ``uint16`` as fractions of their range.
    sample_shape : tuple of int
        What a row is. The values of a table, ``(features,)``, are one channel.
    """
    n_channels = sample_shape[-1] if len(sample_shape) > 1 else 1
    step = math.ceil(sum(part.size for part in parts) / _LOOKED_AT)
    moments = [_moments(part[::step].reshape(-1, n_channels)) for part in parts]
    counts = np.array([count for count, _, _ in moments], dtype=np.float64)
    means = np.array([mean for _, mean, _ in moments])
    variances = np.array([variance for _, _, variance in moments])
    centre = np.average(means, axis=0, weights=counts)
    variance = np.average(variances + np.square(means - centre), axis=0, weights=counts).mean()
    scale, size = math.sqrt(variance), float(np.abs(centre).max())
    if scale <= _RESOLUTION * size:  # all values are one, but for rounding
        scale = size or 1.0
    return tuple(centre.tolist()), scale


def _moments(values: np.ndarray) -> tuple[int, np.ndarray, np.ndarray]:
    """Return the number of values, and the mean and variance of each channel."""
    fractions = values.astype(np.float64) / (full_range(values.dtype) or 1.0)
    return len(fractions), fractions.mean(axis=0), fractions.var(axis=0)
