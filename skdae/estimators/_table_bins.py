"""The bins of the numbers of a table, and how doubtful its cells are by what nets say of them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Self

import numpy as np

from skdae.data import TableCodec

__all__ = ["RATE", "TableBins"]

# The share of wrong cells at which the changes must make a table better.
RATE = 0.02

_MOST_BINS = 20
_TINY = 1e-12


@dataclass(frozen=True)
class TableBins:
    """What nets return of rows: every number is followed by the bins that it may lie in.

    The probabilities of the bins say what a squared error cannot: whether a number is odd beside
    the other cells of its row, where these leave room for much or for little.

    Attributes
    ----------
    n_levels : tuple of int
        For each column of the table, the number of levels of a category, or 0 for a number.
    edges : tuple of tuple of float
        The edges between the bins of each number, of float32 like the numbers; none for a category,
        nor for one constant.
    prior : float
        By how much smaller the odds that a cell is wrong are than they were in training.
    """

    n_levels: tuple[int, ...]
    edges: tuple[tuple[float, ...], ...]
    prior: float

    @classmethod
    def fit(cls, codec: TableCodec, encoded: np.ndarray, *, amount: float) -> Self:
        """Choose bins of equal counts, or one for each value of a number that has few.

        ``amount`` is the share of the cells that are wrong in training.
        """
        edges = []
        for group, is_category in zip(codec.groups, codec.is_category, strict=True):
            values = encoded[:, group.start].astype(np.float64)
            between = np.empty(0) if is_category else _edges(values[~np.isnan(values)])
            edges.append(tuple(_as_float32(between).tolist()))
        prior = RATE / (1 - RATE) * (1 - float(amount)) / float(amount)
        return cls(codec.levels, tuple(edges), prior)

    @property
    def cells(self) -> list[int]:
        """The columns of the net that are columns of the table, and no bins."""
        sizes = [2 if edges else 1 for edges in self.edges]
        return list(itertools.accumulate(sizes[:-1], initial=0))

    def doubts(self, encoded: np.ndarray, guesses: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return how doubtful each cell is, and what it should be instead.

        A category is as doubtful as the logarithm of the odds of its likeliest other level; a
        number as the squared distance to its guess, times the probability that its bin and those
        beside it are wrong, whose odds are ``prior`` times those that the net gives.

        Parameters
        ----------
        encoded : ndarray of shape (n, n_encoded), float32
            Rows, NaN in unknown cells.
        guesses : ndarray of shape (n, n_outputs)
            Numbers and probabilities that the net gives for them.

        Returns
        -------
        doubts : ndarray of shape (n, n_columns)
            Above 0 where another value is likelier; -inf where nothing is known or to be said.
        values : ndarray of shape (n, n_encoded)
            Encoded values: another level than that of the cell, if it is known, and numbers.
        """
        doubts = np.full((len(encoded), len(self.n_levels)), -np.inf)
        values = []
        start, place = 0, 0
        for index, (n_levels, edges) in enumerate(zip(self.n_levels, self.edges, strict=True)):
            width, n_bins = max(1, n_levels), len(edges) + bool(edges)
            cell = encoded[:, start : start + width]
            guess = guesses[:, place : place + width + n_bins].astype(np.float64)
            start, place = start + width, place + width + n_bins
            known = ~np.isnan(cell[:, 0])
            if n_levels:
                observed = known[:, None] & (cell == 1)
                own = guess.sum(axis=1, where=observed)
                others = np.where(observed, 0, guess)
                odds = others.max(axis=1) / (own + _TINY)
                if n_levels > 1:
                    doubts[known, index] = np.log(odds[known] + _TINY)
                    guess = others
                values.append(guess)
                continue
            values.append(guess[:, :1])
            if edges:
                own = np.searchsorted(edges, cell[:, 0], side="right")
                near = _with_neighbours(
                    np.arange(n_bins) == own[:, None], both=n_bins == _MOST_BINS
                )
                right = guess[:, 1:].sum(axis=1, where=near)
                wrong = self.prior * (1 - right).clip(min=0)
                distance = np.square(cell[:, 0] - guess[:, 0])
                doubts[known, index] = (wrong / (wrong + right + _TINY) * distance)[known]
        return doubts, np.concatenate(values, axis=1)


def _edges(values: np.ndarray) -> np.ndarray:
    distinct = np.unique(values)
    if len(distinct) < _MOST_BINS:
        return (distinct[1:] + distinct[:-1]) / 2
    return np.unique(np.quantile(values, np.arange(1, _MOST_BINS) / _MOST_BINS))


def _as_float32(edges: np.ndarray) -> np.ndarray:
    """Return the smallest numbers of float32 that are not below: no number changes its bin."""
    rounded = edges.astype(np.float32)
    above = np.nextafter(rounded, np.float32(np.inf))
    return np.unique(np.where(rounded < edges, above, rounded))


def _with_neighbours(bins: np.ndarray, *, both: bool) -> np.ndarray:
    """Return bins and, of bins that part a range, those beside them: edges are arbitrary."""
    near = bins.copy()
    if both:
        near[:, 1:] |= bins[:, :-1]
        near[:, :-1] |= bins[:, 1:]
    return near
