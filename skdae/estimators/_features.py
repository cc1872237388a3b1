"""What ``transform`` gives: the code, or the values of all hidden layers, and their names."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import ClassNamePrefixFeaturesOutMixin
from sklearn.utils.validation import check_is_fitted

from skdae._sklearn import check_feature_names_in

__all__ = ["FEATURES", "FeaturesMixin", "decodes_features"]

FEATURES = ("code", "all_layers")
"""The values of the parameter ``features``."""


class FeaturesMixin(ClassNamePrefixFeaturesOutMixin):
    """Count and name the features that ``transform`` gives."""

    features: str
    # Of the code, and of each hidden layer, if the module shows them.
    _code_shape: tuple[int, ...]
    _hidden_widths: tuple[int, ...]

    @property
    def _n_features_out(self) -> int:
        if self.features == "code":
            return math.prod(self._code_shape)
        return sum(self._hidden_widths)

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> np.ndarray:
        """Return the names of what ``transform`` gives.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            Names of the columns of X, which are compared with those of ``fit``.

        Returns
        -------
        names : ndarray of str objects
            Of the code as "densedae0"; of all layers as "densedae_layer1_0", from the first hidden
            layer to the last.
        """
        check_is_fitted(self)
        if self.features == "code":
            return super().get_feature_names_out(input_features)
        check_feature_names_in(self, input_features, generate_names=False)
        prefix = type(self).__name__.lower()
        return np.array(
            [
                f"{prefix}_layer{layer}_{index}"
                for layer, width in enumerate(self._hidden_widths, start=1)
                for index in range(width)
            ],
            dtype=object,
        )


def decodes_features(estimator: Any) -> bool:
    """Return whether what ``transform`` gives can be decoded.

    Raises
    ------
    AttributeError
        If it could be with another value of ``features``.
    """
    if estimator._decodes and estimator.features != "code":
        raise AttributeError(
            f"inverse_transform of {estimator._owner} decodes codes: set features='code', which "
            f"may be done after fit. Got features={estimator.features!r}."
        )
    return estimator._decodes
