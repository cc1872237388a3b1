"""The only importer of scikit-learn's private API."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from sklearn.base import _fit_context
from sklearn.utils import check_array
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    InvalidParameterError,
    StrOptions,
    validate_parameter_constraints,
)
from sklearn.utils.metaestimators import _BaseComposition
from sklearn.utils.validation import _num_samples, validate_data

__all__ = [
    "HasMethods",
    "Interval",
    "InvalidParameterError",
    "NamedStepsMixin",
    "StrOptions",
    "fit_context",
    "num_samples",
    "validate_parameter_constraints",
    "validate_rows",
]

fit_context = _fit_context
num_samples = _num_samples


def validate_rows(estimator: Any, X: Any, *, reset: bool, dtype: list) -> np.ndarray:
    """Check the data as scikit-learn does and return one flat row per sample.

    A data frame keeps its column names for the check of feature names; an array of
    3 or 4 axes is flattened, so that ``n_features_in_`` counts the values of a sample.
    """
    if not hasattr(X, "columns") and not hasattr(X, "tocsr"):
        X = as_array(X)
        if getattr(X, "ndim", 0) > 2:
            X = X.reshape(len(X), math.prod(X.shape[1:]))
    elif not hasattr(getattr(X, "dtypes", None), "__array__"):  # only of pandas are dtypes seen
        seen = np.asarray(X).dtype
        dtype = [seen] if seen in dtype else dtype
    if reset or hasattr(estimator, "n_features_in_"):
        return validate_data(estimator, X, reset=reset, dtype=dtype, order="C")
    # a stateless transformer that was not fitted has nothing to compare the columns with
    return check_array(X, dtype=dtype, order="C", estimator=estimator, input_name="X")


def as_array(X: Any) -> Any:
    """Turn lists and tensors into arrays; leave what NumPy cannot read to the checks.

    The checks know dtypes in the machine's byte order only: they would take a 16-bit
    image in the other order for plain integers.
    """
    detach = getattr(X, "detach", None)
    if detach is not None:
        return detach().cpu().numpy()
    if not isinstance(X, (np.ndarray, list, tuple)):
        return X
    X = np.asarray(X)
    return X.astype(X.dtype.newbyteorder("="), copy=False)


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
