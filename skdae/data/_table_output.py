"""Completed tables as they are returned: some of the columns, and flags beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from skdae.data._table_columns import columns_of, missing_in, numbers_in

__all__ = ["as_numbers", "with_flags", "with_kept_columns"]


def as_numbers(table: Any) -> np.ndarray:
    """Return a frame of numbers as float64, with NaN where they are missing."""
    columns = columns_of(table)
    return np.column_stack([numbers_in(column, missing_in(column)) for column in columns])


def with_kept_columns(table: Any, kept: np.ndarray) -> Any:
    """Return the columns of these positions."""
    if hasattr(table, "iloc"):
        return table.iloc[:, kept]
    if hasattr(table, "columns"):
        names = list(table.columns)
        return table.select([names[index] for index in kept])
    return table[:, kept]


def with_flags(table: Any, flags: np.ndarray, names: Sequence[str]) -> Any:
    """Return a table with columns of flags behind its own.

    Parameters
    ----------
    table : ndarray, pandas or polars frame of shape (n_rows, n_columns)
        The table.
    flags : ndarray of shape (n_rows, n_flags), dtype bool
        The flags.
    names : sequence of str
        Their names in a frame.
    """
    if not hasattr(table, "columns"):
        return np.hstack([table, flags.astype(table.dtype)])
    if not hasattr(table, "iloc"):
        column = type(table.to_series(0))
        return table.with_columns([column(*pair) for pair in zip(names, flags.T, strict=True)])
    table = table.copy()
    for name, flag in zip(names, flags.T, strict=True):
        table[name] = flag
    return table
