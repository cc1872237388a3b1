"""The rows that the net of TableDAE learns: encoded cells, and the bins that numbers lie in."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Self

import numpy as np

from skdae.data import TableCodec

__all__ = ["TableRows"]

_MOST_BINS = 20
_TINY = 1e-12


@dataclass(frozen=True)
class TableRows:
    """Rows for a net: every number is followed by the bin that it lies in, as a category.

    The probabilities of the bins say what a squared error cannot: whether a number is odd beside
    the other cells of its row, where these leave room for much or for little.

    Attributes
    ----------
    n_levels : tuple of int
        For each column of the table, the number of levels of a category, or 0 for a number.
    edges : tuple of tuple of float
        The edges between the bins of each number; none for a category, nor for one constant.
    """

    n_levels: tuple[int, ...]
    edges: tuple[tuple[float, ...], ...]

    @classmethod
    def fit(cls, codec: TableCodec, encoded: np.ndarray) -> Self:
        """Choose bins of equal counts, or one for each value of a number that has few."""
        edges = []
        for group, is_category in zip(codec.groups, codec.is_category, strict=True):
            values = encoded[:, group.start].astype(np.float64)
            between = np.empty(0) if is_category else _edges(values[~np.isnan(values)])
            edges.append(tuple(between.tolist()))
        return cls(codec.levels, tuple(edges))

    @property
    def levels(self) -> tuple[int, ...]:
        """What the net learns, as :class:`CellsDAE` takes it: bins are categories of their own."""
        columns: list[int] = []
        for n_levels, edges in zip(self.n_levels, self.edges, strict=True):
            columns += [n_levels, len(edges) + 1] if edges else [n_levels]
        return tuple(columns)

    @property
    def widths(self) -> tuple[int, ...]:
        """How many values of a row each column of the table takes."""
        pairs = zip(self.n_levels, self.edges, strict=True)
        return tuple(max(1, n_levels) + len(edges) + bool(edges) for n_levels, edges in pairs)

    @property
    def groups(self) -> tuple[slice, ...]:
        """The values of a row that each column of the table takes."""
        ends = itertools.accumulate(self.widths, initial=0)
        return tuple(slice(start, stop) for start, stop in itertools.pairwise(ends))

    @property
    def cells(self) -> list[int]:
        """The columns of the net that are columns of the table, and no bins."""
        sizes = [2 if edges else 1 for edges in self.edges]
        return list(itertools.accumulate(sizes[:-1], initial=0))

    def make(self, encoded: np.ndarray) -> np.ndarray:
        """Return rows (n, sum of widths), float32, of encoded ones: NaN where these are."""
        rows = np.empty((len(encoded), sum(self.widths)), dtype=np.float32)
        start = 0
        for group, n_levels, edges in zip(self.groups, self.n_levels, self.edges, strict=True):
            width = max(1, n_levels)
            part = encoded[:, start : start + width]
            rows[:, group.start : group.start + width] = part
            if edges:
                numbers = part[:, 0]
                bins = np.searchsorted(edges, numbers, side="right").clip(max=len(edges))
                one_hot = rows[:, group.start + 1 : group.stop]
                one_hot[:] = np.arange(len(edges) + 1) == bins[:, None]
                one_hot[np.isnan(numbers)] = np.nan
            start += width
        return rows

    def doubts(
        self, rows: np.ndarray, guesses: np.ndarray, prior: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return how doubtful each cell is, and what it should be instead.

        A category is as doubtful as the logarithm of the odds of its likeliest other level; a
        number as the squared distance to its guess, times the probability that its bin and those
        beside it are wrong, whose odds are ``prior`` times those that the net gives.

        Parameters
        ----------
        rows : ndarray of shape (n, sum of widths)
            Rows of the net.
        guesses : ndarray of shape (n, sum of widths)
            Numbers and probabilities that the net gives for them.
        prior : float
            Factor of the odds that a number is wrong.

        Returns
        -------
        doubts : ndarray of shape (n, n_columns)
            Above 0 where another value is likelier; -inf where nothing is known or to be said.
        values : ndarray of shape (n, n_encoded)
            Encoded values: another level than that of the cell, if it is known, and numbers.
        """
        doubts = np.full((len(rows), len(self.n_levels)), -np.inf)
        values = []
        for index, group in enumerate(self.groups):
            cell, guess = rows[:, group], guesses[:, group].astype(np.float64)
            known = ~np.isnan(cell[:, 0])
            n_levels, edges = self.n_levels[index], self.edges[index]
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
                near = _with_neighbours(cell[:, 1:] == 1, both=len(edges) + 1 == _MOST_BINS)
                right = guess[:, 1:].sum(axis=1, where=near)
                wrong = prior * (1 - right).clip(min=0)
                distance = np.square(cell[:, 0] - guess[:, 0])
                doubts[known, index] = (wrong / (wrong + right + _TINY) * distance)[known]
        return doubts, np.concatenate(values, axis=1)


def _edges(values: np.ndarray) -> np.ndarray:
    distinct = np.unique(values)
    if len(distinct) < _MOST_BINS:
        return (distinct[1:] + distinct[:-1]) / 2
    return np.unique(np.quantile(values, np.arange(1, _MOST_BINS) / _MOST_BINS))


def _with_neighbours(bins: np.ndarray, *, both: bool) -> np.ndarray:
    """Return bins and, of bins that part a range, those beside them: edges are arbitrary."""
    near = bins.copy()
    if both:
        near[:, 1:] |= bins[:, :-1]
        near[:, :-1] |= bins[:, 1:]
    return near
