"""The corrupted array that remembers its origin (rule 2 of the design)."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

__all__ = ["CorruptedArray", "Origin", "checksum"]


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
