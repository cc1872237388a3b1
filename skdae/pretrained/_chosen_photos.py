"""Which photographs are large enough to train with, and what of them is enough to judge nets."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["large_enough", "random_crops"]

_CROP = 256
_ENOUGH_PIXELS = 2**20


def large_enough(photos: Sequence[np.ndarray], side: int) -> list[np.ndarray]:
    """Return the photographs with no side below this one; if there are none, the largest."""
    shortest = [min(photo.shape[:2]) for photo in photos]
    least = min(side, max(shortest, default=0))
    return [photo for photo, each in zip(photos, shortest, strict=True) if each >= least]


def random_crops(photos: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return the photographs, or crops of them with as many pixels as are enough to judge nets."""
    sizes = np.array([photo[..., 0].size for photo in photos])
    if sizes.sum() <= _ENOUGH_PIXELS:
        return list(photos)
    rng = np.random.default_rng(0)
    crops: list[np.ndarray] = []
    n_pixels = 0
    while n_pixels < _ENOUGH_PIXELS:
        photo = photos[rng.choice(len(photos), p=sizes / sizes.sum())]
        y, x = rng.integers(0, np.maximum(np.array(photo.shape[:2]) - _CROP, 0) + 1)
        crops.append(photo[y : y + _CROP, x : x + _CROP])
        n_pixels += crops[-1][..., 0].size
    return crops
