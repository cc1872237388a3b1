"""Read data as arrays of numbers: scikit-learn's checks, with errors that say what to do."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import DTypeLike
from scipy.sparse import issparse
from sklearn import get_config
from sklearn.base import BaseEstimator
from sklearn.utils import check_array
from sklearn.utils.validation import validate_data

__all__ = [
    "Data",
    "as_array",
    "check_dense",
    "check_finite",
    "check_kind",
    "check_rows",
    "validate_rows",
]

Data = Any
"""X or y as users give them: array, data frame, tensor, list of these, or array in a file."""

# Modes of Pillow whose arrays hold amounts of light.
_MODES_OF_LIGHT = ("1", "F", "I", "L", "RGB", "YCbCr")
_NAMED_COLUMNS = 5
_ADVICE = {
    "words": "Encode words and categories with scikit-learn's OneHotEncoder(sparse_output=False) "
    "or OrdinalEncoder, in a ColumnTransformer before the noise (SwapNoise suits such columns)",
    "dates": "Make numbers of dates and durations, such as the seconds (t - t.min()) / "
    "np.timedelta64(1, 's'), with a StandardScaler after it",
    "complex": "Take np.abs(X), or the real and the imaginary part as two channels: "
    "np.stack([X.real, X.imag], axis=-1)",
}
_NO_NUMBERS = ("could not convert string", "argument must be a string")


def validate_rows(
    estimator: BaseEstimator, X: object, *, reset: bool, dtype: list, finite: bool = True
) -> tuple[np.ndarray, tuple[int, ...]]:
    """Check the data as scikit-learn does; return one flat row per sample, and X's shape.

    A data frame keeps its column names for the check of feature names; an array of
    3 or 4 axes is flattened, so that ``n_features_in_`` counts the values of a sample.
    ``finite=False`` leaves the look for missing values to the caller.
    """
    owner = type(estimator).__name__
    if issparse(X):
        raise TypeError(
            f"{owner} takes dense arrays. Got sparse data: make the step before give dense ones, "
            "as OneHotEncoder(sparse_output=False) and ColumnTransformer(..., sparse_threshold=0) "
            "do, or pass X.toarray()."
        )
    rows = as_array(X)
    shape = tuple(rows.shape)
    if len(shape) < 2:
        _refuse_no_samples(rows, owner)
    if len(shape) > 2:
        rows = rows.reshape(len(rows), math.prod(shape[1:]))
    if reset or hasattr(estimator, "n_features_in_"):
        check = partial(validate_data, estimator, reset=reset)
    else:  # a stateless transformer that was not fitted has no columns to compare with
        check = partial(check_array, estimator=estimator, input_name="X")
    return check_rows(rows, owner, dtype=dtype, check=check, finite=finite), shape


def as_array(X: Any, name: str = "X") -> Any:
    """Turn lists, tensors and the like into arrays; leave tables and sparse matrices alone.

    Arrays come in the byte order of the machine, the only one in which scikit-learn's
    checks know a dtype: they would take a big-endian 16-bit image for other integers.

    Raises
    ------
    TypeError
        If a tensor is sparse, quantized, nested or masked.
    ValueError
        If values are masked, if the values of an image of Pillow are not amounts of light, or if
        an array has arrays as its values.
    """
    if hasattr(X, "columns") or issparse(X):
        return X
    if hasattr(X, "detach"):
        check_dense(X, name)
        X = X.detach().cpu().resolve_conj().resolve_neg()
        X = X if hasattr(np, str(X.dtype).removeprefix("torch.")) else X.float()
    elif hasattr(X, "getbands") or isinstance(X, np.ma.MaskedArray):
        _check_values_are_all(X, name)
    array = np.asarray(X)
    if array.dtype == object and array.ndim == 1 and len(array) and getattr(array[0], "ndim", 0):
        raise ValueError("Got an array of arrays (dtype object). Make it a list: list(X).")
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def check_rows(
    rows: Any,
    owner: str,
    *,
    dtype: Any,
    name: str = "X",
    check: Callable[..., np.ndarray] = check_array,
    finite: bool = True,
) -> np.ndarray:
    """Check a table by ``check``, one of scikit-learn's; its errors say what to do as well."""
    if hasattr(rows, "columns"):
        _check_columns(rows, owner, name)
        if not hasattr(getattr(rows, "dtypes", None), "__array__"):
            seen = np.asarray(rows).dtype  # scikit-learn reads the dtypes of pandas only
            dtype = [seen] if seen in dtype else dtype
    else:
        check_kind(rows.dtype, owner, name)
    try:
        with np.errstate(over="ignore"):
            rows = check(rows, dtype=dtype, ensure_all_finite=False)
    except (TypeError, ValueError) as error:
        first = str(error).strip().rstrip(".")
        if not any(words in first for words in _NO_NUMBERS):
            raise
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{first}. {owner} takes numbers. {_ADVICE['words']}.") from None
    if finite:
        check_finite(rows, owner, name)
    return rows


def _refuse_no_samples(array: np.ndarray, owner: str) -> None:
    """Refuse what has no axis of samples, before scikit-learn advises on columns."""
    if array.dtype.kind not in "fiub":
        raise ValueError(
            f"{owner} takes arrays of numbers; a file has to be opened first, an image with "
            f"np.asarray(PIL.Image.open(path)). Got {array.tolist()!r}."
        )
    raise ValueError(
        f"{owner} takes samples along the first of 2 or more axes. Got X of shape {array.shape}. "
        "Reshape your data: a signal or an image alone is [x], a row of a table alone is "
        "x.reshape(1, -1)."
    )


