"""The constraint of parameters that are denoising autoencoders."""

from __future__ import annotations

from sklearn.frozen import FrozenEstimator

from skdae._sklearn import HasMethods
from skdae.estimators._base import BaseDenoisingAutoencoder

__all__ = ["TABLES_BEFORE", "AutoencoderParameter"]

TABLES_BEFORE = "TableDAE and DAEImputer are steps before it, in a pipeline"
"""What to do with those that take frames."""


class AutoencoderParameter(HasMethods):
    """Constraint of a denoising autoencoder or, with ``frozen``, one in a FrozenEstimator."""

    def __init__(self, *, frozen: bool = False) -> None:
        super().__init__(["fit", "predict"])
        self.frozen = frozen

    def is_satisfied_by(self, val: object) -> bool:
        """Accept any that :class:`BaseDenoisingAutoencoder` is the base of."""
        if self.frozen and isinstance(val, FrozenEstimator):
            return True
        return isinstance(val, BaseDenoisingAutoencoder)

    def __str__(self) -> str:
        """Describe the rule for the error message."""
        frozen = ", or one that is fitted, in a FrozenEstimator" if self.frozen else ""
        return f"a denoising autoencoder, as DenseDAE() or ConvDAE(){frozen} ({TABLES_BEFORE}),"
