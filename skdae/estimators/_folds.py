"""Folds of the rows of a fit, by their values: a row is known again, wherever it comes."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

import numpy as np

__all__ = ["Folds", "digests"]

_UNKNOWN = -1


@dataclass(frozen=True)
class Folds:
    """Which fold each row of a fit is in; equal rows are in one.

    Attributes
    ----------
    known : ndarray of shape (n_known,), uint64
        Digests of the rows, in ascending order.
    folds : ndarray of shape (n_known,), int16
        The fold of each.
    """

    known: np.ndarray
    folds: np.ndarray

    @classmethod
    def draw(cls, rows: np.ndarray, n_folds: int, generator: np.random.RandomState) -> Folds:
        """Share out the different ones among some digests of rows, at random and evenly."""
        known = np.unique(rows)
        folds = generator.permutation(np.arange(len(known)) % n_folds)
        return cls(known, folds.astype(np.int16))

    def of(self, rows: np.ndarray) -> np.ndarray:
        """Return the fold of each digest, and -1 for those that are not known."""
        places = np.searchsorted(self.known, rows).clip(max=len(self.known) - 1)
        return np.where(self.known[places] == rows, self.folds[places], _UNKNOWN)


def digests(rows: np.ndarray) -> np.ndarray:
    """Return 64 bits for each row, the same for the same values.

    Two of a million different rows have the same with a probability of 3e-8.
    """
    rows = np.ascontiguousarray(rows)
    if rows.dtype.kind == "f":
        rows = rows + rows.dtype.type(0)  # -0.0 is 0.0
    joined = b"".join(blake2b(row, digest_size=8).digest() for row in rows)
    return np.frombuffer(joined, np.uint64)
