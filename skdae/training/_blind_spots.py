"""Training on noisy samples alone: hidden values, judged by what the net makes of the others."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["at_spots", "hide_spots"]

_ONE_IN = 5
_FARTHEST = 2


def hide_spots(x: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Put the value of a neighbour at some places of each sample.

    Parameters
    ----------
    x : Tensor of shape (n, channels, ...)
        Noisy samples; no side below 3.
    generator : torch.Generator
        Source of the places, on the device of ``x``.

    Returns
    -------
    hidden : Tensor of x's shape
        A copy. At a hidden place, all channels come from one other place at most two steps away
        along each axis.
    spots : Tensor of shape (n, n_spots), int64
        The places, as indices into the flattened axes of space. One may come twice.
    """
    size = x.shape[2:]
    n_spots = max(1, size.numel() // _ONE_IN)
    shape = (len(x), n_spots)

    def draw(high: int) -> Tensor:
        return torch.randint(high, shape, generator=generator, device=x.device)

    # One step of the square around a place is the place itself: skip it.
    n_steps = (2 * _FARTHEST + 1) ** len(size)
    step = draw(n_steps - 1)
    step = step + (step >= n_steps // 2)

    spots = torch.zeros_like(step)
    sources = torch.zeros_like(step)
    for side in size:
        place = draw(side)
        offset = step % (2 * _FARTHEST + 1) - _FARTHEST
        step = step // (2 * _FARTHEST + 1)
        neighbour = place + offset
        inside = (neighbour >= 0) & (neighbour < side)
        neighbour = torch.where(inside, neighbour, place - offset).clamp(0, side - 1)
        spots = spots * side + place
        sources = sources * side + neighbour
    hidden = x.flatten(2)
    hidden = hidden.scatter(2, _per_channel(spots, x), at_spots(x, sources))
    return hidden.view(x.shape), spots


def at_spots(x: Tensor, spots: Tensor) -> Tensor:
    """Return the values of (n, channels, ...) at the spots: (n, channels, n_spots)."""
    return x.flatten(2).gather(2, _per_channel(spots, x))


def _per_channel(spots: Tensor, x: Tensor) -> Tensor:
    return spots.unsqueeze(1).expand(-1, x.shape[1], -1)
