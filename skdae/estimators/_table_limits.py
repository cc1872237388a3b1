"""When TableDAE changes a cell: limits of doubt, from rows that were set aside."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from skdae.estimators._cells import CellsDAE
from skdae.estimators._table_bins import RATE, TableBins
from skdae.estimators._table_nets import doubts_of

__all__ = ["Limits", "find_limits", "set_aside", "swap_cells"]

# The rows of a table with which "auto" trains three nets, each judged by the rows of the others.
_ROWS_OF_THREE = (100, 2000)
_SET_ASIDE = 0.2
_MOST_SET_ASIDE = 10_000

# Shares of wrong cells in the rows that are judged: wrong ones beside a cell are evidence about it.
_RATES = (0.02, 0.05, 0.1)
_FEWEST_ROWS = 10
_FEWEST_WRONG = 10
_JUDGED_ROWS = 6000
_MOST_ROUNDS = 10
_N_LIMITS = 60
# Two standard errors on both sides: a column changes only if that is sure to help.
_ERRORS = 2.0
# The largest share of cells of a column that are taken to have been wrong before, and the share of
# the swapped ones that must be found to tell.
_MOST_WRONG = 0.1
_TELLING = 0.25
_TINY = 1e-12

Judge = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""From encoded rows to how doubtful each cell is, and what it should be instead."""


@dataclass(frozen=True)
class Limits:
    """What was found for each column of a table; arrays of shape (n_columns,).

    Attributes
    ----------
    doubt : ndarray
        Cells that are more doubtful than that change; infinite where none may.
    false_changes, found : ndarray
        Shares of right and of wrong cells, among those set aside, that change.
    """

    doubt: np.ndarray
    false_changes: np.ndarray
    found: np.ndarray


def swap_cells(
    encoded: np.ndarray, groups: tuple[slice, ...], rate: float, rng: np.random.RandomState
) -> np.ndarray:
    """Return encoded rows with some cells replaced by those of other rows, one by one."""
    swapped = encoded.copy()
    for group in groups:
        chosen = np.flatnonzero(rng.uniform(size=len(encoded)) < rate)
        donors = rng.randint(len(encoded), size=len(chosen))
        swapped[chosen, group] = encoded[donors, group]
    return swapped


def set_aside(
    n_rows: int, n_nets: int | str, max_false_changes: float, rng: np.random.RandomState
) -> list[np.ndarray]:
    """Draw the rows that each net does not learn; none where they could not prove enough."""
    few, many = _ROWS_OF_THREE
    if isinstance(n_nets, str):
        n_nets = 3 if few <= n_rows < many else 1
    order = rng.permutation(n_rows)
    n_aside = min(n_rows if n_nets > 1 else int(_SET_ASIDE * n_rows), n_nets * _MOST_SET_ASIDE)
    if n_rows < 2 * n_nets or (n_aside + 1) * max_false_changes < 1:
        n_aside = 0
    return np.array_split(order[:n_aside], n_nets)


