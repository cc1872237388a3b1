"""What the user fits."""

from skdae.estimators._base import BaseDenoisingAutoencoder
from skdae.estimators._classifier import DAEClassifier
from skdae.estimators._conv import ConvDAE
from skdae.estimators._dense import DenseDAE
from skdae.estimators._module import DenoisingAutoencoder
from skdae.estimators._regressor import DAERegressor
from skdae.estimators._unet import UNetDAE

__all__ = [
    "BaseDenoisingAutoencoder",
    "ConvDAE",
    "DAEClassifier",
    "DAERegressor",
    "DenoisingAutoencoder",
    "DenseDAE",
    "UNetDAE",
]
