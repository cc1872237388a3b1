"""Data that mean more, or other, than the numbers of their array: what to do, said in the error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from sklearn import get_config

__all__ = ["advising", "check_columns", "check_dense", "check_finite", "check_kind", "plain"]

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


def plain(X: Any, name: str) -> Any:
    """Return data that NumPy can read without losing what they mean.

    Raises
    ------
    TypeError
        If a tensor is sparse, quantized, nested or masked.
    ValueError
        If values are masked, or if the values of an image of Pillow are not amounts of light.
    """
    mode = getattr(X, "mode", "L")
    if isinstance(X, np.ma.MaskedArray) and np.ma.is_masked(X):
        raise ValueError(
            f"{name} is a masked array, and {np.ma.getmaskarray(X).sum()} of its {X.size} values "
            f"are masked. Fill them: {name}.filled(value), or a SimpleImputer on "
            f"{name}.filled(np.nan). If their clean values are known, pass these as y."
        )
    if hasattr(X, "getbands") and not (mode in _MODES_OF_LIGHT or mode.startswith("I;16")):
        target = "L" if mode in ("LA", "La") else "RGB"
        raise ValueError(
            f"{name} is a Pillow image of mode {mode!r}, whose values are not all amounts of light "
            f"(palettes, opacity, hues and inks are not). Take {name}.convert({target!r}), or "
            f"np.asarray({name}) to learn the values as they are."
        )
    if not hasattr(X, "detach"):
        return X
    check_dense(X, name)
    X = X.detach().cpu().resolve_conj().resolve_neg()
    return X if hasattr(np, str(X.dtype).removeprefix("torch.")) else X.float()


def check_dense(X: Any, name: str) -> None:
    """Refuse tensors that are more than an array of numbers.

    Raises
    ------
    TypeError
        If a tensor is sparse, quantized, nested or masked; the message shows the way out.
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


def check_columns(X: Any, owner: str, name: str = "X") -> None:
    """Refuse a data frame with columns of words, categories, dates or complex numbers.

    Raises
    ------
    ValueError
        The message names the first such columns.
    """
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


def _kind_of_column(dtype: Any) -> str | None:
    """Say what a column of pandas or polars holds that is no number; text may be numerals."""
    kind, name = getattr(dtype, "kind", "O"), str(dtype).lower()
    if kind == "c":
        return "complex"
    if kind in "mM" or name.startswith(("date", "time", "duration", "period")):
        return "dates"
    if name.startswith(("category", "categorical", "enum")):
        return "words"
    return "text" if name.startswith(("object", "str")) else None


def _are_numbers(values: Any) -> bool:
    try:
        np.asarray(values).astype(float)
    except (TypeError, ValueError):
        return False
    return True


@contextmanager
def advising(owner: str) -> Iterator[None]:
    """Add what to do to the error that NumPy raises for words."""
    try:
        yield
    except (TypeError, ValueError) as error:
        first = str(error).strip().rstrip(".")
        if not any(words in first for words in _NO_NUMBERS):
            raise
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{first}. {owner} takes numbers. {_ADVICE['words']}.") from None


def check_finite(array: np.ndarray, owner: str, name: str = "X", limit: Any = None) -> None:
    """Refuse missing values, infinite ones, and those that the dtype ``limit`` cannot hold.

    It copies nothing.

    Raises
    ------
    ValueError
        Its first line is that of scikit-learn.
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
