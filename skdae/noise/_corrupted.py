"""The corrupted array that remembers its origin (rule 2 of the design)."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from skdae.lists import is_list_of_samples

__all__ = ["CorruptedArray", "ListOrigin", "Origin", "checksum", "origin_of"]


def checksum(array: np.ndarray) -> tuple:
    """Identify an array by its shape, its dtype and the CRC-32 of its values."""
    values = np.ascontiguousarray(array).view(np.ndarray)
    return (values.shape, values.dtype.str, zlib.crc32(values.data))


@dataclass(frozen=True)
class Origin:
    """Where corrupted values came from.

    Attributes
    ----------
    clean : ndarray
        The values before the noise.
    noise : NoiseInjector
        A clone of the injector that corrupted them.
    clean_checksum, noisy_checksum : tuple
        What :func:`checksum` gave when the origin was made.
    """

    clean: np.ndarray
    noise: Any
    clean_checksum: tuple
    noisy_checksum: tuple

    def is_that_of(self, array: np.ndarray) -> bool:
        """Whether ``array`` still holds the values this origin explains."""
        return (
            checksum(array) == self.noisy_checksum and checksum(self.clean) == self.clean_checksum
        )


@dataclass(frozen=True)
class ListOrigin:
    """Where the samples of a list came from.

    Attributes
    ----------
    parts : list of Origin or None
        The origin of each sample; None where it has none.
    """

    parts: list[Origin | None]

    @property
    def noise(self) -> Any:
        """The injector that corrupted the first of those that were corrupted."""
        return next(part.noise for part in self.parts if part is not None)

    @property
    def clean(self) -> list[np.ndarray]:
        """The values before the noise."""
        return [part.clean for part in self.parts if part is not None]

    def is_that_of(self, samples: Any) -> bool:
        """Whether all samples still hold the values that this explains, with one noise."""
        noise = repr(self.noise)
        return all(
            part is not None and repr(part.noise) == noise and part.is_that_of(sample)
            for part, sample in zip(self.parts, samples, strict=True)
        )


def origin_of(X: Any) -> Origin | ListOrigin | None:
    """Return what an array, or a list of samples, remembers of its origin."""
    if isinstance(X, CorruptedArray):
        return X.origin
    if not is_list_of_samples(X):
        return None
    parts = [sample.origin if isinstance(sample, CorruptedArray) else None for sample in X]
    return ListOrigin(parts) if any(part is not None for part in parts) else None


class CorruptedArray(np.ndarray):
    """An array of noisy values with the clean ones, and the noise, behind it.

    Everything NumPy derives from it (a slice, a clipped copy) keeps the origin, whose
    checksum then no longer agrees: an estimator can tell that the array has outlived
    it. ``np.asarray`` gives the plain values.
    """

    origin: Origin | None

    @classmethod
    def from_pair(cls, noisy: np.ndarray, clean: np.ndarray, noise: Any) -> CorruptedArray:
        """Bind noisy values to the clean values and the injector they came from."""
        array = noisy.view(cls)
        array.origin = Origin(clean, noise, checksum(clean), checksum(noisy))
        return array

    def __array_finalize__(self, parent: Any) -> None:
        """Hand the origin to views and copies."""
        self.origin = getattr(parent, "origin", None)

    def __array_wrap__(self, array: np.ndarray, context=None, return_scalar=False) -> Any:
        """Give reductions back as plain scalars."""
        if return_scalar:
            return array[()]
        return super().__array_wrap__(array, context, return_scalar)

    def __reduce__(self) -> tuple:
        """Pickle the origin along with the values."""
        rebuild, arguments, state = cast(tuple, super().__reduce__())
        return rebuild, arguments, (state, self.origin)

    def __setstate__(self, state: tuple) -> None:
        """Restore values and origin."""
        values, self.origin = state
        super().__setstate__(values)
