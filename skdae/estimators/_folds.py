"""Folds of the rows of a fit, which are known again by their values."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

import numpy as np

__all__ = ["Folds", "digests", "draw_folds"]


@dataclass(frozen=True)
class Folds:
    """In which folds the rows of a fit are.

    Attributes
    ----------
    known : ndarray of shape (n_known,), uint64
        Digests of the different rows, in ascending order.
    shares : ndarray of shape (n_known, n_folds), float32
        The part of the copies of each row that is in each fold.
    """

    known: np.ndarray
    shares: np.ndarray

    @classmethod
    def of(cls, marks: np.ndarray, folds: np.ndarray) -> Folds:
        """Note down the folds of rows, which are given by their digests."""
        known, places = np.unique(marks, return_inverse=True)
        counts = np.zeros((len(known), folds.max() + 1), np.float32)
        np.add.at(counts, (places, folds), 1)
        return cls(known, counts / counts.sum(axis=1, keepdims=True))

    def weights(self, marks: np.ndarray) -> np.ndarray:
        """Return how much the net of each fold counts for each row, of shape (n_rows, n_folds).

        A net that was trained without a fold has not seen the copies of a row there: that net
        judges them. No net has seen rows that are not known, and all judge them.
        """
        places = np.searchsorted(self.known, marks).clip(max=len(self.known) - 1)
        is_known = (self.known[places] == marks)[:, np.newaxis]
        return np.where(is_known, self.shares[places], 1 / self.shares.shape[1])


def draw_folds(n_rows: int, n_folds: int, generator: np.random.RandomState) -> np.ndarray:
    """Return a fold for each row, at random and evenly."""
    return generator.permutation(np.arange(n_rows) % n_folds)


def digests(rows: np.ndarray) -> np.ndarray:
    """Return 64 bits for each row, the same for the same values.

    Two of a million different rows have the same with a probability of 3e-8.
    """
    rows = np.ascontiguousarray(rows)
    if rows.dtype.kind == "f":
        rows = rows + rows.dtype.type(0)  # -0.0 is 0.0
    joined = b"".join(blake2b(row, digest_size=8).digest() for row in rows)
    return np.frombuffer(joined, np.uint64)
