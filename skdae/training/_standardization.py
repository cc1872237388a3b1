"""Centre and scale of the data, which make results independent of units."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from skdae.data import full_range, parts_of

__all__ = ["Standardization", "Units", "measure_units"]

_LOOKED_AT = 2**20
_RESOLUTION = float(np.finfo(np.float32).eps)

Units = tuple[tuple[float, ...], float]
"""The centre of each channel, and one scale for all: plain numbers, for the fitted state."""


def measure_units(rows: np.ndarray | list[np.ndarray], sample_shape: tuple[int, ...]) -> Units:
    """Return the mean of each channel, and the standard deviation within channels.

    Of large data, evenly spaced rows are looked at. Constant data get their own size as the scale.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, n_features), or list of ndarray of shape (..., channels)
        The data; ``uint8`` and ``uint16`` as fractions of their range.
    sample_shape : tuple of int
        What a row is. The values of a table, ``(features,)``, are one channel.
    """
    parts = parts_of(rows)
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


class Standardization:
    """Standardize inputs and targets, and take outputs back to the units of the data.

    Parameters
    ----------
    inputs, outputs : Units
        Of the noisy samples, and of the clean ones, which may have units of their own.
    device : torch.device
        Where the module computes.
    """

    def __init__(self, inputs: Units, outputs: Units, device: torch.device):
        (input_centre, self.input_scale), (output_centre, self.output_scale) = inputs, outputs
        self.input_centre = torch.tensor(input_centre, dtype=torch.float32, device=device)
        self.output_centre = torch.tensor(output_centre, dtype=torch.float32, device=device)

    def of_inputs(self, x: Tensor) -> Tensor:
        """Standardize inputs (n, channels, ...), or the rows of a table."""
        return _standardized(x, self.input_centre, self.input_scale)

    def of_targets(self, target: Tensor) -> Tensor:
        """Standardize targets."""
        return _standardized(target, self.output_centre, self.output_scale)

    def restored(self, output: Tensor, *, out: Tensor | None = None) -> Tensor:
        """Return an output of the module in the units of the data, in ``out`` if that is given."""
        centre = _along_channels(self.output_centre, output)
        return torch.add(centre, output, alpha=self.output_scale, out=out)


def _standardized(x: Tensor, centre: Tensor, scale: float) -> Tensor:
    return torch.add(_along_channels(centre / -scale, x), x, alpha=1 / scale)


def _along_channels(centre: Tensor, x: Tensor) -> Tensor:
    return centre.view(-1, *[1] * (x.ndim - 2))
