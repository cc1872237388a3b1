"""The only importer of scikit-learn's private API."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from numbers import Real
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.base import _fit_context
from sklearn.utils import check_array
from sklearn.utils._param_validation import (
    HasMethods,
    InvalidParameterError,
    StrOptions,
    validate_parameter_constraints,
)
from sklearn.utils._param_validation import Interval as _Interval
from sklearn.utils._set_output import _get_output_config
from sklearn.utils.metaestimators import _BaseComposition
from sklearn.utils.validation import validate_data

from skdae._checks import advising, check_columns, check_finite, check_kind, plain

__all__ = [
    "HasMethods",
    "Interval",
    "InvalidParameterError",
    "NamedStepsMixin",
    "StrOptions",
    "as_array",
    "check_rows",
    "fit_context",
    "fits_float",
    "makes_data_frames",
    "validate_parameter_constraints",
    "validate_rows",
]

fit_context = _fit_context

_LARGEST_INT = 2**63 - 1


def fits_float(value: Any) -> bool:
    """Whether a value is a number that a float can hold; Python's ints have no largest one."""
    if not isinstance(value, (int, float, np.integer, np.floating)):
        return False
    try:
        float(value)
    except OverflowError:
        return False
    return True


class Interval(_Interval):
    """scikit-learn's constraint of a number, that a float or an int of 64 bits can hold."""

    def is_satisfied_by(self, val: Any) -> bool:
        """Accept a number of the interval, unless torch cannot compute with it."""
        if self.type is Real and not fits_float(val):
            return False
        return super().is_satisfied_by(val) and (self.type is Real or val <= _LARGEST_INT)


def validate_rows(
    estimator: Any, X: Any, *, reset: bool, dtype: list, finite: bool = True
) -> tuple[np.ndarray, tuple[int, ...]]:
    """Check the data as scikit-learn does; return one flat row per sample, and X's shape.

    A data frame keeps its column names for the check of feature names; an array of
    3 or 4 axes is flattened, so that ``n_features_in_`` counts the values of a sample.
    ``finite=False`` leaves the look for missing values to the caller.
    """
    if issparse(X):
        raise TypeError(
            f"{type(estimator).__name__} takes dense arrays. Got sparse data: make the step before "
            "give dense ones, as OneHotEncoder(sparse_output=False) and "
            "ColumnTransformer(..., sparse_threshold=0) do, or pass X.toarray()."
        )
    owner = type(estimator).__name__
    X = as_array(X)
    _check_has_samples(X, owner)
    rows = X.reshape(len(X), math.prod(X.shape[1:])) if getattr(X, "ndim", 2) > 2 else X
    if reset or hasattr(estimator, "n_features_in_"):
        check = partial(validate_data, estimator, reset=reset)
    else:  # a stateless transformer that was not fitted has no columns to compare with
        check = partial(check_array, estimator=estimator, input_name="X")
    return check_rows(rows, owner, dtype=dtype, check=check, finite=finite), tuple(X.shape)


def check_rows(
    rows: Any,
    owner: str,
    *,
    dtype: Any,
    name: str = "X",
    check: Callable = check_array,
    finite: bool = True,
) -> np.ndarray:
    """Check a table as scikit-learn does, with advice of our own; copy it to convert it alone."""
    if hasattr(rows, "columns"):
        check_columns(rows, owner, name)
        if not hasattr(getattr(rows, "dtypes", None), "__array__"):
            seen = np.asarray(rows).dtype  # scikit-learn reads the dtypes of pandas only
            dtype = [seen] if seen in dtype else dtype
    else:
        check_kind(rows.dtype, owner, name)
    with advising(owner), np.errstate(over="ignore"):
        rows = check(rows, dtype=dtype, ensure_all_finite=False)
    if finite:
        check_finite(rows, owner, name)
    return rows


def _check_has_samples(X: Any, owner: str) -> None:
    """Refuse what has no axis of samples, before scikit-learn advises on columns."""
    if getattr(X, "ndim", 2) > 1:
        return
    if X.dtype.kind not in "fiub":
        raise ValueError(
            f"{owner} takes arrays of numbers; a file has to be opened first, an image with "
            f"np.asarray(PIL.Image.open(path)). Got {X.tolist()!r}."
        )
    raise ValueError(
        f"{owner} takes samples along the first of 2 or more axes. Got X of shape {X.shape}. "
        "Reshape your data: a signal or an image alone is [x], a row of a table alone is "
        "x.reshape(1, -1)."
    )


def as_array(X: Any, name: str = "X") -> Any:
    """Turn lists, tensors and the like into arrays; leave tables and sparse matrices alone.

    Arrays come in the byte order of the machine, the only one in which scikit-learn's
    checks know a dtype: a big-endian 16-bit image would pass for plain integers. What would
    lose its meaning is an error.
    """
    if hasattr(X, "columns") or issparse(X):
        return X
    X = np.asarray(plain(X, name))
    if X.dtype == object and X.ndim == 1 and len(X) and getattr(X[0], "ndim", 0):
        raise ValueError("Got an array of arrays (dtype object). Make it a list: list(X).")
    return X.astype(X.dtype.newbyteorder("="), copy=False)


def makes_data_frames(transformer: Any) -> bool:
    """Whether ``set_output`` or the global configuration asks for data frames."""
    return _get_output_config("transform", transformer)["dense"] != "default"


class NamedStepsMixin(_BaseComposition):
    """Make ``[(name, injector), ...]`` reachable by ``get_params`` and ``set_params``."""

    _steps_attribute: str

    def get_params(self, deep: bool = True) -> dict:
        """Get the parameters, those of the named noises included.

        Parameters
        ----------
        deep : bool, default=True
            Whether to include the named noises, and their parameters as ``name__parameter``.

        Returns
        -------
        params : dict
            Names and values.
        """
        return self._get_params(self._steps_attribute, deep=deep)

    def set_params(self, **params: Any) -> NamedStepsMixin:
        """Set parameters; ``name=injector`` replaces one of the named noises.

        Parameters
        ----------
        **params : dict
            Names, as ``get_params`` lists them, and new values.

        Returns
        -------
        self : object
            The injector.
        """
        self._set_params(self._steps_attribute, **params)
        return self
