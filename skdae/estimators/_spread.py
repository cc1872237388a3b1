"""How guesses of unknown cells are spread around the truth, and draws from that."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.utils import gen_batches

from skdae.estimators._cells import CellsDAE

__all__ = ["draw_rows", "fit_spreads"]

_GUESSES_OF_A_NET, _MOST_PASSES = 4000, 20
_FEWEST_ERRORS = 20
_LOWEST_RATE, _HIGHEST_RATE = 0.05, 0.7
_SMALLEST_ERROR = 1e-3
_AT_ONCE = 2**22
# Of the weights, times the number of errors.
_PENALTY = 0.05
_NEAREST_PART, _FEWEST_NEAREST, _MOST_KEPT = 0.1, 50, 5000
# A normal error squared has a logarithm of this mean.
_MEAN_LOG = -(math.log(2) + 0.5772156649)

Spread = dict[str, np.ndarray]
"""Of a column of numbers: ``weights`` of the logarithm of its variance, and, in the order of the
guesses (``guesses``), errors in standard deviations (``errors``)."""


def fit_spreads(
    nets: Sequence[CellsDAE],
    held_out: Sequence[np.ndarray],
    levels: tuple[int, ...],
    rng: np.random.RandomState,
) -> list[Spread | None]:
    """Hide cells of rows that a net has not seen, and learn how far its guesses are from them.

    Parameters
    ----------
    nets : sequence of CellsDAE
        The nets.
    held_out : sequence of ndarray of shape (n_rows, n_values)
        For each net, rows that it has not seen.
    levels : tuple of int
        For each column, the number of levels of a category, or 0 for a number.
    rng : RandomState
        Hides the cells.

    Returns
    -------
    spreads : list of Spread or None
        For each column; None for categories, whose probabilities say it.

    Notes
    -----
    The variance of a guess depends on which other cells are known, and on the guess. Its logarithm
    is that of the variance in a normal distribution given the known cells, plus what a ridge
    regression of log(error²) on the guess, on that logarithm, and on flags of the known cells adds
    to it. What is left of the errors keeps its own distribution, which depends on the guess too.
    """
    starts = _starts(levels)
    seen: list[list[np.ndarray]] = [[] for _ in levels]
    for net, rows in zip(nets, held_out, strict=True):
        if not len(rows):
            continue
        for _ in range(min(math.ceil(_GUESSES_OF_A_NET / len(rows)), _MOST_PASSES)):
            known = ~np.isnan(rows[:, starts])
            rate = rng.uniform(_LOWEST_RATE, _HIGHEST_RATE, size=(len(rows), 1))
            hides = known & (rng.uniform(size=known.shape) < rate)
            widths = [max(1, n_levels) for n_levels in levels]
            x = np.where(np.repeat(hides, widths, axis=1), np.nan, rows)
            guesses = net.predict(x)
            flags, variances = (known & ~hides).astype(np.float32), _log_variances(net, x, starts)
            for index, start in enumerate(starts):
                cells = hides[:, index]
                if not levels[index] and cells.any():
                    guessed = guesses[cells, start]
                    error = rows[cells, start] - guessed
                    log_variance = variances[cells, index]
                    seen[index].append(
                        np.column_stack([guessed, error, log_variance, flags[cells]])
                    )
    return [
        None if n_levels else _fit_spread(np.concatenate(parts) if parts else None, len(levels))
        for n_levels, parts in zip(levels, seen, strict=True)
    ]


def _fit_spread(seen: np.ndarray | None, n_columns: int) -> Spread:
    """Learn the spread of one column from guesses, errors and flags."""
    if seen is None or len(seen) < _FEWEST_ERRORS:
        weights = np.zeros(n_columns + 4)
        normal = np.array(
            [-1.645, -1.036, -0.674, -0.385, -0.126, 0.126, 0.385, 0.674, 1.036, 1.645]
        )
        return {"weights": weights, "guesses": np.zeros(len(normal)), "errors": normal}
    guesses, errors = seen[:, 0], seen[:, 1].astype(np.float64)
    logs = np.log(np.square(errors) + _SMALLEST_ERROR**2) - _MEAN_LOG
    features = _features(guesses, seen[:, 2], seen[:, 3:])
    mean = features.mean(axis=0)
    centred, left = features[:, 1:] - mean[1:], logs - seen[:, 2]
    penalties = _PENALTY * len(errors) * np.eye(centred.shape[1])
    slopes = np.linalg.solve(centred.T @ centred + penalties, centred.T @ (left - left.mean()))
    slopes[2] += 1
    weights = np.concatenate([[logs.mean() - mean[1:] @ slopes], slopes])
    scaled = errors / np.exp(features @ weights / 2)
    order = np.argsort(guesses, kind="stable")
    order = order[:: math.ceil(len(order) / _MOST_KEPT)]
    return {"weights": weights, "guesses": guesses[order], "errors": scaled[order]}


def _features(guesses: np.ndarray, log_variances: np.ndarray, flags: np.ndarray) -> np.ndarray:
    """Return what the logarithm of a variance depends on."""
    bounded = np.clip(guesses.astype(np.float64), -3, 3)
    return np.column_stack([np.ones(len(flags)), bounded, np.square(bounded), log_variances, flags])


def _log_variances(net: CellsDAE, rows: np.ndarray, starts: list[int]) -> np.ndarray:
    """Return the logarithms of the variances of the unknown columns u given the known values.

    With the inverse P of the covariance, they are those of the diagonal of P[u, u]⁻¹. They are 0
    for known columns, and for all if the net does without moments.
    """
    logs = np.zeros((len(rows), len(starts)))
    if net.moments is None:
        return logs
    inverse = np.linalg.inv(net.moments[1])
    n_values = len(inverse)
    for part in gen_batches(len(rows), max(1, _AT_ONCE // n_values**2)):
        unknown = np.isnan(rows[part])
        both = unknown[:, :, None] & unknown[:, None, :]
        # The rest is the identity, which is its own inverse.
        given = np.linalg.inv(np.where(both, inverse, np.eye(n_values)))
        logs[part] = np.log(np.maximum(given[:, starts, starts], _SMALLEST_ERROR**2))
    return logs


def _draw_numbers(
    spread: Spread, guesses: np.ndarray, features: np.ndarray, rng: np.random.RandomState
) -> np.ndarray:
    """Return guesses plus errors of guesses that were near, in the scale of these here."""
    n_errors = len(spread["errors"])
    n_near = min(n_errors, max(_FEWEST_NEAREST, int(_NEAREST_PART * n_errors)))
    places = np.searchsorted(spread["guesses"], guesses) - n_near // 2
    places = np.clip(places, 0, n_errors - n_near) + rng.randint(n_near, size=len(guesses))
    scale = np.exp(features @ spread["weights"] / 2)
    return guesses + scale * spread["errors"][places]


def draw_rows(
    net: CellsDAE,
    spreads: Sequence[Any],
    rows: np.ndarray,
    levels: tuple[int, ...],
    rng: np.random.RandomState,
) -> np.ndarray:
    """Return rows whose unknown cells are drawn from their joint distribution, given the known.

    The cells of a row are drawn one after another, in a random order, each given those before:
    one, then two at once, then four, since those that come late depend less on each other.

    Parameters
    ----------
    net : CellsDAE
        Guesses.
    spreads : sequence of Spread or None
        What ``fit_spreads`` returned.
    rows : ndarray of shape (n_rows, n_values), float32
        Encoded rows, NaN in unknown cells.
    levels : tuple of int
        For each column, the number of levels of a category, or 0 for a number.
    rng : RandomState
        Draws.
    """
    rows, starts = rows.copy(), _starts(levels)
    unknown = np.isnan(rows[:, starts])
    keys = np.where(unknown, rng.uniform(size=unknown.shape), np.inf)
    rank = keys.argsort(axis=1).argsort(axis=1)
    turn = np.where(unknown, np.floor(np.log2(rank + 1)).astype(int), -1)
    for now in range(turn.max(initial=-1) + 1):
        here = np.flatnonzero((turn == now).any(axis=1))
        guesses, flags = net.guess(rows[here]), ~np.isnan(rows[here][:, starts])
        variances = _log_variances(net, rows[here], starts)
        for index, (start, n_levels) in enumerate(zip(starts, levels, strict=True)):
            cells = turn[here, index] == now
            if not cells.any():
                continue
            part = slice(start, start + max(1, n_levels))
            if n_levels:
                drawn = _draw_levels(guesses[cells, part], rng)
            else:
                numbers = guesses[cells, start]
                features = _features(numbers, variances[cells, index], flags[cells])
                drawn = _draw_numbers(spreads[index], numbers, features, rng)[:, None]
            rows[here[cells], part] = drawn
    return rows


def _draw_levels(probabilities: np.ndarray, rng: np.random.RandomState) -> np.ndarray:
    """Return one-hot codes of levels, drawn with these probabilities."""
    sums = probabilities.cumsum(axis=1)
    below = sums < rng.uniform(size=(len(sums), 1)) * sums[:, -1:]
    return np.eye(probabilities.shape[1], dtype=np.float32)[below.sum(axis=1)]


def _starts(levels: tuple[int, ...]) -> list[int]:
    """Return the first value of each column."""
    widths = [max(1, n_levels) for n_levels in levels]
    return np.cumsum([0, *widths[:-1]]).tolist()
