"""Values of samples at chosen places."""

from __future__ import annotations

from torch import Tensor

__all__ = ["at_spots", "per_channel"]


def at_spots(x: Tensor, spots: Tensor) -> Tensor:
    """Return the values of (n, channels, ...) at the spots: (n, channels, n_spots)."""
    return x.flatten(2).gather(2, per_channel(spots, x))


def per_channel(spots: Tensor, x: Tensor) -> Tensor:
    """Repeat the spots (n, n_spots) for every channel of x."""
    return spots.unsqueeze(1).expand(-1, x.shape[1], -1)
