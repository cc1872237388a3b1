"""Noisy arrays that keep the clean values and the noise they were made with."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self, cast

import numpy as np
from sklearn.base import BaseEstimator

from skdae.data import Rows, is_list_of_samples

__all__ = ["CorruptedArray", "ListOrigin", "Origin", "checksum", "origin_of", "with_origin"]


def checksum(array: np.ndarray) -> tuple:
    """Identify an array by its shape, its dtype and the CRC-32 of its values."""
    values = np.ascontiguousarray(array).view(np.ndarray)
    return (values.shape, values.dtype.str, zlib.crc32(values.data))


@dataclass(frozen=True)
class Origin:
    """The clean values and the noise that noisy values were made of.

    Attributes
    ----------
    clean : ndarray
        The values before the noise.
    noise : NoiseInjector
        A clone of the injector that corrupted them.
    clean_checksum, noisy_checksum : tuple
        The :func:`checksum` of both when the origin was made.
    """

    clean: np.ndarray
    noise: BaseEstimator
    clean_checksum: tuple
    noisy_checksum: tuple

    def is_that_of(self, array: np.ndarray) -> bool:
        """Whether ``array`` and the clean values are still those that the noise was drawn for."""
        return (
            checksum(array) == self.noisy_checksum and checksum(self.clean) == self.clean_checksum
        )


@dataclass(frozen=True)
class ListOrigin:
    """The origins of the samples of a list.

    Attributes
    ----------
    parts : list of Origin or None
        The origin of each sample; None where it has none.
    """

    parts: list[Origin | None]

    @property
    def noise(self) -> BaseEstimator:
        """The noise of the first sample that has an origin."""
        return next(part.noise for part in self.parts if part is not None)

    @property
    def clean(self) -> list[np.ndarray]:
        """The values before the noise."""
        return [part.clean for part in self.parts if part is not None]

    def is_that_of(self, samples: Sequence[np.ndarray]) -> bool:
        """Whether all samples have an origin, with one noise, and still have its values."""
        noise = repr(self.noise)
        return all(
            part is not None and repr(part.noise) == noise and part.is_that_of(sample)
            for part, sample in zip(self.parts, samples, strict=True)
        )


def origin_of(X: Any) -> Origin | ListOrigin | None:
    """Return the origin of an array, or of the samples of a list; None if there is none."""
    if isinstance(X, CorruptedArray):
        return X.origin
    if not is_list_of_samples(X):
        return None
    parts = [sample.origin if isinstance(sample, CorruptedArray) else None for sample in X]
    return ListOrigin(parts) if any(part is not None for part in parts) else None


class CorruptedArray(np.ndarray):
    """An array of noisy values that keeps the clean ones, and the noise, as its origin.

    Whatever NumPy derives from it (a slice, a clipped copy) keeps the origin, but has another
    checksum, so an estimator notices that the origin no longer applies. ``np.asarray`` returns
    the plain values.
    """

    origin: Origin | None

    @classmethod
    def from_pair(cls, noisy: np.ndarray, clean: np.ndarray, noise: BaseEstimator) -> Self:
        """Return noisy values with their origin."""
        array = noisy.view(cls)
        array.origin = Origin(clean, noise, checksum(clean), checksum(noisy))
        return array

    def __array_finalize__(self, parent: object) -> None:
        """Copy the origin to views and copies."""
        self.origin = getattr(parent, "origin", None)

    def __array_wrap__(
        self, array: np.ndarray, context: tuple | None = None, return_scalar: bool = False
    ) -> Any:
        """Return reductions as plain scalars."""
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


def with_origin(noisy: Rows, clean: Rows, noise: BaseEstimator) -> Rows:
    """Return noisy values, of an array or of the samples of a list, with their origins."""
    if not isinstance(noisy, list) and not isinstance(clean, list):
        return CorruptedArray.from_pair(noisy, clean, noise)
    pairs = zip(noisy, clean, strict=True)
    return [CorruptedArray.from_pair(*pair, noise) for pair in pairs]
