"""What the user fits."""

from skdae.estimators._base import BaseDenoisingAutoencoder
from skdae.estimators._classifier import DAEClassifier
from skdae.estimators._conv import ConvDAE
from skdae.estimators._dense import DenseDAE
from skdae.estimators._imputer import DAEImputer
from skdae.estimators._module import DenoisingAutoencoder
from skdae.estimators._outlier_detector import DAEOutlierDetector
from skdae.estimators._regressor import DAERegressor
from skdae.estimators._table import TableDAE
from skdae.estimators._unet import UNetDAE

__all__ = [
    "BaseDenoisingAutoencoder",
    "ConvDAE",
    "DAEClassifier",
    "DAEImputer",
    "DAEOutlierDetector",
    "DAERegressor",
    "DenoisingAutoencoder",
    "DenseDAE",
    "TableDAE",
    "UNetDAE",
]
