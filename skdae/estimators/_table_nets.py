"""What the nets of TableDAE say together of rows, some rows at a time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.utils import gen_batches

from skdae.estimators._cells import CellsDAE, mean_of_known
from skdae.estimators._table_bins import TableBins

__all__ = ["doubts_of", "scores_of"]

# Rows that are judged at once: what nets say takes 21 values for each number.
_AT_ONCE = 2**12


def doubts_of(
    nets: Sequence[CellsDAE], bins: TableBins, encoded: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return what ``TableBins.doubts`` does, for the mean of what the nets guess."""
    doubts, values = np.empty((len(encoded), len(bins.n_levels))), np.empty_like(encoded)
    for part in gen_batches(len(encoded), _AT_ONCE):
        rows = encoded[part]
        guesses = nets[0].guess(rows)
        for net in nets[1:]:
            guesses += net.guess(rows)
        doubts[part], values[part] = bins.doubts(rows, guesses / len(nets))
    return doubts, values


def scores_of(
    nets: Sequence[CellsDAE], bins: TableBins, encoded: np.ndarray, target: np.ndarray
) -> np.ndarray:
    """Return the negative mean loss of the known cells of each row; bins do not count."""
    scores = np.empty(len(encoded))
    for part in gen_batches(len(encoded), _AT_ONCE):
        of_nets = np.array([net.cell_losses(encoded[part], target[part]) for net in nets])
        losses = of_nets[:, :, bins.cells].mean(axis=0, dtype=np.float64)
        scores[part] = -mean_of_known(losses)
    return scores
