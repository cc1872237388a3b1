"""Patches of images, cut where they lie when their batch comes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from skdae.data import full_range
from skdae.training._batches import Batches

__all__ = ["Patches", "count_patches", "cut", "patch_shape"]

_TURNS = 8


class Patches(Batches):
    """Random patches of images or signals of any sizes, as batches of (input, target).

    An epoch draws as many patches as cover the samples once, from each sample in proportion to
    its size, at places that are new in every epoch. A patch is copied from its sample when its
    batch comes, and no earlier. Samples smaller than a patch go on as their mirror image.

    Parameters
    ----------
    samples : sequence of ndarray of shape (..., channels)
        Inputs before the noise: uint8, uint16 or any numbers.
    target : sequence of ndarray or None
        What the output should be; None is the samples themselves.
    sample_shape : tuple of int
        Shape of a patch, channels last.
    augment : bool, default=False
        Whether patches of images are flipped and turned by quarters at random; those that are
        not square by halves.
    **kwargs
        Other parameters of :class:`Batches`.
    """

    def __init__(
        self,
        samples: Sequence[np.ndarray],
        target: Sequence[np.ndarray] | None,
        *,
        sample_shape: tuple[int, ...],
        augment: bool = False,
        **kwargs: Any,
    ):
        n_patches = count_patches(samples, math.prod(sample_shape))
        # Which sample each patch of an epoch comes from.
        self.origins = np.repeat(np.arange(len(samples)), n_patches)
        self.sizes = np.array([sample.shape[:-1] for sample in samples])
        self.augment = augment
        indices = torch.arange(len(self.origins))
        if kwargs.get("weights") is not None:
            kwargs["weights"] = kwargs["weights"][self.origins]
        super().__init__(samples, target, indices=indices, sample_shape=sample_shape, **kwargs)
        self.places = self._draw_places(self.seed)

    def choices(self) -> Iterator[Tensor]:
        """Draw the places of an epoch, and yield which of them make each batch."""
        if self.generator is not None:
            device = self.generator.device
            seed = torch.randint(2**31, (), generator=self.generator, device=device).item()
            self.places = self._draw_places(int(seed))
        yield from super().choices()

    def _draw_places(self, seed: int) -> np.ndarray:
        """Return the corner of every patch, and how it is turned: (n_patches, axes + 1)."""
        rng = np.random.default_rng(seed)
        room = np.maximum(self.sizes - self.sample_shape[:-1], 0)[self.origins]
        corners = rng.integers(0, room + 1)
        turns = rng.integers(0, _TURNS if self.augment else 1, size=(len(corners), 1))
        return np.concatenate([corners, turns], axis=1)

    def _fetch(self, rows: Any, chosen: Tensor) -> Tensor:
        dtype = rows[0].dtype if full_range(rows[0].dtype) else np.float32
        patches = np.empty((len(chosen), *self.sample_shape), dtype=dtype)
        for patch, which in zip(patches, chosen.tolist(), strict=True):
            *corner, turn = self.places[which]
            patch[...] = cut(rows[self.origins[which]], corner, self.sample_shape, turn)
        return self._to_device(torch.from_numpy(patches.reshape(len(patches), -1)))


def count_patches(samples: Sequence[np.ndarray], n_values: int) -> list[int]:
    """Return how many patches of so many values cover each sample once."""
    return [max(1, round(sample.size / n_values)) for sample in samples]


def cut(
    sample: np.ndarray, corner: Sequence[int], shape: tuple[int, ...], turn: int = 0
) -> np.ndarray:
    """Return the patch of this shape at a corner, turned in one of eight ways.

    Where the sample ends before the patch does, it goes on as its mirror image.
    """
    sides = [slice(start, start + side) for start, side in zip(corner, shape, strict=False)]
    patch = sample[tuple(sides)]
    missing = [(0, side - there) for side, there in zip(shape, patch.shape, strict=True)]
    if any(after for _, after in missing):
        patch = np.pad(patch, missing, mode="symmetric")
    if turn & 1:
        patch = patch[::-1]
    if turn & 2:
        patch = patch[:, ::-1]
    if turn & 4 and shape[0] == shape[1]:
        patch = patch.swapaxes(0, 1)
    return patch


def patch_shape(
    size: int | Sequence[int], shapes: Sequence[tuple[int, ...]], *, mirrors: bool = True
) -> tuple[int, ...]:
    """Return the shape of the patches, channels last: no larger than the largest sample.

    Without mirror images they are no larger than the smallest one.
    """
    *longest, channels = (np.max if mirrors else np.min)(shapes, axis=0).tolist()
    sides = size if isinstance(size, Sequence) else [size] * len(longest)
    return (*(min(int(side), most) for side, most in zip(sides, longest, strict=True)), channels)
