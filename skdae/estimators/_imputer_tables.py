"""The tables of an imputer: read, and completed as they are to be returned."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import TransformerMixin
from sklearn.impute import MissingIndicator
from sklearn.utils.validation import validate_data

from skdae._sklearn import check_feature_names_in, output_container
from skdae.data import (
    TableCodec,
    as_numbers,
    columns_of,
    numbers_in,
    objects_in,
    read_table,
    with_cells,
    with_flags,
    with_kept_columns,
)

__all__ = ["ImputerTablesMixin", "as_nan"]


class ImputerTablesMixin(TransformerMixin):
    """Read arrays and frames, find their missing cells, and return them completed.

    ``set_output`` wraps the ``transform`` of a class only where that is a TransformerMixin.
    """

    missing_values: Any
    keep_empty_features: bool
    min_value: ArrayLike
    max_value: ArrayLike

    indicator_: MissingIndicator | None
    n_features_in_: int

    # How the columns are encoded, the positions of those with known values in the fit, and the
    # lowest and highest number that may be filled in.
    _codec: TableCodec
    _not_empty: np.ndarray
    _bounds: tuple[np.ndarray, np.ndarray]

    def _read(self, X: ArrayLike, *, reset: bool) -> tuple[Any, np.ndarray | None]:
        """Return the table, and where cells hold ``missing_values``, if that is not NaN."""
        table = read_table(X, "DAEImputer")
        validate_data(self, table, reset=reset, skip_check_array=True)
        if not hasattr(table, "columns") and table.dtype.kind in "iub":
            table = table.astype(np.float64)
        value = self.missing_values
        if value is None or type(value).__name__ == "NAType" or value != value:
            return table, None
        marked = [np.asarray(objects_in(column) == value) for column in columns_of(table)]
        return table, np.column_stack(marked).astype(bool)

    def _missing(self, codec: TableCodec, table: Any, marked: np.ndarray | None) -> np.ndarray:
        """Return where cells are missing."""
        missing = codec.missing(table)
        if marked is None:
            return missing
        if (missing & ~marked).any():
            raise ValueError(
                f"Input X contains NaN. With missing_values={self.missing_values!r}, DAEImputer "
                "takes no NaN: make them that value, or set missing_values=np.nan."
            )
        return marked

    def _encoded(self, X: ArrayLike) -> tuple[Any, np.ndarray, np.ndarray]:
        """Return the table, where its cells are missing, and its encoded rows."""
        table, marked = self._read(X, reset=False)
        missing = self._missing(self._codec, table, marked)
        return table, missing, self._codec.encode(table, unknown=marked)

    def _completed(self, X: Any, table: Any, missing: np.ndarray, rows: np.ndarray) -> Any:
        """Return the table with missing cells decoded from rows, as it is to be returned."""
        codec, kept = self._codec, self._kept()
        learnt = missing & np.isin(np.arange(self.n_features_in_), self._not_empty)
        filled = self._within_bounds(codec.decode(rows, like=table, cells=learnt), learnt)
        unlearnt = missing & ~learnt
        zeros = {
            index: (unlearnt[:, index], np.zeros(unlearnt[:, index].sum()))
            for index in np.flatnonzero(unlearnt.any(axis=0)).tolist()
        }
        filled = with_kept_columns(with_cells(filled, zeros), kept)
        asked, own = output_container(self), _container(filled)
        if not any(codec.is_category[index] for index in kept):
            if own and own != asked:
                filled = as_numbers(filled)
            elif not own and filled.dtype.kind == "O":
                filled = as_numbers(filled)
        if self.indicator_ is None:
            return filled
        flags = self.indicator_.transform(as_nan(missing))
        names = self.indicator_.get_feature_names_out(check_feature_names_in(self))
        return with_flags(filled, flags, names.tolist())

    def _kept(self) -> np.ndarray:
        """Return the positions of the columns that are returned."""
        return np.arange(self.n_features_in_) if self.keep_empty_features else self._not_empty

    def _check_bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the lowest and the highest number of each column."""
        bounds = []
        for name in ("min_value", "max_value"):
            value = np.asarray(getattr(self, name), dtype=np.float64)
            if value.ndim > 1 or (value.ndim and value.shape != (self.n_features_in_,)):
                raise ValueError(
                    f"The '{name}' parameter of DAEImputer must be one number, or one for each of "
                    f"the {self.n_features_in_} columns. Got an array of shape {value.shape}."
                )
            bounds.append(np.broadcast_to(value, self.n_features_in_).copy())
        low, high = bounds
        if not (low < high).all():
            raise ValueError(
                "The 'min_value' parameter of DAEImputer must be below 'max_value' in each column. "
                f"Got {self.min_value!r} and {self.max_value!r}."
            )
        return low, high

    def _within_bounds(self, table: Any, missing: np.ndarray) -> Any:
        """Return the table with filled numbers moved to the bounds they are beyond."""
        changes = {}
        columns, (low, high) = columns_of(table), self._bounds
        for index in np.flatnonzero(np.isfinite(low) | np.isfinite(high)).tolist():
            cells = missing[:, index]
            if cells.any() and not self._codec.is_category[index]:
                numbers = numbers_in(columns[index], np.zeros(len(cells), dtype=bool))[cells]
                changes[index] = cells, np.clip(numbers, low[index], high[index])
        return with_cells(table, changes)


def as_nan(missing: np.ndarray) -> np.ndarray:
    """Return an array that is NaN where cells are missing."""
    return np.where(missing, np.nan, 0)


def _container(table: Any) -> str:
    """Return "pandas" or "polars" for their frames, and "" for arrays."""
    if hasattr(table, "iloc"):
        return "pandas"
    return "polars" if hasattr(table, "columns") else ""
