"""TableCodec: a table with numbers and categories, as numbers for a network and back."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self

import numpy as np

from skdae.data._table_coding import ColumnCode, Numbers, fit_categories, fit_numbers
from skdae.data._table_columns import (
    column_names,
    columns_of,
    kind_of,
    missing_in,
    numbers_in,
    read_table,
    with_cells,
)

__all__ = ["TableCodec"]

_FROM_DTYPE = ("words", "category", "bool")


@dataclass(frozen=True)
class TableCodec:
    """Encode the columns of a table as numbers of about one size, and decode them.

    Numbers are standardized or ranked, categories are one-hot codes, and unknown cells are NaN.

    Parameters
    ----------
    names : tuple of hashable
        Names of the columns, or their positions in an array.
    columns : tuple of ColumnCode
        How each one is coded.
    owner : str
        The class of the estimator, for messages.
    """

    names: tuple[Hashable, ...]
    columns: tuple[ColumnCode, ...]
    owner: str

    @classmethod
    def fit(
        cls,
        X: Any,
        *,
        categorical_features: Any = "from_dtype",
        numbers: str = "standardize",
        owner: str,
        unknown: np.ndarray | None = None,
    ) -> Self:
        """Learn the means, spreads or ranks, and levels of the columns.

        Parameters
        ----------
        X : array-like, pandas or polars frame of shape (n_rows, n_columns)
            The table. None, NaN, NA and nulls are missing cells.
        categorical_features : "from_dtype", array-like of bool, int or str, or None
            The columns of categories, as HistGradientBoosting takes them: a mask, positions or
            names. "from_dtype" finds them: categories, words (strings), and bools.
        numbers : {"standardize", "rank"}
            Numbers less their mean over their standard deviation; or normal scores of their ranks.
        owner : str
            The class that asks, for messages.
        unknown : ndarray of shape (n_rows, n_columns), dtype bool, or None
            More cells that count as missing.

        Returns
        -------
        codec : TableCodec
            The codec.

        Raises
        ------
        TypeError
            If X is sparse, or a column holds objects that are neither words nor numbers.
        ValueError
            If a number is infinite, if a column holds dates or complex numbers, or words beside
            numbers, or words without being listed as categorical, or if ``categorical_features``
            lists what is no column.
        """
        X = read_table(X, owner)
        names, table = column_names(X), columns_of(X)
        listed = _listed(categorical_features, names, hasattr(X, "columns"), owner)
        columns: list[ColumnCode] = []
        for index, (name, column) in enumerate(zip(names, table, strict=True)):
            missing = _missing(column, unknown, index)
            kind = kind_of(column, missing, name, owner)
            is_category = kind in _FROM_DTYPE if listed is None else bool(listed[index])
            if missing.all():
                columns.append(Numbers((), ()))
            elif is_category:
                columns.append(fit_categories(column, missing, name, owner))
            elif kind in ("words", "category"):
                raise ValueError(
                    f"The 'categorical_features' parameter of {owner} must list all columns of "
                    f"words and categories, or be 'from_dtype', which finds them. Got "
                    f"{categorical_features!r}, without the column {name!r}."
                )
            else:
                _check_finite(column, missing, name, owner)
                columns.append(fit_numbers(column, missing, numbers))
        return cls(names, tuple(columns), owner)

    @property
    def groups(self) -> tuple[slice, ...]:
        """The encoded columns of each column, in order: one for a number, one for each category."""
        ends = np.cumsum([0, *(column.width for column in self.columns)]).tolist()
        return tuple(slice(start, stop) for start, stop in pairwise(ends))

    @property
    def is_category(self) -> tuple[bool, ...]:
        """Whether each column holds categories."""
        return tuple(not isinstance(column, Numbers) for column in self.columns)

    @property
    def levels(self) -> tuple[int, ...]:
        """For each column, the number of levels of a category, or 0 for a number."""
        return tuple(0 if isinstance(column, Numbers) else column.width for column in self.columns)

    def missing(self, X: Any) -> np.ndarray:
        """Return where cells are missing: of shape (n_rows, n_columns), dtype bool.

        A category that ``fit`` has not seen is not missing, although it is encoded as NaN.
        """
        columns = columns_of(read_table(X, self.owner))
        return np.column_stack([missing_in(column) for column in columns])

    def encode(self, X: Any, *, unknown: np.ndarray | None = None) -> np.ndarray:
        """Return the coded table: of shape (n_rows, n_encoded), float32.

        Unknown cells are NaN in all columns of their group: missing ones, those of ``unknown``, and
        categories that ``fit`` has not seen.

        Raises
        ------
        ValueError
            If X has other columns than in ``fit``, or other kinds of values in them.
        """
        X = read_table(X, self.owner)
        if X.shape[1] != len(self.columns):
            raise ValueError(
                f"X has {X.shape[1]} features, but {self.owner} is expecting {len(self.columns)} "
                "features as input."
            )
        encoded = np.empty((len(X), self.groups[-1].stop), dtype=np.float32)
        triples = zip(self.columns, columns_of(X), self.groups, strict=True)
        for index, (code, column, group) in enumerate(triples):
            missing = _missing(column, unknown, index)
            self._check_kind(index, column, missing)
            encoded[:, group] = code.encode(column, missing)
        return encoded

    def decode(self, encoded: np.ndarray, *, like: Any, cells: np.ndarray | None = None) -> Any:
        """Return a copy of a table with decoded values.

        Numbers stay within the range that ``fit`` has seen, are rounded in columns of integers, and
        have the units and the dtype of their column. Categories are those of the largest code.

        Parameters
        ----------
        encoded : ndarray of shape (n_rows, n_encoded)
            Coded rows. Cells that are NaN here stay as in ``like``.
        like : array-like, pandas or polars frame of shape (n_rows, n_columns)
            The table whose columns, dtypes, categories and index come back.
        cells : ndarray of shape (n_rows, n_columns), dtype bool, or None
            The cells to decode; the others stay as in ``like``, to the bit. None is all of them.

        Returns
        -------
        table : ndarray, pandas or polars frame of shape (n_rows, n_columns)
            The table.
        """
        like = read_table(like, self.owner)
        changes = {}
        triples = zip(self.columns, columns_of(like), self.groups, strict=True)
        for index, (code, column, group) in enumerate(triples):
            if isinstance(code, Numbers) and not code.units:
                continue
            chosen = ~np.isnan(encoded[:, group]).any(axis=1)
            if cells is not None:
                chosen &= cells[:, index]
            if chosen.any():
                changes[index] = chosen, code.decode(encoded[chosen, group], column)
        return with_cells(like, changes)

    def _check_kind(self, index: int, column: Any, missing: np.ndarray) -> None:
        """Refuse a column whose values are of another kind than in ``fit``."""
        code, name, owner = self.columns[index], self.names[index], self.owner
        kind = kind_of(column, missing, name, owner)
        if missing.all():
            return
        if not isinstance(code, Numbers):
            words = all(isinstance(level, str) for level in code.levels)
            if words != (kind in ("words", "category")) and kind != "category":
                held = ("words", "numbers") if words else ("numbers", "words")
                raise ValueError(
                    f"The column {name!r} of X must hold {held[0]}, as in the fit of {owner}. Got "
                    f"{held[1]}, of dtype {column.dtype}: convert them with astype."
                )
        elif code.units:
            if kind in ("words", "category"):
                raise ValueError(
                    f"The column {name!r} of X must hold numbers, as in the fit of {owner}. Got "
                    f"{kind}, of dtype {column.dtype}: convert them with astype."
                )
            _check_finite(column, missing, name, owner)


def _missing(column: Any, unknown: np.ndarray | None, index: int) -> np.ndarray:
    missing = missing_in(column)
    return missing if unknown is None else missing | unknown[:, index]


def _listed(
    categorical_features: Any, names: tuple[Hashable, ...], is_frame: bool, owner: str
) -> np.ndarray | None:
    """Return a mask of the columns that the user lists; None if their dtypes decide."""
    if isinstance(categorical_features, str) and categorical_features == "from_dtype":
        return None
    mask = np.zeros(len(names), dtype=bool)
    if categorical_features is None:
        return mask
    listed = np.asarray(categorical_features)
    if listed.ndim == 1 and listed.dtype.kind == "b" and len(listed) == len(names):
        return listed
    given: list[Any] = listed.ravel().tolist()
    if listed.size and listed.dtype.kind in "iu":
        known = all(0 <= index < len(names) for index in given)
        chosen = given
    else:
        known = not given or (is_frame and all(name in names for name in given))
        chosen = [index for index, name in enumerate(names) if name in given]
    if not known or listed.ndim != 1 or listed.dtype.kind == "b":
        raise ValueError(
            f"The 'categorical_features' parameter of {owner} must be 'from_dtype', None, a mask "
            f"of the {len(names)} columns, their positions, or, for a frame, their names. Got "
            f"{categorical_features!r}."
        )
    mask[chosen] = True
    return mask


def _check_finite(column: Any, missing: np.ndarray, name: Hashable, owner: str) -> None:
    """Refuse infinite numbers."""
    values = numbers_in(column, missing)[~missing]
    if not np.isfinite(values).all():
        raise ValueError(
            f"Input X contains infinity or a value too large for dtype('float64'): the column "
            f"{name!r}. {owner} takes missing values, and finite ones: make NaN of infinite ones, "
            "as X.replace([np.inf, -np.inf], np.nan) does."
        )
