"""The columns of a table: values out of arrays, pandas and polars frames, and values into them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
from sklearn.utils import check_array

__all__ = [
    "column_names",
    "columns_of",
    "kind_of",
    "missing_in",
    "numbers_in",
    "objects_in",
    "read_table",
    "with_cells",
]

_MISSING_TYPES = ("NAType", "NaTType")
_KINDS = {"i": "integer", "u": "integer", "f": "number", "b": "bool", "U": "words"}
_OBJECTS: dict[str, tuple[type, ...]] = {
    "words": (str,),
    "bool": (bool, np.bool_),
    "integer": (int, np.integer),
    "number": (int, float, np.integer, np.floating),
}
_REFUSED = {
    "dates": "Make numbers of dates and durations, such as the seconds (t - t.min()) / "
    "np.timedelta64(1, 's'), or leave the column out",
    "complex": "Take np.abs(X), or the real and the imaginary part as two columns",
    "mixed": "Make them all words with .astype(str), or all numbers",
    "objects": "Make words or numbers of them",
}


def read_table(X: Any, owner: str) -> Any:
    """Return a frame as it is, and anything else as a 2-D array whose words are objects.

    Raises
    ------
    TypeError
        If X is sparse.
    ValueError
        If X has no rows, no columns, or not two axes, or if two columns have one name.
    """
    if hasattr(X, "tocsr"):
        raise TypeError(
            f"{owner} takes frames and dense arrays. Got sparse data: pass X.toarray(), or the "
            "columns as they were before they were encoded."
        )
    if hasattr(X, "columns"):
        if 0 in X.shape:
            raise ValueError(
                f"{owner} takes a table with rows and columns. Got a frame of shape {X.shape}: "
                f"{X.shape[0]} sample(s) and {X.shape[1]} feature(s), while a minimum of 1 is "
                "required."
            )
        name, count = Counter(X.columns).most_common(1)[0]
        if count > 1:
            raise ValueError(
                f"{owner} takes columns of different names. Got {count} columns named {name!r}: "
                "rename them, as X.set_axis(range(X.shape[1]), axis=1) does."
            )
        return X
    if not hasattr(X, "dtype"):  # NumPy would make words of the numbers beside words
        array = np.asarray(X)
        X = np.asarray(X, dtype=object) if array.dtype.kind == "U" else array
    return check_array(
        X, dtype=None, ensure_all_finite=False, ensure_min_features=1, estimator=owner
    )


def column_names(X: Any) -> tuple[Hashable, ...]:
    """Return the names of the columns; those of an array are their positions."""
    return tuple(X.columns) if hasattr(X, "columns") else tuple(range(X.shape[1]))


def columns_of(X: Any) -> list[Any]:
    """Return the columns, in order."""
    if hasattr(X, "iloc"):
        return [X.iloc[:, index] for index in range(X.shape[1])]
    return X.get_columns() if hasattr(X, "get_columns") else list(X.T)


def missing_in(column: Any) -> np.ndarray:
    """Return where a column holds None, NaN, NA or null."""
    if hasattr(column, "isna"):
        return np.asarray(column.isna(), dtype=bool)
    if hasattr(column, "is_null"):
        missing = column.is_null()
        if column.dtype.is_float():
            missing |= column.is_nan().fill_null(True)
        return missing.to_numpy()
    if column.dtype.kind == "f":
        return np.isnan(column)
    if column.dtype.kind != "O":
        return np.zeros(len(column), dtype=bool)
    return np.fromiter(map(_is_missing, column), bool, len(column))


def numbers_in(column: Any, missing: np.ndarray) -> np.ndarray:
    """Return a column of numbers as float64, with NaN where they are missing."""
    if hasattr(column, "iloc"):
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    if hasattr(column, "get_chunks"):
        return np.array(column.cast(float).to_numpy())
    numbers = np.full(len(column), np.nan)
    numbers[~missing] = column[~missing].astype(np.float64)
    return numbers


def objects_in(column: Any) -> np.ndarray:
    """Return the values of a column as objects of Python."""
    if hasattr(column, "iloc"):
        return column.astype(object).to_numpy()
    if hasattr(column, "get_chunks"):
        column = column.cast(str) if _kind_of_dtype(column.dtype) == "category" else column
        objects = np.empty(len(column), dtype=object)
        objects[:] = column.to_list()
        return objects
    return column.astype(object)


def kind_of(column: Any, missing: np.ndarray, name: Hashable, owner: str) -> str:
    """Return "number", "integer", "bool", "words" or "category".

    Objects are what their known values are, and numbers if none is known.

    Raises
    ------
    TypeError
        If a column holds objects that are neither words nor numbers.
    ValueError
        If a column holds dates or complex numbers, or words beside numbers.
    """
    kind = _kind_of_dtype(column.dtype)
    if kind in _REFUSED:
        _refuse(kind, f"dtype {column.dtype}", name, owner)
    if kind != "object":
        return kind
    types = {type(value) for value in objects_in(column)[~missing]}
    if not types:
        return "number"
    for kind, bases in _OBJECTS.items():
        if all(issubclass(of, bases) and (kind == "bool" or of is not bool) for of in types):
            return kind
    names = ", ".join(sorted(of.__name__ for of in types))
    plain = all(issubclass(of, (str, int, float, np.generic)) for of in types)
    _refuse("mixed" if plain else "objects", f"the types {names}", name, owner)
    raise AssertionError("refused")  # pragma: no cover


def with_cells(like: Any, changes: dict[int, tuple[np.ndarray, np.ndarray]]) -> Any:
    """Return a copy of ``like`` with other values in some cells.

    Parameters
    ----------
    like : ndarray, pandas or polars frame of shape (n_rows, n_columns)
        The table.
    changes : dict of int to (cells, values)
        For the column of a position: its rows to change, a mask, and one value for each of them.
    """
    if hasattr(like, "iloc"):
        result = like.copy()
        for index, (cells, values) in changes.items():
            result.isetitem(index, _pandas_with_cells(like.iloc[:, index], cells, values))
        return result
    if hasattr(like, "columns"):
        columns = like.get_columns()
        new = [_polars_with_cells(columns[index], *change) for index, change in changes.items()]
        return like.with_columns(new)
    result = like.copy()
    for index, (cells, values) in changes.items():
        result[cells, index] = values
    return result


def _pandas_with_cells(column: Any, cells: np.ndarray, values: np.ndarray) -> Any:
    """Return a column of pandas with other values; new categories are added to its own."""
    if hasattr(column, "cat"):
        known = set(column.cat.categories)
        column = column.cat.add_categories([new for new in _distinct(values) if new not in known])
    column = column.copy()
    if values.dtype.kind == "f" and isinstance(column.dtype, np.dtype) and column.dtype.kind == "f":
        values = values.astype(column.dtype)  # pandas refuses to round them
    column.iloc[np.flatnonzero(cells)] = values
    return column


def _polars_with_cells(column: Any, cells: np.ndarray, values: np.ndarray) -> Any:
    """Return a column of polars with other values; new categories are added to its own."""
    dtype, make = column.dtype, type(column)
    if str(dtype).startswith("Enum"):
        known = dtype.categories.to_list()
        new = [value for value in _distinct(values) if value not in known]
        dtype = type(dtype)(known + new) if new else dtype
        column = column.cast(dtype)
    filled = np.empty(len(cells), dtype=values.dtype)
    filled[:] = values[0]
    filled[cells] = values
    data = filled.tolist() if values.dtype == object else filled
    return make(column.name, data, dtype=dtype).zip_with(make("", cells), column)


def _distinct(values: Sequence[Any] | np.ndarray) -> list[Any]:
    return list(dict.fromkeys(values))


def _is_missing(value: object) -> bool:
    if value is None or type(value).__name__ in _MISSING_TYPES:
        return True
    return isinstance(value, (float, np.floating)) and bool(np.isnan(value))


def _kind_of_dtype(dtype: Any) -> str:
    """Return what the values of a dtype of NumPy, pandas or polars are."""
    name, kind = str(dtype).lower(), getattr(dtype, "kind", "O")
    if kind == "c":
        return "complex"
    if kind in "mM" or name.startswith(("date", "time", "duration", "period")):
        return "dates"
    if name.startswith(("category", "categorical", "enum")):
        return "category"
    if name.startswith("bool"):
        return "bool"
    if name.startswith("str"):
        return "words"
    if name.startswith(("int", "uint")):
        return "integer"
    if name.startswith("float"):
        return "number"
    return _KINDS.get(kind, "object")


def _refuse(kind: str, got: str, name: Hashable, owner: str) -> None:
    first = "Complex data not supported: " if kind == "complex" else ""
    error = TypeError if kind == "objects" else ValueError
    rule = " (an argument must be a string or a real number)" if kind == "objects" else ""
    raise error(
        f"{first}{owner} takes columns of numbers, words, categories or bools{rule}. "
        f"{_REFUSED[kind]}. Got the column {name!r} with {got}."
    )