def _check_values_are_all(X: Any, name: str) -> None:
    """Refuse masked values, and images of Pillow whose values do not mean light."""
    mode = getattr(X, "mode", "L")
    if np.ma.is_masked(X):
        raise ValueError(
            f"{name} is a masked array, and {np.ma.getmaskarray(X).sum()} of its {X.size} values "
            f"are masked. Fill them: {name}.filled(value), or a SimpleImputer on "
            f"{name}.filled(np.nan). If their clean values are known, pass these as y."
        )
    if not (mode in _MODES_OF_LIGHT or mode.startswith("I;16")):
        target = "L" if mode in ("LA", "La") else "RGB"
        raise ValueError(
            f"{name} is a Pillow image of mode {mode!r}, whose values are not all amounts of light "
            f"(palettes, opacity, hues and inks are not). Take {name}.convert({target!r}), or "
            f"np.asarray({name}) to learn the values as they are."
        )


def check_dense(X: Any, name: str) -> None:
    """Refuse tensors that are not plain arrays of numbers.

    Raises
    ------
    TypeError
        If a tensor is sparse, quantized, nested or masked; the message says how to make it dense.
    """
    way = None
    if X.is_nested:
        way = f"list({name}.unbind())"
    elif hasattr(X, "get_mask"):
        way = f"{name}.to_tensor(value)"
    elif X.is_quantized:
        way = f"{name}.dequantize()"
    elif str(X.layout) != "torch.strided":
        way = f"{name}.to_dense()"
    if way:
        raise TypeError(
            f"{name} must be a dense tensor of plain numbers: take {way}. Got a tensor of dtype "
            f"{X.dtype} and layout {X.layout}."
        )


def check_kind(dtype: np.dtype, owner: str, name: str = "X") -> None:
    """Refuse arrays of complex numbers, dates and durations, which NumPy would convert."""
    if dtype.kind == "c":
        raise ValueError(
            f"Complex data not supported: {owner} takes real numbers. {_ADVICE['complex']}. Got "
            f"{name} of dtype {dtype}."
        )
    if dtype.kind in "mM":
        raise ValueError(f"{owner} takes numbers. {_ADVICE['dates']}. Got {name} of dtype {dtype}.")


def _check_columns(X: Any, owner: str, name: str) -> None:
    """Refuse a data frame with columns of words, categories, dates or complex numbers."""
    wrong: dict[str, list] = {}
    for index, (column, dtype) in enumerate(zip(X.columns, X.dtypes, strict=True)):
        kind = _kind_of_column(dtype)
        if kind == "text":
            values = X.iloc[:, index] if hasattr(X, "iloc") else X[column]
            kind = None if _are_numbers(values) else "words"
        if kind:
            wrong.setdefault(kind, []).append(column)
    if not wrong:
        return
    columns = [column for names in wrong.values() for column in names]
    named = ", ".join(repr(column) for column in columns[:_NAMED_COLUMNS])
    more = f" and {len(columns) - _NAMED_COLUMNS} more" if len(columns) > _NAMED_COLUMNS else ""
    complex_first = "Complex data not supported: " if "complex" in wrong else ""
    advice = ". ".join(_ADVICE[kind] for kind in wrong)
    raise ValueError(
        f"{complex_first}{owner} takes columns of real numbers. {advice}. Got {name} with the "
        f"columns {named}{more}."
    )


def _kind_of_column(dtype: object) -> str | None:
    """Return what a column of pandas or polars holds instead of numbers; None for numbers.

    Text may be numerals, which the caller looks at.
    """
    kind, name = getattr(dtype, "kind", "O"), str(dtype).lower()
    if kind == "c":
        return "complex"
    if kind in "mM" or name.startswith(("date", "time", "duration", "period")):
        return "dates"
    if name.startswith(("category", "categorical", "enum")):
        return "words"
    return "text" if name.startswith(("object", "str")) else None


def _are_numbers(values: object) -> bool:
    """Whether text is all numerals."""
    try:
        np.asarray(values).astype(float)
    except (TypeError, ValueError):
        return False
    return True


def check_finite(
    array: np.ndarray, owner: str, name: str = "X", limit: DTypeLike | None = None
) -> None:
    """Refuse missing values, infinite ones, and those that the dtype ``limit`` cannot hold.

    It copies nothing.

    Raises
    ------
    ValueError
        The first line of the message is that of scikit-learn.
    """
    if array.dtype.kind != "f" or not array.size or get_config()["assume_finite"]:
        return
    limit = np.dtype(limit or array.dtype)
    # NaN and infinity remain in a sum, which is the fastest pass there is.
    with np.errstate(over="ignore", invalid="ignore"):
        if array.dtype == limit and np.isfinite(array.sum()):
            return
    low, high = float(array.min()), float(array.max())
    if np.isnan(low):
        raise ValueError(
            f"Input {name} contains NaN.\n{owner} takes no missing values. Fill them before the "
            "noise: with scikit-learn's SimpleImputer or KNNImputer in a table, with np.nan_to_num "
            "or interpolation in images and signals; or leave these samples out."
        )
    if max(-low, high) > float(np.finfo(limit).max):
        raise ValueError(
            f"Input {name} contains infinity or a value too large for {limit!r}.\nReplace infinite "
            f"values before the noise, as missing ones, and give large ones a larger unit: {owner} "
            f"reads {limit}. Got values from {low:g} to {high:g}."
        )