def find_limits(
    encoded: np.ndarray,
    aside: Sequence[np.ndarray],
    nets: Sequence[CellsDAE],
    bins: TableBins,
    groups: tuple[slice, ...],
    *,
    max_false_changes: float,
    assume_clean: bool,
    rng: np.random.RandomState,
) -> Limits:
    """Find the limit of each column that gains most on rows that were set aside.

    Parameters
    ----------
    encoded : ndarray of shape (n, n_encoded)
        The rows of the fit.
    aside : sequence of ndarray
        The rows that each net has not seen.
    nets : sequence of CellsDAE
        The nets.
    bins : TableBins
        Those of the numbers.
    groups : tuple of slice
        The encoded values of each column.
    max_false_changes : float
        The share of right cells of a column that may change.
    assume_clean : bool
        Whether no cell is taken to have been wrong before.
    rng : RandomState
        Draws the wrong cells.
    """
    n_columns = len(groups)
    limits = Limits(np.full(n_columns, np.inf), np.zeros(n_columns), np.zeros(n_columns))
    encoded = encoded[np.concatenate(aside)]
    if len(encoded) < _FEWEST_ROWS:
        return limits
    ends = np.cumsum([0, *map(len, aside)])

    def judge(noisy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        parts = [noisy[slice(*part)] for part in itertools.pairwise(ends)]
        pairs = zip(nets, parts, strict=True)
        found = [doubts_of([net], bins, part) for net, part in pairs if len(part)]
        doubts, values = zip(*found, strict=True)
        return np.concatenate(doubts), np.concatenate(values)

    quiet, _ = judge(encoded)
    rounds = list(_rounds(encoded, groups, bins, judge, rng))
    for index in range(n_columns):
        doubt, gain, wrong = (
            np.stack([each[part][:, index] for each in rounds]) for part in range(3)
        )
        column = _Column(doubt, gain, wrong, quiet[:, index])
        candidates, best = column.candidates(), 0.0
        wrong_before = 0.0 if assume_clean else column.wrong_before(candidates)
        for limit in candidates:
            false_changes, worth = column.of_limit(limit, wrong_before, max_false_changes)
            if worth > best:
                best = worth
                limits.doubt[index] = limit
                limits.false_changes[index] = false_changes
                limits.found[index] = column.found(limit)
    return limits


def _rounds(
    encoded: np.ndarray,
    groups: tuple[slice, ...],
    bins: TableBins,
    judge: Judge,
    rng: np.random.RandomState,
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield doubts, what a change gains, and which cells are wrong, all (n, n_columns)."""
    n_rounds = min(_MOST_ROUNDS, max(1, _JUDGED_ROWS // (len(_RATES) * len(encoded))))
    for rate in _RATES * n_rounds:
        noisy = swap_cells(encoded, groups, rate, rng)
        doubts, values = judge(noisy)
        gains, wrong = np.zeros_like(doubts), np.zeros(doubts.shape, dtype=bool)
        for index, group in enumerate(groups):
            was, is_now, would = encoded[:, group], noisy[:, group], values[:, group]
            compares = ~np.isnan(was).any(axis=1) & ~np.isnan(is_now).any(axis=1)
            wrong[:, index] = compares & (was != is_now).any(axis=1)
            if bins.n_levels[index]:
                becomes_right = was.argmax(axis=1) == would.argmax(axis=1)
                gain = wrong[:, index] * 1.0 - ~becomes_right
            else:
                would = would.astype(np.float64)
                gain = (np.square(is_now - was) - np.square(would - was))[:, 0]
            gains[:, index] = np.where(compares, gain, 0)
            doubts[~compares, index] = -np.inf
        yield doubts, gains, wrong


@dataclass(frozen=True)
class _Column:
    """The cells of one column in all rounds: arrays of shape (n_rounds, n_rows).

    ``quiet``, of shape (n_rows,), is the doubt in rows without a swapped cell: a right cell is
    doubtful, too, beside a swapped one.
    """

    doubt: np.ndarray
    gain: np.ndarray
    wrong: np.ndarray
    quiet: np.ndarray

    def candidates(self) -> np.ndarray:
        """Return limits between the doubts of wrong cells."""
        doubts = self.doubt[self.wrong]
        doubts = doubts[doubts > 0]
        if self.wrong.sum() < _FEWEST_WRONG or not len(doubts):
            return np.empty(0)
        found = np.quantile(doubts, np.linspace(0, 1, _N_LIMITS, endpoint=False))
        return np.unique(np.nextafter(found, -np.inf))

    def found(self, limit: float) -> float:
        """Return the share of swapped cells that change."""
        return float((self.doubt > limit)[self.wrong].mean())

    def changed(self, limit: float) -> np.ndarray:
        """Return the share of the rounds in which the cell of a row changes without a swap."""
        changes = (self.doubt > limit) & ~self.wrong
        return changes.sum(axis=0) / self.n_right

    @cached_property
    def n_right(self) -> np.ndarray:
        """In how many rounds the cell of a row was not swapped: the rounds of a row are one row."""
        return np.maximum((~self.wrong).sum(axis=0), 1)

    def wrong_before(self, limits: np.ndarray) -> float:
        """Estimate the share of cells that were wrong before any was swapped.

        They are found like swapped ones. So their share is at most that of the cells that change in
        quiet rows over that of the swapped ones that do, whatever the limit.
        """
        found = {limit: self.found(limit) for limit in limits}
        shares = [
            float((self.quiet > limit).mean()) / share
            for limit, share in found.items()
            if share >= _TELLING
        ]
        return min(shares) if shares and min(shares) <= _MOST_WRONG else 0.0

    def of_limit(
        self, limit: float, wrong_before: float, max_false_changes: float
    ) -> tuple[float, float]:
        """Return the share of right cells that change, and what a table is sure to gain.

        One more row that is changed wrongly is added to those that were seen, so that few rows
        without one prove little.
        """
        changes, changed = self.doubt > limit, self.changed(limit)
        n_rows, n_wrong = len(changed), self.wrong.sum()
        false_changes = max(float(changed.mean()) - wrong_before * self.found(limit), 0.0)
        if (false_changes * n_rows + 1) / (n_rows + 1) > max_false_changes:
            return false_changes, 0.0
        gains = np.where(changes, self.gain, 0)[self.wrong]
        gain = gains.mean() - _ERRORS * gains.std() / np.sqrt(n_wrong)
        losses = np.where(changes & ~self.wrong, -self.gain, 0).sum(axis=0) / self.n_right
        losses *= false_changes / max(changed.mean(), _TINY)
        one_more = np.abs(self.gain[changes]).mean()
        loss = (losses.sum() + one_more) / (n_rows + 1) + _ERRORS * losses.std() / np.sqrt(n_rows)
        return false_changes, float(RATE * gain - (1 - RATE) * loss)
