"""Nets that guess unknown cells, and how far their guesses are from the truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from skdae.estimators._cells import CellsDAE
from skdae.estimators._moments import estimate_moments

__all__ = ["fit_nets", "guess", "net_settings"]

# Stand-ins take a time that grows with the third power of the values of a row: beyond these many
# values, they are for short tables, where they gain most.
_MOST_VALUES, _MOST_WORK = 64, 1e11
_WIDE_FROM_ROWS = 10_000
_ROWS_AN_EPOCH, _FEWEST_EPOCHS, _MOST_EPOCHS, _MOST_ROWS_SEEN = 20, 20, 60, 800_000
_FEWEST_TO_SPLIT, _MOST_HELD_OUT = 20, 500
_HIDDEN = (0.1, 0.6)


def net_settings(n_rows: int) -> dict[str, Any]:
    """Return widths and epochs of a net for so many rows."""
    wide = n_rows >= _WIDE_FROM_ROWS
    epochs = min(n_rows // _ROWS_AN_EPOCH, _MOST_EPOCHS, _MOST_ROWS_SEEN // max(1, n_rows))
    return {
        "hidden_layer_sizes": (512, 512) if wide else (256, 256),
        "latent_dim": 128 if wide else 64,
        "max_epochs": max(epochs, _FEWEST_EPOCHS if n_rows < _WIDE_FROM_ROWS else 1),
    }


@dataclass(frozen=True)
class Trained:
    """Nets, and the rows that each has not seen.

    Attributes
    ----------
    nets : list of CellsDAE
        The nets.
    held_out : list of ndarray of shape (n_rows, n_values)
        For each net, rows that it was not trained on; of few rows, there are none.
    """

    nets: list[CellsDAE]
    held_out: list[np.ndarray]


def fit_nets(
    rows: np.ndarray, levels: tuple[int, ...], *, seeds: list[int], settings: dict[str, Any]
) -> Trained:
    """Train a net for each seed, each on all rows but a part of its own.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_values), float32
        Encoded rows, NaN in unknown cells.
    levels : tuple of int
        For each column, the number of levels of a category, or 0 for a number.
    seeds : list of int
        One for each net, and one before these, of the parts.
    settings : dict
        Other parameters of :class:`CellsDAE`.
    """
    first, *seeds = seeds
    rows = rows[~np.isnan(rows).all(axis=1)]
    n_held_out = min(len(rows) // max(2, len(seeds)), _MOST_HELD_OUT)
    if len(rows) < _FEWEST_TO_SPLIT:
        n_held_out = 0
    order = np.random.RandomState(first).permutation(len(rows))
    nets, held_out = [], []
    for index, seed in enumerate(seeds):
        part = order[index * n_held_out : (index + 1) * n_held_out]
        seen = np.delete(rows, part, axis=0)
        moments = None
        if _takes_stand_ins(*seen.shape):
            moments = estimate_moments(seen, np.random.RandomState(seed))
        net = CellsDAE(
            levels,
            moments=moments,
            linear_path=moments is None,
            hidden=_HIDDEN,
            compares_all=False,
            random_state=seed,
            **settings,
        )
        nets.append(net.fit(seen))
        held_out.append(rows[part])
    return Trained(nets, held_out)


def _takes_stand_ins(n_rows: int, n_values: int) -> bool:
    """Whether stand-ins for unknown values are worth their time."""
    n_rows_seen = n_rows * net_settings(n_rows)["max_epochs"]
    return n_values <= _MOST_VALUES or n_rows_seen * n_values**3 <= _MOST_WORK


def guess(nets: list[CellsDAE], rows: np.ndarray) -> np.ndarray:
    """Return the mean of what nets guess for each value: numbers and probabilities."""
    total = np.zeros(rows.shape, dtype=np.float64)
    for net in nets:
        total += net.guess(rows)
    return total / len(nets)
