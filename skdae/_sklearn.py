"""The only importer of scikit-learn's private API."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
from sklearn.base import TransformerMixin, _fit_context
from sklearn.utils._param_validation import (
    HasMethods,
    InvalidParameterError,
    MissingValues,
    StrOptions,
    validate_parameter_constraints,
)
from sklearn.utils._param_validation import Interval as _Interval
from sklearn.utils._set_output import _get_output_config
from sklearn.utils.metaestimators import _BaseComposition
from sklearn.utils.validation import _check_feature_names_in, _check_sample_weight

__all__ = [
    "HasMethods",
    "Interval",
    "InvalidParameterError",
    "MissingValues",
    "NamedStepsMixin",
    "StrOptions",
    "check_feature_names_in",
    "check_sample_weight",
    "fit_context",
    "fits_float",
    "makes_data_frames",
    "output_container",
    "validate_parameter_constraints",
]

check_feature_names_in = _check_feature_names_in
fit_context = _fit_context
check_sample_weight = _check_sample_weight

_LARGEST_INT = 2**63 - 1


def fits_float(value: object) -> bool:
    """Whether a value is a number that a float can hold; Python's ints have no largest one."""
    if not isinstance(value, (int, float, np.integer, np.floating)):
        return False
    try:
        float(value)
    except OverflowError:
        return False
    return True


class Interval(_Interval):
    """scikit-learn's constraint of a number, which a float or an int of 64 bits has to hold."""

    def is_satisfied_by(self, val: Any) -> bool:
        """Accept a number of the interval, unless torch cannot compute with it."""
        if self.type is Real and not fits_float(val):
            return False
        return super().is_satisfied_by(val) and (self.type is Real or val <= _LARGEST_INT)


def makes_data_frames(transformer: TransformerMixin) -> bool:
    """Whether ``set_output`` or the global configuration asks for data frames."""
    return output_container(transformer) != "default"


def output_container(transformer: TransformerMixin) -> str:
    """Return "pandas", "polars" or "default": what ``set_output`` or the configuration asks for."""
    return str(_get_output_config("transform", transformer)["dense"])


class NamedStepsMixin(_BaseComposition):
    """Reach the parameters of ``[(name, injector), ...]`` by ``get_params`` and ``set_params``."""

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
