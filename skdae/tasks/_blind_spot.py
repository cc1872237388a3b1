"""Blind spots: noisy samples alone, where the net guesses hidden values from the others."""

from __future__ import annotations

import torch
from torch import Tensor

from skdae.data import to_channels_first
from skdae.tasks._noisy_alone import check_alone
from skdae.tasks._task import Batch, Given, Task
from skdae.training import at_spots, per_channel

__all__ = ["BlindSpot", "hide_spots"]

_ONE_IN = 5
_FARTHEST = 2
_SHORTEST_SIDE = 3


class BlindSpot(Task):
    """Learn to guess the values of hidden places from their surroundings."""

    allows_mirrors = False

    @classmethod
    def of(cls, given: Given) -> BlindSpot:
        """Return the task for noisy images or signals alone.

        Raises
        ------
        ValueError
            If more is given, or if the samples have no neighbours.
        """
        other = None
        if given.noise not in ("auto", None):
            other = f"noise={given.noise!r}"
        elif given.early_stopping:
            other = (
                "early_stopping=True, though the loss on noisy values does not tell when to stop"
            )
        check_alone(given, "blind_spot", other)
        *sides, _ = given.sample_shape
        if not sides:
            raise ValueError(
                f"self_supervised='blind_spot' of {given.owner} is for images and signals. Got "
                f"samples of shape {given.sample_shape}: take self_supervised=None, or give arrays "
                "with the axes of images and signals."
            )
        if min(sides) < _SHORTEST_SIDE:
            raise ValueError(
                f"self_supervised='blind_spot' of {given.owner} needs {_SHORTEST_SIDE} or more "
                "values a side, to replace some by their neighbours. Got samples of shape "
                f"{given.sample_shape}."
            )
        return cls(given.samples, None, None)

    def make_batch(
        self,
        rows: Tensor,
        target: Tensor,
        sample_shape: tuple[int, ...],
        generator: torch.Generator,
    ) -> Batch:
        """Return samples with hidden values, the samples, and the hidden places."""
        x = to_channels_first(rows, sample_shape)
        hidden, spots = hide_spots(x, generator)
        return hidden, x, spots


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
    hidden = hidden.scatter(2, per_channel(spots, x), at_spots(x, sources))
    return hidden.view(x.shape), spots
